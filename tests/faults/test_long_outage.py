"""A receiver that is away for hours, of which none is waited for: alerts wait on disk, and memory does not grow."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from observing import rss_mb

from crackle_stream.errors import SinkUnavailable
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature, Severity
from crackle_stream.protocols import Sink
from crackle_stream.stream.dispatch import Dispatcher, Subscription
from crackle_stream.stream.options import SpoolOptions
from crackle_stream.stream.spool import OUTBOX
from crackle_stream.stream.store import Store
from crackle_stream.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

HOUR = 3600.0


def alert(number: int) -> Alert:
    pattern = CracklePattern(
        "phase transition", f"pattern {number}", 0.99, metric_names=(f"m{number}",), nature=Nature.EVENT
    )
    return Alert(f"id-{number}", AlertStatus.RAISED, Severity.INFO, pattern, 0.0, 0.0, 1)


class Away(Sink):
    """Answers once it is back."""

    name = "hook"

    def __init__(self) -> None:
        self.back = False
        self.tries = 0
        self.taken: set[str] = set()
        self.all = anyio.Event()
        self.expected = -1

    async def send(self, alert: Alert) -> None:
        await anyio.lowlevel.checkpoint()
        if not self.back:
            self.tries += 1
            raise SinkUnavailable(self.name, "connection refused")
        self.taken.add(alert.id)
        if len(self.taken) == self.expected:
            self.all.set()


@pytest.mark.parametrize(("count", "seconds"), [(2_000, HOUR / 6), pytest.param(100_000, HOUR, marks=pytest.mark.slow)])
async def test_hours_without_a_receiver_lose_nothing_and_grow_no_memory(
    tmp_path: Path, count: int, seconds: float, record_property: Callable[[str, object], None]
) -> None:
    clock, sink = FakeClock(), Away()
    sink.expected = count
    settled = 0

    def settle() -> None:
        nonlocal settled
        settled += 1

    async def wait(seconds: float) -> None:
        """An hour goes by in a moment."""
        clock.advance(seconds)
        await anyio.sleep(0 if sink.back else 0.001)

    def dispatcher() -> Dispatcher:
        subscription = Subscription(sink, spool=SpoolOptions(max_rows=count + 1))
        return Dispatcher(
            [subscription], emit=lambda event: None, rng=random.Random(1), store=store, clock=clock, sleep=wait
        )

    began, start = rss_mb(), clock.monotonic()
    async with Store(tmp_path, [OUTBOX]) as store:
        first = dispatcher()
        async with first.opened(), anyio.create_task_group() as tasks:
            tasks.start_soon(first.run, anyio.Event())
            for number in range(0, count, 100):
                await first.deliver([alert(each) for each in range(number, number + 100)], settle)
            while clock.monotonic() - start < seconds:  # noqa: ASYNC110 - the clock is a fake one
                await anyio.sleep(0.005)
            grown = rss_mb() - began
            tried = sink.tries
            tasks.cancel_scope.cancel()
    away = clock.monotonic() - start
    sink.back = True
    async with Store(tmp_path, [OUTBOX]) as store:
        second = dispatcher()
        async with second.opened(), anyio.create_task_group() as tasks:
            tasks.start_soon(second.run, anyio.Event())
            back = time.monotonic()
            with anyio.fail_after(500):
                await sink.all.wait()
            rate = count / (time.monotonic() - back)
            tasks.cancel_scope.cancel()
    assert settled == count // 100
    assert sink.taken == {f"id-{number}" for number in range(count)}
    # five tries until the breaker opens, then one in half a minute at most
    assert tried <= 5 + away / 30 + 1
    assert grown < 20
    assert rate > 100
    for name, value in (("away_h", away / HOUR), ("tries", tried), ("grown_mb", grown), ("drained_per_s", rate)):
        record_property(name, round(value, 2))
