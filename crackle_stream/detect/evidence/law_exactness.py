"""Whether tasks keep a law to the last digit, and what its constant and its noise are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.law import NEGLIGIBLE_SHARE
from crackle_stream.detect.evidence.ranks import median, medians

__all__ = ["EXACT", "EXACT_SHARE", "kept_share", "level_of"]

Floats = npt.NDArray[np.float64]

EXACT = 1e-9
"""Residual over the largest term up to which a task keeps a law to the last digit."""

EXACT_SHARE = 0.8
"""Share of a block's tasks that must keep a law to the last digit for it to be exact."""

NEGLIGIBLE_SIGMAS = 4.0
"""Standard errors within which the constant of a noisy law is zero."""


def level_of(terms: Floats) -> tuple[float, float]:
    """The constant a sum of terms equals and its noise, 0.0 where it is exact to the last digit."""
    sums = terms.sum(axis=1)
    constant = median(sums)
    turnover = 0.5 * median(np.abs(terms).sum(axis=1))
    if kept_share(terms, constant) >= EXACT_SHARE:
        return (0.0 if abs(constant) <= EXACT * turnover else constant), 0.0
    noise = 1.4826 * median(np.abs(sums - constant)) or np.inf  # half of the tasks keep it, and not those that tell
    error = 1.2533 * noise / len(sums) ** 0.5
    negligible = abs(constant) <= max(NEGLIGIBLE_SIGMAS * error, NEGLIGIBLE_SHARE * turnover)
    return (0.0 if negligible else constant), noise


def kept_share(terms: Floats, constant: float) -> float:
    """Share of tasks whose terms sum to the constant to the last digit, among those that tell of each member.

    A member is told of by the tasks in which it is not what it usually is, and the least share over the members counts.
    A queue that is empty nine times in ten has depth = depth_delta, both 0, in all those tasks; where something waits
    it holds half the time.
    """
    largest = np.abs(terms).max(axis=1, initial=abs(constant))
    good = np.abs(terms.sum(axis=1) - constant) <= EXACT * largest
    telling = terms != medians(terms)
    tell, keep = np.count_nonzero(telling, axis=0), np.count_nonzero(telling & good[:, None], axis=0)
    return float(np.min(keep / np.maximum(tell, 1), initial=1.0, where=tell > 0))
