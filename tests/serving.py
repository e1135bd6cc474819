"""A status server over a pipeline that is not there: what it counts and finds is said by the test."""

from __future__ import annotations

import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpcore2  # noqa: F401 - httpx2 loads it with the first client, which would block the loop
import httpx2
import numpy as np
from sample_alerts import a_pattern, an_alert

from crackle_stream.app.config.status import StatusSection
from crackle_stream.app.web.server import StatusServer
from crackle_stream.app.web.setup import Setup
from crackle_stream.cooling import CoolingReport
from crackle_stream.model import (
    Alert,
    AlertStatus,
    CracklePattern,
    Examination,
    Nature,
    NearMiss,
    Partition,
    PatternKind,
    Position,
    Reject,
    Severity,
)
from crackle_stream.protocols import SystemClock
from crackle_stream.stream import events
from crackle_stream.stream.silencing import Silencing
from crackle_stream.stream.statistics import Statistics
from crackle_stream.window import Span, Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

__all__ = [
    "SETUP",
    "FakePipeline",
    "StandingClock",
    "a_cooling",
    "a_window",
    "an_alert_of",
    "feed_busy",
    "serving",
    "until",
]

SETUP = Setup(name="checkout", cooling_limit_s=5.0, sinks=("pager", "record"), required=frozenset({"pager"}))

STARTED = 1.7e9

POLL_S = 0.005


class StandingClock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.at = 1000.0

    def time(self) -> float:
        return STARTED + self.at

    def monotonic(self) -> float:
        return self.at


class FakePipeline:
    """Says what the test wants it to."""

    def __init__(self, **counts: Any) -> None:
        self.counts: dict[str, Any] = {"kilns": 1, "held": 1000, "fresh": 312, "lag": 7, **counts}
        self.cooled = 0
        self.stands: tuple[Alert, ...] = ()
        self.silencing = Silencing(None, live=True, clock=SystemClock(), store=None, emit=lambda event: None)

    def statistics(self) -> Statistics:
        return Statistics(**self.counts)

    def standing(self) -> tuple[Alert, ...]:
        return self.stands

    async def cool_now(self) -> tuple[CracklePattern, ...]:
        self.cooled += 1
        return (a_pattern(),)


def a_window(number: int = 0, *, metrics: Sequence[str] = ("latency_ms",), level: float = 100.0, **more: Any) -> Window:
    """Forty tasks of metrics about a level."""
    waves = np.sin(np.arange(40.0))[:, None] + np.zeros(len(metrics))
    partition = Partition("results", 0)
    fields: dict[str, Any] = {
        "labels": tuple(f"t{number}-{row}" for row in range(40)),
        "times": STARTED + 30.0 * number + np.linspace(0, 29, 40),
        "names": tuple(metrics),
        "values": level + waves,
        "id": f"w{number}",
        "span": (Span(partition, 40 * number, 40 * number + 39),),
        "fresh": 40,
        **more,
    }
    return Window(**fields)


def a_cooling(number: int = 0, *patterns: CracklePattern, seconds: float = 0.012, **of: Any) -> events.WindowCooled:
    """A window that was examined by one detector."""
    near = NearMiss("latency_ms", 2.0, 5.8, "-log10 of q")
    examined = {"shift": Examination(tests=66, nearest=near)}
    return events.WindowCooled(a_window(number, **of), CoolingReport(patterns, examined, duration=seconds))


def feed_busy(server: StatusServer, *, alerts: int = 3, metrics: int = 4, windows: int = 60) -> None:
    """A pipeline that has been at work: windows, alerts, facts and refused records."""
    names = [f"metric_{number:04d}" for number in range(metrics)]
    server(events.PipelineStarted("kafka:results", ("pager", "record")))
    server(events.PartitionsAssigned(("results[0]",)))
    law = a_pattern(
        kind=PatternKind.CONSERVATION, form="linear law", nature=Nature.FACT, description="a + b is 100", key=""
    )
    for number in range(windows):
        server(events.BatchRead(500, 7))
        level = 100.0 + 3.0 * math.sin(number / 5) + (4.0 if number > 40 else 0.0)
        server(a_cooling(number, law, metrics=names, level=level))
    for number in range(alerts):
        server(events.AlertMade(an_alert_of(number), ("pager",)))
    position = Position(Partition("results", 0), 17)
    server(events.RecordRejected(Reject(position, "not JSON: <b>bold</b>", b"{")))
    server(events.BatchRead(499, 7))


def an_alert_of(number: int, status: AlertStatus = AlertStatus.RAISED, **more: Any) -> Any:
    """One of many alerts."""
    pattern = a_pattern(
        description=f"latency_ms of service-{number} rose from 100 to 160",
        metric_names=("latency_ms", f"metric_{number:04d}"),
        key=f"service-{number}",
    )
    severity = list(Severity)[number % 3]
    return an_alert(id=f"{number:016x}", status=status, severity=severity, pattern=pattern, **more)


async def until(holds: Callable[[], object], within_s: float = 20.0) -> None:
    """Wait until something holds.

    Raises:
        AssertionError: it never did.
    """
    for _ in range(int(within_s / POLL_S)):
        if holds():
            return
        await anyio.sleep(POLL_S)
    raise AssertionError("it never held")


@asynccontextmanager
async def serving(
    pipeline: FakePipeline | None = None, *, setup: Setup = SETUP, section: Mapping[str, Any] | None = None, **more: Any
) -> AsyncIterator[tuple[StatusServer, httpx2.AsyncClient]]:
    """A server on a free port, and a client of it."""
    server = StatusServer(StatusSection(listen=":0", **(section or {})), setup, **more)
    server.bind()
    url = server.url
    async with (
        server.serving(FakePipeline() if pipeline is None else pipeline),
        httpx2.AsyncClient(base_url=url, timeout=20.0, trust_env=False, verify=False) as client,
    ):
        yield server, client
