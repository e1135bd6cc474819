"""Brings alerts to sinks: a lane for each, so that one that fails holds up no other."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import anyio

from crackle_stream.alerting import Routes, grouped
from crackle_stream.errors import ReaderGone
from crackle_stream.model import Alert, Nature, Partition
from crackle_stream.protocols import Clock, SystemClock
from crackle_stream.stream.courier import Subscription, Surroundings
from crackle_stream.stream.deadletter import Undertaker
from crackle_stream.stream.events import AlertMade, Event, SpoolLeft
from crackle_stream.stream.lane import Lane, QueueLane, Ticket
from crackle_stream.stream.spool import loads
from crackle_stream.stream.spooling import SpoolLane
from crackle_stream.stream.store import Store

__all__ = ["Dispatcher", "Subscription"]

LOOK_EVERY_S = 0.02
"""Between two looks at the lanes, each of which changes by itself."""


class Dispatcher:
    """Delivers alerts at least once to every sink that takes them.

    Args:
        subscriptions: the sinks; their names must differ.
        emit: where events go.
        rng: jitter of the waits.
        routes: which alerts go to which sinks; by default to those whose own match takes them.
        undertaker: keeps what no sink will have; nothing does by default.
        store: where spools are kept; entered by the caller.
        clock: the machine's by default.
        sleep: how it waits.

    Raises:
        ValueError: two sinks of one name, or a sink with a spool and no store.
    """

    def __init__(
        self,
        subscriptions: Sequence[Subscription],
        *,
        emit: Callable[[Event], None],
        rng: random.Random,
        routes: Routes | None = None,
        undertaker: Undertaker | None = None,
        store: Store | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        names = [subscription.sink.name for subscription in subscriptions]
        if len(set(names)) != len(names):
            raise ValueError(f"sinks must have different names, these were given: {', '.join(sorted(names))}")
        clock = SystemClock() if clock is None else clock
        undertaker = Undertaker(None, now=clock.time, emit=emit) if undertaker is None else undertaker
        self._around = Surroundings(emit, clock, sleep, rng, undertaker)
        matches = {subscription.sink.name: subscription.match for subscription in subscriptions}
        self._routes = Routes(matches) if routes is None else routes
        self._store = store
        self._closed = False
        self._lanes = [self._lane(subscription) for subscription in subscriptions]

    def _lane(self, subscription: Subscription) -> Lane:
        if subscription.spool is None:
            return QueueLane(subscription, self._around)
        if self._store is None:
            name = subscription.sink.name
            raise ValueError(
                f"sink {name} has a spool and the pipeline no state directory: give a Store, or spool=None"
            )
        return SpoolLane(subscription, self._around, self._store)

    @property
    def gone(self) -> ReaderGone | None:
        """Who has gone of those that read a sink's output, or None."""
        return next((lane.gone for lane in self._lanes if lane.gone is not None), None)

    @property
    def sinks(self) -> tuple[str, ...]:
        """Names of the sinks."""
        return tuple(lane.name for lane in self._lanes)

    @property
    def backlog(self) -> dict[str, int]:
        """Alerts that wait, in memory or on disk, by sink name; sinks with none are left out."""
        return {lane.name: lane.waiting for lane in self._lanes if lane.waiting}

    @property
    def unsettled(self) -> dict[str, int]:
        """Alerts that the process may not end with, by sink name; sinks with none are left out."""
        return {lane.name: lane.unsettled for lane in self._lanes if lane.unsettled}

    @property
    def holding(self) -> bool:
        """Whether a required sink has alerts to take that hold a position back."""
        return any(lane.unsettled and lane.subscription.required for lane in self._lanes)

    @property
    def nbytes(self) -> int:
        """Bytes of the alerts that wait in memory, roughly."""
        return sum(lane.nbytes for lane in self._lanes)

    @property
    def safe(self) -> bool:
        """Whether everything was handed out, and what sinks have not yet is on disk for the next start."""
        return self._closed and not self.unsettled

    @property
    def unkept(self) -> dict[str, int]:
        """Alerts that required sinks refused and that only the log keeps, by sink name."""
        return {lane.name: lane.unkept for lane in self._lanes if lane.unkept}

    @property
    def failing(self) -> dict[str, str]:
        """What is wrong with the sinks that are not healthy, by name."""
        return {lane.name: lane.trouble for lane in self._lanes if lane.trouble}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """The sinks, open."""
        async with AsyncExitStack() as stack:
            for lane in self._lanes:
                await stack.enter_async_context(lane.subscription.sink)
                await lane.begin()
            await self._tell_orphans()
            yield

    async def deliver(self, alerts: Iterable[Alert], settled: Callable[[], None]) -> None:
        """Hand out a window's alerts; waits while a required sink that takes one has no room.

        Args:
            alerts: in the order to be delivered.
            settled: called once, when every required sink has its share, or it is where `ack` wants it.
        """
        ticket = Ticket(settled)
        shares: dict[int, list[Alert]] = {}
        for alert in alerts:
            named = self._routes.decide(alert).sinks
            takers = [place for place, lane in enumerate(self._lanes) if lane.name in named]
            if not takers and alert.pattern.nature == Nature.FACT:
                continue  # what holds is in the report, and no alert where nobody asks for it
            self._around.emit(AlertMade(alert, tuple(self._lanes[place].name for place in takers)))
            for place in takers:
                shares.setdefault(place, []).append(alert)
        if shares:
            async with anyio.create_task_group() as handing:
                for place, share in shares.items():
                    lane = self._lanes[place]
                    told = grouped(share, lane.name) if lane.subscription.group else share
                    handing.start_soon(lane.put, told, ticket)
        ticket.done()

    async def origins(self) -> set[Partition]:
        """Partitions whose windows made what an earlier process left to be delivered."""
        return set().union(*[await lane.origins() for lane in self._lanes])

    async def hand_over(self, partition: Partition, through: int) -> None:
        """A partition has moved: news of its windows that end after an offset are made again by its next owner."""
        for lane in self._lanes:
            await lane.hand_over(partition, through)

    async def come_to_rest(self, within_s: float) -> None:
        """Wait until no alert holds a position back, as long as no sink fails and there is time."""
        with anyio.move_on_after(within_s):
            while self.unsettled and not self.failing:  # noqa: ASYNC110 - each lane changes by itself
                await anyio.sleep(LOOK_EVERY_S)

    def close(self, *, hurry: bool = False) -> None:
        """Nothing will be delivered any more; `run` ends when the lanes are done.

        Args:
            hurry: whether somebody waits for that, so that a sink is not left alone for longer than a few seconds.
        """
        self._closed = True
        for lane in self._lanes:
            lane.hurried = hurry
            lane.close()

    async def give_up(self, problem: str) -> None:
        """Say of every alert that is only in memory that nobody will have it; dead letters keep it."""
        for lane in self._lanes:
            await lane.give_up(problem)

    async def run(self, stopping: anyio.Event | None = None) -> None:
        """Work on all lanes until closed and done.

        Args:
            stopping: set when whoever read a sink's output has gone: nobody is left to write for, but the other sinks
                get what was found.
        """
        stopping = anyio.Event() if stopping is None else stopping
        async with anyio.create_task_group() as workers:
            for lane in self._lanes:
                workers.start_soon(lane.run, stopping)

    async def _tell_orphans(self) -> None:
        """Say so where the file holds alerts for sinks that this configuration has not."""
        if self._store is None:
            return
        spooling = {lane.name for lane in self._lanes if isinstance(lane, SpoolLane)}
        for load in await self._store.run(loads):
            if load.count and load.sink not in spooling:
                problem = "no sink of this name has a spool here: configure it again, or purge what is left"
                self._around.emit(SpoolLeft(load.sink, load.count, problem))
