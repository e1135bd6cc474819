"""Records without the object that aiokafka makes of each are the same records."""

from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import aiokafka  # type: ignore[import-untyped]
import pytest
from kafka_broker import Broker
from kafka_cluster import Cluster

from crackle_stream.sources.kafka.lean import keep_lean


async def read(consumer: Any, count: int) -> list[Any]:
    found: list[Any] = []
    while len(found) < count:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found += records
    return found


def said(record: Any) -> tuple[object, ...]:
    return record.offset, record.timestamp, record.value, list(record.headers)


@pytest.mark.broker
@pytest.mark.parametrize("compression", [None, "gzip"])
async def test_a_lean_consumer_hands_out_what_a_plain_one_does(kafka: Broker, compression: str | None) -> None:
    topic = await Cluster(kafka).topic()
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=kafka.address, compression_type=compression) as producer:
        for number in range(50):
            headers = [("traceparent", b"%d" % number), ("none", None)] if number % 3 == 0 else []
            value = None if number % 7 == 0 else b'{"x": %d}' % number
            await producer.send_and_wait(
                topic, value, key=b"k", headers=headers, timestamp_ms=1_700_000_000_000 + number
            )
    found = []
    for lean in (True, False):
        consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=kafka.address, auto_offset_reset="earliest")
        await consumer.start()
        try:
            if lean:
                assert keep_lean(consumer), "aiokafka's fetcher is not the one that lean.py was written for"
            consumer.assign([aiokafka.TopicPartition(topic, 0)])
            found.append(await read(consumer, 50))
        finally:
            await consumer.stop()
    ours, theirs = found
    assert not any(isinstance(record, aiokafka.ConsumerRecord) for record in ours)
    assert all(isinstance(record, aiokafka.ConsumerRecord) for record in theirs)
    assert [said(record) for record in ours] == [said(record) for record in theirs]


@pytest.mark.parametrize(
    "consumer",
    [
        SimpleNamespace(),
        SimpleNamespace(_fetcher=SimpleNamespace()),
        SimpleNamespace(_fetcher=SimpleNamespace(_records={})),
        SimpleNamespace(_fetcher=SimpleNamespace(_records=OrderedDict({"t": "fetched already"}))),
    ],
)
def test_a_consumer_that_is_built_otherwise_is_left_alone(consumer: SimpleNamespace) -> None:
    before = repr(consumer)
    assert not keep_lean(consumer)
    assert repr(consumer) == before
