"""Events of a source: how it fares, which partitions are ours, and what it was told to remember."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "AlertsHandedOver",
    "CommitFailed",
    "Event",
    "OffsetsCommitted",
    "PartitionBegun",
    "PartitionsAssigned",
    "PartitionsRevoked",
    "SourceFailed",
    "SourceReopened",
    "TracesSeen",
]


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events."""

    name: ClassVar[str]


@dataclass(frozen=True, slots=True)
class SourceFailed(Event):
    """The source could not be opened or read; it is opened again, after a wait that may be 0."""

    name: ClassVar[str] = "source.failed"
    source: str
    problem: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class SourceReopened(Event):
    """The source, which had failed while it was read, was opened anew."""

    name: ClassVar[str] = "source.reopened"
    source: str
    failures: int


@dataclass(frozen=True, slots=True)
class PartitionsAssigned(Event):
    """Partitions came to this process."""

    name: ClassVar[str] = "partitions.assigned"
    partitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartitionBegun(Event):
    """How a partition that came to this process begins.

    Attributes:
        partition: which.
        origin: whose state it begins with: own, adopted, new, by hand, unreadable, made anew.
        reason: a sentence.
        lost: records that the log gave up before they were settled.
        short: records of context that could not be read again.
    """

    name: ClassVar[str] = "partition.begun"
    partition: str
    origin: str
    reason: str
    lost: int
    short: int


@dataclass(frozen=True, slots=True)
class PartitionsRevoked(Event):
    """Partitions left this process."""

    name: ClassVar[str] = "partitions.revoked"
    partitions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AlertsHandedOver(Event):
    """Alerts were let go of because their partition has moved: its next owner makes them again.

    Attributes:
        sink: whose they were.
        partition: which.
        alerts: how many.
        through: the last offset that was committed before the move; what ends beyond it was not.
    """

    name: ClassVar[str] = "alerts.handed_over"
    sink: str
    partition: str
    alerts: int
    through: int


@dataclass(frozen=True, slots=True)
class OffsetsCommitted(Event):
    """The source knows that everything before these offsets is settled."""

    name: ClassVar[str] = "offsets.committed"
    offsets: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class CommitFailed(Event):
    """A commit was refused or its outcome is unknown; it is tried again."""

    name: ClassVar[str] = "commit.failed"
    problem: str


@dataclass(frozen=True, slots=True)
class TracesSeen(Event):
    """Records of a batch that is about to be decoded belong to traces of their producers.

    Attributes:
        partition: where they stand.
        traces: offsets and W3C `traceparent` values.
    """

    name: ClassVar[str] = "traces.seen"
    partition: str
    traces: tuple[tuple[int, str], ...]
