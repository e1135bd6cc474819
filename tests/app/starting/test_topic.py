"""A look at a Kafka topic: its last records, without a group."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import aiokafka.admin  # type: ignore[import-untyped]
import pytest
from kafka_cluster import Cluster

from crackle_stream.app.starting.sampling import of_topic
from crackle_stream.errors import ConfigError

if TYPE_CHECKING:
    from kafka_broker import Broker

pytestmark = pytest.mark.broker


async def groups(broker: Broker) -> set[str]:
    admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        return {name for name, *_ in await admin.list_consumer_groups()}
    finally:
        await admin.close()


async def test_the_last_records_of_every_partition_are_looked_at_and_no_group_is_made(kafka: Broker) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic(partitions=2)
    for partition in (0, 1):
        rows = [json.dumps({"row": row, "part": partition}).encode() for row in range(10)]
        await cluster.produce(topic, [*rows[:-1], None, rows[-1]], partition=partition)
    before = await groups(kafka)
    sample = await asyncio.to_thread(of_topic, kafka.address, topic, 6)
    assert [json.loads(payload) for payload in sample.payloads] == [
        {"row": row, "part": partition} for partition in (0, 1) for row in (8, 9)
    ]
    assert ("topics", [topic], "what was looked at") in sample.source
    assert await groups(kafka) == before


async def test_a_topic_that_is_not_there_or_empty_is_told(kafka: Broker) -> None:
    with pytest.raises(ConfigError, match="there is no topic 'nowhere'"):
        await asyncio.to_thread(of_topic, kafka.address, "nowhere")
    topic = await Cluster(kafka).topic()
    with pytest.raises(ConfigError, match="holds no record"):
        await asyncio.to_thread(of_topic, kafka.address, topic)
