"""The detector of dependence between metrics of the same task, linear and not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.lagged import lags_for
from crackle_stream.detect.evidence.pairs import binned_p, correlations_at, curved_p, own_memory
from crackle_stream.detect.evidence.prepared import Prepared, prepared_of
from crackle_stream.detect.evidence.responsible import carriers, fragility
from crackle_stream.detect.evidence.spread import legendre_scores
from crackle_stream.model import Candidate, CracklePattern, Evidence, Examination, PatternKind

if TYPE_CHECKING:
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["DependenceDetector"]

Floats = npt.NDArray[np.float64]

LINEAR_SHARE, CURVED_SHARE = 0.45, 0.55
"""How a pair's chance of a false finding is split between a line and any other form."""

CURVED_TESTS = 4
"""Forms that are not lines: 4 x 4 and 8 x 8 bins, level against spread, spread against spread."""

PROPOSED = 0.05
"""Largest p value, over all pairs, at which a pair is proposed; the budget decides."""


APART_P = 1e-6
"""P value at one lag from which a pair is taken for a lagged one."""


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
        straight = correlations_at(z, 0, own_memory(z))
        linear = straight.p / LINEAR_SHARE
        squares = own_memory(legendre_scores(special.ndtr(z), 2))
        parts = [linear]
        complete = True
        for look in (lambda: np.minimum(binned_p(z, 4, squares), binned_p(z, 8, squares)), lambda: _curves(z)):
            if context.stop():
                complete = False
                break
            parts.append(look() * (CURVED_TESTS / CURVED_SHARE))
        p = np.minimum.reduce(parts)
        candidates = []
        for a, b in zip(*np.nonzero(np.triu(p < PROPOSED / pairs, 1)), strict=True):
            if _better_apart(z[:, [a, b]], abs(float(straight.r[a, b]))):
                continue
            is_line = linear[a, b] < PROPOSED / pairs
            r = float(straight.r[a, b])
            chance = min(float(linear[a, b] if is_line else p[a, b]), 1.0)
            make = _line if is_line else _curve
            candidates.append(Candidate(make(prepared, int(a), int(b), r, chance, PROPOSED / pairs), chance))
        return Examination(tuple(candidates), pairs, prepared.skipped, complete=complete)


def _curves(z: Floats) -> Floats:
    mixed, spreads = curved_p(z)
    return np.asarray(np.minimum(mixed, spreads))


def _better_apart(z: Floats, at_once: float) -> bool:
    return any(
        max(abs(float(found.r[0, 1])), abs(float(found.r[1, 0]))) > at_once
        and found.p[~np.eye(2, dtype=bool)].min() < APART_P
        for found in (correlations_at(z, lag) for lag in range(1, lags_for(len(z)) + 1))
    )


def _line(prepared: Prepared, a: int, b: int, r: float, p: float, bar: float) -> CracklePattern:
    z, names = prepared.whitened.scores, prepared.names
    sign = float(np.sign(r))
    fragile = fragility(z[:, a], z[:, b], sign, bar)
    shared = int(np.sum(~np.isnan(z[:, a] * z[:, b])))
    together = "rise and fall together" if r > 0 else "move against each other"
    return CracklePattern(
        kind=PatternKind.CORRELATION,
        form="linear",
        description=f"{names[a]} and {names[b]} {together} (r = {r:.2f}); "
        f"it vanishes without {fragile} of {shared} tasks",
        confidence=0.0,
        involved_tasks=_labels(prepared, carriers(z[:, a], z[:, b], sign).tolist()),
        metric_names=(names[a], names[b]),
        metrics={"r": r, "fragility": float(fragile), "tasks": float(shared)},
        direction="positive" if r > 0 else "negative",
        evidence=Evidence(p, 1.0, r, float(shared), calibrated=prepared.calibrated(a, b)),
    )


def _curve(prepared: Prepared, a: int, b: int, r: float, p: float, bar: float) -> CracklePattern:
    z, names = prepared.whitened.scores, prepared.names
    both = np.flatnonzero(~np.isnan(z[:, a] * z[:, b]))
    information, order = _information(special.ndtr(z[both][:, [a, b]]))
    return CracklePattern(
        kind=PatternKind.CORRELATION,
        form="nonlinear",
        description=f"{names[a]} and {names[b]} depend on each other, though not along a line "
        f"(r = {r:.2f}, {information:.2f} bits in common)",
        confidence=0.0,
        involved_tasks=_labels(prepared, both[order].tolist()),
        metric_names=(names[a], names[b]),
        metrics={"r": r, "information_bits": information, "tasks": float(len(both))},
        evidence=Evidence(p, 1.0, information, float(len(both)), calibrated=prepared.calibrated(a, b)),
    )


def _information(u: Floats, bins: int = 6) -> tuple[float, list[int]]:
    """Mutual information on rank bins in bits, less its bias, and rows by what they add to it, most first."""
    n = len(u)
    cell = np.floor(u * bins).astype(np.intp).clip(0, bins - 1)
    counts = np.zeros((bins, bins))
    np.add.at(counts, (cell[:, 0], cell[:, 1]), 1.0)
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / n
    point = np.log2(np.maximum(counts, 0.5) / np.maximum(expected, 0.5))
    bits = float(np.sum(counts * point) / n) - (bins - 1) ** 2 / (2 * n * np.log(2))
    weight = point[cell[:, 0], cell[:, 1]]
    order = [row for row in np.argsort(-weight, kind="stable").tolist() if weight[row] > 0]
    return max(bits, 0.0), order


def _labels(prepared: Prepared, rows: list[int]) -> tuple[str, ...]:
    return tuple(prepared.window.labels[row] for row in rows)
