"""What happens in a pipeline, as one stream of typed events.

Statistics, logs and, later, metrics, traces and the page read it; no place is instrumented twice. Names are
`noun.verb_past`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from crackle_stream.cooling import CoolingReport
from crackle_stream.model import Alert, Reject
from crackle_stream.stream.source_events import (
    AlertsHandedOver,
    CommitFailed,
    Event,
    OffsetsCommitted,
    PartitionBegun,
    PartitionsAssigned,
    PartitionsRevoked,
    SourceFailed,
    SourceReopened,
    TracesSeen,
)
from crackle_stream.window import Span, Window

__all__ = [
    "AlertBuried",
    "AlertDelivered",
    "AlertDropped",
    "AlertHushed",
    "AlertMade",
    "AlertRefused",
    "AlertSpooled",
    "AlertsHandedOver",
    "BatchRead",
    "BreakerChanged",
    "CommitFailed",
    "DeadLetterFailed",
    "DetectorDisabled",
    "DetectorFailed",
    "Event",
    "IntakePaused",
    "IntakeResumed",
    "KeyDivided",
    "KeyEvicted",
    "OffsetsCommitted",
    "PartitionBegun",
    "PartitionsAssigned",
    "PartitionsRevoked",
    "PipelineStarted",
    "PipelineStopped",
    "RecordRejected",
    "SilencesFailed",
    "SilencesRead",
    "SinkDisabled",
    "SinkRefusing",
    "SinkUnavailableSeen",
    "SourceFailed",
    "SourceReopened",
    "SpoolFailed",
    "SpoolFull",
    "SpoolLeft",
    "StreamTooShort",
    "StreamUntimed",
    "TasksDropped",
    "TracesSeen",
    "WindowCooled",
    "WindowGivenUp",
    "WindowMerged",
    "WindowTold",
]


@dataclass(frozen=True, slots=True)
class PipelineStarted(Event):
    """The source and the sinks are open."""

    name: ClassVar[str] = "pipeline.started"
    source: str
    sinks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PipelineStopped(Event):
    """Nothing runs any more."""

    name: ClassVar[str] = "pipeline.stopped"
    tasks: int
    rejected: int
    windows: int
    alerts: int
    delivered: int = 0
    refused: int = 0
    lost: int = 0
    buried: int = 0


@dataclass(frozen=True, slots=True)
class BatchRead(Event):
    """Tasks were decoded and handed to their kilns."""

    name: ClassVar[str] = "batch.read"
    tasks: int
    lag: int | None


@dataclass(frozen=True, slots=True)
class IntakePaused(Event):
    """Reading waits: too much is cut and cooled that sinks have not taken the alerts of."""

    name: ClassVar[str] = "intake.paused"
    problem: str


@dataclass(frozen=True, slots=True)
class IntakeResumed(Event):
    """Reading goes on."""

    name: ClassVar[str] = "intake.resumed"


@dataclass(frozen=True, slots=True)
class StreamUntimed(Event):
    """Records of a pipe or a file bear no time: the budget counts each window as so many seconds.

    Attributes:
        source: which.
        seconds: what a window counts for.
    """

    name: ClassVar[str] = "stream.untimed"
    source: str
    seconds: float
    cure: str = "name the field with decode.time, or judge windows one by one with profile.per_window"


@dataclass(frozen=True, slots=True)
class RecordRejected(Event):
    """A record could not be decoded."""

    name: ClassVar[str] = "record.rejected"
    reject: Reject


@dataclass(frozen=True, slots=True)
class DeadLetterFailed(Event):
    """Dead letters could not be kept; what they are about waits and it is tried again."""

    name: ClassVar[str] = "dead_letter.failed"
    problem: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class TasksDropped(Event):
    """Tasks left the ring before any cooling, because overflow is drop_oldest."""

    name: ClassVar[str] = "tasks.dropped"
    key: str
    tasks: int


@dataclass(frozen=True, slots=True)
class KeyDivided(Event):
    """A key was seen in two partitions, so that it has two kilns with a part of its tasks each; told once.

    Attributes:
        key: the first such key.
    """

    name: ClassVar[str] = "key.divided"
    key: str
    cure: str = "let what writes the records choose their partition by the key, or kiln.scope = partition"


@dataclass(frozen=True, slots=True)
class KeyEvicted(Event):
    """A kiln was closed to make room for another."""

    name: ClassVar[str] = "key.evicted"
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class WindowMerged(Event):
    """A due window was left out because a later one holds all its uncooled tasks."""

    name: ClassVar[str] = "window.merged"
    key: str
    tasks: int


@dataclass(frozen=True, slots=True)
class WindowCooled(Event):
    """The detectors have looked over a window."""

    name: ClassVar[str] = "window.cooled"
    window: Window
    report: CoolingReport


@dataclass(frozen=True, slots=True)
class WindowTold(Event):
    """What a window gave is with the sinks' queues, or there was nothing; every window that was cooled ends so."""

    name: ClassVar[str] = "window.told"
    key: str
    window_id: str


