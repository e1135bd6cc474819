"""Counts over a pipeline's events, as one frozen value."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from crackle_stream.stream import events
from crackle_stream.stream.events import Event

__all__ = ["Statistics", "Tally"]

COOLINGS_KEPT = 1000
"""Cooling times kept for the quantiles."""


@dataclass(frozen=True, slots=True)
class Statistics:
    """A pipeline's counts so far.

    Attributes:
        tasks: tasks decoded and handed to a kiln.
        rejected: records that could not be decoded.
        dropped: tasks that no window held, because overflow is drop_oldest.
        late: tasks older than the latest of their partition; they are kept.
        dropped_names: metric names left out because a ring knew too many.
        windows: windows cooled.
        merged: due windows that a later one covered.
        patterns: patterns found, by kind.
        failures: detector failures, by detector.
        alerts: alerts made, by status.
        hushed: alerts that were not told when they might have been, by reason: pending, silenced, muted, inhibited.
        delivered: alerts delivered, by sink.
        refused: alerts refused for good, by sink.
        lost: alerts that a sink lost, because its queue or spool was full or they grew too old, by sink.
        buried: alerts in the dead letters, by sink.
        backlog: alerts that wait, in memory or in a spool, by sink.
        failing: what is wrong with the sinks that are not healthy, by sink.
        paused: why reading waits for sinks; "" while it does not.
        evicted: kilns closed to make room for others.
        cooling_p50_s: median seconds of the last thousand coolings.
        cooling_p95_s: their 95th percentile.
        kilns: kilns open.
        held: tasks in their rings.
        fresh: tasks that no window has held yet.
        oldest_fresh_s: seconds since the oldest of them came, by the clock; 0.0 where there is none.
        ring_bytes: memory of the rings.
        lag: records between the last read and the log's end, or None where that is not known.
        uptime_s: seconds since the pipeline started.
    """

    tasks: int = 0
    rejected: int = 0
    dropped: int = 0
    late: int = 0
    dropped_names: int = 0
    windows: int = 0
    merged: int = 0
    patterns: Mapping[str, int] = field(default_factory=dict)
    failures: Mapping[str, int] = field(default_factory=dict)
    alerts: Mapping[str, int] = field(default_factory=dict)
    hushed: Mapping[str, int] = field(default_factory=dict)
    delivered: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    buried: Mapping[str, int] = field(default_factory=dict)
    backlog: Mapping[str, int] = field(default_factory=dict)
    failing: Mapping[str, str] = field(default_factory=dict)
    paused: str = ""
    evicted: int = 0
    cooling_p50_s: float = 0.0
    cooling_p95_s: float = 0.0
    kilns: int = 0
    held: int = 0
    fresh: int = 0
    oldest_fresh_s: float = 0.0
    ring_bytes: int = 0
    lag: int | None = None
    uptime_s: float = 0.0


class Tally:
    """Counts events as they happen."""

    def __init__(self) -> None:
        self.tasks = self.rejected = self.dropped = self.windows = self.merged = self.evicted = 0
        self.lag: int | None = None
        self.last_problem = ""
        self.patterns: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.alerts: Counter[str] = Counter()
        self.hushed: Counter[str] = Counter()
        self.delivered: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.buried: Counter[str] = Counter()
        self._durations: deque[float] = deque(maxlen=COOLINGS_KEPT)

    def see(self, event: Event) -> None:
        """Count an event."""
        match event:
            case events.BatchRead():
                self.tasks += event.tasks
                self.lag = event.lag
            case events.RecordRejected():
                self.rejected += 1
                self.last_problem = f"{event.reject.position}: {event.reject.problem}"
            case events.TasksDropped():
                self.dropped += event.tasks
            case events.KeyEvicted():
                self.evicted += 1
            case events.WindowMerged():
                self.merged += 1
            case events.WindowCooled():
                self.windows += 1
                self._durations.append(event.report.duration)
                self.patterns.update(str(pattern.kind) for pattern in event.report.patterns)
            case events.DetectorFailed():
                self.failures[event.detector] += 1
            case _:
                self._see_alert(event)

    def _see_alert(self, event: Event) -> None:
        match event:
            case events.AlertMade():
                self.alerts[str(event.alert.status)] += 1
            case events.AlertHushed():
                self.hushed[event.why] += 1
            case events.AlertDelivered():
                self.delivered[event.sink] += 1
            case events.AlertRefused():
                self.refused[event.sink] += 1
            case events.AlertDropped():
                self.lost[event.sink] += 1
            case events.AlertBuried():
                self.buried[event.sink] += 1

    def onto(self, now: Statistics) -> Statistics:
        """What was counted, with what stands now."""
        return replace(
            now,
            tasks=self.tasks,
            rejected=self.rejected,
            dropped=self.dropped,
            windows=self.windows,
            merged=self.merged,
            evicted=self.evicted,
            patterns=dict(self.patterns),
            failures=dict(self.failures),
            alerts=dict(self.alerts),
            hushed=dict(self.hushed),
            delivered=dict(self.delivered),
            refused=dict(self.refused),
            lost=dict(self.lost),
            buried=dict(self.buried),
            cooling_p50_s=self.cooling_quantile(0.5),
            cooling_p95_s=self.cooling_quantile(0.95),
            lag=self.lag,
        )

    def stopped(self) -> events.PipelineStopped:
        """The last word."""
        return events.PipelineStopped(
            tasks=self.tasks,
            rejected=self.rejected,
            windows=self.windows,
            alerts=self.alerts.total(),
            delivered=self.delivered.total(),
            refused=self.refused.total(),
            lost=self.lost.total(),
            buried=self.buried.total(),
        )

    def cooling_quantile(self, share: float) -> float:
        """Seconds that this share of the last coolings stayed within; 0.0 before the first."""
        ordered = sorted(self._durations)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0
