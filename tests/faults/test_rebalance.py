"""Partitions that move while windows are being made: between pipelines that join and leave, and from a killed one."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import pytest
from command import spawn
from kafka_cluster import Cluster
from observing import EVERY, QUIET, Gate, Loop, Observed, numbered, observed, raised

from crackle_stream.model import CracklePattern, Partition
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import Subscription

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from kafka_broker import Broker

    from crackle_stream.stream import Pipeline
    from crackle_stream.window import Window

pytestmark = pytest.mark.broker

PARTITIONS = 4
EACH = 600
SPLIT_WITHIN_S = 15.0
DEATH_WITHIN_S = 10.0
SESSION_S = 6.0

MOST_HELD = 4000
"""Tasks between a source and a sink that takes none: some windows, and an inbox of four polls."""


@pytest.fixture
def cluster(kafka: Broker) -> Cluster:
    return Cluster(kafka)


async def filled(cluster: Cluster, first: int, last: int, topic: str | None = None) -> str:
    """A topic with these records in each partition."""
    topic = await cluster.topic(PARTITIONS) if topic is None else topic
    for number in range(PARTITIONS):
        await cluster.produce(topic, numbered(last - first, first, prefix=f"p{number}-"), partition=number)
    return topic


def everything(last: int = EACH) -> set[str]:
    return {f"p{number}-{row}" for number in range(PARTITIONS) for row in range(last)}


@asynccontextmanager
async def member(cluster: Cluster, topic: str, sink: Any, **options: Any) -> AsyncIterator[tuple[Pipeline, Observed]]:
    async with observed(cluster.source(topic, **options), [sink]) as (pipeline, watch):
        yield pipeline, watch


def offsets(window: Window) -> tuple[str, int]:
    end = window.end
    assert end is not None
    return str(end.partition), end.offset


def ids_of(*members: Observed) -> dict[tuple[str, int], set[str]]:
    """Ids of windows by where they end: one each, whoever cut them."""
    found: dict[tuple[str, int], set[str]] = {}
    for each in members:
        for window in each.windows:
            found.setdefault(offsets(window), set()).add(window.id)
    return found


def all_committed(topic: str, last: int, *members: Observed) -> bool:
    each = [Partition(topic, number) for number in range(PARTITIONS)]
    return all(max(watch.committed(partition) for watch in members) == last for partition in each)


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
async def test_members_that_come_and_go_lose_nothing_and_make_no_window_under_two_ids(
    cluster: Cluster, times: int, record_property: Callable[[str, object], None]
) -> None:
    last = EVERY * (times + 2)
    done = EVERY + 30  # windows are open when partitions move
    topic = await filled(cluster, 0, done)
    others, sinks, splits = list[Observed](), [MemorySink()], list[float]()
    async with member(cluster, topic, sinks[0]) as (_, kept):
        await kept.until(lambda: len(kept.windows) >= PARTITIONS)
        for _ in range(times):
            sinks.append(MemorySink())
            began = time.monotonic()
            async with member(cluster, topic, sinks[-1]) as (_, watch):
                others.append(watch)
                await watch.until(partial(watch.named, "partitions.assigned"))
                splits.append(time.monotonic() - began)
                await filled(cluster, done, done + EVERY, topic)
                done += EVERY
                await watch.until(partial(getattr, watch, "windows"))
        await filled(cluster, done, last, topic)
        await kept.until(lambda: all_committed(topic, last, kept, *others))
    assert max(splits) < SPLIT_WITHIN_S
    assert {label for watch in (kept, *others) for label in watch.fresh} == everything(last)
    assert {len(ids) for ids in ids_of(kept, *others).values()} == {1}
    told: dict[str, set[str]] = {}
    for sink in sinks:
        for metric, number in raised(sink.alerts):
            told.setdefault(metric, set()).add(number)
    assert len(told) == PARTITIONS * last // EVERY
    assert {len(ids) for ids in told.values()} == {1}
    failed = [event for watch in (kept, *others) for event in watch.events if event.name in REFUSED]
    assert failed == []
    record_property("longest_split_s", round(max(splits), 1))


REFUSED = ("source.failed", "commit.failed")

MEMBER = """\
[source]
kind = "kafka"
brokers = ["{address}"]
topics = ["{topic}"]
group = "{group}"
session_timeout = 6
heartbeat_interval = 1
rebalance_timeout = 8
request_timeout = 8
{more}
[kiln]
capacity = 100
every_tasks = 100
every_seconds = "1h"
[profile]
family = "threshold"
without = ["clustering", "phase_transition", "conservation", "correlation"]
detectors = ["observing:alarms"]
[alerts]
resolve_after = 1000
[sinks.out]
kind = "file"
path = "alerts.jsonl"
"""


def configured(cluster: Cluster, topic: str, directory: Path, more: str = "") -> None:
    """A member of the group as a process."""
    text = MEMBER.format(address=cluster.broker.address, topic=topic, group=cluster.group, more=more)
    (directory / "member.toml").write_text(text)


async def test_what_a_member_was_killed_over_is_made_again_by_another_under_the_same_ids(
    cluster: Cluster, tmp_path: Path, pythonpath: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    topic = await filled(cluster, 0, EACH)
    configured(cluster, topic, tmp_path)
    # killed when the alert of its fifth window is at its receiver and nothing is known of it yet
    env = {**pythonpath, "CRACKLE_FAILPOINT": "sent:5"}
    with (tmp_path / "log").open("wb") as log:
        process = spawn("run", "member.toml", env=env, cwd=tmp_path, stdin=-3, stdout=-3, stderr=log)
    assert await anyio.to_thread.run_sync(process.wait) == -9, (tmp_path / "log").read_text()
    died = time.monotonic()
    sink = MemorySink()
    async with member(cluster, topic, sink) as (_, watch):
        await watch.until(lambda: watch.named("partitions.assigned"))
        took = time.monotonic() - died
        await watch.until(lambda: all_committed(topic, EACH, watch))
    assert took < SESSION_S + DEATH_WITHIN_S
    record_property("taken_over_s", round(took, 1))
    first = {alert["pattern"]["metric_names"][0]: alert["id"] for alert in lines(tmp_path / "alerts.jsonl")}
    again = dict(raised(sink.alerts))
    assert len(first) == 5
    assert len(first | again) == PARTITIONS * EACH // EVERY
    assert {metric: again[metric] for metric in first.keys() & again.keys()}.items() <= first.items()


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_a_member_with_a_name_of_its_own_may_start_again_without_moving_a_partition(cluster: Cluster) -> None:
    topic = await filled(cluster, 0, EACH // 2)
    async with member(cluster, topic, MemorySink(), group_instance_id="one") as (_, one):
        await one.until(lambda: one.named("partitions.assigned"))
        async with member(cluster, topic, MemorySink(), group_instance_id="two") as (_, two):
            await two.until(lambda: two.named("partitions.assigned"))
            await one.until(lambda: len(one.named("partitions.assigned")) == 2)
        moves = one.rebalances
        async with member(cluster, topic, MemorySink(), group_instance_id="two") as (_, again):
            await again.until(lambda: again.named("partitions.assigned"))
            await filled(cluster, EACH // 2, EACH, topic)
            await again.until(lambda: all_committed(topic, EACH, one, two, again))
        assert one.rebalances == moves
        assert again.named("partitions.assigned") == two.named("partitions.assigned")
    assert {label for watch in (one, two, again) for label in watch.fresh} == everything()


async def test_a_detector_that_computes_for_longer_than_a_session_costs_no_partition(
    cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    topic = await filled(cluster, 0, EVERY)
    busy_s, session = 6.0, 3.0
    begun: list[float] = []

    def busy(window: Window) -> list[CracklePattern]:
        if not begun:
            begun.append(time.monotonic())
            while time.monotonic() - begun[0] < busy_s:  # pure Python: it never gives the lock away by itself
                sum(range(1000))
        return []

    options: dict[str, Any] = {"profile": QUIET.with_detector(busy).with_max_cooling_duration(60)}
    source = cluster.source(topic, session_timeout=session, heartbeat_interval=0.5)
    async with observed(source, [MemorySink()], **options) as (_, watch), Loop() as loop:
        partitions = [Partition(topic, number) for number in range(PARTITIONS)]
        await watch.until(lambda: all(watch.committed(each) == EVERY for each in partitions))
        assert time.monotonic() - begun[0] > busy_s
    assert watch.rebalances == 1
    assert max(loop.late_s) < session / 3
    record_property("worst_late_s", round(max(loop.late_s), 3))


async def test_a_sink_that_hangs_for_longer_than_polls_may_pause_costs_no_partition_and_a_bounded_memory(
    cluster: Cluster, record_property: Callable[[str, object], None]
) -> None:
    topic = await filled(cluster, 0, 4000)
    limit = 1.5
    sink = Gate()
    held_back = Subscription(sink, queue=1)
    async with member(cluster, topic, held_back, max_poll_interval=limit) as (pipeline, watch):
        await watch.until(lambda: sink.waiting)
        full = time.monotonic()
        while time.monotonic() - full < 3 * limit:
            await anyio.sleep(0.25)
            assert watch.rebalances == 1
        held = pipeline.statistics()
        assert held.tasks < MOST_HELD
        sink.open()
        partitions = [Partition(topic, number) for number in range(PARTITIONS)]
        await watch.until(lambda: all(watch.committed(each) == 4000 for each in partitions))
    assert watch.rebalances == 1
    assert set(watch.fresh) == everything(4000)
    record_property("tasks_held", held.tasks)


async def test_two_processes_that_end_in_order_lose_and_repeat_nothing(
    cluster: Cluster, tmp_path: Path, pythonpath: dict[str, str]
) -> None:
    topic = await filled(cluster, 0, EACH // 3)
    told: list[dict[str, Any]] = []
    for number in range(3):
        directory = tmp_path / str(number)
        directory.mkdir()
        configured(cluster, topic, directory, 'group_instance_id = "same"')
        with (directory / "log").open("wb") as log:
            process = spawn("run", "member.toml", "-v", env=pythonpath, cwd=directory, stdin=-3, stdout=-3, stderr=log)
        if number:
            await filled(cluster, number * EACH // 3, (number + 1) * EACH // 3, topic)
        # a signal in the midst of it; the last one comes when everything is told
        enough = 3 if number < 2 else PARTITIONS * EACH // EVERY - len(told)
        async with asyncio.timeout(40):
            while delivered(directory / "log") < enough:  # noqa: ASYNC110 - another process is at work
                await asyncio.sleep(0.02)
        began = time.monotonic()
        process.terminate()
        code = await anyio.to_thread.run_sync(process.wait)
        assert code == 0, (directory / "log").read_text()
        assert time.monotonic() - began < 30
        told += lines(directory / "alerts.jsonl")
    metrics = [alert["pattern"]["metric_names"][0] for alert in told if alert["status"] == "raised"]
    assert len(metrics) == len(set(metrics)) == PARTITIONS * EACH // EVERY


def delivered(log: Path) -> int:
    return log.read_bytes().count(b'"event":"alert.delivered"') + log.read_bytes().count(b'"event": "alert.delivered"')
