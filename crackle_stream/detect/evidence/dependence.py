"""The detector of dependence between metrics of the same task, linear and not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.lagged import lags_for
from crackle_stream.detect.evidence.pairs import (
    NOTED,
    TOLD_LATE,
    LaggedScores,
    binned_parts,
    nearest_miss,
    own_lags,
    seasons_of,
    strongest_first,
    widened,
    with_spreads,
)
from crackle_stream.detect.evidence.prepared import Prepared, prepared_of
from crackle_stream.detect.evidence.responsible import (
    carried_by_few,
    carriers,
    curve_fragility,
    fragility,
    too_fragile,
    weighed,
)
from crackle_stream.model import Candidate, CracklePattern, Evidence, Examination, NearMiss, PatternKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["DependenceDetector"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]
Flags = npt.NDArray[np.bool_]

LINEAR_SHARE, CURVED_SHARE = 0.45, 0.55
"""How a pair's chance of a false finding is split between a line and any other form."""

CURVED_TESTS = 4
"""Forms that are not lines: 4 x 4 and 8 x 8 bins, level against spread, spread against spread."""

PROPOSED = 0.05
"""Largest p value, over all pairs, at which a pair is proposed; the budget decides."""

APART_P = 1e-6
"""P value at one lag from which a pair is taken for a lagged one."""

CURVE_BINS = 6
"""Rank bins a metric by which a curve is described: its information, who carries it, and how few."""


