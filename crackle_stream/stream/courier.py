"""Brings one alert after the other to one sink: quick tries, time limits, and the breaker."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal

import anyio
import stamina

from crackle_stream.alerting import Match
from crackle_stream.errors import SinkRefused, SinkUnavailable
from crackle_stream.model import Alert
from crackle_stream.protocols import Clock, Sink
from crackle_stream.stream.breaker import Breaker, BreakerState
from crackle_stream.stream.deadletter import Undertaker
from crackle_stream.stream.events import BreakerChanged, Event
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.options import BreakerOptions, RetryOptions, SpoolOptions

__all__ = ["Courier", "Subscription", "Surroundings"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a sink gets, and what happens when it cannot take it.

    Attributes:
        sink: the sink.
        match: which alerts it gets; all by default.
        required: whether a record counts as done only when this sink has its alerts. A required sink is tried without
            end and makes the source wait when its queue or spool is full; another loses alerts then, and they are
            counted.
        queue: alerts that may wait for it in memory, where it has no spool.
        timeout: seconds one try may take.
        retry: how often and how soon it is tried again.
        breaker: when it is left alone.
        spool: keeps its alerts on disk, in the pipeline's state directory, until it has them; None for in memory.
        ack: when a record counts as done for a sink with a spool: once its alerts are "spooled", on disk, or once they
            are "delivered", for a disk that may be lost.
        group: whether the alerts of one window with one status are one notification that lists them.
    """

    sink: Sink
    match: Match = field(default_factory=Match)
    required: bool = True
    queue: int = 1000
    timeout: float = 30.0
    retry: RetryOptions = field(default_factory=RetryOptions)
    breaker: BreakerOptions = field(default_factory=BreakerOptions)
    spool: SpoolOptions | None = None
    ack: Literal["spooled", "delivered"] = "spooled"
    group: bool = False

    def __post_init__(self) -> None:
        if self.queue < 1:
            raise ValueError(f"a sink's queue must hold at least 1 alert, not {self.queue}")
        if not self.timeout > 0:
            raise ValueError(f"a sink's timeout must be more than 0 seconds, not {self.timeout}")
        if self.ack not in ("spooled", "delivered"):
            raise ValueError(f"a sink's ack must be spooled or delivered, not {self.ack!r}")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What deliveries need of the process.

    Attributes:
        emit: where events go.
        clock: the wall's and the monotonic one.
        sleep: how to wait.
        rng: jitter.
        undertaker: keeps what no sink will have.
    """

    emit: Callable[[Event], None]
    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    rng: random.Random
    undertaker: Undertaker


class Courier:
    """Tries one sink.

    Args:
        subscription: whose sink, and how.
        around: the process.
    """

    def __init__(self, subscription: Subscription, around: Surroundings) -> None:
        self._subscription = subscription
        self._around = around
        self.breaker = Breaker(subscription.breaker, around.rng)

    @property
    def wait(self) -> float:
        """Seconds until the sink may be tried."""
        return self.breaker.wait(self._around.clock.monotonic())

    async def bring(self, alert: Alert) -> int:
        """A few quick tries; one where the sink is only probed. To be called when there is nothing to wait for.

        Returns:
            How many it took.

        Raises:
            SinkUnavailable: none succeeded.
            SinkRefused: the sink will never have it.
        """
        retry = self._subscription.retry
        tries = 0
        async for attempt in stamina.retry_context(
            on=self._again,
            attempts=retry.attempts,
            timeout=None,
            wait_initial=retry.wait_s,
            wait_max=retry.wait_max_s,
            wait_jitter=retry.wait_s,
        ):
            with attempt:
                tries = attempt.num
                await self._try(alert)
        return tries

    def _again(self, error: Exception) -> bool | float:
        """Whether a quick try may follow: not where the receiver asks for longer, nor once the breaker is open."""
        if not isinstance(error, SinkUnavailable) or self.breaker.state is not BreakerState.CLOSED:
            return False
        if error.retry_after is None:
            return True
        return error.retry_after if error.retry_after <= self._subscription.retry.wait_max_s else False

    async def _try(self, alert: Alert) -> None:
        before = self.breaker.state
        if self.breaker.begin() and before is BreakerState.OPEN:
            self._tell()
        before = self.breaker.state
        try:
            await _send(self._subscription, alert)
        except SinkUnavailable as failure:
            self.breaker.fail(self._around.clock.monotonic(), failure.retry_after)
            raise
        except SinkRefused:
            self.breaker.succeed()
            raise
        else:
            self.breaker.succeed()
        finally:
            if self.breaker.state is not before:
                self._tell()

    def _tell(self) -> None:
        self._around.emit(BreakerChanged(self._subscription.sink.name, str(self.breaker.state), self.wait))


async def _send(subscription: Subscription, alert: Alert) -> None:
    sink = subscription.sink
    try:
        with anyio.fail_after(subscription.timeout):
            reach("sending")
            await sink.send(alert)
            reach("sent")
    except (SinkRefused, SinkUnavailable):
        raise
    except TimeoutError as error:
        raise SinkUnavailable(sink.name, f"no answer within {subscription.timeout:g} s") from error
    except Exception as error:  # a third party's sink; whatever it raises may pass
        raise SinkUnavailable(sink.name, f"{type(error).__name__}: {error}") from error
