"""Records without the object that aiokafka makes of each are the same records."""

from __future__ import annotations

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any

import aiokafka  # type: ignore[import-untyped]
import pytest
from kafka_broker import Broker
from kafka_cluster import Cluster

from crackle_stream.sources.kafka.lean import AT_ONCE, keep_lean


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


@pytest.mark.broker
@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("at_most", [1, 500, AT_ONCE, 700, None])
async def test_a_large_batch_is_handed_out_in_parts(
    kafka: Broker, compression: str | None, at_most: int | None
) -> None:
    """From its beginning and from places within it, on both sides of where the parser pauses, to the next batch."""
    cluster = Cluster(kafka)
    topic = await cluster.topic()
    partition = aiokafka.TopicPartition(topic, 0)
    first, last = 2 * AT_ONCE, 20
    async with aiokafka.AIOKafkaProducer(
        bootstrap_servers=kafka.address, compression_type=compression, max_batch_size=2**20, linger_ms=500
    ) as producer:
        for size in (first, last):
            for number in range(size):
                await producer.send(topic, b'{"x": %d}' % number, partition=0)
            await producer.flush()
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=kafka.address, auto_offset_reset="earliest")
    await consumer.start()
    try:
        assert keep_lean(consumer)
        consumer.assign([partition])
        for begin in (0, 100, AT_ONCE - 1, AT_ONCE, first - 3, first, first + last - 1):
            consumer.seek(partition, begin)
            polls = 3 if at_most == 1 else 100
            found: list[int] = []
            while polls and begin + len(found) < first + last:
                for records in (await consumer.getmany(timeout_ms=500, max_records=at_most)).values():
                    assert len(records) <= (at_most or first + last)
                    found += [record.offset for record in records]
                    assert await consumer.position(partition) == found[-1] + 1
                    assert [record.value for record in records][-1] == b'{"x": %d}' % (found[-1] % first)
                    polls -= 1
            assert found == list(range(begin, begin + len(found)))
            assert len(found) == min(3 if at_most == 1 else first + last, first + last - begin)
    finally:
        await consumer.stop()


@pytest.mark.broker
async def test_what_was_parsed_ahead_is_dropped_when_the_position_moves(kafka: Broker) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic()
    partition = aiokafka.TopicPartition(topic, 0)
    async with aiokafka.AIOKafkaProducer(bootstrap_servers=kafka.address, linger_ms=500) as producer:
        for number in range(100):
            await producer.send(topic, b"%d" % number, partition=0)
        await producer.flush()
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=kafka.address, auto_offset_reset="earliest")
    await consumer.start()
    try:
        assert keep_lean(consumer)
        consumer.assign([partition])
        offsets = []
        for begin in (0, 90, 5):
            consumer.seek(partition, begin)
            found: list[Any] = []
            while not found:
                found = [
                    one for some in (await consumer.getmany(timeout_ms=500, max_records=3)).values() for one in some
                ]
            offsets.append([record.offset for record in found])
        assert offsets == [[0, 1, 2], [90, 91, 92], [5, 6, 7]]
    finally:
        await consumer.stop()


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
