"""A window in which processes die again and again is given up, and is known from one in which they did not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from observing import alarms
from restarting import RECORDS, Killed, Log, Reader, a_log

from crackle_stream.cooling import CoolingReport
from crackle_stream.profile import ThermalProfile
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream import DeadLetterFile, Event, KilnOptions, Pipeline
from crackle_stream.stream.deaths import MOST_DEATHS
from crackle_stream.stream.kilns import KilnId
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.store import Store
from crackle_stream.window import Window

pytestmark = pytest.mark.usefixtures("often")


async def dying(log: Log, directory: Path, at: int) -> list[Event] | None:
    """One process that dies while it cools the window whose new tasks include this offset; None where it died."""
    source, seen = Reader(log), list[Event]()
    pipeline = Pipeline(
        source,
        [],
        profile=ThermalProfile.no_detection().with_detector(alarms),
        schedule=CoolingSchedule(every_tasks=100),
        kiln=KilnOptions(capacity=100),
        dead_letters=DeadLetterFile(directory / "letters.jsonl"),
        state=Store(directory, PARTS),
        on_event=seen.append,
    )
    source.wait_for(pipeline, seen)
    cool = pipeline._cooler._cool

    async def cool_or_die(kiln: KilnId, window: Window, profile: ThermalProfile) -> CoolingReport:
        if any(span.first <= at <= span.last for span in window.span):
            raise Killed
        return await cool(kiln, window, profile)

    pipeline._cooler._cool = cool_or_die  # type: ignore[method-assign]
    died = False
    try:
        async with pipeline:
            await pipeline.run()
    except* Killed:
        died = True
    return None if died else seen


async def test_a_window_in_which_processes_die_again_and_again_is_given_up(tmp_path: Path) -> None:
    log, deaths = Log(a_log(1)), 0
    while (seen := await dying(log, tmp_path, at=275)) is None:
        deaths += 1
        assert deaths < 10
    assert deaths == 1 + MOST_DEATHS, "the first death has no witness"
    given_up = [event for event in seen if event.name == "window.given_up"]
    assert [str(span) for event in given_up for span in getattr(event, "span", ())] == [
        "results[0]:250 to results[0]:279"
    ]
    letter = json.loads((tmp_path / "letters.jsonl").read_text())
    assert letter["what"] == "window"
    assert (letter["first"], letter["last"]) == ([250], [279])
    assert letter["problem"] == "the process died 3 times while this window was cooled"
    assert log.committed == RECORDS


async def test_a_process_that_ends_as_it_should_leaves_no_window_to_be_watched(tmp_path: Path) -> None:
    assert await dying(Log(a_log(1)), tmp_path, at=-1) is not None
    store = Store(tmp_path, PARTS)
    async with store:
        row = await store.run(
            lambda connection: connection.execute("SELECT running, window, deaths FROM working").fetchone()
        )
    assert row == (0, "", 0)
