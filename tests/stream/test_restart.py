"""A process that is killed and started again tells what a process without a kill tells: the same news, the same ids."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from observing import alarms

from crackle_stream.alerting import AlertPolicy, DayTimes, MuteTime, RaiseAfter
from crackle_stream.commit import decode
from crackle_stream.cooling import CoolingReport
from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.errors import StateUnusable
from crackle_stream.model import (
    CracklePattern,
    LogStart,
    Nature,
    Onset,
    Partition,
    PatternKind,
    Positions,
    RecordBatch,
)
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import PartitionListener, Source
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import DeadLetterFile, Event, HushOptions, KilnOptions, Pipeline
from crackle_stream.stream.deaths import MOST_DEATHS
from crackle_stream.stream.kilns import KilnId
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.store import FILE_NAME, Store
from crackle_stream.testing import FakeClock
from crackle_stream.window import Window

P = Partition("results", 0)
BATCH = 5
"""At most one window ends in a batch: the next one is read when that is cooled."""
RECORDS = 900

Told = tuple[str, str, str, int]


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit so often that processes die with every share of their news committed."""
    monkeypatch.setattr("crackle_stream.stream.committer.COMMIT_EVERY_S", 0.01)


class Killed(Exception):
    """The process ends here."""


@dataclass
class Log:
    """A partition, and what the group has committed of it."""

    payloads: list[bytes]
    committed: int | None = None
    note: str = ""
    commits: list[int] = field(default_factory=list)


class Reader(Source):
    """Reads a log a batch at a time, and only when all windows before are cooled, so that none is merged away."""

    name = "results"
    replayable = True
    live = True

    def __init__(self, log: Log) -> None:
        self.log = log
        self.next = 0
        self.rows_read: list[int] = []
        self.listener: PartitionListener | None = None
        self.given = 0
        self.ready: Callable[[], bool] = lambda: True
        self.asks: set[int] = set()
        self.ask: Callable[[], Awaitable[object]] | None = None

    def listen(self, listener: PartitionListener) -> None:
        self.listener = listener

    def wait_for(self, pipeline: Pipeline, seen: list[Event]) -> None:
        """Give a batch only when the pipeline is done with the one before."""
        self.ready = lambda: (
            not pipeline._cooler.waiting and sum(event.name == "batch.read" for event in seen) == self.given
        )

    async def __aenter__(self) -> Reader:
        self.next = self.log.committed or 0
        start = LogStart(self.next, self.log.committed, self.log.note, 0, len(self.log.payloads))
        assert self.listener is not None
        self.next = (await self.listener.assigned({P: start})).get(P, self.next)
        return self

    async def read(self) -> RecordBatch | None:
        while not self.ready():
            await anyio.lowlevel.checkpoint()
        if self.ask is not None and self.next in self.asks:
            await self.ask()
        last = min(self.next + BATCH - self.next % BATCH, len(self.log.payloads))
        offsets = np.arange(self.next, last, dtype=np.int64)
        self.rows_read += offsets.tolist()
        self.next = last
        self.given += 1
        payloads = [self.log.payloads[offset] for offset in offsets.tolist()]
        return RecordBatch(payloads, Positions(P, offsets), 1.7e9 + offsets.astype(np.float64)) if payloads else None

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        assert notes is not None
        assert offsets[P] >= (self.log.committed or 0), "an offset never goes back"
        self.log.committed, self.log.note = offsets[P], notes[P]
        self.log.commits.append(offsets[P])


def a_log(seed: int, keys: int = 1) -> list[bytes]:
    """Records some of which hold an alarm, for one record or for a long while."""
    rng = random.Random(seed)
    held: dict[int, set[str]] = {}
    for alarm in range(12):
        begin = rng.randrange(RECORDS - 100)
        for row in range(begin, min(begin + rng.choice([1, 40, 200, 500]), RECORDS)):
            held.setdefault(row, set()).add(f"alarm-{alarm}")
    return [
        json.dumps(
            {
                "label": f"r{row}",
                "ts": 1.7e9 + row,
                "key": f"k{rng.randrange(keys)}",
                "metrics": {"x": 1.0, **dict.fromkeys(sorted(held.get(row, ())), 1.0)},
            }
        ).encode()
        for row in range(RECORDS)
    ]


