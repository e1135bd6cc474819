"""Information theory over binned samples, in bits.

Samples are array-likes of one dimension. A row in which any of the samples is NaN is left out: NaN means that a task
lacks the metric. Continuous values are sorted into equal-width bins, so every figure depends on the number of bins
and, for short samples, is biased by it: compare figures of equal length and equal bins only.
"""

from __future__ import annotations

from crackle_stream.information.divergence import distribution_shift, jsd, jsd_shift, kl_divergence
from crackle_stream.information.shannon import entropy, joint_entropy, mutual_information, mutual_information_matrix
from crackle_stream.information.temporal import permutation_entropies, permutation_entropy, transfer_entropy

__all__ = [
    "distribution_shift",
    "entropy",
    "joint_entropy",
    "jsd",
    "jsd_shift",
    "kl_divergence",
    "mutual_information",
    "mutual_information_matrix",
    "permutation_entropies",
    "permutation_entropy",
    "transfer_entropy",
]
