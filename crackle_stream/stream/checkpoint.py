"""What every kiln knows as of each of its windows, and what of it is committed or kept.

Partitions that a source assigned have a ledger: their values are those of a position, and travel in the commit's
metadata or lie in the state directory. Kilns without one (of pipes, files and queues, or mixing partitions) know only
their latest value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from crackle_stream.alerting import Said
from crackle_stream.commit import (
    AsOf,
    CommitMetadata,
    Committed,
    CutPlan,
    Cuts,
    Ledger,
    LogRange,
    MetadataUnreadable,
    SettledPositions,
    Start,
    begin,
    decode,
    digests,
    encode,
    left_at,
    revived,
)
from crackle_stream.model import Alert, LogStart, Partition
from crackle_stream.stream.kiln_state import Checkpoint, KilnState, Taken
from crackle_stream.stream.kilns import Count, KilnId
from crackle_stream.window import Window

__all__ = ["Checkpoints"]

MAX_REFILL_RINGS = 4
"""Rows that are read again only to fill rings: at most so many rings' worth."""


@dataclass(slots=True)
class _Log:
    """A partition that is ours.

    Attributes:
        ledger: its windows and values.
        start: how it was begun.
        kept: whether what is on disk is this partition's state as of the ledger's position.
        said: whether the group knows that, with our claim: nobody else's state counts from then on.
        gone: kilns that were closed and may still be on disk.
    """

    ledger: Ledger[KilnState]
    start: Start
    kept: bool
    said: bool
    gone: set[KilnId] = field(default_factory=set)


