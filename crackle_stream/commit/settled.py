"""Settled positions: up to where a log may be forgotten.

A row is settled once the first window that holds it is, or once it was rejected. What may be committed for a
partition is the lowest unsettled offset, or one past the last row handed over; it never goes back. Rows that stay in
a ring only as context hold nothing back.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from crackle_stream.model import Partition

__all__ = ["SettledPositions"]


@dataclass(slots=True)
class _Log:
    """One partition.

    Attributes:
        after: one past the last offset handed over.
        committed: what the log was last told.
    """

    after: int
    committed: int


@dataclass(slots=True)
class SettledPositions:
    """Which offsets are settled, for all partitions of a reader.

    A kiln and a window are named by any hashable value; both are the caller's.
    """

    _logs: dict[Partition, _Log] = field(default_factory=dict)
    _open: dict[Hashable, dict[Partition, int]] = field(default_factory=dict)
    _windows: dict[Hashable, dict[Partition, int]] = field(default_factory=dict)

    def assign(self, partition: Partition, offset: int) -> None:
        """The partition is ours, to be read from this offset; what was known of it is void."""
        self.revoke([partition])
        self._logs[partition] = _Log(offset, offset)

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """The partitions are ours no longer; windows of theirs that settle later are ignored."""
        for partition in partitions:
            self._logs.pop(partition, None)
            for pins in (*self._open.values(), *self._windows.values()):
                pins.pop(partition, None)
        self._open = {kiln: pins for kiln, pins in self._open.items() if pins}
        self._windows = {window: pins for window, pins in self._windows.items() if pins}

    def hand(self, kiln: Hashable, partition: Partition, first: int, last: int) -> None:
        """Rows first..last of a partition went to a kiln; or to a reader that will hand them on, or reject them."""
        log = self._logs.setdefault(partition, _Log(first, first))
        log.after = max(log.after, last + 1)
        self._open.setdefault(kiln, {}).setdefault(partition, first)

    def pass_over(self, partition: Partition, after: int) -> None:
        """Nothing below this offset is left to be handed over: what stands there is no record."""
        log = self._logs.get(partition)
        if log is not None:
            log.after = max(log.after, after)

    def cut(self, kiln: Hashable, window: Hashable) -> None:
        """The kiln's rows that no window held yet are held by this one now."""
        pins = self._windows.setdefault(window, {})
        for partition, offset in self._open.pop(kiln, {}).items():
            pins[partition] = min(offset, pins.get(partition, offset))

    def merge(self, dropped: Hashable, into: Hashable) -> None:
        """A window that was not cooled is covered by a later one."""
        pins = self._windows.setdefault(into, {})
        for partition, offset in self._windows.pop(dropped, {}).items():
            pins[partition] = min(offset, pins.get(partition, offset))

    def release(self, kiln: Hashable) -> None:
        """Rows handed to this name hold nothing back any more: other kilns have taken them, or they were dropped."""
        self._open.pop(kiln, None)

    def settle(self, window: Hashable) -> None:
        """The window's report exists and every notification made from it is settled. Unknown windows are ignored."""
        self._windows.pop(window, None)

    @property
    def unsettled(self) -> int:
        """Number of windows cut and not yet settled."""
        return len(self._windows)

    def committable(self) -> dict[Partition, int]:
        """By partition, the offset up to which everything is settled; only partitions where it moved on."""
        return {
            partition: offset
            for partition, offset in self._lowest().items()
            if offset > self._logs[partition].committed
        }

    def following(self, partition: Partition) -> int:
        """One past the last row of a partition handed over or rejected; 0 where none was."""
        log = self._logs.get(partition)
        return 0 if log is None else log.after

    def position(self, partition: Partition) -> int:
        """The offset up to which everything of a partition is settled, moved on or not.

        Raises:
            KeyError: the partition is not ours.
        """
        return max(self._lowest()[partition], self._logs[partition].committed)

    def _lowest(self) -> dict[Partition, int]:
        lowest = {partition: log.after for partition, log in self._logs.items()}
        for pins in (*self._open.values(), *self._windows.values()):
            for partition, offset in pins.items():
                if partition in lowest and offset < lowest[partition]:
                    lowest[partition] = offset
        return lowest

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """The log knows these offsets now."""
        for partition, offset in offsets.items():
            log = self._logs.get(partition)
            if log is not None:
                log.committed = max(log.committed, offset)
