"""What was counted on surrogate streams, by detector."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from crackle_stream.app.calibrate.intervals import Interval, rate_interval, share_interval

__all__ = ["NOMINAL", "WEEK_S", "Measured", "Raised", "Seen"]

WEEK_S = 7 * 86_400.0

NOMINAL = 0.05
"""Chance at which tests are looked at: every detector proposes what is rarer, and it is frequent enough to count."""


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert that would have been raised: a false one.

    Attributes:
        detector: which found it.
        kind: of the pattern.
        form: of the pattern.
        metrics: the metrics it is about.
        confidence: of the pattern.
        spent: q over what its window was allowed; it passes under a budget `spent` times the one it was judged by.
            1 for a detector without p values.
    """

    detector: str
    kind: str
    form: str
    metrics: tuple[str, ...]
    confidence: float
    spent: float


@dataclass(frozen=True, slots=True)
class Seen:
    """One window.

    Attributes:
        least: by detector that tested anything, its smallest p value times the number of its tests, at most 1.
        raised: what it raised.
        share: of its tasks that no window had held; windows that overlap are worth less than their number.
        seconds: stream time since the kiln's last window.
        failures: detectors that raised or overran, and why.
    """

    least: Mapping[str, float]
    raised: tuple[Raised, ...]
    share: float
    seconds: float
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Measured:
    """What surrogate streams of one sort gave.

    Attributes:
        method: how they were made.
        windows: one after another.
        kilns: streams of their own in each: each has its share of the budget.
    """

    method: str
    windows: Sequence[Seen]
    kilns: int = 1

    @property
    def weeks(self) -> float:
        """Stream time: kilns run side by side, so a week of several is one week."""
        return sum(seen.seconds for seen in self.windows) / WEEK_S / self.kilns

    @property
    def worth(self) -> float:
        """Number of windows, overlapping ones by what is new in them."""
        return sum(seen.share for seen in self.windows)

    @property
    def detectors(self) -> tuple[str, ...]:
        """Those that tested anything, in the order in which they run."""
        return tuple(dict.fromkeys(name for seen in self.windows for name in seen.least))

    @property
    def raised(self) -> tuple[Raised, ...]:
        """Every false alert."""
        return tuple(alert for seen in self.windows for alert in seen.raised)

    @property
    def failures(self) -> Mapping[str, int]:
        """What went wrong with detectors, and how often."""
        return Counter(text for seen in self.windows for text in seen.failures)

    def rate(self, wanted: Callable[[Raised], bool] = lambda _: True) -> Interval:
        """False alerts a week of stream time."""
        return rate_interval(sum(map(wanted, self.raised)), self.weeks)

    def rate_of(self, detector: str) -> Interval:
        """False alerts a week of one detector."""
        return self.rate(lambda alert: alert.detector == detector)

    def below(self, chance: float = NOMINAL, detector: str | None = None) -> Interval:
        """Share of windows in which a detector, or any of them, showed what should be this rare.

        Of several detectors each is looked at with its equal part of the chance.
        """
        names = self.detectors if detector is None else (detector,)
        bar = chance / max(len(names), 1)
        hits = sum(any(seen.least.get(name, 1.0) <= bar for name in names) for seen in self.windows)
        worth = self.worth / max(len(self.windows), 1)
        return share_interval(hits * worth, self.worth)

    def by_metric(self) -> Sequence[tuple[str, int]]:
        """How many false alerts each metric is in, the most first."""
        names: Iterable[str] = (name for alert in self.raised for name in dict.fromkeys(alert.metrics))
        return Counter(names).most_common()
