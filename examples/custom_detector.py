"""A detector of your own: tasks that took suspiciously round times, as a plain function and with full services."""

import numpy as np

from crackle_stream import CracklePattern, Kiln, ThermalProfile, Window
from crackle_stream.model import Candidate, Examination, NearMiss, Skip
from crackle_stream.protocols import Context


def empty_results(window: Window) -> list[CracklePattern]:
    """The short form: a function from a window to patterns."""
    if "rows" not in window.names:
        return []
    empty = np.flatnonzero(window.column("rows") == 0)
    if len(empty) < 3:
        return []
    return [
        CracklePattern(
            kind="empty results",
            description=f"{len(empty)} of {len(window)} tasks returned no rows",
            confidence=0.95,
            involved_tasks=tuple(window.labels[row] for row in empty.tolist()),
            metric_names=("rows",),
            metrics={"empty": float(len(empty))},
        )
    ]


class RoundTimes:
    """The full form: says what it tested and skipped, and how near the best candidate came."""

    name = "round_times"

    def __init__(self, share: float = 0.5) -> None:
        self.share = share

    def examine(self, window: Window, context: Context) -> Examination:
        """Metrics ending in _ms whose values are mostly whole seconds: a timeout at work."""
        candidates: list[Candidate] = []
        skipped: list[Skip] = []
        nearest: NearMiss | None = None
        tested = 0
        for name in window.names:
            if context.stop():
                return Examination(tuple(candidates), tested, tuple(skipped), complete=False)
            if not name.endswith("_ms"):
                skipped.append(Skip(name, "not in milliseconds"))
                continue
            tested += 1
            values = window.column(name)
            whole = (values % 1000 == 0) & (values > 0)
            share = float(whole.mean())
            if share >= self.share:
                candidates.append(Candidate(self._pattern(name, share, window, np.flatnonzero(whole))))
            elif nearest is None or share > nearest.value:
                nearest = NearMiss(name, share, self.share, "share of tasks with a whole second")
        return Examination(tuple(candidates), tested, tuple(skipped), nearest=nearest)

    def _pattern(self, name: str, share: float, window: Window, rows: np.ndarray) -> CracklePattern:
        return CracklePattern(
            kind="round times",
            description=f"{share:.0%} of the tasks have a '{name}' of whole seconds: is a timeout at work?",
            confidence=share,
            involved_tasks=tuple(window.labels[row] for row in rows.tolist()),
            metric_names=(name,),
        )


def main() -> None:
    """Run both over forty tasks."""
    kiln = Kiln(ThermalProfile.no_detection().with_detector(empty_results).with_detector(RoundTimes()))
    for number in range(40):
        stuck = number % 2 == 0
        kiln.add_entry(f"query-{number}", {"took_ms": 5000.0 if stuck else 13.7, "rows": 0.0 if stuck else 12.0})
    for pattern in kiln.cool():
        print(f"[{pattern.kind}] {pattern.description}: {', '.join(pattern.involved_tasks[:3])} ...")


if __name__ == "__main__":
    main()
