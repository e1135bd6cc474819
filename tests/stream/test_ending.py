"""A stream that ends before enough was known of it is judged as one window, however little stream time it earned."""

import json

import anyio
import numpy as np
import pytest
from command import crackle, json_lines, task_lines

from crackle_stream.budget import PER_WINDOW_LIMIT, UNCALIBRATED_CONFIDENCE, Budget
from crackle_stream.cooling import cool
from crackle_stream.history import History
from crackle_stream.model import Partition, Positions, RecordBatch, TaskBatch
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import Source
from crackle_stream.sinks import MemorySink
from crackle_stream.sources import QueueSource
from crackle_stream.stream import CoolingSchedule, Event, KilnOptions, Pipeline, events
from crackle_stream.stream.ending import last_look, too_few
from crackle_stream.window import Window

TASKS = 300
WEEKLY = ThermalProfile.evidence("1/week")


def loads(tasks: int = TASKS, *, rise: float = 1.0, seed: int = 0) -> np.ndarray:
    """A load that rises by one standard deviation in the middle, and a wait that does not."""
    rng = np.random.default_rng(seed)
    values = rng.normal(10, 1, (tasks, 2))
    values[tasks // 2 :, 0] += rise
    return values


def fired(values: np.ndarray) -> TaskBatch:
    """All within a third of a second: under a weekly budget a chance of less than a millionth."""
    rows = np.arange(len(values))
    return TaskBatch(
        labels=[f"t{row}" for row in rows],
        times=1.7e9 + rows / 1000,
        names=("load", "wait"),
        values=values,
        positions=Positions(Partition("queue"), rows),
    )


def a_window(values: np.ndarray, start: float = 1.7e9, fresh: int | None = None) -> Window:
    rows = np.arange(len(values))
    return Window.from_columns([f"t{row}" for row in rows], start + rows, ["load", "wait"], values, fresh=fresh)


async def run(
    batch: TaskBatch, *, every_tasks: int, profile: ThermalProfile | None = None, capacity: int = 1000
) -> tuple[MemorySink, list[Event]]:
    """The batch through a queue that is closed after it."""
    source, sink, seen = QueueSource(), MemorySink(), list[Event]()
    await source.put(batch)
    source.close()
    schedule = CoolingSchedule(every_tasks=every_tasks, every_seconds=None)
    kiln = KilnOptions(capacity=capacity)
    async with Pipeline(
        source, [sink], profile=profile, schedule=schedule, kiln=kiln, on_event=seen.append
    ) as pipeline:
        await pipeline.run()
    return sink, seen


def cooled(seen: list[Event]) -> list[events.WindowCooled]:
    return [event for event in seen if isinstance(event, events.WindowCooled)]


async def test_a_queue_that_is_closed_early_has_its_tasks_judged_as_one_window() -> None:
    sink, seen = await run(fired(loads()), every_tasks=100)
    last = cooled(seen)[-1].window
    assert (last.closed_by, len(last)) == ("whole", TASKS)
    (alert,) = [alert for alert in sink.alerts if alert.pattern.form == "mean"]
    assert alert.pattern.metric_names == ("load",)
    assert alert.pattern.at is not None
    assert abs(alert.pattern.at.index - 150) <= 20
    assert alert.pattern.confidence <= UNCALIBRATED_CONFIDENCE


async def test_tasks_that_a_window_has_held_already_are_looked_at_again_under_another_id_and_raised_once() -> None:
    _, seen = await run(fired(loads()), every_tasks=TASKS)
    first, again = cooled(seen)
    assert (first.window.closed_by, first.window.fresh, first.report.patterns) == ("tasks", TASKS, ())
    assert (again.window.closed_by, again.window.fresh, len(again.window)) == ("whole", 0, TASKS)
    assert first.window.id != again.window.id
    assert [pattern.metric_names for pattern in again.report.patterns] == [("load",)]
    strong, seen = await run(fired(loads(rise=5.0)), every_tasks=TASKS)
    assert ["mean" in {pattern.form for pattern in event.report.patterns} for event in cooled(seen)] == [True, True]
    assert [str(alert.status) for alert in strong.alerts if alert.pattern.form == "mean"] == ["raised"]


def test_three_hundred_lines_on_a_pipe_report_a_shift_of_one_standard_deviation() -> None:
    lines = task_lines({"label": f"t{row}", "load": load, "wait": wait} for row, (load, wait) in enumerate(loads()))
    done = crackle("run", stdin=lines)
    (alert,) = json_lines(done.stdout)
    assert (alert["pattern"]["form"], alert["pattern"]["metric_names"]) == ("mean", ["load"])


async def test_what_is_stopped_has_not_ended_and_is_judged_by_its_stream_time() -> None:
    source, seen, read = QueueSource(), list[Event](), anyio.Event()

    def see(event: Event) -> None:
        seen.append(event)
        if isinstance(event, events.BatchRead):
            read.set()

    async with Pipeline(source, [MemorySink()], on_event=see) as pipeline, anyio.create_task_group() as tasks:
        tasks.start_soon(pipeline.run)
        await source.put(fired(loads()))
        await read.wait()
        pipeline.stop()
    assert [(event.window.closed_by, event.report.patterns) for event in cooled(seen)] == [("end", ())]


class Log(Source):
    """A broker's log that ends, as only a test's does."""

    name, replayable, live = "log", True, True

    def __init__(self, values: np.ndarray) -> None:
        self.left = [json.dumps({"ts": 1.7e9 + row / 1000, "load": load}).encode() for row, load in enumerate(values)]

    async def read(self) -> RecordBatch | None:
        payloads, self.left = self.left, []
        if not payloads:
            return None
        positions = Positions(Partition("log", 0), np.arange(len(payloads)))
        return RecordBatch(payloads, positions, np.full(len(payloads), 1.7e9))


async def test_a_log_that_goes_on_elsewhere_is_never_judged_as_a_whole() -> None:
    seen: list[Event] = []
    async with Pipeline(Log(loads()[:, 0]), [MemorySink()], on_event=seen.append) as pipeline:
        await pipeline.run()
    assert [(event.window.closed_by, event.report.patterns) for event in cooled(seen)] == [("end", ())]


@pytest.mark.parametrize("profile", [ThermalProfile.default(), ThermalProfile.evidence(per_window=1e-6)])
async def test_rules_of_thumb_and_a_chance_per_window_judge_the_end_like_everything_else(
    profile: ThermalProfile,
) -> None:
    _, seen = await run(fired(loads()), every_tasks=TASKS, profile=profile)
    assert [event.window.closed_by for event in cooled(seen)] == ["tasks"]


def test_what_is_known_well_enough_by_then_is_judged_by_its_stream_time() -> None:
    history = History()
    unknown = last_look(a_window(loads()), WEEKLY, history, kilns=1)
    assert unknown is not None
    assert unknown.window.closed_by == "whole"
    for number in range(6):
        history = cool(a_window(loads(rise=0.0, seed=number), 1.7e9 + 300 * number), WEEKLY, history).history
    known = last_look(a_window(loads(), fresh=10), WEEKLY, history, kilns=1)
    assert known is not None
    assert (known.window.closed_by, known.profile) == ("asked", WEEKLY)
    assert last_look(a_window(loads(), fresh=0), WEEKLY, history, kilns=1) is None


def test_the_kilns_of_a_stream_that_ends_share_the_chance() -> None:
    look = last_look(a_window(loads()), WEEKLY, History(), kilns=20)
    assert look is not None
    assert look.profile.budget.allowance(0.0, kilns=20) == PER_WINDOW_LIMIT / 20
    assert look.profile.budget.allowance(1e9, kilns=20) == PER_WINDOW_LIMIT
    assert Budget.parse("1/hour").allowance(3.6, kilns=2) == pytest.approx(0.0005)


async def test_too_few_tasks_to_prove_anything_are_told_and_told_what_helps() -> None:
    _, seen = await run(fired(loads(5)), every_tasks=500)
    assert [event for event in seen if event.name == "stream.too_short"] == [events.StreamTooShort("", 5, 12)]
    assert too_few(a_window(loads(12)), WEEKLY) is None
    assert too_few(a_window(loads(5)), ThermalProfile.default()) is None
    done = crackle("run", stdin=task_lines({"load": number} for number in range(5)))
    (line,) = [line for line in json_lines(done.stderr) if line["event"] == "stream.too_short"]
    assert (line["level"], line["tasks"], line["needed"]) == ("warning", 5, 12)
    assert line["problem"] == "nothing can be proven with so few tasks"
    assert line["cure"] == "more tasks, or rules of thumb: --set profile.family=threshold"
