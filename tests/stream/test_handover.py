"""What becomes of alerts that wait when their partition moves: its next owner makes again what was not committed.

Two processes share a log, each with a state directory of its own. A's pager is down, so that alerts stay in its spool;
a gate that takes nothing holds positions back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest
from observing import Gate, Observed
from shared_log import SOON, P, Pager, Shared, log_with, process, spooled

from crackle_stream.alerting import Match
from crackle_stream.model import Alert, AlertStatus
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import Subscription
from crackle_stream.stream.events import AlertsHandedOver
from crackle_stream.stream.options import BreakerOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit at once, and do not wait for what no sink takes when partitions leave."""
    monkeypatch.setattr("crackle_stream.stream.committer.COMMIT_EVERY_S", 0.01)
    monkeypatch.setattr("crackle_stream.stream.tenure.ACKS_WITHIN_S", 0.05)


def holding(gate: Gate, *alarms: int) -> Subscription:
    """A sink in memory that never takes these alerts, so that no position passes them."""
    return Subscription(gate, match=Match(metric=tuple(f"alarm-{row}" for row in alarms)))


def tried(watch: Observed, alerts: int) -> bool:
    """Whether each of so many alerts has failed."""
    return len(watch.named("sink.unavailable")) >= alerts


def names(alerts: Sequence[Alert]) -> list[tuple[str, str]]:
    return [(alert.pattern.metric_names[0], alert.id) for alert in alerts if alert.status is AlertStatus.RAISED]


async def test_news_beyond_what_was_committed_leaves_the_spool_with_its_partition_and_is_made_again_under_its_id(
    tmp_path: Path,
) -> None:
    # r5 in window 0..9 is committed, r15 and r25 are spooled only: the gate has not taken r15
    log, pager, other = log_with(5, 15, 25), Pager(up=False), MemorySink()
    source = Shared(log)
    async with process(source, [spooled(pager), holding(Gate(), 15)], tmp_path / "a") as (pipeline, watch):
        await watch.until(lambda: tried(watch, 3) and log.committed == 10)
        made = {event.alert.pattern.metric_names[0]: event.alert.id for event in watch.named("alert.made")}  # type: ignore[attr-defined]
        await source.revoke()
        assert [event for event in watch.events if isinstance(event, AlertsHandedOver)] == [
            AlertsHandedOver("pager", str(P), 2, 9)
        ]
        pager.up = True
        await watch.until(lambda: not pipeline.statistics().backlog.get("pager"))
    async with process(Shared(log), [other], tmp_path / "b") as (_, watch):
        await watch.until(lambda: log.committed == 40)
    assert names(pager.alerts) == [("alarm-5", made["alarm-5"])]
    assert names(other.alerts) == [("alarm-15", made["alarm-15"]), ("alarm-25", made["alarm-25"])]


async def test_where_it_is_unknown_what_was_committed_both_owners_deliver(tmp_path: Path) -> None:
    log, pager, other = log_with(5), Pager(up=False), MemorySink()
    source = Shared(log)
    async with process(source, [spooled(pager)], tmp_path / "a") as (pipeline, watch):
        log.down = True
        await watch.until(lambda: tried(watch, 1) and watch.named("commit.failed"))
        await source.revoke()
        log.down, pager.up = False, True
        await watch.until(lambda: not pipeline.statistics().backlog.get("pager"))
        assert not watch.named("alerts.handed_over")
    async with process(Shared(log), [other], tmp_path / "b") as (_, watch):
        await watch.until(lambda: log.committed == 40)
    assert names(pager.alerts) == names(other.alerts)


async def test_news_that_waits_in_memory_leaves_with_its_partition_but_for_what_is_being_sent(tmp_path: Path) -> None:
    log, gate, other = log_with(5, 15, 25), Gate(), MemorySink()
    source = Shared(log)
    async with process(source, [gate], tmp_path / "a") as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().backlog.get("gate") == 3 and gate.waiting)
        await source.revoke()
        assert pipeline.statistics().backlog == {"gate": 1}
        gate.open()
        await watch.until(lambda: not pipeline.statistics().backlog)
    async with process(Shared(log), [other], tmp_path / "b") as (_, watch):
        await watch.until(lambda: log.committed == 40)
    assert [name for name, _ in names(gate.alerts)] == ["alarm-5"]
    assert [name for name, _ in names(other.alerts)] == ["alarm-5", "alarm-15", "alarm-25"]
    assert names(gate.alerts)[0] in names(other.alerts)


