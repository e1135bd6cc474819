"""A process that is killed and started again tells what a process without a kill tells: the same news, the same ids."""

from __future__ import annotations

import json
import random
import sqlite3
from pathlib import Path

import pytest
from restarting import BATCH, PLACES, RECORDS, Log, Reader, a_log, run, told

from crackle_stream.commit import decode
from crackle_stream.errors import StateUnusable
from crackle_stream.profile import ThermalProfile
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import KilnOptions, Pipeline
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.store import FILE_NAME, Store
from crackle_stream.window import Window

pytestmark = pytest.mark.usefixtures("often")


@pytest.mark.parametrize("keeping", ["metadata", "state"])
@pytest.mark.parametrize("capacity", [100, 250])
@pytest.mark.parametrize("seed", range(4))
async def test_killed_anywhere_it_tells_the_same_under_the_same_ids(
    seed: int, capacity: int, keeping: str, tmp_path: Path
) -> None:
    payloads, whole = a_log(seed), MemorySink()
    await run(Log(payloads), whole, capacity=capacity)
    rng, log, sink = random.Random(seed), Log(payloads), MemorySink()
    state = tmp_path if keeping == "state" else None
    for _ in range(4):
        await run(log, sink, capacity=capacity, die_at=(rng.choice(PLACES), rng.randint(1, 6)), state=state)
        below = {one for one in told(whole) if one[3] < (log.committed or 0)}
        assert below <= told(sink), "an offset was committed above news that had not arrived"
    await run(log, sink, capacity=capacity, state=state)
    assert told(whole), "there is something to be told"
    assert told(sink) == told(whole)
    assert log.committed == RECORDS


@pytest.mark.parametrize("keeping", ["metadata", "state"])
@pytest.mark.parametrize("seed", range(6))
async def test_windows_that_were_asked_for_are_ended_again_where_they_ended(
    seed: int, keeping: str, tmp_path: Path
) -> None:
    payloads, whole = a_log(seed), MemorySink()
    await run(Log(payloads), whole, capacity=100)
    rng, log, sink = random.Random(seed), Log(payloads), MemorySink()
    state = tmp_path if keeping == "state" else None
    for _ in range(4):
        asks = {BATCH * rng.randrange(RECORDS // BATCH) for _ in range(25)}
        await run(log, sink, capacity=100, die_at=(rng.choice(PLACES), rng.randint(1, 9)), state=state, asks=asks)
    await run(log, sink, capacity=100, state=state)
    news = [(status, metric) for _, status, metric, _ in told(sink)]
    assert sorted(news) == sorted({(status, metric) for _, status, metric, _ in told(whole)}), "one id for each"


async def test_rows_that_were_settled_fill_the_ring_and_end_no_window(tmp_path: Path) -> None:
    log = Log(a_log(1))
    await run(log, MemorySink(), capacity=250, die_at=("offsets.committed", 3))
    committed = log.committed
    assert committed is not None
    assert 0 < committed < RECORDS
    _, source, seen = await run(log, MemorySink(), capacity=250)
    metadata = decode(log.note)
    assert metadata is not None
    assert metadata.through == RECORDS - 1
    assert source.rows_read[0] == max(committed - 250, 0)
    first = next(event.window for event in seen if event.name == "window.cooled" and hasattr(event, "window"))
    assert first.span[0].first == committed
    assert len(first) == min(250, first.span[0].last + 1), "its ring holds what it would have held without the kill"


async def test_keyed_windows_are_cut_again_where_they_were_when_a_state_directory_knows_the_counts(
    tmp_path: Path,
) -> None:
    payloads, whole = a_log(5, keys=3), MemorySink()
    await run(Log(payloads), whole, capacity=100, keyed=True)
    log, sink = Log(payloads), MemorySink()
    for place, count in [("window.cooled", 3), ("offsets.committed", 3), ("alert.delivered", 2)]:
        await run(log, sink, capacity=100, keyed=True, die_at=(place, count), state=tmp_path)
    await run(log, sink, capacity=100, keyed=True, state=tmp_path)
    assert told(whole)
    assert told(sink) == told(whole)


async def test_what_a_detector_remembers_survives_in_the_state_directory(tmp_path: Path) -> None:
    windows: list[int] = []

    class Counting:
        name = "counting"

        def examine(self, window: Window, context: object) -> object:
            from crackle_stream.model import Examination

            known = context.history.of("counting").get("windows", 0)  # type: ignore[attr-defined]
            windows.append(known)
            return Examination(tests=1, learned={"windows": known + 1})

    log = Log(a_log(1))
    for end in (300, RECORDS):
        part = Log(log.payloads[:end], log.committed, log.note)
        pipeline = Pipeline(
            Reader(part),
            [],
            profile=ThermalProfile.no_detection().with_detector(Counting()),  # type: ignore[arg-type]
            schedule=CoolingSchedule(every_tasks=100),
            kiln=KilnOptions(capacity=100),
            state=Store(tmp_path, PARTS),
        )
        async with pipeline:
            await pipeline.run()
        log.committed, log.note = part.committed, part.note
    assert len(windows) > 9
    assert windows == list(range(len(windows)))


async def test_offsets_set_by_hand_void_what_was_kept(tmp_path: Path) -> None:
    log, sink = Log(a_log(2)), MemorySink()
    await run(log, sink, capacity=100, state=tmp_path)
    log.committed, log.note = 200, ""
    again = MemorySink()
    _, source, seen = await run(log, again, capacity=100, state=tmp_path)
    begun = [event for event in seen if event.name == "partition.begun"]
    assert [getattr(event, "origin", "") for event in begun] == ["by hand"]
    assert source.rows_read[0] == 200
    assert told(again), "records are processed again on purpose"


async def test_a_damaged_row_is_an_error_that_names_the_file_and_the_cure(tmp_path: Path) -> None:
    log = Log(a_log(2))
    await run(log, MemorySink(), capacity=100, state=tmp_path, die_at=("offsets.committed", 4))
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE kilns SET state = '{}'")
    connection.close()
    with pytest.raises(StateUnusable, match="what it keeps of kiln '' is damaged"):
        await run(log, MemorySink(), capacity=100, state=tmp_path)


async def test_alerts_that_stand_are_known_to_the_next_process_before_it_says_anything() -> None:
    lasting = [
        json.dumps(
            {"label": f"r{row}", "ts": 1.7e9 + row, "metrics": {"x": 1.0, **({"alarm-0": 1.0} if row > 150 else {})}}
        )
        for row in range(RECORDS)
    ]
    log = Log([record.encode() for record in lasting])
    first, _, _ = await run(log, MemorySink(), capacity=100)
    (stood,) = first.standing()
    assert (stood.id, stood.pattern.metric_names) == ("", ("alarm-0",))
    second, _, seen = await run(log, MemorySink(), capacity=100)
    assert [event.name for event in seen if event.name == "alert.made"] == []
    assert [(alert.fingerprint, alert.raised_at) for alert in second.standing()] == [
        (stood.fingerprint, stood.raised_at)
    ]
