"""What kilns know as of a window, and a partition as of an offset: values, to be kept and committed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crackle_stream.alerting import Lifecycle
from crackle_stream.commit import AsOf, CommitMetadata, Kept, Ledger
from crackle_stream.history import History
from crackle_stream.model import Partition
from crackle_stream.stream.kilns import Count, KilnId

__all__ = ["Checkpoint", "KilnState", "Taken"]


@dataclass(frozen=True, slots=True)
class KilnState:
    """What a kiln is left with by a window.

    Attributes:
        lifecycle: what was told.
        history: what its detectors remember.
        count: its tasks up to the window's end, by which windows of keys are cut.
    """

    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    history: History = field(default_factory=History)
    count: Count = field(default_factory=Count)


@dataclass(frozen=True, slots=True)
class Taken:
    """What was kept of a partition by a process before this one: how far it had come, and its kilns."""

    kept: Kept | None = None
    states: Mapping[KilnId, KilnState] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A partition as of an offset, ready to be kept and committed.

    Attributes:
        partition: which.
        offset: to commit.
        note: to commit beside it.
        as_of: the values.
        changed: of its kilns' states those that the last checkpoint does not hold.
        gone: kilns that the last checkpoint holds and this one does not.
        metadata: what the note says.
        first: whether the partition was taken over since the last one, so that whatever is on disk is void.
        ledger: of the assignment it belongs to; None for a partition without.
    """

    partition: Partition
    offset: int
    note: str
    as_of: AsOf[KilnState]
    changed: Mapping[KilnId, KilnState]
    gone: tuple[KilnId, ...]
    metadata: CommitMetadata
    first: bool = False
    ledger: Ledger[KilnState] | None = None