@pytest.mark.parametrize("known", [True, False], ids=["the group can be asked", "it cannot"])
async def test_a_process_that_starts_again_delivers_only_what_it_had_committed_before_another_went_on(
    known: bool, tmp_path: Path
) -> None:
    log, pager, other = log_with(5, 15, 25), Pager(up=False), MemorySink()
    async with process(Shared(log), [spooled(pager), holding(Gate(), 15)], tmp_path / "a") as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().backlog.get("pager") == 3 and log.committed == 10)
    # it is gone without a word; another goes on
    async with process(Shared(log), [other], tmp_path / "b") as (_, watch):
        await watch.until(lambda: log.committed == 40)
        log.down = not known
        pager.up = True
        async with process(Shared(log, assigned=False), [spooled(pager)], tmp_path / "a") as (pipeline, again):
            await again.until(lambda: not pipeline.statistics().backlog)
    left_out = [event.alerts for event in again.events if isinstance(event, AlertsHandedOver)]
    assert left_out == ([2] if known else [])
    assert [name for name, _ in names(pager.alerts)] == (["alarm-5"] if known else ["alarm-5", "alarm-15", "alarm-25"])
    assert set(names(other.alerts)) >= set(names(pager.alerts)) - {names(pager.alerts)[0]}


async def test_nobody_having_gone_on_a_process_that_starts_again_delivers_all_it_had(tmp_path: Path) -> None:
    log, pager = log_with(5, 15, 25), Pager(up=False)
    async with process(Shared(log), [spooled(pager), holding(Gate(), 15)], tmp_path) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().backlog.get("pager") == 3 and log.committed == 10)
    pager.up = True
    async with process(Shared(log), [spooled(pager)], tmp_path) as (pipeline, watch):
        await watch.until(lambda: not pipeline.statistics().backlog and log.committed == 40)
    # what was delivered before its window was cooled again came twice, under one id
    assert [name for name, _ in sorted(set(names(pager.alerts)))] == ["alarm-15", "alarm-25", "alarm-5"]


async def test_what_was_kept_in_doubt_leaves_once_the_partition_comes_back_and_says_who_went_on(tmp_path: Path) -> None:
    log, pager = log_with(5, 15), Pager(up=False)
    source = Shared(log)
    async with process(source, [spooled(pager)], tmp_path / "a") as (pipeline, watch):
        log.down = True
        await watch.until(lambda: tried(watch, 2) and watch.named("commit.failed"))
        await source.revoke()
        log.down = False
        async with process(Shared(log), [MemorySink()], tmp_path / "b") as (_, other):
            await other.until(lambda: log.committed == 40)
        assert pipeline.statistics().backlog["pager"] == 2
        with anyio.fail_after(10):
            while not watch.named("alerts.handed_over"):  # one that is just being tried again stays
                await source.assign()
                await source.revoke()
        assert watch.named("alerts.handed_over")[0].through == -1  # type: ignore[attr-defined]


async def test_a_partition_that_leaves_waits_for_what_a_sink_is_about_to_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crackle_stream.stream.tenure.ACKS_WITHIN_S", 10.0)
    log, gate = log_with(5), Gate()
    source = Shared(log)
    async with process(source, [gate], tmp_path) as (_, watch):
        await watch.until(lambda: gate.waiting)
        assert max(log.commits) == 0
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(source.revoke)
            await anyio.sleep(0.1)  # it waits now, however long that is
            gate.open()
    assert log.committed == 40


async def test_a_partition_that_leaves_does_not_wait_for_a_sink_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crackle_stream.stream.tenure.ACKS_WITHIN_S", 60.0)
    log, pager = log_with(5), Pager(up=False)
    source = Shared(log)
    failing = Subscription(pager, retry=SOON, breaker=BreakerOptions(failures=1, open_s=60, open_max_s=60))
    async with process(source, [failing], tmp_path) as (_, watch):
        await watch.until(lambda: tried(watch, 1))
        with anyio.fail_after(30):
            await source.revoke()
