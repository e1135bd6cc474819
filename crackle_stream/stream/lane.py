"""The way of alerts to one sink: a queue in memory, and what is the same for every way."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import anyio

from crackle_stream.errors import ReaderGone, SinkGone, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, AlertStatus, Partition
from crackle_stream.stream.breaker import BreakerState, full_jitter
from crackle_stream.stream.courier import Courier, Subscription, Surroundings
from crackle_stream.stream.events import (
    AlertDelivered,
    AlertDropped,
    AlertRefused,
    AlertsHandedOver,
    SinkDisabled,
    SinkRefusing,
    SinkUnavailableSeen,
)
from crackle_stream.stream.failpoints import reach

__all__ = ["Lane", "QueueLane", "Ticket", "repetition"]


LAST_WAIT_S = 5.0
"""Longest wait between tries once the stream has ended: a breaker's 30 s would outlast the grace, 25 s by default."""


ALERT_BYTES, TASK_BYTES = 4096, 64
"""What an alert takes in memory (a shift of three metrics: 4.3 kB), and each task that it names."""


@dataclass(slots=True)
class Ticket:
    """Counts what of one window's alerts is not settled; `settled` is called once, when nothing is left.

    Attributes:
        settled: called once.
        left: what is open; one of it is whoever hands the alerts out.
    """

    settled: Callable[[], None]
    left: int = 1

    def done(self) -> None:
        """One less."""
        self.left -= 1
        if self.left == 0:
            self.settled()


class Lane(ABC):
    """Alerts on their way to one sink.

    Args:
        subscription: whose, and how.
        around: the process.

    Attributes:
        gone: who has gone of those that read the sink's output.
        hurried: whether somebody waits for its end.
        unkept: alerts that a required sink refused and nothing but the log keeps.
    """

    def __init__(self, subscription: Subscription, around: Surroundings) -> None:
        self.subscription = subscription
        self.name = subscription.sink.name
        self.around = around
        self.courier = Courier(subscription, around)
        self.changed = anyio.Event()
        self.closed = False
        self.hurried = False
        self.gone: ReaderGone | None = None
        self.unkept = 0
        self._refused = False
        self._dead: SinkGone | None = None

    @property
    @abstractmethod
    def waiting(self) -> int:
        """Alerts that the sink has not."""

    @property
    @abstractmethod
    def unsettled(self) -> int:
        """Alerts that hold positions back."""

    @property
    def nbytes(self) -> int:
        """Bytes of what waits in memory, roughly; none where it waits on disk."""
        return 0

    @property
    def trouble(self) -> str:
        """Why it is not healthy; "" where it is."""
        state = self.courier.breaker.state
        return "" if state is BreakerState.CLOSED else f"breaker {state}"

    async def begin(self) -> None:
        """Called once the sink is open; nothing to do by default."""
        return

    @abstractmethod
    async def put(self, alerts: Sequence[Alert], ticket: Ticket) -> None:
        """Take a window's alerts; may wait for room."""

    @abstractmethod
    async def run(self, stopping: anyio.Event) -> None:
        """Deliver until closed and done; sets `stopping` when whoever read the sink's output has gone."""

    async def origins(self) -> set[Partition]:
        """Partitions whose windows made what an earlier process left; none by default."""
        return set()

    @abstractmethod
    async def hand_over(self, partition: Partition, through: int) -> None:
        """A partition has moved: let go of what its next owner makes again, news of windows that end after an
        offset."""

    async def give_up(self, problem: str) -> None:
        """The process ends and what is left in memory will not come again; nothing to do by default."""
        return

    def close(self) -> None:
        """Nothing is put any more."""
        self.closed = True
        self.wake()

    def wake(self) -> None:
        """Whoever waits for a change looks again."""
        changed, self.changed = self.changed, anyio.Event()
        changed.set()

    async def deliver(self, alert: Alert) -> None:
        """One round of tries; returns once the sink has the alert or has refused it for good.

        Raises:
            SinkUnavailable: neither, yet.
            ReaderGone: nobody reads the output any more.
        """
        if self._dead is not None:
            await self._refuse(alert, self._dead)
            return
        try:
            tries = await self.courier.bring(alert)
        except ReaderGone as gone:
            self.gone = gone
            raise
        except SinkGone as dead:
            self._dead = dead
            self.around.emit(SinkDisabled(self.name, str(dead)))
            await self._refuse(alert, dead)
        except SinkRefused as refusal:
            await self._refuse(alert, refusal)
        else:
            self.around.emit(AlertDelivered(self.name, alert, tries))
            reach("delivered")

    async def _refuse(self, alert: Alert, refusal: SinkRefused) -> None:
        """See to an alert the sink will not have: keep it, or hold on to it, or give it up."""
        letters = self.around.undertaker.letters
        if not self._refused:
            self._refused = True
            kept = "only in this log" if letters is None else f"in the dead letters, {letters.where}"
            self.around.emit(SinkRefusing(self.name, str(refusal), kept))
        if letters is None and self.subscription.required and isinstance(refusal, SinkGone):
            # nothing would keep what the whole stream finds from now on: hold the position until somebody looks
            await self._hold(refusal)
        self.around.emit(AlertRefused(self.name, alert, str(refusal)))
        if not await self.around.undertaker.bury_alerts(self.name, str(refusal), [alert]):
            self.unkept += self.subscription.required

    async def _hold(self, refusal: SinkGone) -> None:
        """Never take the alert for done."""
        await anyio.sleep_forever()