class DependenceDetector:
    """Dependence of every pair of metrics at the same task.

    Scores are whitened first: two slow metrics that have nothing to do with each other do not pass for a pair. A pair
    that agrees better some tasks apart is left to the lagged detector.
    """

    name = "dependence"

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for dependent pairs."""
        prepared = prepared_of(window, context)
        z = prepared.whitened.scores
        k = z.shape[1]
        pairs = k * (k - 1) // 2
        if not pairs:
            return Examination(skipped=prepared.skipped)
        found, complete = _tested(prepared, pairs, context.stop)
        flagged = np.triu(found.p < PROPOSED / pairs, 1)
        apart, settled = _better_apart(z, flagged, np.abs(found.r), context.stop)
        candidates: list[Candidate] = []
        fragile: list[NearMiss] = []
        for a, b in strongest_first(flagged & ~apart, found.p):
            if len(candidates) >= TOLD_LATE and context.stop():
                settled = False
                break
            is_line = found.linear[a, b] < PROPOSED / pairs
            chance = min(float(found.linear[a, b] if is_line else found.p[a, b]), 1.0)
            make = _line if is_line else _curve
            pattern = make(prepared, a, b, float(found.r[a, b]), chance, PROPOSED / pairs)
            miss = carried_by_few(pattern)
            if miss is None:
                candidates.append(Candidate(pattern, chance))
            else:
                fragile.append(miss)
        nearest = None
        if not candidates:
            nearest = fragile[0] if fragile else nearest_miss(np.triu(found.p, 1), prepared.names, pairs, PROPOSED)
        return Examination(
            tuple(candidates),
            pairs,
            (*prepared.skipped, *too_fragile(fragile)),
            nearest=nearest,
            complete=complete and settled,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Tested:
    """What the tests say of every pair, shape (k, k) each; p values well above the bar are left at 1.

    Attributes:
        r: correlations.
        linear: p values of a line.
        p: p values of a line or any other form, whichever is less.
    """

    r: Floats
    linear: Floats
    p: Floats


def _tested(prepared: Prepared, pairs: int, stop: Callable[[], bool]) -> tuple[_Tested, bool]:
    """All tests of all pairs, and whether none was left out for lack of time."""
    z = prepared.whitened.scores
    k = z.shape[1]
    both = with_spreads(z, seasons_of(prepared))
    both[:, :k] = prepared.steady
    nothing = _Tested(np.zeros((k, k)), np.ones((k, k)), np.ones((k, k)))
    if stop():
        return nothing, False
    levels = own_lags(both[:, :k])
    if stop():
        return nothing, False
    widening = widened(np.hstack([levels, own_lags(both[:, k:])]))
    if stop():
        return nothing, False
    found = LaggedScores(both).at(0, widening, NOTED / pairs)
    level, mixed, spreads = found.p[:k, :k], np.minimum(found.p[:k, k:], found.p[k:, :k]), found.p[k:, k:]
    linear = level / LINEAR_SHARE
    curved = np.minimum(2 * mixed, spreads)
    binned = binned_parts(z, widening[k:, k:], stop)
    if binned is not None:
        curved = np.minimum(curved, binned)
    p = np.minimum(linear, curved * (CURVED_TESTS / CURVED_SHARE))
    return _Tested(found.r[:k, :k], linear, np.minimum(p, 1.0)), binned is not None


def _better_apart(z: Floats, flagged: Flags, at_once: Floats, stop: Callable[[], bool]) -> tuple[Flags, bool]:
    """Which of the flagged pairs agree better some tasks apart, and whether there was time to look at all lags."""
    apart = np.zeros(flagged.shape, dtype=np.bool_)
    involved = np.flatnonzero(flagged.any(axis=0) | flagged.any(axis=1))
    if not len(involved):
        return apart, True
    scores = LaggedScores(z[:, involved])
    inner = np.ix_(involved, involved)
    for lag in range(1, lags_for(len(z)) + 1):
        if stop():
            return apart, False
        found = scores.at(lag, bar=APART_P)
        r, p = np.abs(found.r), found.p
        apart[inner] |= (np.maximum(r, r.T) > at_once[inner]) & (np.minimum(p, p.T) < APART_P)
    return apart, True


def _line(prepared: Prepared, a: int, b: int, r: float, p: float, bar: float) -> CracklePattern:
    z, names = prepared.whitened.scores, prepared.names
    sign = float(np.sign(r))
    pair = weighed(z[:, a], z[:, b], sign)
    fragile, shared = fragility(pair, bar), len(pair.rows)
    together = "rise and fall together" if r > 0 else "move against each other"
    return CracklePattern(
        kind=PatternKind.CORRELATION,
        form="linear",
        description=f"{names[a]} and {names[b]} {together} (r = {r:.2f}); "
        f"it vanishes without {fragile} of {shared} tasks",
        confidence=0.0,
        involved_tasks=_labels(prepared, carriers(pair).tolist()),
        metric_names=(names[a], names[b]),
        metrics={"r": r, "fragility": float(fragile), "tasks": float(shared)},
        direction="positive" if r > 0 else "negative",
        evidence=Evidence(p, 1.0, r, float(shared), calibrated=prepared.calibrated(a, b)),
    )


def _curve(prepared: Prepared, a: int, b: int, r: float, p: float, bar: float) -> CracklePattern:
    z, names = prepared.whitened.scores, prepared.names
    both = np.flatnonzero(~np.isnan(z[:, a] * z[:, b]))
    cells = np.floor(special.ndtr(z[both][:, [a, b]]) * CURVE_BINS).astype(np.intp).clip(0, CURVE_BINS - 1)
    information, order = _information(cells)
    fragile = curve_fragility(cells, CURVE_BINS, bar)
    carried = {"fragility": float(fragile)} if fragile else {}
    return CracklePattern(
        kind=PatternKind.CORRELATION,
        form="nonlinear",
        description=f"{names[a]} and {names[b]} depend on each other, though not along a line "
        f"(r = {r:.2f})" + (f"; it vanishes without {fragile} of {len(both)} tasks" if fragile else ""),
        confidence=0.0,
        involved_tasks=_labels(prepared, both[order].tolist()),
        metric_names=(names[a], names[b]),
        metrics={"r": r, "information_bits": information, "tasks": float(len(both)), **carried},
        evidence=Evidence(p, 1.0, information, float(len(both)), calibrated=prepared.calibrated(a, b)),
    )


def _information(cell: Ints) -> tuple[float, list[int]]:
    """Mutual information on rank bins in bits, less its bias, and rows by what they add to it, most first."""
    n, bins = len(cell), CURVE_BINS
    counts = np.zeros((bins, bins))
    np.add.at(counts, (cell[:, 0], cell[:, 1]), 1.0)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    point = np.log2(np.maximum(counts, 0.5) / np.maximum(expected, 0.5))
    bits = float(np.sum(counts * point) / n) - (bins - 1) ** 2 / (2 * n * np.log(2))
    weight = point[cell[:, 0], cell[:, 1]]
    order = [row for row in np.argsort(-weight, kind="stable").tolist() if weight[row] > 0]
    return max(bits, 0.0), order


def _labels(prepared: Prepared, rows: list[int]) -> tuple[str, ...]:
    labels = prepared.window.labels
    return tuple([labels[row] for row in rows])
