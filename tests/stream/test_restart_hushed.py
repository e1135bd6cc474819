"""What is delayed, silenced, muted or explained by another alert is so also by processes that die."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from observing import alarms
from restarting import PLACES, Log, Reader, a_log, run, told

from crackle_stream.alerting import AlertPolicy, DayTimes, MuteTime, RaiseAfter
from crackle_stream.model import CracklePattern, Nature, Onset, PatternKind
from crackle_stream.profile import ThermalProfile
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import Event, HushOptions, KilnOptions, Pipeline
from crackle_stream.testing import FakeClock
from crackle_stream.window import Window

pytestmark = pytest.mark.usefixtures("often")


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
