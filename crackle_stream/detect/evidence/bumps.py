"""Levels that move and move back: steps that only a part of the window shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.lengths import (
    Lengths,
    closed,
    counts_of,
    filled_below,
    later,
    means,
    of_columns,
    variances,
)
from crackle_stream.detect.evidence.level import Levels, scan_level

__all__ = ["find_level"]

Floats = npt.NDArray[np.float64]

PARTS = ((0.0, 0.6), (0.4, 1.0))
"""Stretches scanned on their own: over the whole window a level that goes up and comes back looks like slow noise, and
an autoregression explains it; within these each of its two edges stands alone."""

WHOLE_SHARE = 0.89
"""Share of a metric's chance of a false step that the scan of the whole window keeps."""

PARTS_SHARE = 0.08
"""What the parts have together; the rest is for staircases and short excursions."""

MIN_ROWS = 60
"""Rows of a stretch that make a scan worth its while."""

HINT = 20.0
"""Gain of the best split of a stretch, in variance units as if rows were independent, under which it is not scanned: in
independent rows that is a p value of 3e-4, and .008 after the parts' share."""


def find_level(y: Floats, lengths: Lengths | None = None) -> Levels:
    """The best single step of each series, in the whole window or in one of its parts.

    Args:
        y: shape (n, k), no NaN.
        lengths: of the series.
    """
    whole = scan_level(y, lengths=lengths)
    best = replace(whole, p=np.minimum(whole.p / WHOLE_SHARE, 1.0))
    for start, end in PARTS:
        stretch, first, ends = _stretch(y, start, end, lengths)
        if (len(stretch) if ends is None else ends.least) < MIN_ROWS:
            break
        hinted = np.flatnonzero(_hint(stretch, ends) > HINT)
        if not len(hinted):
            continue
        part = scan_level(stretch[:, hinted], lengths=of_columns(ends, hinted))
        p = np.minimum(part.p * len(PARTS) / PARTS_SHARE, 1.0)
        better = p < best.p[hinted]
        new = replace(part, p=p, row=part.row + first[hinted], residual=np.zeros_like(p), without=best.without[hinted])
        for known, found in zip(best.arrays(), new.arrays(), strict=True):
            width = found.shape[1] if found.ndim == 2 else None
            if width is not None:  # a shorter stretch is fitted with fewer lags
                known[hinted[better], :] = 0.0
                known[hinted[better], :width] = found[better]
            else:
                known[hinted[better]] = found[better]
    return best


def _stretch(
    y: Floats, start: float, end: float, lengths: Lengths | None
) -> tuple[Floats, npt.NDArray[np.intp], Lengths | None]:
    """The rows between two shares of each series, the row where they begin, shape (k,), and their lengths."""
    counts = counts_of(y, lengths)
    first, last = (start * counts).astype(np.intp), (end * counts).astype(np.intp)
    if lengths is None:
        return y[int(first[0]) : int(last[0])], first, None
    ends = zip(first.tolist(), last.tolist(), strict=True)
    stretch, their_lengths = closed([y[low:high, column] for column, (low, high) in enumerate(ends)])
    return stretch, first, their_lengths


def _hint(y: Floats, lengths: Lengths | None) -> Floats:
    n = len(y) if lengths is None else lengths.counts
    centred = filled_below(y - means(y, lengths), lengths)
    rows = np.arange(1, len(y))[:, None]
    gain = np.cumsum(centred, axis=0)[:-1] ** 2 * n / np.maximum(rows * (n - rows), 1)
    filled_below(gain, later(lengths, 6))
    largest = gain[5 : -5 if lengths is None else None].max(axis=0)
    return np.asarray(largest / np.maximum(variances(centred, lengths), 1e-300))
