"""From records to alerts through the real rooms, with a source and a sink that do as they are told."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import numpy as np
import pytest
from scripted import P, Scripted

from crackle_stream.alerting import AlertPolicy
from crackle_stream.errors import (
    ConfigError,
    CrackleError,
    NotDrained,
    ReaderGone,
    RecordRefused,
    SinkUnavailable,
    SourceError,
    SourceUnavailable,
)
from crackle_stream.model import Alert, CracklePattern, Partition, RecordBatch
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import Sink, Source
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import DeadLetterFile, Event, KilnOptions, Pipeline, RunOptions, Subscription
from crackle_stream.window import Window


def record(number: int, **metrics: float) -> bytes:
    return json.dumps({"label": f"t{number}", "ts": 1.7e9 + number, "metrics": metrics}).encode()


def shifting(count: int, at: int, start: int = 0) -> list[bytes]:
    """Latency doubles at a task."""
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 1, count)
    return [record(start + row, latency=(100.0 if row < at else 300.0) + noise[row]) for row in range(count)]


class Gated(Sink):
    """Takes nothing until its gate opens."""

    def __init__(self, name: str = "gated") -> None:
        self.name = name
        self.gate = anyio.Event()
        self.taken: list[Alert] = []

    async def send(self, alert: Alert) -> None:
        await self.gate.wait()
        self.taken.append(alert)


class Watch:
    """Sees every event and lets a test wait for what it is after."""

    def __init__(self) -> None:
        self.seen: list[Event] = []
        self.changed = anyio.Event()

    def __call__(self, event: Event | None = None) -> None:
        if event is not None:
            self.seen.append(event)
        self.changed.set()
        self.changed = anyio.Event()

    async def until(self, holds: Callable[[], object]) -> None:
        with anyio.fail_after(20):
            while not holds():
                await self.changed.wait()

    def names(self) -> list[str]:
        return [event.name for event in self.seen]


@asynccontextmanager
async def running(
    source: Source, sink: Sink | Subscription, schedule: CoolingSchedule | None = None, **more: object
) -> AsyncIterator[tuple[Pipeline, Watch]]:
    """A pipeline at work; it is stopped at the end of the block."""
    watch = Watch()
    usual: dict[str, object] = {"schedule": schedule or EVERY_100, "kiln": SMALL, "profile": RULES}
    settings: dict[str, object] = {**usual, "on_event": watch, **more}
    async with (
        Pipeline(source, [sink], **settings) as pipeline,  # type: ignore[arg-type]
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(pipeline.run)
        yield pipeline, watch
        pipeline.stop()


EVERY_100 = CoolingSchedule(every_tasks=100, every_seconds=None)
SMALL = KilnOptions(capacity=100)
RULES = ThermalProfile.default()
"""The rules of thumb: these tests are about the way a finding takes, and those see one in any hundred tasks."""


async def run(source: Source, *sinks: Sink | Subscription, **more: object) -> tuple[Pipeline, list[Event]]:
    seen: list[Event] = []
    usual: dict[str, object] = {"schedule": EVERY_100, "kiln": SMALL, "profile": RULES}
    settings: dict[str, object] = {**usual, "on_event": seen.append, **more}
    async with Pipeline(source, sinks, **settings) as pipeline:  # type: ignore[arg-type]
        await pipeline.run()
    return pipeline, seen


async def test_a_shift_in_the_records_becomes_an_alert_at_the_sink() -> None:
    sink = MemorySink()
    pipeline, _ = await run(Scripted(shifting(200, 150)), sink)
    shifts = [alert for alert in sink.alerts if alert.pattern.kind == "phase transition"]
    assert [(str(alert.status), alert.pattern.metric_names, alert.pattern.direction) for alert in shifts] == [
        ("raised", ("latency",), "up")
    ]
    assert str(shifts[0].position) == "results[0]:199"
    assert pipeline.statistics().tasks == 200
    assert pipeline.statistics().windows == 2


async def test_the_last_partial_window_of_a_source_that_ends_is_cooled() -> None:
    pipeline, seen = await run(Scripted(shifting(150, 75)), MemorySink())
    closed = [event.window.closed_by for event in seen if event.name == "window.cooled"]  # type: ignore[attr-defined]
    assert closed == ["tasks", "end"]
    assert pipeline.statistics().fresh == 0


async def test_everything_delivered_is_committed_at_the_end() -> None:
    source = Scripted(shifting(250, 100))
    await run(source, MemorySink())
    assert source.commits[-1] == {P: 250}


async def test_nothing_is_committed_that_a_required_sink_does_not_have() -> None:
    source, sink = Scripted(shifting(200, 50), ends=False, live=True), Gated()
    async with running(source, sink) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().windows == 2)
        await pipeline._committer.commit()
        assert source.commits == []
        sink.gate.set()
        await watch.until(lambda: pipeline.statistics().delivered)
    assert source.commits[-1] == {P: 200}
    assert sink.taken


async def test_a_live_source_that_is_stopped_keeps_its_partial_window_for_the_next_run() -> None:
    source = Scripted(shifting(150, 75), ends=False, live=True)
    async with running(source, MemorySink()) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().tasks == 150)
    assert pipeline.statistics().windows == 1
    assert source.commits[-1] == {P: 100}


async def test_a_bad_record_is_counted_kept_with_its_place_and_does_not_stop_the_stream(tmp_path: Path) -> None:
    payloads = shifting(100, 50)
    payloads[17] = b'{"label": "x", "metrics": {"latency": NaN}}'
    letters = tmp_path / "dead" / "letters.jsonl"
    source = Scripted(payloads)
    pipeline, _ = await run(source, MemorySink(), dead_letters=DeadLetterFile(letters))
    (letter,) = [json.loads(line) for line in letters.read_text().splitlines()]
    assert (letter["position"], letter["offset"], letter["bytes"]) == ("results[0]:17", 17, len(payloads[17]))
    assert pipeline.statistics().rejected == 1
    assert pipeline.statistics().tasks == 99
    assert source.commits[-1] == {P: 100}


async def test_a_strict_pipeline_stops_at_the_first_bad_record_and_says_where() -> None:
    payloads = [*shifting(60, 30), b"not json"]
    with pytest.raises(RecordRefused, match=r"bad record at results\[0\]:60"):
        await run(Scripted(payloads), MemorySink(), options=RunOptions(strict=True))


async def test_dead_letters_that_cannot_be_written_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crackle_stream.stream.deadletter.RETRY_S", 0.01)
    folder = tmp_path / "dead"
    letters = DeadLetterFile(folder / "letters.jsonl")
    watch = Watch()

    def in_the_way_for_a_while(event: Event) -> None:
        watch(event)
        if event.name == "pipeline.started":
            shutil.rmtree(folder)
            folder.write_text("a file where the folder should be")
        if event.name == "dead_letter.failed":
            folder.unlink(missing_ok=True)

    await run(Scripted([b"not json"]), MemorySink(), dead_letters=letters, on_event=in_the_way_for_a_while)
    assert watch.names().count("dead_letter.failed") == 1
    assert len(await anyio.Path(letters.path).read_text()) > 100


async def test_dead_letters_that_can_never_be_written_are_a_configuration_error_at_the_start(tmp_path: Path) -> None:
    in_the_way = tmp_path / "dead"
    in_the_way.write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match=r"path .* cannot be written: File exists"):
        await run(Scripted([]), MemorySink(), dead_letters=DeadLetterFile(in_the_way / "letters.jsonl"))


async def test_a_dead_letter_file_is_rotated_at_its_bound(tmp_path: Path) -> None:
    letters = DeadLetterFile(tmp_path / "letters.jsonl", max_bytes=2_000)
    await run(Scripted([b"not json"] * 40, size=1), MemorySink(), dead_letters=letters)
    sizes = {path.name: (await path.stat()).st_size async for path in anyio.Path(tmp_path).iterdir()}
    assert set(sizes) == {"letters.jsonl", "letters.jsonl.1"}
    assert all(size <= 2_000 for size in sizes.values())


async def test_a_dead_sink_at_the_end_of_the_stream_is_given_the_grace_and_then_named() -> None:
    with pytest.raises(NotDrained, match=r"not drained within 0.5 s; alerts left for sink gated: 1") as caught:
        await run(Scripted(shifting(100, 50)), Gated(), options=RunOptions(shutdown_grace=0.5))
    assert caught.value.left == {"gated": 1}


async def test_a_slow_sink_pauses_the_source_which_is_still_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.stream.reader.POLL_S", 0.005)
    flapping = [line for number in range(60) for line in shifting(100, 50 + 50 * (number % 2), start=100 * number)]
    source, sink = Scripted(flapping, size=100), Gated()
    policy = AlertPolicy(resolve_after=1)
    async with running(source, Subscription(sink, queue=1), alerts=policy) as (pipeline, watch):
        source.on_paused_poll = watch
        await watch.until(lambda: source.polled_while_paused >= 3)
        held = pipeline.statistics().tasks
        await watch.until(lambda: source.polled_while_paused >= 6)
        assert pipeline.statistics().tasks == held < 6000
        sink.gate.set()
        await watch.until(lambda: pipeline.statistics().tasks == 6000)
    assert len(sink.taken) == sum(pipeline.statistics().alerts.values()) > 10


async def test_a_quiet_stream_is_cooled_after_every_seconds() -> None:
    source = Scripted([record(0, latency=float(row)) for row in range(40)], ends=False)
    async with running(source, MemorySink(), CoolingSchedule(1000, 0.05)) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().windows and not pipeline.statistics().fresh)
    windows = [event.window for event in watch.seen if event.name == "window.cooled"]  # type: ignore[attr-defined]
    assert [(window.closed_by, window.fresh) for window in windows] == [("idle", 40)]


async def test_statistics_say_how_long_the_oldest_task_without_a_window_has_waited() -> None:
    source = Scripted([record(0, latency=float(row)) for row in range(40)], ends=False)
    async with running(source, MemorySink(), CoolingSchedule(1000, None)) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().fresh == 40)
        await watch.until(lambda: pipeline.statistics().oldest_fresh_s > 0)
        await pipeline.cool_now()
        assert pipeline.statistics().oldest_fresh_s == 0


async def test_cool_now_cools_what_is_new_and_hands_back_what_it_found() -> None:
    source = Scripted(shifting(60, 30), ends=False)
    async with running(source, MemorySink(), CoolingSchedule(1000, None)) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().tasks == 60)
        assert "phase transition" in {str(pattern.kind) for pattern in await pipeline.cool_now()}
        assert await pipeline.cool_now() == ()


async def test_a_source_that_is_not_there_yet_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.stream.reader.OPEN_RETRY_FIRST_S", 0.001)
    source = Scripted(shifting(10, 5))
    source.fails = 2
    _, seen = await run(source, MemorySink())
    assert source.opened == 3
    assert [event.problem for event in seen if event.name == "source.failed"] == [  # type: ignore[attr-defined]
        "source results: no broker at 127.0.0.1:1"
    ] * 2


async def test_a_source_that_stays_away_past_the_start_timeout_is_an_error() -> None:
    source = Scripted([])
    source.fails = 10**6
    with pytest.raises(SourceUnavailable, match="no broker"):
        await run(source, MemorySink(), options=RunOptions(start_timeout=0))


async def test_cancelling_the_run_stops_at_once_and_closes_everything() -> None:
    source = Scripted([], ends=False)
    async with Pipeline(source, [Gated()]) as pipeline:
        with anyio.move_on_after(0.05) as scope:
            await pipeline.run()
        assert scope.cancelled_caught
    assert source.closed == 1


async def test_windows_of_a_partition_that_left_are_neither_delivered_nor_committed() -> None:
    source, sink = Scripted(shifting(90, 45), ends=False, live=True), MemorySink()
    async with running(source, sink) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().tasks == 90)
        await source.listener.revoked([P])  # type: ignore[union-attr]
    assert (list(sink.alerts), source.commits, pipeline.statistics().kilns) == ([], [], 0)


async def test_a_failing_commit_is_said_and_tried_again() -> None:
    class Forgetful(Scripted):
        failures = 1

        async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
            if self.failures and any(offsets.values()):
                self.failures -= 1
                raise SourceUnavailable(self.name, "coordinator not available")
            await super().commit(offsets, notes)

    source = Forgetful(shifting(100, 50), ends=False, live=True)
    async with running(source, MemorySink()) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().delivered)
        await pipeline._committer.commit()
        assert source.commits == []
    assert "commit.failed" in watch.names()
    assert source.commits == [{P: 100}]


async def test_a_last_commit_that_fails_until_the_grace_is_over_is_told() -> None:
    class Deaf(Scripted):
        async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
            if any(offsets.values()):
                raise SourceUnavailable(self.name, "no answer within 5 s")

    sink = MemorySink()
    with pytest.raises(NotDrained) as caught:
        await run(Deaf(shifting(100, 50), live=True), sink, options=RunOptions(shutdown_grace=0.5))
    assert not caught.value.committed
    assert str(caught.value) == (
        "not drained within 0.5 s; positions not committed: what was delivered is read again, and comes again under "
        "the same ids. Check that the brokers answer, or raise shutdown_grace"
    )


async def test_a_detector_that_blocks_its_thread_does_not_stop_the_loop() -> None:
    import time

    def slow(window: Window) -> list[CracklePattern]:
        time.sleep(0.2)
        return []

    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await anyio.sleep(0.005)
            ticks += 1

    profile = ThermalProfile.no_detection().with_detector(slow)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tick)
        await run(Scripted(shifting(100, 50)), MemorySink(), profile=profile)
        tasks.cancel_scope.cancel()
    assert ticks > 10


async def test_a_pipeline_is_entered_before_it_runs_and_runs_once() -> None:
    pipeline = Pipeline(Scripted([]), [])
    for call in (pipeline.run, pipeline.cool_now):
        with pytest.raises(CrackleError, match="enter the pipeline first"):
            await call()
    async with pipeline:
        await pipeline.run()
        with pytest.raises(CrackleError, match="runs once"):
            await pipeline.run()
        with pytest.raises(CrackleError, match=r"after run\(\) had ended"):
            await pipeline.cool_now()


async def test_cool_now_waits_for_the_run_to_begin() -> None:
    source = Scripted(shifting(60, 30))
    async with Pipeline(source, [MemorySink()], kiln=SMALL) as pipeline, anyio.create_task_group() as tasks:
        tasks.start_soon(pipeline.cool_now)
        await anyio.wait_all_tasks_blocked()
        await pipeline.run()
    assert pipeline.statistics().fresh == 0


async def test_a_source_that_fails_midway_fails_the_run_after_what_it_gave_was_delivered() -> None:
    class Torn(Scripted):
        async def read(self) -> RecordBatch | None:
            batch = await super().read()
            if batch is None:
                raise SourceError(self.name, "the file ends in the middle of a record")
            return batch

    source, sink = Torn(shifting(150, 75)), MemorySink()
    with pytest.raises(SourceError, match="ends in the middle"):
        await run(source, sink)
    assert {alert.pattern.kind for alert in sink.alerts} >= {"phase transition"}
    assert source.commits[-1] == {P: 150}


async def test_when_the_reader_of_one_sink_has_gone_the_others_get_what_was_found_and_the_run_says_so() -> None:
    class Gone(Sink):
        name = "stdout"

        async def send(self, alert: Alert) -> None:
            raise ReaderGone(self.name)

    other = MemorySink()
    with pytest.raises(ReaderGone):
        await run(Scripted(shifting(200, 50)), Gone(), other)
    assert other.alerts


async def test_at_the_end_of_a_source_a_sink_that_makes_progress_has_all_the_time_it_needs() -> None:
    class Slow(Sink):
        name = "slow"
        taken = 0

        async def send(self, alert: Alert) -> None:
            await anyio.sleep(0.15)
            self.taken += 1

    rng = np.random.default_rng(0)
    records = [
        record(row, **{f"m{k}": x for k, x in enumerate(rng.normal(0, 1, 8) + 9 * (row >= 50))}) for row in range(100)
    ]
    sink = Slow()
    pipeline, _ = await run(Scripted(records), sink, options=RunOptions(shutdown_grace=1.0))
    assert sink.taken == sum(pipeline.statistics().alerts.values()) >= 8


async def test_two_streams_of_one_name_give_their_alerts_different_ids() -> None:
    def night(day: int) -> list[bytes]:
        return [line.replace(b'"ts": 17', b'"ts": 1%d' % (8 + day)) for line in shifting(100, 50)]

    ids = []
    for day in range(2):
        sink = MemorySink()
        await run(Scripted(night(day), partition=Partition("stdin")), sink)
        ids.append({alert.id for alert in sink.alerts})
    assert ids[0].isdisjoint(ids[1])
    again = MemorySink()
    await run(Scripted(night(0), partition=Partition("stdin")), again)
    assert {alert.id for alert in again.alerts} == ids[0]


async def test_a_sink_that_cannot_be_opened_fails_the_entry_and_leaves_nothing_open() -> None:
    class Shut(Sink):
        name = "shut"

        async def __aenter__(self) -> "Shut":
            raise SinkUnavailable(self.name, "cannot be opened")

        async def send(self, alert: Alert) -> None:
            raise AssertionError("never sent to")

    source = Scripted([])
    with pytest.raises(SinkUnavailable, match="cannot be opened"):
        await run(source, Shut())
    assert source.opened == 0


def test_it_runs_under_uvloop_as_well() -> None:
    import uvloop

    sink = MemorySink()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(Scripted(shifting(200, 150)), sink))
    assert "phase transition" in {alert.pattern.kind for alert in sink.alerts}
