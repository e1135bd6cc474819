"""The way of alerts to a sink over the spool: on disk before they count, delivered in order, kept until they are."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

import anyio

from crackle_stream.errors import ReaderGone, SinkGone, SinkUnavailable, StateUnavailable, StateUnusable
from crackle_stream.model import Alert, Partition
from crackle_stream.stream.breaker import BreakerState
from crackle_stream.stream.courier import Subscription, Surroundings
from crackle_stream.stream.deferrals import Deferrals
from crackle_stream.stream.events import (
    AlertDropped,
    AlertRefused,
    AlertsHandedOver,
    AlertSpooled,
    SinkUnavailableSeen,
    SpoolFailed,
    SpoolFull,
    SpoolLeft,
)
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.lane import Lane, Ticket, repetition
from crackle_stream.stream.spool import Frozen, Spool, Spooled, freeze
from crackle_stream.stream.store import Store

__all__ = ["SpoolLane"]

T = TypeVar("T")

POLL_S = 1.0
"""How often a lane that waits looks for what the command or the clock have changed."""

STATE_RETRY_S = 1.0
"""Between two tries at a state file that cannot be written: what it waits for is room on a disk."""

PAGE = 64
"""Alerts read at once; the only ones of a spool that are in memory."""

REMOVED_AT_ONCE = 8
"""Delivered alerts that leave the file in one transaction while there are more to deliver: a sync for each costs more
than a delivery. A kill delivers them again, under the same ids."""

UNREMOVED = 256
"""Delivered alerts that may still be in the file where its disk fails; then the sink waits."""

PUSHED_OUT = 64
"""Alerts that leave a full spool at once."""


class SpoolLane(Lane):
    """A spool before a sink.

    An alert is on disk when `put` returns. Deliveries follow the order of arrival, but an alert that fails holds back
    only what has its key; the file's command is noticed within a second.

    Args:
        subscription: whose, and how.
        around: the process.
        store: the file.
    """

    def __init__(self, subscription: Subscription, around: Surroundings, store: Store) -> None:
        super().__init__(subscription, around)
        self._store = store
        self._spool = Spool(self.name, subscription.spool)
        self._count = 0
        self._asked = 0
        self._looked = float("-inf")
        self._page: deque[Spooled] = deque()
        self._delivered: set[int] = set()
        self._tickets: dict[int, list[Ticket]] = {}
        self._deferred = Deferrals(subscription.retry, around.clock, around.rng)
        self._told = False
        self._incoming = 0
        self._at_work: int | None = None
        self._leaving: set[int] = set()
        self._disk = ""

    @property
    def waiting(self) -> int:
        """Alerts that the sink has not."""
        return self._count - len(self._delivered)

    @property
    def unsettled(self) -> int:
        """Alerts that hold positions back: not on disk yet, or to be delivered first where ack says so."""
        return len(self._tickets) + self._incoming

    @property
    def trouble(self) -> str:
        """Why it is not healthy; "" where it is."""
        return self._disk or super().trouble

    async def begin(self) -> None:
        """See what an earlier process left."""
        load = await self._store.run(self._spool.load)
        self._count, self._asked = load.count, load.asked

    # -- in ----------------------------------------------------------------------------------------------------------

    async def put(self, alerts: Sequence[Alert], ticket: Ticket) -> None:
        """Write alerts to disk; for a required sink waits for room and for the disk, another loses alerts."""
        frozen = [each for each in map(self._frozen, alerts) if each is not None]
        self._incoming += len(frozen)
        places = await self._written(frozen, alerts)
        self._incoming -= len(frozen)
        if self.subscription.required and self.subscription.ack == "delivered":
            news = [place for place, each in zip(places, frozen, strict=False) if not each.repeats]
            self._hold_back([place for place in news if place not in self._delivered], ticket)
        self.around.emit(AlertSpooled(self.name, len(places), self.waiting))
        self.wake()

    def _hold_back(self, places: Sequence[int], ticket: Ticket) -> None:
        ticket.left += len(places)
        for place in places:
            self._tickets.setdefault(place, []).append(ticket)

    def _frozen(self, alert: Alert) -> Frozen | None:
        try:
            return freeze(alert, repetition(alert))
        except TypeError as error:
            self.around.emit(AlertRefused(self.name, alert, f"the alert is no JSON: {error}"))
            self.unkept += self.subscription.required
            return None

    async def _written(self, frozen: Sequence[Frozen], alerts: Sequence[Alert]) -> list[int]:
        """The places of the alerts; none where a sink that is not required loses them."""
        told = False
        while True:
            try:
                places = await self._try_to_write(frozen)
            except StateUnavailable as failure:
                self._tell_disk(failure)
                if not self.subscription.required:
                    self._drop(alerts, str(failure))
                    return []
                await self.around.sleep(STATE_RETRY_S)
                continue
            if places is not None:
                return places
            if not told:
                told = True
                self.around.emit(SpoolFull(self.name, self._count, self._spool.options.when_full))
            await self._make_room()

    async def _try_to_write(self, frozen: Sequence[Frozen]) -> list[int] | None:
        now = self.around.clock.time()

        def write(connection: sqlite3.Connection) -> tuple[list[int] | None, int]:
            return self._spool.put(connection, frozen, now), self._spool.count(connection)

        places, self._count = await self._store.run(write)
        reach("spooled")
        self._disk = ""
        return places

    async def _make_room(self) -> None:
        """Push out the oldest alerts, or wait until some have left."""
        if self._spool.options.when_full == "block" and self.subscription.required:
            await self._nap(POLL_S, self.changed)
            return
        oldest = await self._in_store(lambda connection: self._spool.oldest(connection, PUSHED_OUT))
        if any(map(self._is_idle, oldest or [])):
            await self._bury(oldest or [], "its spool is full")
        else:
            await self._nap(POLL_S, self.changed)

    async def origins(self) -> set[Partition]:
        """Partitions in which windows of what waits ended."""
        return await self._in_store(self._spool.partitions) or set()

    async def hand_over(self, partition: Partition, through: int) -> None:
        """Take out what the partition's next owner makes again; what is at work, or on a disk that fails, stays."""
        found = await self._in_store(lambda connection: self._spool.beyond(connection, partition, through)) or set()
        places = frozenset(found - self._delivered - self._leaving - {self._at_work})
        self._leave(places)
        if places and await self._removed(places):
            self.around.emit(AlertsHandedOver(self.name, str(partition), len(places), through))
            self._settle(list(places))
        self._leaving -= places
        self.wake()

    # -- out ---------------------------------------------------------------------------------------------------------

    async def run(self, stopping: anyio.Event) -> None:
        """Deliver until closed and empty, or closed and the rest can wait for the next start."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._remove_delivered)
                await self._deliver_all(stopping)
                self._page.clear()
                self.wake()
                while self._delivered:
                    await self.changed.wait()
                tasks.cancel_scope.cancel()
        finally:
            # also where the grace is over: exit code 0 then means that these are safe, not that there are none
            if self.waiting:
                self.around.emit(SpoolLeft(self.name, self.waiting, "the next start delivers them first"))

    async def _deliver_all(self, stopping: anyio.Event) -> None:
        while self.gone is None:
            changed = self.changed
            await self._look()
            entry = await self._next() if not self.courier.wait else None
            if entry is None:
                if self.closed and not self._tickets:
                    return
                await self._nap(self._idle_s(), changed)
                continue
            self._at_work = entry.seq
            try:
                await self.deliver(self._alert_of(entry))
            except ReaderGone:
                stopping.set()
            except SinkUnavailable as failure:
                await self._defer(entry, failure)
            else:
                self._done(entry)
                await self._recovered(entry)
            self._at_work = None

    async def _hold(self, refusal: SinkGone) -> None:
        """Leave the alert on disk; the process may end with it."""
        while not self.closed:
            await self.changed.wait()
        raise SinkUnavailable(self.name, "is disabled") from refusal

    def _idle_s(self) -> float | None:
        """How long to wait for something to do; None where only a change brings it."""
        if not self.waiting:
            return None
        return min(max(self.courier.wait, self._deferred.soonest(POLL_S), 0.01), POLL_S)

    async def _next(self) -> Spooled | None:
        """The oldest alert whose key is not waited for; a probe takes any rather than none."""
        while len(self._delivered) >= UNREMOVED:
            await self.changed.wait()
        if not self._page and self.waiting:
            passing = self._deferred.passing
            if passing is not None:
                self._page.extend(await self._read(passing))
            if not self._page and self.courier.breaker.state is BreakerState.OPEN:
                self._page.extend((await self._read([]))[:1])
        return self._page.popleft() if self._page else None

    async def _read(self, passing: Sequence[str]) -> list[Spooled]:
        skipping = self._delivered | self._leaving
        found = await self._in_store(
            lambda connection: self._spool.next(connection, PAGE, passing=passing, skipping=skipping)
        )
        return [entry for entry in found or [] if entry.seq not in self._leaving]  # some may have begun to meanwhile

    def _alert_of(self, entry: Spooled) -> Alert:
        try:
            return entry.alert
        except (KeyError, TypeError, ValueError) as error:
            problem = f"alert {entry.seq} of sink {self.name} cannot be read ({error}): purge that sink's spool"
            raise StateUnusable(str(self._store.path), problem) from error

    async def _defer(self, entry: Spooled, failure: SinkUnavailable) -> None:
        """Let what has this alert's key wait; the page may hold more of it."""
        pause = self._deferred.defer(entry.key)
        self._page = deque(each for each in self._page if each.key != entry.key)
        wait = self.courier.wait
        self.around.emit(SinkUnavailableSeen(self.name, str(failure), wait or pause, self.waiting))
        next_try = self.around.clock.time() + (wait or pause)
        await self._in_store(lambda connection: self._spool.tell(connection, next_try, str(failure)))
        self._told = True
        if wait:
            self._page.clear()
        self.wake()

    async def _recovered(self, entry: Spooled) -> None:
        self._deferred.forget(entry.key)
        if self._told and not self._deferred:
            await self._in_store(lambda connection: self._spool.tell(connection, None, ""))
            self._told = False

    def _done(self, entry: Spooled) -> None:
        reach("unspooled")
        self._delivered.add(entry.seq)
        self._settle([entry.seq])
        self.wake()

    def _settle(self, places: Sequence[int]) -> None:
        for place in places:
            for ticket in self._tickets.pop(place, ()):
                ticket.done()

    async def _remove_delivered(self) -> None:
        """Take out what was delivered, at the disk's pace and beside the next deliveries."""
        while True:
            changed = self.changed
            gone = frozenset(self._delivered)
            if not gone or (self._page and len(gone) < REMOVED_AT_ONCE):
                await changed.wait()
            elif await self._removed(gone):
                self._delivered -= gone
                self.wake()
            else:
                await self.around.sleep(STATE_RETRY_S)

    async def _removed(self, places: frozenset[int]) -> bool:
        """Whether they could be taken out."""

        def remove(connection: sqlite3.Connection) -> int:
            self._spool.remove(connection, places)
            return self._spool.count(connection)

        count = await self._in_store(remove)
        if count is None:
            return False
        self._count = count
        return True

    # -- what time and the command change ----------------------------------------------------------------------------

    async def _look(self) -> None:
        """Once a second: let alerts go that are too old, and do what the command asked for."""
        now = self.around.clock.monotonic()
        if now - self._looked < POLL_S:
            return
        self._looked = now
        await self._expire()
        asked = await self._in_store(self._spool.asked)
        if asked is None or asked == self._asked:
            return
        self._asked = asked
        self._page.clear()
        self._deferred.clear()
        self.courier.breaker.ask()
        held = frozenset(self._tickets)
        still = await self._in_store(lambda connection: self._spool.still(connection, held))
        count = await self._in_store(self._spool.count)
        self._count = self._count if count is None else count
        self._settle(list(held - (held if still is None else still)))

    async def _expire(self) -> None:
        before = self.around.clock.time() - self._spool.options.max_age
        while self.waiting:
            oldest = await self._in_store(lambda connection: self._spool.oldest(connection, PAGE))
            old = [each for each in oldest or [] if each.added < before and self._is_idle(each)]
            if not old:
                return
            await self._bury(old, f"it waited longer than {self._spool.options.max_age / 3600:g} h in the spool")

    async def _bury(self, entries: Sequence[Spooled], problem: str) -> None:
        """Take alerts out that will not be delivered: to the dead letters, or else to the log."""
        entries = [entry for entry in entries if self._is_idle(entry)]
        places = frozenset(entry.seq for entry in entries)
        self._leave(places)
        alerts = [self._alert_of(entry) for entry in entries]
        if not await self.around.undertaker.bury_alerts(self.name, problem, alerts):
            self._drop(alerts, problem)
        while places and not await self._removed(places):
            await self.around.sleep(STATE_RETRY_S)
        self._leaving -= places
        self._settle(list(places))
        self.wake()

    def _leave(self, places: frozenset[int]) -> None:
        """Nobody is to see to these any more."""
        self._leaving |= places
        self._page = deque(each for each in self._page if each.seq not in places)

    def _is_idle(self, entry: Spooled) -> bool:
        """Whether nobody sees to it already."""
        return entry.seq != self._at_work and entry.seq not in self._delivered | self._leaving

    def _drop(self, alerts: Sequence[Alert], problem: str) -> None:
        for alert in alerts:
            self.around.emit(AlertDropped(self.name, alert, problem))

    async def _in_store(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What the store says, or None where it cannot be asked now, which is told."""
        try:
            return await self._store.run(work)
        except StateUnavailable as failure:
            self._tell_disk(failure)
            return None

    def _tell_disk(self, failure: StateUnavailable) -> None:
        self._disk = str(failure)
        self.around.emit(SpoolFailed(self.name, str(failure), STATE_RETRY_S))

    async def _nap(self, seconds: float | None, changed: anyio.Event) -> None:
        """Wait for a change, at most so long."""
        async with anyio.create_task_group() as waiting:
            if seconds is not None:
                waiting.start_soon(self._end_after, seconds, waiting.cancel_scope)
            await changed.wait()
            waiting.cancel_scope.cancel()

    async def _end_after(self, seconds: float, scope: anyio.CancelScope) -> None:
        await self.around.sleep(seconds)
        scope.cancel()
