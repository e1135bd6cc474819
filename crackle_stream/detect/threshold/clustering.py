"""Tasks that lie close together in metric space."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.detect.cohesion import Cohesion, cohesion
from crackle_stream.detect.distances import Points, Rows, gathered
from crackle_stream.detect.leader import follow
from crackle_stream.detect.screen import closest
from crackle_stream.detect.threshold.columns import table_of
from crackle_stream.detect.threshold.verdict import Verdict, too_few_tasks
from crackle_stream.model import CracklePattern, NearMiss, PatternKind, Skip

if TYPE_CHECKING:
    from crackle_stream.model import Examination
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["Clustering"]

LEADERS_COMPARED = 128
"""Leaders among which the closest two are looked for when saying how near anything came: the report should not cost
more than the finding."""

REPORTED_AT_ONCE = 64
"""Clusters reported between two asks whether to stop: half a millisecond."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """Each task joins the earliest leader nearer than a threshold, or leads.

    Distances are in the metrics' own units, over the metrics that both tasks have.

    Attributes:
        threshold: distance under which a task joins a leader.
        least: fewer tasks give no pattern.
        max_distances: pairs of a cluster up to which its average distance is exact; sampled beyond.
    """

    threshold: float
    least: int = 2
    max_distances: int = 2_000_000

    @property
    def name(self) -> str:
        """By which failures and memory go."""
        return "clustering"

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for clusters."""
        nothing = too_few_tasks(self.name, window, self.least)
        if nothing is not None:
            return nothing
        verdict = Verdict()
        stop = verdict.stopping(context.stop)
        points = table_of(window, context).points
        outcome = follow(points, self.threshold, stop)
        if not outcome.complete:
            return verdict.examination()
        leaders, clusters = _grouped(outcome.leader)
        verdict.tests = len(leaders)
        self._note_misses(window, points, leaders, verdict)
        found = cohesion(points, clusters, self.max_distances, lambda: context.rng, stop)
        carried = _carried_by_all(window, points, clusters)
        for place, (rows, made, names) in enumerate(zip(clusters, found, carried, strict=True)):
            if made is None or (place % REPORTED_AT_ONCE == 0 and stop()):
                break
            verdict.add(self._pattern(window, rows, made, names), int(rows[0]))
        return verdict.examination()

    def _note_misses(self, window: Window, points: Points, leaders: Rows, verdict: Verdict) -> None:
        bare = points.bare()
        if bare is not None and bare.any():
            verdict.skipped.append(Skip(f"{int(bare.sum())} tasks", "they have no metrics"))
        pair = closest(points.take(leaders[:LEADERS_COMPARED]), self.threshold)
        if pair is not None:
            first, second, distance = pair
            what = f"{window.labels[leaders[first]]} ~ {window.labels[leaders[second]]}"
            verdict.nearest = NearMiss(what, distance, self.threshold, "distance of two leaders")

    def _pattern(self, window: Window, rows: Rows, made: Cohesion, names: tuple[str, ...]) -> CracklePattern:
        size = len(rows)
        metrics = {"avg_distance": made.average, "cluster_size": float(size)}
        note = f"avg distance: {made.average:.3f}"
        if made.sampled:
            note += f", estimated from {made.sampled} of {made.pairs} pairs"
            metrics["sampled_pairs"] = float(made.sampled)
        if made.apart:
            # Such pairs are infinitely far apart, and so is the average; the crate averages 1.8e308 in.
            why = "distance too large for a number" if names else "no common metrics"
            note = f"{why} in {made.apart} of {made.sampled or made.pairs} pairs"
            del metrics["avg_distance"]
        return CracklePattern(
            kind=PatternKind.CLUSTERING,
            description=f"{size} tasks clustered together in metric space ({note})",
            confidence=1.0 - min(made.average / self.threshold, 1.0),
            involved_tasks=itemgetter(*rows.tolist())(window.labels),
            metric_names=names,
            metrics=metrics,
            key=window.key,
            window_id=window.id,
        )


def _grouped(leader: Rows) -> tuple[Rows, list[Rows]]:
    """All leaders, and the rows of each cluster of two or more, in the order of their leaders."""
    short = leader.astype(np.min_scalar_type(len(leader)))  # up to 16 bits are sorted by their digits, in half the time
    by_leader = np.argsort(short, kind="stable")
    ordered = leader[by_leader]
    begins = np.ones(len(leader), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=begins[1:])
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(leader))
    joined = ends - starts > 1
    spans = zip(starts[joined].tolist(), ends[joined].tolist(), strict=True)
    return ordered[starts], [by_leader[start:end] for start, end in spans]


def _carried_by_all(window: Window, points: Points, clusters: list[Rows]) -> list[tuple[str, ...]]:
    """For each cluster the metrics that all its members have, sorted by name."""
    if points.present is None or not clusters:
        return [tuple(sorted(window.names))] * len(clusters)
    by_name = sorted(range(len(window.names)), key=window.names.__getitem__)
    names = [window.names[place] for place in by_name]
    starts = np.cumsum([0, *map(len, clusters[:-1])])
    carried = np.logical_and.reduceat(gathered(points.present, np.concatenate(clusters)), starts, axis=0)[:, by_name]
    return [tuple(compress(names, row)) for row in carried.tolist()]
