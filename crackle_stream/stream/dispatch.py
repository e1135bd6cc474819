"""Brings alerts to sinks: a bounded queue and a worker for each, so that one that fails holds up no other."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import anyio
import stamina

from crackle_stream.alerting import Match
from crackle_stream.errors import ReaderGone, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert
from crackle_stream.protocols import Sink
from crackle_stream.stream.events import (
    AlertDelivered,
    AlertDropped,
    AlertMade,
    AlertRefused,
    Event,
    SinkUnavailableSeen,
)
from crackle_stream.stream.options import RetryOptions

__all__ = ["Dispatcher", "Subscription"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a sink gets, and what happens when it cannot take it.

    Attributes:
        sink: the sink.
        match: which alerts it gets; all by default.
        required: whether a record counts as done only when this sink has its alerts. A required sink is tried without
            end and makes the source wait when its queue is full; another loses alerts then, and they are counted.
        queue: alerts that may wait for it.
        timeout: seconds one try may take.
        retry: how often and how soon it is tried again.
    """

    sink: Sink
    match: Match = field(default_factory=Match)
    required: bool = True
    queue: int = 1000
    timeout: float = 30.0
    retry: RetryOptions = field(default_factory=RetryOptions)

    def __post_init__(self) -> None:
        if self.queue < 1:
            raise ValueError(f"a sink's queue must hold at least 1 alert, not {self.queue}")
        if not self.timeout > 0:
            raise ValueError(f"a sink's timeout must be more than 0 seconds, not {self.timeout}")


