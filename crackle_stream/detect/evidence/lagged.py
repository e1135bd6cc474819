"""The detector of metrics that follow another some tasks later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.pairs import (
    NOTED,
    TOLD_LATE,
    LaggedScores,
    nearest_miss,
    own_memory,
    strongest_first,
)
from crackle_stream.detect.evidence.prepared import Prepared, prepared_of
from crackle_stream.detect.evidence.responsible import carried_by_few, carriers, fragility, too_fragile, weighed
from crackle_stream.model import Candidate, CracklePattern, Evidence, Examination, NearMiss, PatternKind

if TYPE_CHECKING:
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["LAGS", "LaggedDetector", "lags_for"]

Floats = npt.NDArray[np.float64]

LAGS = 20
"""Most tasks by which a metric may follow another and still be looked for."""

ROWS_PER_TRIED_LAG = 10
"""A window of n tasks is searched to n / 10 tasks apart."""

PROPOSED = 0.05
"""Largest p value, over all pairs and lags, at which a pair is proposed; the budget decides."""


class LaggedDetector:
    """For every pair, whether one metric follows the other, and by how many tasks.

    It says which metric leads, never that it is the cause: a third one may drive both.
    """

    name = "lagged"

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for pairs that agree better some tasks apart than at the same task."""
        prepared = prepared_of(window, context)
        z = prepared.whitened.scores
        n, k = z.shape
        lags = lags_for(n)
        tests = k * (k - 1) * lags
        if not tests:
            return Examination(skipped=prepared.skipped)
        widening, scores = own_memory(prepared.steady), LaggedScores(prepared.steady)
        at_once = np.abs(scores.at(0, widening).r)
        p, r, best = np.ones((k, k)), np.zeros((k, k)), np.zeros((k, k), dtype=np.intp)
        done = 0
        for lag in range(1, lags + 1):
            if context.stop():
                break
            found = scores.at(lag, widening, NOTED / tests)
            better = found.p < p
            p, r, best = np.where(better, found.p, p), np.where(better, found.r, r), np.where(better, lag, best)
            done = lag
        np.fill_diagonal(p, 1.0)
        later = (p <= p.T) & (np.abs(r) > at_once)
        candidates: list[Candidate] = []
        fragile: list[NearMiss] = []
        for a, b in strongest_first(later & (p < PROPOSED / tests), p):
            if len(candidates) >= TOLD_LATE and context.stop():
                done = 0
                break
            chance = float(p[a, b])
            lag = int(best[a, b])
            pattern = _pattern(prepared, a, b, float(r[a, b]), lag, chance, PROPOSED / tests)
            miss = carried_by_few(pattern)
            if miss is None:
                candidates.append(Candidate(pattern, chance))
            else:
                fragile.append(miss)
        nearest = None
        if not candidates:
            nearest = fragile[0] if fragile else nearest_miss(np.where(later, p, 1.0), prepared.names, tests, PROPOSED)
        return Examination(
            tuple(candidates),
            tests,
            (*prepared.skipped, *too_fragile(fragile)),
            nearest=nearest,
            complete=done == lags,
        )


def lags_for(rows: int) -> int:
    """The longest lag tried on a window of so many tasks."""
    return int(np.clip(rows // ROWS_PER_TRIED_LAG, 1, LAGS))


def _pattern(
    prepared: Prepared, leader: int, follower: int, r: float, lag: int, p: float, bar: float
) -> CracklePattern:
    window, names = prepared.window, prepared.names
    z = prepared.whitened.scores
    pair = weighed(z[:-lag, leader], z[lag:, follower], float(np.sign(r)))
    fragile, shared = fragility(pair, bar), len(pair.rows)
    seconds = float(np.median(window.times[lag:] - window.times[:-lag]))
    tasks = "task" if lag == 1 else "tasks"
    follows = "follows" if r > 0 else "moves against"
    return CracklePattern(
        kind=PatternKind.CORRELATION,
        form="lagged",
        description=f"{names[follower]} {follows} {names[leader]} {lag} {tasks} later "
        f"(about {seconds:.3g} s, r = {r:.2f}); it vanishes without {fragile} of {shared} tasks",
        confidence=0.0,
        involved_tasks=tuple(window.labels[row + lag] for row in carriers(pair).tolist()),
        metric_names=(names[leader], names[follower]),
        metrics={
            "r": r,
            "lag": float(lag),
            "lag_seconds": seconds,
            "fragility": float(fragile),
            "tasks": float(shared),
        },
        direction=f"{names[leader]} leads" if r > 0 else f"{names[leader]} leads, reversed",
        evidence=Evidence(p, 1.0, r, float(shared), calibrated=prepared.calibrated(leader, follower)),
    )