async def run(
    log: Log,
    sink: MemorySink,
    *,
    capacity: int,
    die_at: tuple[str, int] | None = None,
    state: Path | None = None,
    keyed: bool = False,
    asks: Collection[int] = (),
    policy: AlertPolicy | None = None,
    hush: HushOptions | None = None,
    clock: FakeClock | None = None,
    detector: Callable[[Window], Iterable[CracklePattern]] = alarms,
) -> tuple[Pipeline, Reader, list[Event]]:
    """One process, to the end of the log or to the n-th event of a name."""
    source, seen = Reader(log), list[Event]()
    left = die_at[1] if die_at else 0

    def see(event: Event) -> None:
        nonlocal left
        seen.append(event)
        if clock is not None and event.name == "window.cooled":
            clock.advance(1)
        if die_at is not None and event.name == die_at[0]:
            left -= 1
            if left == 0:
                raise Killed

    pipeline = Pipeline(
        source,
        [sink],
        profile=ThermalProfile.no_detection().with_detector(detector),
        schedule=CoolingSchedule(every_tasks=100),
        kiln=KilnOptions(capacity=capacity),
        alerts=AlertPolicy(resolve_after=2) if policy is None else policy,
        hush=hush,
        clock=clock,
        decoder=Decoder(DecodeOptions(key=("key",)) if keyed else None),
        state=None if state is None else Store(state, PARTS),
        on_event=see,
    )
    source.wait_for(pipeline, seen)
    source.asks, source.ask = set(asks), pipeline.cool_now
    try:
        async with pipeline:
            await pipeline.run()
    except* Killed:
        pass
    return pipeline, source, seen


def told(sink: MemorySink) -> set[Told]:
    return {
        (alert.id, str(alert.status), alert.pattern.metric_names[0], alert.position.offset if alert.position else -1)
        for alert in sink.alerts
    }


PLACES = ("window.cooled", "alert.made", "alert.delivered", "offsets.committed", "batch.read")


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


@pytest.mark.parametrize("keeping", ["metadata", "state"])
@pytest.mark.parametrize("seed", range(2))
async def test_what_is_raised_after_two_of_three_is_raised_so_also_by_processes_that_die(
    seed: int, keeping: str, tmp_path: Path
) -> None:
    policy = AlertPolicy(resolve_after=2, raise_after=RaiseAfter(2, 3))
    payloads, whole, at_once = a_log(seed), MemorySink(), MemorySink()
    await run(Log(payloads), whole, capacity=250, policy=policy)
    await run(Log(payloads), at_once, capacity=250)
    rng, log, sink = random.Random(seed), Log(payloads), MemorySink()
    state = tmp_path if keeping == "state" else None
    for _ in range(4):
        die_at = rng.choice(PLACES), rng.randint(1, 6)
        await run(log, sink, capacity=250, die_at=die_at, state=state, policy=policy)
    await run(log, sink, capacity=250, state=state, policy=policy)
    assert told(sink) == told(whole)
    assert told(whole)
    assert told(whole) != told(at_once), "the rule delays something"


SILENCES = """
[[silences]]
metric = "alarm-*"
starts = 2023-11-14T22:13:22Z
ends = 2023-11-14T22:13:40Z
author = "kim"
comment = "the wall clock shows 22:13:20 at first, and goes a second a cooling"
"""


