"""What a pipeline does while its broker is killed, hangs, is away, or gives records up."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import aiokafka  # type: ignore[import-untyped]
import aiokafka.admin  # type: ignore[import-untyped]
import anyio
import anyio.to_thread
import pytest
from kafka_cluster import Cluster
from observing import Gate, Loop, numbered, observed, raised

from crackle_stream.model import Partition
from crackle_stream.sinks import MemorySink
from crackle_stream.stream.events import BatchRead, CommitFailed, PartitionBegun, SourceFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka_broker import Broker

pytestmark = pytest.mark.broker

BACK_WITHIN_S = 15.0
RESUMES_WITHIN_S = 10.0


def hung(broker: Broker, number: signal.Signals) -> None:
    assert broker.pid is not None
    os.kill(broker.pid, number)


async def test_a_broker_that_was_killed_is_read_on_from_as_soon_as_it_is_back(
    own: Broker, record_property: Callable[[str, object], None]
) -> None:
    cluster = Cluster(own)
    topic = await cluster.topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, numbered(500))
    sink = MemorySink()
    async with observed(cluster.source(topic), [sink]) as (_, watch):
        await watch.until(lambda: watch.committed(partition) == 500)
        own.kill()
        with anyio.move_on_after(1):
            await watch.until(lambda: watch.named("source.failed"))
        await anyio.to_thread.run_sync(own.start_again)
        back, read = time.monotonic(), len(watch.events)
        await cluster.produce(topic, numbered(500, first=500))
        await watch.until(lambda: any(isinstance(each, BatchRead) and each.tasks for each in watch.events[read:]))
        took = time.monotonic() - back
        record_property("recovered_s", round(took, 1))
        assert took < BACK_WITHIN_S
        await watch.until(lambda: watch.committed(partition) == 1000)
    assert set(watch.fresh) == {f"t{row}" for row in range(1000)}
    assert len({number for _, number in raised(sink.alerts)}) == 10
    assert [name for name, _ in raised(sink.alerts)] == [f"alarm-t{row}" for row in range(10, 1000, 100)]


@pytest.mark.parametrize("seconds", [8, pytest.param(30, marks=pytest.mark.slow)])
async def test_a_broker_that_hangs_costs_no_commit_and_no_tick_of_the_loop(
    own: Broker, seconds: int, record_property: Callable[[str, object], None]
) -> None:
    cluster = Cluster(own)
    topic = await cluster.topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, numbered(200))
    sink = Gate()
    async with observed(cluster.source(topic), [sink]) as (_, watch), Loop() as loop:
        await watch.until(lambda: sink.waiting)
        hung(own, signal.SIGSTOP)
        try:
            sink.open()
            began = time.monotonic()
            # what is settled now is committed at once, and meets a broker that hangs
            await watch.until(lambda: watch.named("commit.failed"))
            gave_up = time.monotonic() - began
            await anyio.sleep(seconds - gave_up)
        finally:
            hung(own, signal.SIGCONT)
        back = time.monotonic()
        await watch.until(lambda: watch.committed(partition) == 200)
        await cluster.produce(topic, numbered(100, first=200))
        await watch.until(lambda: watch.committed(partition) == 300)
        resumed = time.monotonic() - back
    failed = [each.problem for each in watch.events if isinstance(each, CommitFailed)]
    assert "no answer within 5 s; whether it was stored is unknown" in failed[0]
    assert 4 <= gave_up <= 7
    assert resumed <= RESUMES_WITHIN_S
    assert loop.quantile(0.99) < 0.1
    assert set(watch.fresh) == {f"t{row}" for row in range(300)}
    assert [name for name, _ in dict(raised(sink.alerts)).items()] == ["alarm-t10", "alarm-t110", "alarm-t210"]
    for name, value in (("commit_gave_up_s", gave_up), ("resumed_s", resumed), ("late_p99_s", loop.quantile(0.99))):
        record_property(name, round(value, 3))


async def test_records_that_the_broker_gave_up_before_a_start_are_said_and_counted(own: Broker) -> None:
    cluster = Cluster(own)
    topic = await cluster.topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, numbered(300))
    async with observed(cluster.source(topic), [MemorySink()]) as (_, watch):
        await watch.until(lambda: watch.committed(partition) == 300)
    await cluster.produce(topic, numbered(300, first=300))
    await give_up(own, topic, 450)
    async with observed(cluster.source(topic), [MemorySink()]) as (_, again):
        await again.until(lambda: again.committed(partition) == 600)
    (begun,) = again.named("partition.begun")
    assert getattr(begun, "lost", None) == 150
    assert set(again.fresh) == {f"t{row}" for row in range(450, 600)}


@pytest.mark.parametrize("reset", ["earliest", "latest"])
async def test_records_that_the_broker_gives_up_while_they_wait_are_said_counted_and_no_others_left_out(
    own: Broker, reset: str, record_property: Callable[[str, object], None]
) -> None:
    cluster = Cluster(own)
    topic = await cluster.topic()
    partition = Partition(topic, 0)
    source = cluster.source(topic, auto_offset_reset=reset, max_records=100, max_partition_fetch_bytes=4096)
    async with observed(source, [MemorySink()]) as (_, watch):
        await watch.until(lambda: watch.named("partitions.assigned"))
        await cluster.produce(topic, numbered(100))
        await watch.until(lambda: watch.committed(partition) == 100)
        source.pause()
        # what was fetched ahead is far less than this
        await cluster.produce(topic, numbered(5000, first=100))
        await give_up(own, topic, 4000)
        began = time.monotonic()
        source.resume()
        await watch.until(lambda: watch.named("source.reopened"))
        await watch.until(lambda: watch.committed(partition) == 5100)
        record_property("read_on_s", round(time.monotonic() - began, 1))
    failed = [each.problem for each in watch.events if isinstance(each, SourceFailed)]
    assert f"{partition} begins at offset 4000 by now" in failed[0]
    begun = [each for each in watch.events if isinstance(each, PartitionBegun)]
    lost = begun[-1].lost
    assert 0 < lost < 4000
    read = {int(label[1:]) for label in watch.fresh}
    assert read >= set(range(4000, 5100))
    # whatever had been settled by then is not among them
    assert read >= set(range(4000 - lost))


async def give_up(broker: Broker, topic: str, below: int) -> None:
    """What retention does: the log begins later."""
    admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        await admin.delete_records({aiokafka.TopicPartition(topic, 0): aiokafka.admin.RecordsToDelete(below)})
    finally:
        await admin.close()
