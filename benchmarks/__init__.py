"""What things cost and how far findings can be trusted, measured by hand.

Costs: `python -m benchmarks`, which is what `make bench` runs. Trust: `python -m benchmarks.accuracy`, `.streams`,
`.real_data`.

Figures of one run mean little on a busy machine: every benchmark takes several rounds in turn and prints the median
with the smallest and the largest.
"""

from __future__ import annotations

import os

# One thread for the linear algebra, as a consumer has it: the other cores belong to the event loop and to other
# kilns. It must be said before numpy is imported anywhere.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