class Checkpoints:
    """All kilns of a pipeline.

    Args:
        settled: which offsets may be committed.
        capacity: tasks of a ring.
        claim: the state directory's id; "" without one.
    """

    def __init__(self, settled: SettledPositions, *, capacity: int, claim: str = "") -> None:
        self._settled = settled
        self._capacity = capacity
        self.claim = claim
        self._logs: dict[Partition, _Log] = {}
        self._loose: dict[KilnId, KilnState] = {}
        self._changed: dict[KilnId, None] = {}
        self._counts: dict[tuple[KilnId, str], Count] = {}
        self._left: set[Partition] = set()
        self._known: set[KilnId] = set()

    # -- partitions come and go ------------------------------------------------------------------------------------

    def take_over(self, partition: Partition, log: LogStart, taken: Taken) -> Start:
        """A partition was assigned: decide how to begin, and know from then on what its last owner knew."""
        end = log.offset if log.end is None else max(log.end, log.first)
        start = begin(
            Committed(log.committed, log.note),
            LogRange(log.first, end),
            claim=self.claim,
            kept=taken.kept,
            max_refill=MAX_REFILL_RINGS * self._capacity,
        )
        if start.through is None or start.refill_from is None:
            ledger: Ledger[KilnState] = Ledger(log.offset - 1, log.offset)
        else:
            states = _adopted(partition, start.metadata) if start.void_local else taken.states
            ledger = Ledger(
                start.through,
                start.refill_from,
                start.stream_time,
                dict[Hashable, KilnState](states.items()),
                start.plan.cuts,
            )
        self._left.discard(partition)
        self._known.update(_of_kilns(ledger.states))
        kept = not start.void_local
        self._logs[partition] = _Log(ledger, start, kept=kept, said=kept and ledger.through + 1 == log.committed)
        self._settled.assign(partition, ledger.through + 1)
        return start

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Partitions are ours no longer."""
        for partition in partitions:
            self._logs.pop(partition, None)
            self._left.add(partition)
        self._known = {kiln for kiln in self._known if kiln.partition not in self._left}
        self._counts = {name: count for name, count in self._counts.items() if name[0].partition not in self._left}
        self._settled.revoke(partitions)

    def counts(self, partition: Partition) -> Mapping[KilnId, Count]:
        """Tasks that the kilns of a partition had when it was taken over."""
        log = self._logs.get(partition)
        return {} if log is None else {kiln: state.count for kiln, state in _of_kilns(log.ledger.states).items()}

    def through(self, partition: Partition) -> int:
        """Rows up to this offset were settled when the partition was taken over; -1 where none were."""
        log = self._logs.get(partition)
        return -1 if log is None or log.start.through is None else log.start.through

    def committed_through(self, partition: Partition) -> int | None:
        """The offset up to which a partition's windows are committed; None for one without a ledger."""
        log = self._logs.get(partition)
        return None if log is None else log.ledger.through

    def left_at(self, note: str) -> int | None:
        """How far we had come when somebody else took the partition over that this was committed for; None where
        nobody did, or nobody knows."""
        try:
            metadata = decode(note)
        except MetadataUnreadable:
            return None
        return None if metadata is None or not self.claim else left_at(self.claim, metadata)

    def plan(self, partition: Partition | None) -> CutPlan:
        """How windows end in what a former owner may have cooled."""
        log = None if partition is None else self._logs.get(partition)
        return CutPlan() if log is None else log.start.plan

    # -- kilns without a ledger ------------------------------------------------------------------------------------

    def remember(self, states: Mapping[KilnId, KilnState]) -> None:
        """What a process before this one left of kilns that have no ledger."""
        self._loose.update(states)
        self._known.update(states)

    def changed(self) -> dict[KilnId, KilnState | None]:
        """Kilns without a ledger that changed since `kept`, in the order of that; None for those that are gone."""
        return {kiln: self._loose.get(kiln) for kiln in self._changed}

    def kept(self, states: Mapping[KilnId, KilnState | None]) -> None:
        """These are on disk, or need not be; one that has changed again meanwhile is not."""
        for kiln, state in states.items():
            if self._loose.get(kiln) is state:
                self._changed.pop(kiln, None)

    def _change(self, kiln: KilnId) -> None:
        self._changed.pop(kiln, None)
        self._changed[kiln] = None

    # -- what is held ----------------------------------------------------------------------------------------------

    @property
    def held(self) -> int:
        """Windows that no commit has passed yet, each with what its kiln was left with."""
        return sum(len(log.ledger) for log in self._logs.values())

    @property
    def nbytes(self) -> int:
        """Bytes of what those windows left behind, roughly."""
        return sum(log.ledger.weight for log in self._logs.values())

    # -- windows ---------------------------------------------------------------------------------------------------

    @property
    def known(self) -> int:
        """Kilns that have cooled a window, here or in a process before, and were not closed since: they share the
        budget."""
        return len(self._known)

    def standing(self) -> tuple[Alert, ...]:
        """Alerts that were told and are not resolved, also those of an earlier process or owner."""
        return tuple(
            active.standing()
            for kiln in self._known
            for active in self.now(kiln).lifecycle.active.values()
            if active.said is not Said.NO and not active.over
        )

    def now(self, kiln: KilnId) -> KilnState:
        """What the kiln's next cooling begins with."""
        ledger = self._ledger(kiln)
        state = self._loose.get(kiln) if ledger is None else ledger.now(kiln)
        return KilnState() if state is None else state

    def alerting(self) -> dict[KilnId, KilnState]:
        """The kilns with active alerts."""
        values = [dict[Hashable, KilnState](self._loose.items()), *(log.ledger.values for log in self._logs.values())]
        return {kiln: state for some in values for kiln, state in _of_kilns(some).items() if state.lifecycle.active}

    def cut(self, kiln: KilnId, window: Window, *, refill_from: int, stream_time: float, count: Count) -> None:
        """A window ended.

        Args:
            kiln: whose.
            window: which.
            refill_from: offset of the oldest task in the ring.
            stream_time: the partition's at the last row.
            count: the kiln's tasks by then.
        """
        self._settled.cut(kiln, window.id)
        self._counts[kiln, window.id] = count
        ledger = self._ledger(kiln)
        if ledger is not None and window.end is not None:
            ledger.cut(
                window.id,
                kiln,
                window.end.offset,
                closed_by=window.closed_by,
                refill_from=refill_from,
                stream_time=stream_time,
            )

    def may_merge(self, kiln: KilnId, window: Window) -> bool:
        """Whether the window may give way to a later one."""
        return window.end is None or self.plan(kiln.partition).may_merge(window.end.offset)

    def merge(self, kiln: KilnId, dropped: Window, into: Window) -> None:
        """A window that waits gives way to a later one of its kiln."""
        self._settled.merge(dropped.id, into.id)
        self._counts.pop((kiln, dropped.id), None)
        ledger = self._ledger(kiln)
        if ledger is not None:
            ledger.merge(dropped.id)

    def cooled(self, kiln: KilnId, window: Window, after: KilnState | None, *, news: bool) -> None:
        """A window's report exists.

        Args:
            kiln: whose.
            window: which.
            after: what the kiln is left with; None where it is gone.
            news: whether notifications made from it must be settled before it is.
        """
        self._known.add(kiln)
        ledger, count = self._ledger(kiln), self._counts.pop((kiln, window.id), None)
        if after is not None and count is not None:
            after = replace(after, count=count)
        if ledger is not None:
            weight = 0 if after is None else after.history.nbytes
            ledger.cooled(window.id, after, [window.id] if news else [], weight=weight)
        elif after is None:
            self._loose.pop(kiln, None)
        else:
            self._loose[kiln] = after
            self._change(kiln)

    def amend(self, kiln: KilnId, after: KilnState | None) -> Callable[[], None]:
        """A kiln is left with something without a window: nothing came for long, or it was closed to make room.

        Args:
            kiln: whose.
            after: what it is left with; None where it is gone.

        Returns:
            To be called once what was told of that is settled: a process that dies before tells it again.
        """
        if after is None:
            self._known.discard(kiln)
        log = None if kiln.partition is None else self._logs.get(kiln.partition)
        if log is None:
            return self._amend_loose(kiln, after)
        before = log.ledger.amend(kiln, after)

        def settle() -> None:
            log.ledger.amended(kiln, before, after)
            if after is None:
                log.gone.add(kiln)

        return settle

    def _amend_loose(self, kiln: KilnId, after: KilnState | None) -> Callable[[], None]:
        self._changed.pop(kiln, None)
        if after is None:
            self._loose.pop(kiln, None)
        else:
            self._loose[kiln] = after
        return lambda: self._change(kiln)

    def settling(self, kiln: KilnId, window: Window) -> Callable[[], None]:
        """What is to be called when everything that was made of the window is settled.

        It does nothing once the partition has left: whoever has it now cuts the same window under the same id.
        """
        ledger = self._ledger(kiln)

        def settle() -> None:
            if self._ledger(kiln) is not ledger:
                return
            self._settled.settle(window.id)
            if ledger is not None:
                ledger.settle(window.id)

        return settle

    def whole(self, kiln: KilnId, window: Window) -> bool:
        """Whether the window holds what it would hold had the process never been restarted."""
        log = None if kiln.partition is None else self._logs.get(kiln.partition)
        if log is None or not log.start.short or log.start.through is None or window.end is None:
            return True
        return window.end.offset > log.start.through + self._capacity

    def ours(self, kiln: KilnId) -> bool:
        """Whether the kiln's partition is ours still."""
        return kiln.partition not in self._left

    def may_tell(self, kiln: KilnId, window: Window) -> bool:
        """Whether news of the window may be sent: a commit lists every cut up to it that is not on the grid."""
        ledger = self._ledger(kiln)
        return ledger is None or ledger.may_tell(window.id)

    # -- committing ------------------------------------------------------------------------------------------------

    def due(self) -> list[Checkpoint]:
        """What there is to commit now."""
        moved = self._settled.committable()
        unsaid = [each for each, log in self._logs.items() if log.ledger.unlisted or log.ledger.unsaid or not log.said]
        return [self._checkpoint(each, self._settled.position(each)) for each in {**moved, **dict.fromkeys(unsaid)}]

    def committed(self, checkpoints: Iterable[Checkpoint]) -> None:
        """The log knows these; one of a partition that has left meanwhile is ignored."""
        for checkpoint in checkpoints:
            log = self._logs.get(checkpoint.partition)
            if log is not None and log.ledger is checkpoint.ledger:
                log.ledger.committed(checkpoint.as_of, checkpoint.metadata.cuts)
                log.kept = log.said = True
                log.gone.difference_update(checkpoint.gone)
                self._settled.committed({checkpoint.partition: checkpoint.offset})
            elif log is None and checkpoint.ledger is None:
                self._settled.committed({checkpoint.partition: checkpoint.offset})

    def _checkpoint(self, partition: Partition, offset: int) -> Checkpoint:
        log = self._logs.get(partition)
        if log is None:
            as_of: AsOf[KilnState] = AsOf(offset - 1, offset, -math.inf, {}, Cuts())
            return Checkpoint(partition, offset, "", as_of, {}, (), CommitMetadata(offset - 1, offset))
        as_of = log.ledger.as_of(offset)
        before = _of_kilns(log.ledger.states) if log.kept else {}
        states = _of_kilns(as_of.states)
        metadata = CommitMetadata(
            through=as_of.through,
            refill_from=as_of.refill_from,
            stream_time=as_of.stream_time,
            claim=self.claim,
            cuts=as_of.cuts,
            alerts=digests({kiln.key: state.lifecycle for kiln, state in states.items()}),
            handovers=log.start.handovers,
        ).fitted()
        changed = {kiln: state for kiln, state in states.items() if before.get(kiln) is not state}
        gone = tuple(kiln for kiln in {*before, *log.gone} if kiln not in states)
        return Checkpoint(partition, offset, encode(metadata), as_of, changed, gone, metadata, not log.kept, log.ledger)

    def _ledger(self, kiln: KilnId) -> Ledger[KilnState] | None:
        log = None if kiln.partition is None else self._logs.get(kiln.partition)
        return None if log is None else log.ledger


def _adopted(partition: Partition, metadata: CommitMetadata | None) -> dict[KilnId, KilnState]:
    """What the metadata of the last commit say of each kiln."""
    if metadata is None:
        return {}
    return {
        KilnId(partition, key): KilnState(lifecycle=lifecycle) for key, lifecycle in revived(metadata.alerts).items()
    }


def _of_kilns(states: Mapping[Hashable, KilnState]) -> dict[KilnId, KilnState]:
    """A ledger takes any name for a kiln; ours are these."""
    return {kiln: state for kiln, state in states.items() if isinstance(kiln, KilnId)}
