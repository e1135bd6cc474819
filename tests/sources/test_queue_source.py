from __future__ import annotations

import asyncio
import math

import numpy as np
import pytest

from crackle_stream.errors import ConfigError, InvalidColumns, QueueClosed, QueueFull
from crackle_stream.model import Partition, Positions, TaskBatch, TaskEntry, TaskOutput
from crackle_stream.sources import QueueOptions, QueueSource
from crackle_stream.sources import memory as memory_module


class StoppedClock:
    def time(self) -> float:
        return 1_700_000_000.5

    def monotonic(self) -> float:
        return 0.0


def entry(number: int, **metrics: float) -> TaskEntry:
    return TaskEntry(f"task {number}", metrics or {"x": float(number)}, fired_at=float(number))


def batch_of(rows: int, first: int = 0) -> TaskBatch:
    return TaskBatch(
        labels=[f"row {row}" for row in range(first, first + rows)],
        times=np.arange(first, first + rows, dtype=np.float64),
        names=("x",),
        values=np.arange(first, first + rows, dtype=np.float64)[:, None],
        positions=Positions(Partition("elsewhere"), np.arange(rows, dtype=np.int64) + 900),
        keys=[f"key {row % 2}" for row in range(rows)],
    )


async def tasks_of(source: QueueSource) -> TaskBatch:
    batch = await source.read()
    assert isinstance(batch, TaskBatch)
    return batch


async def test_everything_that_waits_becomes_one_batch_in_order() -> None:
    async with QueueSource() as source:
        for number in range(3):
            await source.put(entry(number))
        batch = await tasks_of(source)
    assert batch.labels == ["task 0", "task 1", "task 2"]
    assert batch.times.tolist() == [0.0, 1.0, 2.0]
    assert batch.names == ("x",)
    assert batch.values.tolist() == [[0.0], [1.0], [2.0]]
    assert [str(batch.positions[row]) for row in range(3)] == ["queue:1", "queue:2", "queue:3"]
    assert batch.keys is None


async def test_columns_are_the_union_of_the_names_and_a_missing_metric_is_nan() -> None:
    source = QueueSource()
    source.put_nowait(entry(0, b=1.0))
    source.put_nowait(entry(1, a=2.0, b=3.0))
    source.put_nowait(TaskEntry("bare", {}, 2.0))
    batch = await tasks_of(source)
    assert batch.names == ("b", "a")
    np.testing.assert_array_equal(batch.values, [[1.0, math.nan], [3.0, 2.0], [math.nan, math.nan]])


async def test_tasks_without_any_metric_are_rows_without_columns() -> None:
    source = QueueSource()
    source.put_nowait(TaskEntry("bare", {}, 2.0))
    batch = await tasks_of(source)
    assert (batch.names, batch.values.shape) == ((), (1, 0))


async def test_the_same_names_in_another_order_are_the_same_columns() -> None:
    source = QueueSource()
    source.put_nowait(entry(0, a=1.0, b=2.0))
    source.put_nowait(entry(1, b=4.0, a=3.0))
    batch = await tasks_of(source)
    assert batch.names == ("a", "b")
    assert batch.values.tolist() == [[1.0, 2.0], [3.0, 4.0]]


async def test_an_output_is_fired_now_and_called_by_its_label_or_else_its_position() -> None:
    source = QueueSource(clock=StoppedClock())
    await source.put(TaskOutput("value", {"x": 1.0}), label="build")
    await source.put(TaskOutput("value", {"x": 2.0}))
    batch = await tasks_of(source)
    assert batch.labels == ["build", "queue:2"]
    assert batch.times.tolist() == [1_700_000_000.5] * 2


async def test_cooled_metrics_override_fired_ones() -> None:
    source = QueueSource()
    await source.put(TaskEntry("t", {"x": 1.0, "y": 2.0}, 0.0, cooled_metrics={"x": 5.0, "z": 6.0}))
    batch = await tasks_of(source)
    assert dict(zip(batch.names, batch.values[0].tolist(), strict=True)) == {"x": 5.0, "y": 2.0, "z": 6.0}


