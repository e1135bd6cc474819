"""How far a pipeline cools ahead of a sink that does not take its alerts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from observing import EVERY, QUIET, Gate, numbered, observed
from scripted import Scripted

from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.history import History
from crackle_stream.model import Examination
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import KilnOptions, RunOptions, Subscription
from crackle_stream.stream.events import IntakePaused

if TYPE_CHECKING:
    from crackle_stream.window import Window


async def test_one_alert_that_no_sink_takes_lets_only_so_many_windows_be_cooled_and_reading_goes_on_after_it() -> None:
    # the first window makes an alert; the 50 after it are quiet, and all of them wait behind it
    records = numbered(51 * EVERY, alarm_every=10**9)
    source, gate = Scripted(records, size=EVERY, ends=False, live=True), Gate()
    async with observed(source, [gate], options=RunOptions(max_unsettled=10)) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().paused and source.polled_while_paused > 3)
        statistics = pipeline.statistics()
        assert statistics.windows <= 10
        assert statistics.paused == (
            "10 windows wait to be settled, with 4096 bytes of state and news (at most 10 and 67108864): "
            "reading is paused until half of them are"
        )
        assert source.is_paused
        assert not source.commits
        gate.open()
        await watch.until(lambda: source.commits and source.commits[-1] == {source.partition: 51 * EVERY})
        assert [event.name for event in watch.events if event.name.startswith("intake")] == [
            "intake.paused",
            "intake.resumed",
        ]
        assert pipeline.statistics().paused == ""


async def test_what_windows_left_behind_is_counted_in_bytes_as_well() -> None:
    class Remembering:
        name = "remembering"

        def examine(self, window: Window, context: Any) -> Examination:
            return Examination(tests=1, learned={"metrics": {"x": [float(row) for row in range(10_000)]}})

    source, gate = Scripted(numbered(30 * EVERY, alarm_every=10**9), size=EVERY, ends=False, live=True), Gate()
    bounded = RunOptions(max_unsettled_bytes=2_000_000)
    profile = QUIET.with_detector(Remembering())
    async with observed(source, [gate], profile=profile, options=bounded) as (pipeline, watch):
        await watch.until(lambda: watch.named("intake.paused"))
        # ten thousand numbers are 320 kB
        assert pipeline.statistics().windows in (6, 7)
        gate.open()
        await watch.until(lambda: pipeline.statistics().windows == 30)


async def test_tasks_of_a_rare_key_hold_no_reading_back_although_they_hold_the_position() -> None:
    rows = [("rare", 0), *((f"key-{row % 3}", row) for row in range(1, 400))]
    records = [json.dumps({"label": f"r{row}", "who": key, "x": 1.0}).encode() for key, row in rows]
    source = Scripted(records, size=20, ends=False, live=True)
    async with observed(
        source,
        [MemorySink()],
        every=10,
        kiln=KilnOptions(capacity=10, scope="key"),
        decoder=Decoder(DecodeOptions(key=("who",))),
        options=RunOptions(max_unsettled=5),
    ) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().windows == 39)
        assert not source.commits
        assert not [event for event in watch.events if isinstance(event, IntakePaused)]


async def test_a_sink_that_is_not_required_holds_no_reading_back() -> None:
    source, gate = Scripted(numbered(30 * EVERY), size=EVERY, ends=False, live=True), Gate()
    idle = Subscription(gate, required=False, queue=3)
    async with observed(source, [idle], options=RunOptions(max_unsettled=5)) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().windows == 30)
        assert not watch.named("intake.paused")
        gate.open()


def test_a_bound_that_lets_nothing_pass_is_an_error() -> None:
    with pytest.raises(ValueError, match="max_unsettled must be at least 1, not 0"):
        RunOptions(max_unsettled=0)
    with pytest.raises(ValueError, match="max_unsettled_bytes must be at least 1, not -1"):
        RunOptions(max_unsettled_bytes=-1)


def test_a_history_knows_what_it_takes_by_the_first_of_what_it_holds() -> None:
    numbers = [0.5] * 1000
    of_one = History(learned={"shift": {"metrics": {"a": numbers}}}).nbytes
    of_ten = History(learned={"shift": {"metrics": dict.fromkeys("abcdefghij", numbers)}}).nbytes
    assert 32_000 < of_one < 33_000
    assert 9 < of_ten / of_one < 10.1
    assert History().nbytes == 0
