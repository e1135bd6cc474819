"""From a real broker through the whole pipeline to a signed webhook, over stops, restarts and rebalances."""

from __future__ import annotations

import json
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from kafka_cluster import Cluster
from receiver import LOOPBACK, Receiver, Reply
from standardwebhooks import Webhook

from crackle_stream.model import Partition
from crackle_stream.profile import ThermalProfile
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink, WebhookSink
from crackle_stream.stream import Event, KilnOptions, Pipeline, RetryOptions, Subscription
from crackle_stream.stream.events import OffsetsCommitted, WindowCooled
from crackle_stream.stream.options import BreakerOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from kafka_broker import Broker

    from crackle_stream.protocols import Sink

pytestmark = pytest.mark.broker

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
EVERY_100 = CoolingSchedule(every_tasks=100, every_seconds=None)


@pytest.fixture
def cluster(kafka: Broker) -> Cluster:
    return Cluster(kafka)


def shifting(count: int, at: int, first: int = 0) -> list[bytes]:
    """Task results whose latency trebles."""
    rng = random.Random(first)
    return [
        json.dumps(
            {
                "label": f"t{first + row}",
                "ts": 1.7e9 + first + row,
                "metrics": {"latency": rng.gauss(100 if row < at else 300, 1)},
            }
        ).encode()
        for row in range(count)
    ]


class Watch:
    """Every event of a pipeline; lets a test wait until something holds."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.also: Watch | None = None
        self._changed = anyio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self.wake()
        if self.also is not None:
            self.also.wake()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, holds: Callable[[], object]) -> None:
        with anyio.fail_after(45):
            while not holds():
                await self._changed.wait()

    @property
    def fresh(self) -> list[str]:
        """Labels of the new tasks of every window cooled."""
        windows = [event.window for event in self.events if isinstance(event, WindowCooled)]
        return [label for window in windows for label in window.labels[len(window) - window.fresh :]]


@asynccontextmanager
async def running(
    cluster: Cluster, topic: str, sink: Sink | Subscription, **options: Any
) -> AsyncIterator[tuple[Pipeline, Watch]]:
    watch = Watch()
    source = cluster.source(topic, **options)
    async with (
        Pipeline(
            source,
            [sink],
            profile=ThermalProfile.default(),  # rules of thumb: these tests are about a finding's way
            schedule=EVERY_100,
            kiln=KilnOptions(capacity=100),
            on_event=watch,
        ) as pipeline,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(pipeline.run)
        yield pipeline, watch
        pipeline.stop()


async def test_records_arrive_as_verified_posts_and_are_committed(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, shifting(250, 150))
    async with Receiver([Reply(503), Reply(204)]) as receiver:
        sink = WebhookSink(receiver.url, secret=SECRET, **LOOPBACK)
        retry = RetryOptions(wait_s=0.01, wait_max_s=0.01)
        async with running(cluster, topic, Subscription(sink, retry=retry)) as (pipeline, watch):
            await watch.until(lambda: pipeline.statistics().windows == 2 and not pipeline.statistics().backlog)
        posts = receiver.requests
    assert posts[0].headers["webhook-id"] == posts[1].headers["webhook-id"]
    for post in posts:
        event = Webhook(SECRET).verify(post.body, dict(post.headers))
        assert event["data"]["position"]["topic"] == topic
    shifts = [json.loads(post.body)["data"] for post in posts[1:]]
    assert [(shift["status"], shift["position"]["offset"]) for shift in shifts if shift["pattern"]["direction"]] == [
        ("raised", 199)
    ]
    assert await cluster.committed(Partition(topic, 0)) == {Partition(topic, 0): 200}


async def test_a_second_run_goes_on_where_the_first_one_had_settled(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, shifting(250, 150))
    async with running(cluster, topic, MemorySink()) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().tasks == 250)
    await cluster.produce(topic, shifting(50, 50, first=250))
    async with running(cluster, topic, MemorySink()) as (pipeline, again):
        await again.until(lambda: pipeline.statistics().windows == 1)
    assert watch.fresh == [f"t{row}" for row in range(200)]
    assert again.fresh == [f"t{row}" for row in range(200, 300)]


async def test_nothing_is_committed_while_the_webhook_is_down_and_it_has_all_once_it_is_back(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, shifting(200, 50))
    partition = Partition(topic, 0)
    retry = RetryOptions(attempts=1, wait_s=0, round_wait_s=0.02, round_wait_max_s=0.02)
    async with Receiver([Reply(500)] * 8) as receiver:
        breaker = BreakerOptions(open_s=0.02, open_max_s=0.02)
        sink = Subscription(WebhookSink(receiver.url, **LOOPBACK), retry=retry, breaker=breaker)
        async with running(cluster, topic, sink) as (pipeline, watch):
            await watch.until(lambda: len(receiver.requests) >= 4)
            await pipeline._committer.commit()
            assert await cluster.committed(partition) == {partition: 0}, "no more than where reading began"
            await watch.until(lambda: pipeline.statistics().windows == 2 and not pipeline.statistics().backlog)
    assert await cluster.committed(partition) == {partition: 200}


async def test_two_pipelines_share_a_topic_and_every_record_is_in_a_settled_window(cluster: Cluster) -> None:
    topic = await cluster.topic(partitions=4)
    labels = set()
    for number in range(4):
        payloads = shifting(400, 150, first=1000 * number)
        labels |= {f"t{1000 * number + row}" for row in range(400)}
        await cluster.produce(topic, payloads[:200], partition=number)
    partitions = [Partition(topic, number) for number in range(4)]
    async with running(cluster, topic, MemorySink()) as (first, seen):
        await seen.until(lambda: first.statistics().windows >= 8)
        async with running(cluster, topic, MemorySink()) as (second, seen_too):
            await seen_too.until(lambda: [event for event in seen_too.events if event.name == "partitions.assigned"])
            for number in range(4):
                await cluster.produce(topic, shifting(400, 150, first=1000 * number)[200:], partition=number)
            seen.also = seen_too
            await seen_too.until(lambda: set(seen.fresh) | set(seen_too.fresh) == labels)
            assert second.statistics().tasks > 0
    assert await cluster.committed(*partitions) == dict.fromkeys(partitions, 400)


async def test_records_without_a_value_at_the_end_of_a_log_are_committed_as_well(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, [*shifting(100, 100), None, None])
    async with running(cluster, topic, MemorySink()) as (pipeline, watch):
        await watch.until(lambda: pipeline.statistics().windows == 1)
        await watch.until(lambda: (f"{topic}[0]", 102) in committed(watch))
    assert await cluster.committed(Partition(topic, 0)) == {Partition(topic, 0): 102}


def committed(watch: Watch) -> list[tuple[str, int]]:
    return [each for event in watch.events if isinstance(event, OffsetsCommitted) for each in event.offsets]
