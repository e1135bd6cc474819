"""Plays the incident through the real pipeline, and says at the end what was planted and what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

import anyio
import numpy as np

from crackle_stream.alerting import Match
from crackle_stream.app.demo.incident import TASKS, Incident, checkout_incident
from crackle_stream.app.demo.stage import Stage
from crackle_stream.errors import ReaderGone
from crackle_stream.model import Alert, AlertStatus, Nature
from crackle_stream.render.sentence import sentence
from crackle_stream.render.text import wrap
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sources.memory import QueueSource
from crackle_stream.stream.dispatch import Subscription
from crackle_stream.stream.events import AlertDelivered, AlertMade, Event, WindowTold
from crackle_stream.stream.options import KilnOptions
from crackle_stream.stream.pipeline import Pipeline
from crackle_stream.stream.statistics import Statistics

__all__ = ["STEP_S", "play"]

WINDOW = 300
EVERY_TASKS = 100
STEP = 20
"""Tasks put at once: five steps a window keep the moving line moving."""

STEP_S = 0.2
"""Seconds between two steps: 24 for the whole story."""

INTRODUCTION = (
    f"Twenty minutes of a checkout service, simulated: {TASKS:,} checkouts, six numbers each. "
    f"Every {EVERY_TASKS} checkouts the pipeline looks back over the last {WINDOW} for patterns. "
    "It was told nothing about these metrics, and may give one false alarm a week."
)

FOUND, MISSED = "✓", "✗"

WIDTH = 66

ASIDE = ("    What holds on a normal day as well is no news, and no alert unless one asks for it.",)

NEXT = (
    "  crackle-stream run < tasks.jsonl          your own records, one JSON object a line",
    "  crackle-stream run --topic task-results   a Kafka topic",
    "  crackle-stream run --help                 everything else",
)


def play(stream: TextIO, *, seed: int, step_s: float = STEP_S) -> None:
    """Play the demo.

    Args:
        stream: where it is seen.
        seed: of the incident's noise.
        step_s: seconds between two steps of the story; 0 for as quickly as it goes.
    """
    anyio.run(_Show(Stage(stream), checkout_incident(seed), step_s).run)


class _Show:
    """One performance: the producer waits for the pipeline, so that story and cards stand in order at any pace."""

    def __init__(self, stage: Stage, incident: Incident, step_s: float) -> None:
        self._stage = stage
        self._incident = incident
        self._step_s = step_s
        self._queue = QueueSource()
        self._raised: list[tuple[int, Alert]] = []
        self._fired = 0
        self._windows = 0
        self._undelivered = 0
        self._moved = anyio.Event()

    async def run(self) -> None:
        """Play it; a reader that goes away ends it quietly."""
        try:
            await self._play()
        except* ReaderGone:
            pass

    async def _play(self) -> None:
        self._stage.tell(INTRODUCTION)
        pipeline = Pipeline(
            self._queue,
            [Subscription(self._stage, Match(nature=("fact", "event")))],
            schedule=CoolingSchedule(every_tasks=EVERY_TASKS, every_seconds=None),
            kiln=KilnOptions(capacity=WINDOW),
            on_event=self._see,
        )
        async with pipeline, anyio.create_task_group() as tasks:
            tasks.start_soon(pipeline.run)
            await self._produce()
            self._queue.close()
        self._stage.pulse("")
        self._stage.lines(self._summary(pipeline.statistics()))

    async def _produce(self) -> None:
        acts = {act.task: act for act in self._incident.acts}
        for first in range(0, TASKS, STEP):
            if first in acts:
                self._stage.tell(acts[first].sentence, clock=self._incident.clock_of(first))
            await self._queue.put(self._incident.batch.take(np.arange(first, first + STEP)))
            self._fired = first + STEP
            self._stage.pulse(f"{self._incident.clock_of(first)}  {self._fired:,} checkouts, {self._windows} windows")
            await anyio.sleep(self._step_s)
            await self._caught_up()

    async def _caught_up(self) -> None:
        """Until every window that is due was looked over, and its cards were shown."""
        while self._windows < self._fired // EVERY_TASKS or self._undelivered:
            self._moved = anyio.Event()
            await self._moved.wait()

    def _see(self, event: Event) -> None:
        match event:
            case WindowTold():
                self._windows += 1
            case AlertMade(alert, takers):
                self._undelivered += len(takers)
                if alert.status is AlertStatus.RAISED:
                    self._raised.append((self._fired, alert))
            case AlertDelivered():
                self._undelivered -= 1
        self._moved.set()

    def _summary(self, statistics: Statistics) -> Iterator[str]:
        """What was planted, what of it was found, and what else was reported."""
        incident = self._incident
        told: set[int] = set()
        yield "What was planted, and what was found of it:"
        for planted in incident.planted:
            shown = [(task, alert) for task, alert in self._raised if planted.shown_by(alert.pattern)]
            told.update(id(alert) for _, alert in shown)
            yield f"  {FOUND if shown else MISSED} {incident.clock_of(planted.task)}  {planted.what}"
            yield from (f"           {incident.clock_of(task)}  {sentence(alert)}" for task, alert in shown)
            if not shown:
                yield from (f"           {line}" for line in wrap(f"not found: {planted.unseen}".split(), WIDTH))
        left = [(task, alert) for task, alert in self._raised if id(alert) not in told]
        if left:
            yield ""
            yield "Reported as well:"
            yield from (f"    {incident.clock_of(task)}  {sentence(alert)}" for task, alert in left)
            yield from ASIDE if any(alert.pattern.nature is Nature.FACT for _, alert in left) else ()
        yield ""
        yield (
            f"{statistics.tasks:,} checkouts in {statistics.windows} windows; "
            f"looking over one took {1000 * statistics.cooling_p50_s:.0f} ms (median)."
        )
        yield ""
        yield "Now yours:"
        yield from NEXT
