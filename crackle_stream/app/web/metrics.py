"""What happens in a pipeline as Prometheus metrics (`docs/metrics.md`), made anew from what is counted anyway.

Labels are bounded: names of configured sinks, of detectors, of events, and kinds of pattern; never text of a record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from crackle_stream import __version__
from crackle_stream.app.web.board import COOLING_BUCKETS_S, Board
from crackle_stream.app.web.gathering import Moment

__all__ = ["CONTENT_TYPE", "Counted", "exposition"]

CONTENT_TYPE = CONTENT_TYPE_LATEST

Labelled = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a scrape needs, copied on the loop so that the text can be made in a thread.

    Attributes:
        moment: what stands.
        seen: events by name.
        tests: tests by detector.
        patterns: patterns by kind.
        coolings: coolings by bucket.
        cooling_s: seconds of all of them.
        full: sinks whose spool has no room.
    """

    moment: Moment
    seen: Labelled
    tests: Labelled
    patterns: Labelled
    coolings: tuple[int, ...]
    cooling_s: float
    full: frozenset[str]

    @classmethod
    def of(cls, moment: Moment, board: Board) -> Counted:
        """A copy of what stands now."""
        patterns: dict[str, float] = {}
        for kind, count in moment.statistics.patterns.items():
            label = board.kind(kind)
            patterns[label] = patterns.get(label, 0) + count
        return cls(
            moment,
            dict(board.seen),
            dict(board.tests),
            patterns,
            tuple(board.coolings),
            board.cooling_s,
            frozenset(board.full),
        )


def exposition(counted: Counted) -> bytes:
    """The text that a scrape gets; reads files of /proc, so call it in a thread."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(counted))
    PlatformCollector(registry=registry)
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Collector(Collector):
    """The metrics of one scrape."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def collect(self) -> Iterable[Metric]:
        """Every metric."""
        yield from _tasks(self._counted)
        yield from _coolings(self._counted)
        yield from _alerts(self._counted)
        yield from _process(self._counted)


def _tasks(counted: Counted) -> Iterator[Metric]:
    now = counted.moment.statistics
    yield _counter("crackle_tasks", "Tasks decoded and handed to a kiln.", now.tasks)
    yield _counter("crackle_records_rejected", "Records that could not be decoded.", now.rejected)
    yield _counter("crackle_tasks_dropped", "Tasks that no window held, because overflow is drop_oldest.", now.dropped)
    yield _counter("crackle_tasks_late", "Tasks older than the latest of their partition; they are kept.", now.late)
    yield _counter("crackle_metric_names_dropped", "Metric names left out, a ring knew too many.", now.dropped_names)
    if now.lag is not None:
        yield _gauge("crackle_lag_records", "Records between the last read and the log's end.", now.lag)
    yield _gauge("crackle_partitions", "Partitions assigned to this process.", len(counted.moment.partitions))
    yield _gauge("crackle_kilns", "Kilns open.", now.kilns)
    yield _gauge("crackle_ring_tasks", "Tasks in the rings.", now.held)
    yield _gauge("crackle_ring_fresh_tasks", "Tasks that no window has held yet.", now.fresh)
    said = "Wait of the oldest task that no window has held yet, since it was read."
    yield _gauge("crackle_oldest_uncooled_seconds", said, now.oldest_fresh_s)
    yield _gauge("crackle_ring_bytes", "Memory of the rings.", now.ring_bytes)


def _coolings(counted: Counted) -> Iterator[Metric]:
    now = counted.moment.statistics
    histogram = HistogramMetricFamily("crackle_cooling_seconds", "Time that coolings took.")
    total, buckets = 0, []
    for bound, count in zip((*map(str, COOLING_BUCKETS_S), "+Inf"), counted.coolings, strict=True):
        total += count
        buckets.append((bound, total))
    histogram.add_metric([], buckets, counted.cooling_s)
    yield histogram
    limit = counted.moment.setup.cooling_limit_s
    yield _gauge("crackle_cooling_limit_seconds", "Time that a cooling may take.", limit)
    yield _counter("crackle_windows_merged", "Due windows that a later one covered.", now.merged)
    yield _by("counter", "crackle_patterns", "Patterns found.", "kind", counted.patterns)
    yield _by("counter", "crackle_detector_tests", "Tests that detectors made.", "detector", counted.tests)
    yield _by("counter", "crackle_detector_failures", "Detectors that raised or overran.", "detector", now.failures)


def _alerts(counted: Counted) -> Iterator[Metric]:
    now, moment = counted.moment.statistics, counted.moment
    yield _by("counter", "crackle_alerts", "Alerts made.", "status", now.alerts)
    yield _by("counter", "crackle_alerts_hushed", "Alerts that were not told, by why.", "why", now.hushed)
    yield _gauge("crackle_alerts_active", "Alerts raised and not resolved.", len(moment.active) + moment.not_held)
    every = dict.fromkeys(moment.setup.sinks, 0.0)
    yield _by("counter", "crackle_alerts_delivered", "Alerts that a sink has.", "sink", {**every, **now.delivered})
    yield _by(
        "counter", "crackle_alerts_refused", "Alerts that a sink refused for good.", "sink", {**every, **now.refused}
    )
    yield _by("counter", "crackle_alerts_lost", "Alerts that a sink lost.", "sink", {**every, **now.lost})
    yield _by("counter", "crackle_alerts_buried", "Alerts in the dead letters.", "sink", {**every, **now.buried})
    yield _by("gauge", "crackle_alerts_waiting", "Alerts in a queue or a spool.", "sink", {**every, **now.backlog})
    failing = every | dict.fromkeys(now.failing, 1.0)
    yield _by("gauge", "crackle_sink_failing", "Whether a sink cannot take alerts.", "sink", failing)
    full = every | dict.fromkeys(counted.full & now.backlog.keys(), 1.0)
    yield _by("gauge", "crackle_spool_full", "Whether a sink's spool has no room.", "sink", full)


def _process(counted: Counted) -> Iterator[Metric]:
    moment = counted.moment
    ready = moment.state == "running" and not moment.reasons
    yield _gauge("crackle_ready", "Whether the process does its work: 1 where /readyz answers 200.", ready)
    codes = {reason.code: 1.0 for reason in moment.reasons}
    yield _by("gauge", "crackle_not_ready", "Why it does not.", "reason", codes)
    yield _by("counter", "crackle_events", "Events of the pipeline (docs/logs.md).", "event", counted.seen)
    yield _gauge("crackle_uptime_seconds", "Time since the pipeline began.", moment.statistics.uptime_s)
    yield _gauge("crackle_loop_late_seconds", "Worst lateness of the loop in the last minute.", moment.loop_late_s)
    info = GaugeMetricFamily("crackle_build_info", "The version that runs.", labels=["version"])
    info.add_metric([__version__], 1)
    yield info


def _counter(name: str, said: str, value: float) -> Metric:
    return CounterMetricFamily(name, said, value=value)


def _gauge(name: str, said: str, value: float) -> Metric:
    return GaugeMetricFamily(name, said, value=value)


def _by(sort: str, name: str, said: str, label: str, values: Labelled) -> Metric:
    family = CounterMetricFamily if sort == "counter" else GaugeMetricFamily
    metric = family(name, said, labels=[label])
    for key, value in values.items():
        metric.add_metric([key], value)
    return metric