async def test_a_batch_is_handed_on_with_positions_of_the_queue() -> None:
    source = QueueSource()
    await source.put(entry(0))
    await source.put(batch_of(2))
    await source.put(entry(1))
    first, second, third = [await tasks_of(source) for _ in range(3)]
    assert (first.labels, second.labels, third.labels) == (["task 0"], ["row 0", "row 1"], ["task 1"])
    assert second.keys == ["key 0", "key 1"]
    assert [str(batch.positions[0]) for batch in (first, second, third)] == ["queue:1", "queue:2", "queue:4"]


async def test_at_most_512_tasks_are_read_at_once() -> None:
    source = QueueSource()
    for number in range(600):
        source.put_nowait(entry(number))
    source.put_nowait(batch_of(1300))
    batches = [await tasks_of(source) for _ in range(5)]
    assert [len(batch) for batch in batches] == [512, 88, 512, 512, 276]
    assert [label for batch in batches[2:] for label in batch.labels] == [f"row {row}" for row in range(1300)]
    assert np.concatenate([batch.positions.offsets for batch in batches]).tolist() == list(range(1900))
    assert source.lag() == 0


async def test_an_empty_batch_put_changes_nothing() -> None:
    source = QueueSource()
    await source.put(batch_of(0))
    source.close()
    assert await source.read() is None


async def test_put_waits_for_room_and_goes_on_when_tasks_were_read() -> None:
    source = QueueSource(2)
    await source.put(entry(0))
    await source.put(entry(1))
    waiting = asyncio.create_task(source.put(entry(2)))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert source.lag() == 2
    assert (await tasks_of(source)).labels == ["task 0", "task 1"]
    await waiting
    assert (await tasks_of(source)).labels == ["task 2"]


async def test_put_nowait_into_a_full_queue_says_what_to_do() -> None:
    source = QueueSource(limit=1)
    source.put_nowait(entry(0))
    with pytest.raises(QueueFull) as caught:
        source.put_nowait(entry(1))
    assert str(caught.value) == (
        "source queue: holds 1 tasks, its limit: `await put(...)` to wait for room, put again later, or raise limit"
    )
    assert isinstance(caught.value, BufferError)
    assert caught.value.retryable
    assert source.lag() == 1


async def test_a_batch_larger_than_the_limit_is_taken_when_the_queue_is_empty() -> None:
    source = QueueSource(limit=10)
    source.put_nowait(entry(0))
    with pytest.raises(QueueFull):
        source.put_nowait(batch_of(11))
    await source.read()
    source.put_nowait(batch_of(11))
    assert len(await tasks_of(source)) == 11


async def test_several_producers_lose_nothing_and_keep_their_own_order() -> None:
    source = QueueSource(limit=7)

    async def produce(name: str) -> None:
        for number in range(200):
            await source.put(TaskEntry(name, {"n": float(number)}, 0.0))

    async def finish() -> None:
        async with asyncio.TaskGroup() as producers:
            for name in "abcde":
                producers.create_task(produce(name))
        source.close()

    finishing = asyncio.create_task(finish())
    seen: dict[str, list[float]] = {}
    while (batch := await source.read()) is not None:
        assert isinstance(batch, TaskBatch)
        assert source.lag() <= 7
        for label, value in zip(batch.labels, batch.values[:, 0].tolist(), strict=True):
            seen.setdefault(label, []).append(value)
    await finishing
    assert seen == {name: [float(number) for number in range(200)] for name in "abcde"}


async def test_a_producer_cancelled_while_waiting_added_nothing() -> None:
    source = QueueSource(limit=1)
    source.put_nowait(entry(0))
    waiting = asyncio.create_task(source.put(entry(1)))
    await asyncio.sleep(0)
    waiting.cancel()
    assert (await tasks_of(source)).labels == ["task 0"]
    source.put_nowait(entry(2))
    assert (await tasks_of(source)).labels == ["task 2"]


