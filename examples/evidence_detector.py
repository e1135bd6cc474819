"""A detector that judges by p values: metrics that reach their highest values in the same tasks."""

from itertools import combinations
from math import comb

import numpy as np

from crackle_stream import CracklePattern, ThermalProfile, Window, cool
from crackle_stream.detect.evidence import prepared_of
from crackle_stream.model import Candidate, Evidence, Examination
from crackle_stream.protocols import Context

HIGHEST = 1.645  # the upper 5 % of a standard normal


class PeaksTogether:
    """Counts the tasks in which two metrics peak at once, and asks how likely so many are by chance."""

    name = "peaks_together"

    def examine(self, window: Window, context: Context) -> Examination:
        """One test for each pair of metrics."""
        prepared = prepared_of(window, context)
        scores = prepared.whitened.scores  # shape (n, k), standard normal and independent from row to row
        pairs = list(combinations(range(len(prepared.names)), 2))
        candidates: list[Candidate] = []
        for a, b in pairs:
            if context.stop():
                return Examination(tuple(candidates), len(pairs), prepared.skipped, complete=False)
            rows = np.flatnonzero(~np.isnan(scores[:, [a, b]]).any(axis=1))
            peaks = scores[rows][:, [a, b]] > HIGHEST
            together = rows[peaks.all(axis=1)]
            first, second = peaks.sum(axis=0).tolist()
            p = chance(len(rows), first, second, len(together))
            if p * len(pairs) <= 0.05:  # what is proposed; the budget decides what is reported
                names = tuple(sorted((prepared.names[a], prepared.names[b])))
                tasks = tuple(window.labels[row] for row in together.tolist())
                proof = Evidence(p, 1.0, len(tasks) / len(rows), len(rows), calibrated=prepared.calibrated(a, b))
                text = f"{names[0]} and {names[1]} peak in the same {len(tasks)} tasks"
                pattern = CracklePattern(
                    "peaks together", text, 0.0, involved_tasks=tasks, metric_names=names, evidence=proof
                )
                candidates.append(Candidate(pattern, p))
        return Examination(tuple(candidates), len(pairs), prepared.skipped)


def chance(tasks: int, first: int, second: int, both: int) -> float:
    """Chance of at least so many tasks in both of two sets drawn at random: the hypergeometric tail."""
    most = min(first, second)
    ways = sum(comb(first, k) * comb(tasks - first, second - k) for k in range(both, most + 1))
    return ways / comb(tasks, second)


def main() -> None:
    """Five hundred tasks; in 15 of them a full disk makes two metrics peak that have nothing else in common."""
    rng = np.random.default_rng(1)
    values = rng.normal(100, 10, (500, 4))
    full = rng.choice(500, 15, replace=False)
    values[full, 1] += 60
    values[full, 3] += 60
    names = ["cpu", "disk_wait", "rows", "retries"]
    window = Window.from_columns([f"job-{row}" for row in range(500)], 1.7e9 + np.arange(500), names, values)
    profile = ThermalProfile.evidence(per_window=0.05).with_detector(PeaksTogether())
    report = cool(window, profile)
    for pattern in report.patterns:
        if pattern.kind == "peaks together":
            print(f"{pattern.description} (confidence {pattern.confidence:.2f})")
    print(f"{report.examined['peaks_together'].tests} pairs were tested")


if __name__ == "__main__":
    main()
