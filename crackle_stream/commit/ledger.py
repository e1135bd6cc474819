"""The windows of one partition from its committed position on, and the values that each of them left behind.

What is stored beside a position is the value after that position's window, never "now": a raise that is not settled
would come back as "already active" and never be said, and a detector would learn the same rows twice.

     committed                                      now
         v                                           v
    ─────┼──────── w1 ──────── w2 ──────── w3 ──────── open rows
      through     settled    unsettled    settled
                     └─ as of through: the value after w1
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from crackle_stream.commit.cuts import ON_GRID, Cuts

__all__ = ["AsOf", "Ledger"]

State = TypeVar("State")


@dataclass(slots=True)
class _Entry(Generic[State]):
    """A window.

    Attributes:
        kiln: whose it is.
        end: offset of its last row.
        refill_from: offset of the first row of the ring as it ended.
        stream_time: the partition's stream time at its last row.
        extra: whether its end is off the grid.
        pins: notifications that hold it; None before it was cooled.
        after: what the kiln was left with.
        weight: bytes of that.
    """

    kiln: Hashable
    end: int
    refill_from: int
    stream_time: float
    extra: bool
    pins: set[Hashable] | None = None
    after: State | None = None
    weight: int = 0


@dataclass(frozen=True, slots=True)
class AsOf(Generic[State]):
    """A partition as of a position.

    Attributes:
        through: all windows that end here or before are settled.
        refill_from: the first row that a ring held then.
        stream_time: the partition's stream time then, on which later cuts by time depend.
        states: by kiln, the value after its last window that ends at `through` or before.
        cuts: departures from the grid after `through`.
    """

    through: int
    refill_from: int
    stream_time: float
    states: Mapping[Hashable, State]
    cuts: Cuts


@dataclass(slots=True)
class Ledger(Generic[State]):
    """One partition's windows. Kilns, windows and notifications are named by any hashable value.

    Attributes:
        through: where the partition was taken over.
        refill_from: the first row a ring held then.
        stream_time: the partition's stream time then.
        states: by kiln, the values as of then.
        inherited: a former owner's departures from the grid after `through`; they are handed on until passed.
        weight: bytes of the values that windows left behind which no commit has passed, as far as it was said.
    """

    through: int
    refill_from: int
    stream_time: float = -math.inf
    states: dict[Hashable, State] = field(default_factory=dict)
    inherited: Cuts = field(default_factory=Cuts)
    weight: int = field(default=0, init=False)
    _windows: dict[Hashable, _Entry[State]] = field(default_factory=dict)
    _holders: dict[Hashable, set[Hashable]] = field(default_factory=dict)
    _now: dict[Hashable, State] = field(default_factory=dict)
    _merged: set[int] = field(default_factory=set)
    _unlisted: set[int] = field(default_factory=set)
    _amendments: dict[Hashable, tuple[State, State | None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._now = dict(self.states)

    def __len__(self) -> int:
        """Windows that no commit has passed: the oldest unsettled one holds all after it."""
        return len(self._windows)

    @property
    def unsettled(self) -> int:
        """Windows that are not settled."""
        return sum(entry.pins is None or bool(entry.pins) for entry in self._windows.values())

    def cut(
        self, window: Hashable, kiln: Hashable, end: int, *, closed_by: str, refill_from: int, stream_time: float
    ) -> None:
        """A window ended.

        Args:
            window: its name.
            kiln: whose it is.
            end: offset of its last row.
            closed_by: what ended it; anything but "tasks" and "time" departs from the grid.
            refill_from: offset of the first row of the ring, context included.
            stream_time: the partition's stream time at the last row.
        """
        extra = closed_by not in ON_GRID
        self._windows[window] = _Entry(kiln, end, refill_from, stream_time, extra)
        if extra and end not in self.inherited.extra:
            self._unlisted.add(end)

    def merge(self, dropped: Hashable) -> None:
        """A window that was not cooled gave way to a later one of its kiln; an unknown one is ignored."""
        entry = self._windows.pop(dropped, None)
        if entry is None:
            return
        # also where it was off the grid: the grid may have passed there without a new row to end a window with
        self._merged.add(entry.end)
        self._unlisted.add(entry.end)

    @property
    def values(self) -> Mapping[Hashable, State]:
        """By kiln, what its next cooling takes."""
        return self._now

    def now(self, kiln: Hashable) -> State | None:
        """The value that the kiln's next cooling takes; None for a new kiln."""
        return self._now.get(kiln)

    def cooled(
        self, window: Hashable, after: State | None, notices: Iterable[Hashable] = (), *, weight: int = 0
    ) -> bool:
        """A window's report exists.

        Args:
            window: its name; one that is not known (a former generation's) is ignored.
            after: what the kiln is left with; None where the kiln is gone.
            notices: the notifications made from it that must be settled: raised and resolved ones. A repeated one
                never holds a position.
            weight: bytes of what the kiln is left with.

        Returns:
            Whether the window is settled by this.
        """
        entry = self._windows.get(window)
        if entry is None:
            return False
        entry.pins, entry.after = set(notices), after
        self.weight += weight - entry.weight
        entry.weight = weight
        for notice in entry.pins:
            self._holders.setdefault(notice, set()).add(window)
        if after is None:
            self._now.pop(entry.kiln, None)
        else:
            self._now[entry.kiln] = after
        return not entry.pins

    def amend(self, kiln: Hashable, after: State | None) -> State | None:
        """The value that the kiln's next cooling takes has changed without a window; None where the kiln is gone.

        Returns:
            What it was.
        """
        before = self._now.pop(kiln, None)
        if after is not None:
            self._now[kiln] = after
        return before

    def amended(self, kiln: Hashable, before: State | None, after: State | None) -> None:
        """What was told of such a change is settled: until now a restart would have begun with what was before, and
        told it again. Once a window has come after the change there is nothing to amend.

        Args:
            kiln: whose.
            before: what `amend` returned.
            after: what it was given.
        """
        if before is None:
            return
        entries = [entry for entry in self._windows.values() if entry.kiln == kiln and entry.after is before]
        for entry in entries:
            entry.after = after
        if not entries and self.states.get(kiln) is before:
            self._amendments[kiln] = (before, after)

    @property
    def unsaid(self) -> bool:
        """Whether a commit should be made although no position moved: a value changed without a window."""
        return bool(self._amendments)

    def settle(self, notice: Hashable) -> tuple[Hashable, ...]:
        """A notification is settled; an unknown one is ignored.

        Returns:
            The windows that are settled by this.
        """
        freed = []
        for window in self._holders.pop(notice, ()):
            entry = self._windows.get(window)
            if entry is not None and entry.pins is not None:
                entry.pins.discard(notice)
                if not entry.pins:
                    freed.append(window)
        return tuple(freed)

    def may_tell(self, window: Hashable) -> bool:
        """Whether a first attempt may be made at the window's notifications.

        It may once a commit lists every departure from the grid up to the window's end: without them the partition's
        next owner would cut other windows there, and make the same news under another id. A window that a commit
        has passed is known no more and may be told: only repeated news, which hold nothing, are left of it.
        """
        entry = self._windows.get(window)
        return entry is None or min(self._unlisted, default=entry.end + 1) > entry.end

    @property
    def unlisted(self) -> bool:
        """Whether a commit should be made although no position moved: news waits for its cut to be listed."""
        return any(entry.pins and not self.may_tell(window) for window, entry in self._windows.items())

    def as_of(self, offset: int) -> AsOf[State]:
        """The partition as of an offset that may be committed (`SettledPositions`)."""
        through = offset - 1
        states = self._amended_states()
        contexts = dict.fromkeys(states, self.refill_from)
        stream_time = self.stream_time
        for entry in sorted(self._windows.values(), key=lambda entry: entry.end):
            if entry.end > through:
                break
            contexts[entry.kiln] = entry.refill_from
            stream_time = max(stream_time, entry.stream_time)
            states.pop(entry.kiln, None)  # the kilns stand in the order of their last windows
            if entry.after is not None:
                states[entry.kiln] = entry.after
        refill_from = min(contexts.values(), default=self.refill_from)
        return AsOf(through, min(refill_from, offset), stream_time, states, self._cuts(through))

    def _amended_states(self) -> dict[Hashable, State]:
        states = dict(self.states)
        for kiln, (before, after) in self._amendments.items():
            if states.get(kiln) is before:
                del states[kiln]
                if after is not None:
                    states[kiln] = after
        return states

    def _cuts(self, through: int) -> Cuts:
        extra = {entry.end for entry in self._windows.values() if entry.extra}.union(self.inherited.extra)
        merged = self._merged.union(self.inherited.merged)
        return Cuts(
            tuple(sorted(end for end in extra - self._merged if end > through)),
            tuple(sorted(end for end in merged if end > through)),
        )

    def committed(self, as_of: AsOf[State], listed: Cuts) -> None:
        """A commit of this took place; what it made past is forgotten.

        Args:
            as_of: what was committed.
            listed: the departures that its metadata had room for.
        """
        self._unlisted -= {*listed.extra, *listed.merged}
        self._unlisted = {end for end in self._unlisted if end > as_of.through}
        self._merged = {end for end in self._merged if end > as_of.through}
        self._windows = {name: entry for name, entry in self._windows.items() if entry.end > as_of.through}
        self.weight = sum(entry.weight for entry in self._windows.values())
        self.through, self.refill_from, self.stream_time = as_of.through, as_of.refill_from, as_of.stream_time
        self.states = dict(as_of.states)
        # one that was made while the commit was under way is not in it
        self._amendments = {kiln: made for kiln, made in self._amendments.items() if self.states.get(kiln) is made[0]}