@dataclass(slots=True)
class _Ticket:
    """Counts the required deliveries of one window's alerts; `settled` is called once, when none is left."""

    settled: Callable[[], None]
    left: int = 1

    def done(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.settled()


@dataclass(slots=True)
class _Delivery:
    alert: Alert
    ticket: _Ticket | None


class _Lane:
    """The queue before one sink; the delivery at work stays at its head until it is done."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self.waiting: deque[_Delivery] = deque()
        self.changed = anyio.Event()
        self.gone = False

    @property
    def full(self) -> bool:
        return len(self.waiting) >= self.subscription.queue

    def wake(self) -> None:
        changed, self.changed = self.changed, anyio.Event()
        changed.set()


class Dispatcher:
    """Delivers alerts at least once to every sink that takes them.

    Args:
        subscriptions: the sinks; their names must differ.
        emit: where events go.
        rng: jitter of the waits between rounds.
    """

    def __init__(
        self, subscriptions: Sequence[Subscription], *, emit: Callable[[Event], None], rng: random.Random
    ) -> None:
        names = [subscription.sink.name for subscription in subscriptions]
        if len(set(names)) != len(names):
            raise ValueError(f"sinks must have different names, these were given: {', '.join(sorted(names))}")
        self._lanes = [_Lane(subscription) for subscription in subscriptions]
        self._emit = emit
        self._rng = rng
        self._closed = False
        self._gone: ReaderGone | None = None

    @property
    def gone(self) -> ReaderGone | None:
        """Who has gone of those that read a sink's output, or None."""
        return self._gone

    @property
    def sinks(self) -> tuple[str, ...]:
        """Names of the sinks."""
        return tuple(lane.subscription.sink.name for lane in self._lanes)

    @property
    def backlog(self) -> dict[str, int]:
        """Alerts that wait, by sink name; sinks with none are left out."""
        return {lane.subscription.sink.name: len(lane.waiting) for lane in self._lanes if lane.waiting}

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """The sinks, open."""
        async with AsyncExitStack() as stack:
            for lane in self._lanes:
                await stack.enter_async_context(lane.subscription.sink)
            yield

    async def deliver(self, alerts: Iterable[Alert], settled: Callable[[], None]) -> None:
        """Queue a window's alerts; waits while a required sink that takes one has a full queue.

        Args:
            alerts: in the order to be delivered.
            settled: called once, when every required sink has its share or has refused it for good.
        """
        ticket = _Ticket(settled)
        for alert in alerts:
            lanes = [lane for lane in self._lanes if lane.subscription.match.takes(alert)]
            self._emit(AlertMade(alert, tuple(lane.subscription.sink.name for lane in lanes)))
            ready: list[_Lane] = []
            blocked: list[_Lane] = []
            for lane in lanes:
                (blocked if lane.subscription.required and lane.full else ready).append(lane)
            for lane in ready:
                self._queue(lane, alert, ticket)
            for lane in blocked:
                while lane.full:
                    await lane.changed.wait()
                self._queue(lane, alert, ticket)
        ticket.done()

    def close(self) -> None:
        """Nothing will be delivered any more; `run` ends when the queues are empty."""
        self._closed = True
        for lane in self._lanes:
            lane.wake()

    async def run(self, stopping: anyio.Event | None = None) -> None:
        """Work on all queues until closed and empty.

        Args:
            stopping: set when whoever read a sink's output has gone: nobody is left to write for, but the other sinks
                get what was found.
        """
        async with anyio.create_task_group() as workers:
            for lane in self._lanes:
                workers.start_soon(self._work, lane, stopping or anyio.Event())

    def _queue(self, lane: _Lane, alert: Alert, ticket: _Ticket) -> None:
        required = lane.subscription.required
        if lane.full:
            # the head is at work, so the one behind it is the oldest that can be given up
            oldest = lane.waiting[1] if len(lane.waiting) > 1 else None
            if oldest is None:
                self._emit(AlertDropped(lane.subscription.sink.name, alert, "its queue is full"))
                return
            del lane.waiting[1]
            self._emit(AlertDropped(lane.subscription.sink.name, oldest.alert, "its queue is full"))
        if required:
            ticket.left += 1
        lane.waiting.append(_Delivery(alert, ticket if required else None))
        lane.wake()

    async def _work(self, lane: _Lane, stopping: anyio.Event) -> None:
        while True:
            while not lane.waiting:
                if self._closed:
                    return
                await lane.changed.wait()
            delivery = lane.waiting[0]
            if not lane.gone:
                try:
                    await self._deliver_one(lane, delivery.alert)
                except ReaderGone as gone:
                    self._gone, lane.gone = gone, True
                    stopping.set()
            lane.waiting.popleft()
            if delivery.ticket is not None:
                delivery.ticket.done()
            lane.wake()

    async def _deliver_one(self, lane: _Lane, alert: Alert) -> None:
        """Rounds of tries until the sink has the alert, refuses it, or is given up."""
        subscription = lane.subscription
        name, retry = subscription.sink.name, subscription.retry
        rounds = tries = 0
        while True:
            try:
                tries += await self._round(subscription, alert)
            except ReaderGone:
                raise
            except SinkRefused as refusal:
                self._emit(AlertRefused(name, alert, str(refusal)))
                return
            except SinkUnavailable as failure:
                rounds += 1
                tries += retry.attempts
                if not subscription.required and rounds >= retry.rounds:
                    self._emit(AlertDropped(name, alert, str(failure)))
                    return
                wait = max(failure.retry_after or 0.0, self._backoff(retry, rounds))
                self._emit(SinkUnavailableSeen(name, str(failure), wait, len(lane.waiting)))
                await anyio.sleep(wait)
            else:
                self._emit(AlertDelivered(name, alert, tries))
                return

    async def _round(self, subscription: Subscription, alert: Alert) -> int:
        """A few quick tries; returns how many it took."""
        retry = subscription.retry

        def again(error: Exception) -> bool | float:
            if not isinstance(error, SinkUnavailable):
                return False
            if error.retry_after is None:
                return True
            return error.retry_after if error.retry_after <= retry.wait_max_s else False

        tries = 0
        async for attempt in stamina.retry_context(
            on=again,
            attempts=retry.attempts,
            timeout=None,
            wait_initial=retry.wait_s,
            wait_max=retry.wait_max_s,
            wait_jitter=retry.wait_s,
        ):
            with attempt:
                tries = attempt.num
                await _send(subscription, alert)
        return tries

    def _backoff(self, retry: RetryOptions, rounds: int) -> float:
        """Doubling waits with full jitter over their upper half."""
        most: float = min(retry.round_wait_s * 2.0 ** min(rounds - 1, 30), retry.round_wait_max_s)
        return most * (0.5 + 0.5 * self._rng.random())


async def _send(subscription: Subscription, alert: Alert) -> None:
    sink = subscription.sink
    try:
        with anyio.fail_after(subscription.timeout):
            await sink.send(alert)
    except (SinkRefused, SinkUnavailable):
        raise
    except TimeoutError as error:
        raise SinkUnavailable(sink.name, f"no answer within {subscription.timeout:g} s") from error
    except Exception as error:  # a third party's sink; whatever it raises may pass
        raise SinkUnavailable(sink.name, f"{type(error).__name__}: {error}") from error