@pytest.mark.parametrize("keeping", ["metadata", "state"])
@pytest.mark.parametrize("seed", range(3))
async def test_a_silence_never_changes_how_a_notification_is_called_nor_leaves_one_open(
    seed: int, keeping: str, tmp_path: Path
) -> None:
    (tmp_path / "silences.toml").write_text(SILENCES)
    hush = HushOptions(silences=tmp_path / "silences.toml")
    payloads, loud = a_log(seed), MemorySink()
    await run(Log(payloads), loud, capacity=100)
    rng, log, sink, clock = random.Random(seed), Log(payloads), MemorySink(), FakeClock()
    state = tmp_path if keeping == "state" else None
    hushed = 0
    for _ in range(4):
        die_at = rng.choice(PLACES), rng.randint(1, 6)
        _, _, seen = await run(log, sink, capacity=100, die_at=die_at, state=state, hush=hush, clock=clock)
        hushed += sum(event.name == "alert.hushed" for event in seen)
    pipeline, _, _ = await run(log, sink, capacity=100, state=state, hush=hush, clock=clock)
    assert hushed + sum(pipeline.statistics().hushed.values()) > 0

    def ids(sink: MemorySink, status: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for alert in sink.alerts:
            if alert.status == status:
                found.setdefault(alert.pattern.metric_names[0], set()).add(alert.id)
        return found

    for status in ("raised", "resolved"):
        said, usual = ids(sink, status), ids(loud, status)
        assert all(said[metric] <= usual[metric] for metric in said)
    assert ids(sink, "raised").keys() & ids(loud, "resolved").keys() <= ids(sink, "resolved").keys()


class Replayed(Reader):
    """A log whose stream time decides what is muted."""

    live = False


async def test_a_replayed_stream_is_muted_by_its_own_clock() -> None:
    # stream time goes a second a record from 2023-11-14T22:13:20Z, a Tuesday; a window a hundred records
    mute = MuteTime("night", times=(DayTimes.parse("22:14-22:20"),))
    log, sink, loud = Log(a_log(1)), MemorySink(), MemorySink()
    await run(Log(log.payloads), loud, capacity=100)
    pipeline = Pipeline(
        source := Replayed(log),
        [sink],
        profile=ThermalProfile.no_detection().with_detector(alarms),
        schedule=CoolingSchedule(every_tasks=100),
        kiln=KilnOptions(capacity=100),
        alerts=AlertPolicy(resolve_after=2),
        hush=HushOptions(mutes=(mute,)),
        on_event=(seen := list[Event]()).append,
    )
    source.wait_for(pipeline, seen)
    async with pipeline:
        await pipeline.run()
    raised = [alert for alert in sink.alerts if alert.status == "raised"]
    began = 1.7e9 // 60 * 60
    assert pipeline.statistics().hushed["muted"] > 0
    assert raised
    assert all(one.position is not None and not 60 <= 1.7e9 + one.position.offset - began < 420 for one in raised)
    assert {one.id for one in raised} <= {one.id for one in loud.alerts}


def followed(window: Window) -> Iterator[CracklePattern]:
    """Alarms as shifts, each followed two seconds later by another, which lasts as long as a task of it is held."""
    for one in alarms(window):
        if one.at is None or not one.at.index:
            continue
        cause = replace(one, kind=PatternKind.PHASE_TRANSITION, fingerprint="")
        name = one.metric_names[0]
        late = Onset(one.at.index, one.at.time + 2)
        yield cause
        yield replace(cause, metric_names=(f"after-{name}",), at=late, fingerprint="")
        yield CracklePattern(
            PatternKind.CORRELATION,
            "follows",
            1.0,
            metric_names=(name, f"after-{name}"),
            metrics={"lag_seconds": 2.0},
            form="lagged",
            nature=Nature.FACT,
        )


@pytest.mark.parametrize("keeping", ["metadata", "state"])
@pytest.mark.parametrize("seed", range(2))
async def test_what_another_alert_explains_is_held_back_by_processes_that_die_too(
    seed: int, keeping: str, tmp_path: Path
) -> None:
    payloads, whole = a_log(seed), MemorySink()
    pipeline, _, _ = await run(Log(payloads), whole, capacity=250, detector=followed)
    rng, log, sink = random.Random(seed), Log(payloads), MemorySink()
    state = tmp_path if keeping == "state" else None
    for _ in range(4):
        await run(
            log, sink, capacity=250, die_at=(rng.choice(PLACES), rng.randint(1, 6)), state=state, detector=followed
        )
    await run(log, sink, capacity=250, state=state, detector=followed)
    assert pipeline.statistics().hushed["inhibited"] > 0
    assert {one for one in told(sink) if not one[2].startswith("after")} == {
        one for one in told(whole) if not one[2].startswith("after")
    }
    assert told(whole) <= told(sink)


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