@dataclass(slots=True)
class _Delivery:
    alert: Alert
    ticket: Ticket | None

    @property
    def nbytes(self) -> int:
        return ALERT_BYTES + TASK_BYTES * len(self.alert.pattern.involved_tasks)


class QueueLane(Lane):
    """A bounded queue in memory; the delivery at work stays at its head until it is done."""

    def __init__(self, subscription: Subscription, around: Surroundings) -> None:
        super().__init__(subscription, around)
        self._queue: deque[_Delivery] = deque()
        self._incoming = 0

    @property
    def waiting(self) -> int:
        """Alerts that the sink has not."""
        return len(self._queue)

    @property
    def nbytes(self) -> int:
        """Bytes of what waits in memory, roughly."""
        return sum(delivery.nbytes for delivery in self._queue)

    @property
    def unsettled(self) -> int:
        """Alerts that hold positions back, or would be lost with the process."""
        return len(self._queue) + self._incoming

    async def put(self, alerts: Sequence[Alert], ticket: Ticket) -> None:
        """Queue alerts; for a required sink waits for room, for another makes room.

        What is only said again holds no position back, and takes the place of what was to be said again before.
        """
        required = self.subscription.required
        pinning = sum(required and alert.status is not AlertStatus.REPEATED for alert in alerts)
        ticket.left += pinning
        for alert in alerts:
            if self._took_its_place(alert):
                continue
            while self._full and required:
                self._incoming = 1
                await self.changed.wait()
            self._incoming = 0
            if not self._full or self._made_room(alert):
                pins = required and alert.status is not AlertStatus.REPEATED
                self._queue.append(_Delivery(alert, ticket if pins else None))
                self.wake()

    def _took_its_place(self, alert: Alert) -> bool:
        """Whether an older repetition of the same waited, which this one replaces; not the one at work."""
        mark = repetition(alert)
        older = (each for place, each in enumerate(self._queue) if place and mark and repetition(each.alert) == mark)
        delivery = next(older, None)
        if delivery is not None:
            delivery.alert = alert
        return delivery is not None

    async def hand_over(self, partition: Partition, through: int) -> None:
        """Let go of what the partition's next owner makes again; the delivery at work is left alone."""
        kept, going = deque[_Delivery](), list[_Delivery]()
        for place, delivery in enumerate(self._queue):
            (going if place and _ends_beyond(delivery.alert, partition, through) else kept).append(delivery)
        self._queue = kept
        for delivery in going:
            if delivery.ticket is not None:
                delivery.ticket.done()
        if going:
            self.around.emit(AlertsHandedOver(self.name, str(partition), len(going), through))
            self.wake()

    async def run(self, stopping: anyio.Event) -> None:
        """Deliver until closed and empty."""
        while True:
            while not self._queue:
                if self.closed:
                    return
                await self.changed.wait()
            delivery = self._queue[0]
            if self.gone is None:
                try:
                    await self._deliver_at_last(delivery.alert)
                except ReaderGone:
                    stopping.set()
            self._queue.popleft()
            if delivery.ticket is not None:
                delivery.ticket.done()
            self.wake()

    @property
    def _full(self) -> bool:
        return len(self._queue) >= self.subscription.queue

    def _made_room(self, newest: Alert) -> bool:
        """Give up the oldest alert that is not at work, or else the newest one."""
        lost = newest
        if len(self._queue) > 1:
            lost = self._queue[1].alert
            del self._queue[1]
        self.around.emit(AlertDropped(self.name, lost, "its queue is full"))
        return lost is not newest

    async def _deliver_at_last(self, alert: Alert) -> None:
        """Rounds of tries until the sink has the alert, refuses it, or is given up."""
        retry, required = self.subscription.retry, self.subscription.required
        rounds = 0
        while True:
            await self._pause(self.courier.wait)
            try:
                await self.deliver(alert)
            except SinkUnavailable as failure:
                rounds += 1
                if not required and rounds >= retry.rounds:
                    self.around.emit(AlertDropped(self.name, alert, str(failure)))
                    return
                pause = full_jitter(self.around.rng, retry.round_wait_s, retry.round_wait_max_s, rounds)
                wait = max(self.courier.wait, pause)
                self.around.emit(SinkUnavailableSeen(self.name, str(failure), wait, self.waiting))
                await self._pause(wait)
            else:
                return

    async def _pause(self, wait: float) -> None:
        """Wait; but once somebody waits for the end, no longer than leaves time for another try."""
        if not self.hurried:
            async with anyio.create_task_group() as racing:

                async def until_hurried() -> None:
                    while not self.hurried:
                        await self.changed.wait()
                    racing.cancel_scope.cancel()

                racing.start_soon(until_hurried)
                await self.around.sleep(wait)
                racing.cancel_scope.cancel()
            return
        await self.around.sleep(min(wait, LAST_WAIT_S))

    async def give_up(self, problem: str) -> None:
        """Nobody will have what is left: say so of each alert, and keep it where dead letters are."""
        left = [delivery.alert for delivery in self._queue]
        for alert in left:
            self.around.emit(AlertDropped(self.name, alert, problem))
        if left:
            await self.around.undertaker.bury_alerts(self.name, problem, left)


def repetition(alert: Alert) -> str:
    """What an alert that is said again repeats; "" for any other."""
    if alert.status is not AlertStatus.REPEATED:
        return ""
    return f"{alert.fingerprint} {'' if alert.position is None else alert.position.partition}"


def _ends_beyond(alert: Alert, partition: Partition, through: int) -> bool:
    where = alert.position
    return where is not None and where.partition == partition and where.offset > through