async def test_a_reader_cancelled_while_waiting_loses_nothing() -> None:
    source = QueueSource()
    reading = asyncio.create_task(source.read())
    await asyncio.sleep(0)
    source.put_nowait(entry(0))
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert (await tasks_of(source)).labels == ["task 0"]


async def test_a_waiting_reader_is_woken_by_a_put() -> None:
    source = QueueSource()
    reading = asyncio.create_task(tasks_of(source))
    await asyncio.sleep(0)
    source.put_nowait(entry(0))
    assert (await reading).labels == ["task 0"]


async def test_a_read_of_an_empty_queue_gives_an_empty_batch_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "WAIT_S", 0.001)
    batch = await QueueSource().read()
    assert batch is not None
    assert len(batch) == 0


async def test_a_paused_queue_returns_nothing_and_keeps_what_it_holds() -> None:
    source = QueueSource()
    source.put_nowait(entry(0))
    source.pause()
    paused = await source.read()
    assert paused is not None
    assert len(paused) == 0
    source.resume()
    assert (await tasks_of(source)).labels == ["task 0"]


async def test_a_closed_queue_is_read_to_its_end() -> None:
    source = QueueSource()
    source.put_nowait(entry(0))
    source.close()
    source.close()
    assert (await tasks_of(source)).labels == ["task 0"]
    assert await source.read() is None
    assert await source.read() is None


async def test_closing_wakes_a_reader_that_waits() -> None:
    source = QueueSource()
    reading = asyncio.create_task(source.read())
    await asyncio.sleep(0)
    source.close()
    assert await reading is None


async def test_putting_into_a_closed_queue_is_refused_also_while_waiting() -> None:
    source = QueueSource(limit=1)
    source.put_nowait(entry(0))
    waiting = asyncio.create_task(source.put(entry(1)))
    await asyncio.sleep(0)
    async with source:
        pass
    with pytest.raises(QueueClosed) as caught:
        await waiting
    assert str(caught.value) == (
        "source queue: is closed and takes nothing more: put before close(), or build another queue"
    )
    with pytest.raises(QueueClosed):
        source.put_nowait(entry(2))


@pytest.mark.parametrize(
    ("item", "label", "problem"),
    [
        (TaskEntry("t", {"x": math.inf}, 0.0), None, "metric 'x' is infinite: leave it out, or put NaN for absent"),
        (TaskOutput(None, {"x": -math.inf}), None, "metric 'x' is infinite: leave it out, or put NaN for absent"),
        (TaskEntry("t", {"x": 1.0}, math.nan), None, "fired_at is nan: give epoch seconds"),
        (TaskEntry("t", {}, 0.0), "u", "a TaskEntry brings its own label: leave out label='u'"),
    ],
)
async def test_what_no_kiln_can_hold_is_refused_where_it_is_put(
    item: TaskEntry | TaskOutput[object], label: str | None, problem: str
) -> None:
    source = QueueSource()
    with pytest.raises(InvalidColumns) as caught:
        await source.put(item, label=label)
    assert str(caught.value) == problem
    assert source.lag() == 0


async def test_a_batch_with_an_infinite_value_or_time_is_refused() -> None:
    source = QueueSource()
    wrong = batch_of(3)
    wrong.values[1, 0] = math.inf
    late = batch_of(3)
    late.times[2] = math.nan
    for batch in (wrong, late):
        with pytest.raises(InvalidColumns, match="an infinite metric or a time that is not finite"):
            source.put_nowait(batch)


def test_it_may_be_built_without_an_event_loop_from_any_form_of_its_options() -> None:
    assert QueueSource(5).limit == QueueSource(limit=5).limit == QueueSource(QueueOptions(5)).limit == 5
    assert QueueSource().limit == 10_000
    with pytest.raises(ConfigError, match='unknown option "limt": did you mean "limit"'):
        QueueSource(limt=5)
