"""A pipeline whose findings are known beforehand, and what a test may ask about what it did."""

from __future__ import annotations

import json
import resource
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import numpy as np

from crackle_stream.alerting import AlertPolicy
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature, Onset, Partition
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import Sink
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream import Event, KilnOptions, Pipeline
from crackle_stream.stream.events import (
    AlertMade,
    OffsetsCommitted,
    PartitionsAssigned,
    PartitionsRevoked,
    WindowCooled,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from crackle_stream.protocols import Source
    from crackle_stream.stream import Subscription
    from crackle_stream.window import Window

__all__ = ["EVERY", "QUIET", "Gate", "Loop", "Observed", "alarms", "numbered", "observed", "raised", "rss_mb"]

EVERY = 100
"""Tasks of a window."""

WITHIN_S = 60.0
"""Most that anything waited for may take; a figure of its own is asserted where one is promised."""


def alarms(window: Window) -> Iterator[CracklePattern]:
    """An event for each metric called alarm-something."""
    for column, name in enumerate(window.names):
        rows = np.flatnonzero(np.isfinite(window.values[:, column]))
        if name.startswith("alarm-") and len(rows):
            yield CracklePattern(
                kind="alarm",
                form="known",
                nature=Nature.EVENT,
                description=f"{name} is there",
                confidence=1.0,
                metric_names=(name,),
                at=Onset(int(rows[0]), float(window.times[rows[0]])),
            )


QUIET = ThermalProfile.no_detection().with_detector(alarms)
"""Finds what records say there is, and nothing else."""


def numbered(count: int, first: int = 0, *, alarm_every: int = EVERY, prefix: str = "t") -> list[bytes]:
    """Records with a label of their own; one in so many has an alarm of its own."""
    return [
        json.dumps(
            {
                "label": f"{prefix}{row}",
                "ts": 1.7e9 + row,
                "metrics": {"x": 1.0, **({f"alarm-{prefix}{row}": 1.0} if row % alarm_every == 10 else {})},
            }
        ).encode()
        for row in range(first, first + count)
    ]


class Observed:
    """Every event of a pipeline."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.at: list[float] = []
        self._changed = anyio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self.at.append(time.monotonic())
        self.wake()

    def wake(self) -> None:
        """Let whoever waits look again."""
        changed, self._changed = self._changed, anyio.Event()
        changed.set()

    async def until(self, holds: Callable[[], object], within_s: float = WITHIN_S) -> None:
        """Wait for an event after which something holds.

        Raises:
            TimeoutError: it never did.
        """
        with anyio.fail_after(within_s):
            while not holds():
                changed = self._changed
                with anyio.move_on_after(0.25):
                    await changed.wait()

    def named(self, name: str) -> list[Event]:
        """Events of one name."""
        return [event for event in self.events if event.name == name]

    @property
    def windows(self) -> list[Window]:
        """Windows that were cooled."""
        return [event.window for event in self.events if isinstance(event, WindowCooled)]

    @property
    def fresh(self) -> list[str]:
        """Labels of the new tasks of every window cooled."""
        return [label for window in self.windows for label in window.labels[len(window) - window.fresh :]]

    @property
    def raised(self) -> dict[str, str]:
        """What was raised, by the metric it was raised from: ids."""
        made = [event.alert for event in self.events if isinstance(event, AlertMade)]
        return {alert.pattern.metric_names[0]: alert.id for alert in made if alert.status is AlertStatus.RAISED}

    @property
    def rebalances(self) -> int:
        """How often partitions came or went."""
        return sum(isinstance(event, PartitionsAssigned | PartitionsRevoked) for event in self.events)

    def committed(self, partition: Partition) -> int:
        """The last offset committed."""
        found = [
            offset
            for event in self.events
            if isinstance(event, OffsetsCommitted)
            for name, offset in event.offsets
            if name == str(partition)
        ]
        return max(found, default=0)


@asynccontextmanager
async def observed(
    source: Source, sinks: Sequence[Sink | Subscription], *, every: int = EVERY, **options: Any
) -> AsyncIterator[tuple[Pipeline, Observed]]:
    """A pipeline that runs until the block ends, and then ends in order."""
    watch = Observed()
    fields: dict[str, Any] = {
        "profile": QUIET,
        "schedule": CoolingSchedule(every_tasks=every, every_seconds=None),
        "kiln": KilnOptions(capacity=every),
        "alerts": AlertPolicy(resolve_after=1000),  # what is over is not what these tests are about
        **options,
    }
    async with (
        Pipeline(source, sinks, on_event=watch, **fields) as pipeline,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(pipeline.run)
        yield pipeline, watch
        pipeline.stop()


def raised(alerts: Sequence[Alert]) -> list[tuple[str, str]]:
    """Metric and id of what was raised, in order."""
    return [(each.pattern.metric_names[0], each.id) for each in alerts if each.status is AlertStatus.RAISED]


class Gate(Sink):
    """Takes alerts while it is open, and lets them wait while it is not."""

    name = "gate"

    def __init__(self, *, opened: bool = False) -> None:
        self.alerts: list[Alert] = []
        self.waiting = False
        self._opened = anyio.Event()
        if opened:
            self._opened.set()

    def open(self) -> None:
        """Take all there is, and what comes."""
        self._opened.set()

    async def send(self, alert: Alert) -> None:
        self.waiting = True
        await self._opened.wait()
        self.alerts.append(alert)


class Loop:
    """Measures how late the event loop is, as long as its block lasts.

    Attributes:
        late_s: each tick's lateness.
    """

    TICK_S = 0.02

    def __init__(self) -> None:
        self.late_s: list[float] = []

    async def __aenter__(self) -> Loop:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._tick)
        return self

    async def __aexit__(self, *exc_info: Any) -> bool | None:
        self._tasks.cancel_scope.cancel()
        return await self._tasks.__aexit__(*exc_info)

    async def _tick(self) -> None:
        while True:
            due = time.monotonic() + self.TICK_S
            await anyio.sleep(self.TICK_S)
            self.late_s.append(max(0.0, time.monotonic() - due))

    def quantile(self, share: float) -> float:
        """The lateness that this share of ticks stayed under."""
        return float(np.quantile(self.late_s, share))


def rss_mb() -> float:
    """Resident memory now."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize() / 2**20