@dataclass(frozen=True, slots=True)
class StreamTooShort(Event):
    """A stream has ended with fewer tasks than anything can be proven from."""

    name: ClassVar[str] = "stream.too_short"
    key: str
    tasks: int
    needed: int


@dataclass(frozen=True, slots=True)
class DetectorFailed(Event):
    """A detector raised or overran."""

    name: ClassVar[str] = "detector.failed"
    detector: str
    problem: str
    window_id: str


@dataclass(frozen=True, slots=True)
class DetectorDisabled(Event):
    """A third party's detector failed too often in a row and runs no more."""

    name: ClassVar[str] = "detector.disabled"
    detector: str
    failures: int


@dataclass(frozen=True, slots=True)
class WindowGivenUp(Event):
    """A window will not be cooled: processes died in it again and again."""

    name: ClassVar[str] = "window.given_up"
    window_id: str
    span: tuple[Span, ...]
    problem: str


@dataclass(frozen=True, slots=True)
class AlertMade(Event):
    """An alert was made from a window; how often each sink has it is said by the delivery events."""

    name: ClassVar[str] = "alert.made"
    alert: Alert
    sinks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertHushed(Event):
    """An alert is not told now; one that is still active when the reason ends is made then.

    Attributes:
        alert: what would have been told.
        why: pending, silenced, muted or inhibited.
        by: which silence, mute time or alert; how often it must be seen.
    """

    name: ClassVar[str] = "alert.hushed"
    alert: Alert
    why: str
    by: str


@dataclass(frozen=True, slots=True)
class SilencesRead(Event):
    """The file of silences was read, for the first time or because it changed."""

    name: ClassVar[str] = "silences.read"
    file: str
    silences: int


@dataclass(frozen=True, slots=True)
class SilencesFailed(Event):
    """The file of silences cannot be read, or those that were asked for cannot be kept; the old ones hold."""

    name: ClassVar[str] = "silences.failed"
    problem: str


@dataclass(frozen=True, slots=True)
class AlertDelivered(Event):
    """A sink has an alert."""

    name: ClassVar[str] = "alert.delivered"
    sink: str
    alert: Alert
    attempts: int


@dataclass(frozen=True, slots=True)
class SinkUnavailableSeen(Event):
    """A sink could not take an alert; it is tried again."""

    name: ClassVar[str] = "sink.unavailable"
    sink: str
    problem: str
    retry_in_s: float
    queued: int


@dataclass(frozen=True, slots=True)
class AlertRefused(Event):
    """A sink will never take this alert."""

    name: ClassVar[str] = "alert.refused"
    sink: str
    alert: Alert
    problem: str


@dataclass(frozen=True, slots=True)
class AlertDropped(Event):
    """An alert is lost to a sink: its queue or spool was full, or it could not be reached for too long."""

    name: ClassVar[str] = "alert.dropped"
    sink: str
    alert: Alert
    problem: str


@dataclass(frozen=True, slots=True)
class AlertBuried(Event):
    """An alert is in the dead letters: refused for good, too old, pushed out of a full spool, or purged."""

    name: ClassVar[str] = "alert.buried"
    sink: str
    alert: Alert
    problem: str


@dataclass(frozen=True, slots=True)
class AlertSpooled(Event):
    """Alerts of one window are on disk for a sink."""

    name: ClassVar[str] = "alert.spooled"
    sink: str
    alerts: int
    spooled: int


@dataclass(frozen=True, slots=True)
class SpoolFull(Event):
    """A spool has no room: the source waits, or the oldest alerts go."""

    name: ClassVar[str] = "spool.filled"
    sink: str
    spooled: int
    when_full: str


@dataclass(frozen=True, slots=True)
class SpoolFailed(Event):
    """The state file could not be written or read; the sink counts as unhealthy, and it is tried again."""

    name: ClassVar[str] = "spool.failed"
    sink: str
    problem: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class SpoolLeft(Event):
    """Alerts stay in a spool, because the process ends or its sink is none of this configuration."""

    name: ClassVar[str] = "spool.left"
    sink: str
    spooled: int
    problem: str


@dataclass(frozen=True, slots=True)
class BreakerChanged(Event):
    """A sink is left alone (open), tried once (half-open), or sent everything again (closed)."""

    name: ClassVar[str] = "breaker.changed"
    sink: str
    state: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class SinkRefusing(Event):
    """A sink refused an alert for the first time: its settings, or the receiver's, are likely wrong."""

    name: ClassVar[str] = "sink.refused"
    sink: str
    problem: str
    kept: str


@dataclass(frozen=True, slots=True)
class SinkDisabled(Event):
    """A receiver asks never to be called again; nothing more is sent to it by this process."""

    name: ClassVar[str] = "sink.disabled"
    sink: str
    problem: str
