"""KafkaSink and the dead-letter topic against a real broker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import aiokafka  # type: ignore[import-untyped]
import pytest
from kafka_broker import PASSWORD, USER
from kafka_cluster import Cluster
from sample_alerts import an_alert

from crackle_stream.errors import SinkError, SinkUnavailable
from crackle_stream.model import Partition, Position, Reject
from crackle_stream.sinks import KafkaSink, KafkaSinkOptions
from crackle_stream.sinks.kafka import Producer
from crackle_stream.stream.deadletter import DeadLetterTopic, alert_letter, record_letter

if TYPE_CHECKING:
    from kafka_broker import Broker

pytestmark = pytest.mark.broker


@pytest.fixture
def apache(kafka: Broker) -> Broker:
    if not kafka.apache:
        pytest.skip("this broker has no idempotent producers")
    return kafka


async def records(broker: Broker, topic: str, count: int) -> list[Any]:
    """The first records of a topic with one partition."""
    consumer = aiokafka.AIOKafkaConsumer(topic, bootstrap_servers=broker.address, auto_offset_reset="earliest")
    await consumer.start()
    try:
        return [await consumer.getone() for _ in range(count)]
    finally:
        await consumer.stop()


async def test_alerts_come_to_the_topic_in_order_with_headers_and_key(apache: Broker) -> None:
    topic = await Cluster(apache).topic()
    alerts = [an_alert(id=f"id-{number}") for number in range(20)]
    async with KafkaSink(brokers=[apache.address], topic=topic) as sink:
        for alert in alerts:
            await sink.send(alert)
    found = await records(apache, topic, 20)
    assert [json.loads(record.value) for record in found] == [alert.to_dict() for alert in alerts]
    assert {record.key for record in found} == {b"checkout"}
    assert dict(found[7].headers) == {
        "id": b"id-7",
        "fingerprint": alerts[7].fingerprint.encode(),
        "status": b"raised",
        "content-type": b"application/json",
    }


async def test_alerts_are_written_over_tls_with_credentials_and_a_wrong_password_is_refused(apache: Broker) -> None:
    if apache.secure_address is None:
        pytest.skip("this broker has no listener for TLS and credentials")
    topic = await Cluster(apache).topic()
    secure: dict[str, Any] = {
        "brokers": [apache.secure_address], "topic": topic, "security_protocol": "SASL_SSL", "sasl_username": USER,
        "ca_file": apache.ca_file,
    }  # fmt: skip
    async with KafkaSink(**secure, sasl_password=PASSWORD) as sink:
        await sink.send(an_alert())
    assert len(await records(apache, topic, 1)) == 1
    async with KafkaSink(**secure, sasl_password="swordfish") as sink:
        with pytest.raises(SinkError, match="refused sasl_username 'crackle'") as caught:
            await sink.send(an_alert())
    assert "swordfish" not in str(caught.value)


async def test_a_topic_that_is_not_there_may_come(apache: Broker) -> None:
    options = KafkaSinkOptions(brokers=(apache.address,), topic="not-there", send_timeout=1.0)
    async with KafkaSink(options) as sink:
        with pytest.raises(SinkUnavailable, match="topic 'not-there'"):
            await sink.send(an_alert())
        await Cluster(apache).topic(name="not-there")
        await sink.send(an_alert())


async def test_dead_letters_of_records_and_alerts_are_in_the_topic_once_they_are_written(apache: Broker) -> None:
    topic = await Cluster(apache).topic()
    producer = Producer(KafkaSinkOptions(brokers=(apache.address,), topic=topic), name="dead letters")
    letters = DeadLetterTopic(producer, topic)
    reject = Reject(Position(Partition("results", 0), 17), "is no JSON", b"nope")
    await letters.open()
    await letters.write([record_letter(reject, 1.0), alert_letter(an_alert(), "pager", "410 Gone", 2.0)])
    await letters.close()
    record, alert = [json.loads(each.value) for each in await records(apache, topic, 2)]
    assert (record["position"], record["problem"]) == ("results[0]:17", "is no JSON")
    assert (alert["sink"], alert["alert"]["id"]) == ("pager", an_alert().id)
