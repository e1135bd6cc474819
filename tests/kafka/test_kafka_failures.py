"""What KafkaSource does when a broker goes away, hangs, or refuses it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import pytest
from kafka_broker import PASSWORD, USER, Broker, start_tansu
from kafka_cluster import Cluster, Seen, read_until

from crackle_stream.errors import SourceError, SourceUnavailable
from crackle_stream.model import Partition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crackle_stream.sources import KafkaSource

pytestmark = pytest.mark.broker


@pytest.fixture
def doomed() -> Iterator[Broker]:
    """A broker of this test's own, to be killed."""
    broker = start_tansu("a broker to be killed")
    yield broker
    broker.stop()


@pytest.fixture
def closed() -> str:
    """An address where nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{unused.getsockname()[1]}"


async def refusal(source: KafkaSource) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await source.__aenter__()
    return caught.value


async def test_any_one_of_several_brokers_is_enough(kafka: Broker, closed: str) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic()
    await cluster.produce(topic, [b"{}"])
    async with cluster.source(topic, brokers=(closed, kafka.address)) as source:
        seen = Seen()
        await read_until(lambda: seen.payloads, (source, seen))
    assert seen.payloads == [b"{}"]


async def test_leaving_ends_in_time_and_quietly_when_the_broker_is_gone(
    doomed: Broker, recwarn: pytest.WarningsRecorder
) -> None:
    cluster = Cluster(doomed)
    topic = await cluster.topic()
    await cluster.produce(topic, [b"{}"])
    source = cluster.source(topic, stop_timeout=2)
    async with source:
        seen = Seen()
        await read_until(lambda: seen.payloads, (source, seen))
        doomed.stop()
        began = time.monotonic()
    assert time.monotonic() - began < 4
    assert [str(warning.message) for warning in recwarn if "Unclosed" in str(warning.message)] == []
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert [task.get_coro() for task in others if "aiokafka" in repr(task)] == []


async def test_a_commit_to_a_broker_that_hangs_is_given_up_in_time(doomed: Broker) -> None:
    cluster = Cluster(doomed)
    topic = await cluster.topic()
    await cluster.produce(topic, [b"{}"])
    source = cluster.source(topic, commit_timeout=0.5, stop_timeout=0.5)
    async with source:
        seen = Seen()
        await read_until(lambda: seen.payloads, (source, seen))
        assert doomed.pid is not None
        os.kill(doomed.pid, signal.SIGSTOP)
        began = time.monotonic()
        with pytest.raises(SourceUnavailable) as caught:
            await source.commit({Partition(topic, 0): 1})
        assert time.monotonic() - began < 2.5
        assert str(caught.value) == (
            "source kafka: commit: no answer within 0.5 s; whether it was stored is unknown, the next commit settles it"
        )
        os.kill(doomed.pid, signal.SIGCONT)
        await source.commit({Partition(topic, 0): 1})
    assert await cluster.committed(Partition(topic, 0)) == {Partition(topic, 0): 1}


# -- TLS and credentials, which only Apache Kafka has ------------------------------------------------------------------


@pytest.fixture
def secure(kafka: Broker) -> Broker:
    if kafka.secure_address is None:
        pytest.skip("this broker has no listener for TLS and credentials")
    return kafka


def by_tls(broker: Broker, topic: str, **fields: object) -> KafkaSource:
    known = {"sasl_username": USER, "sasl_password": PASSWORD, "ca_file": broker.ca_file}
    options = {"brokers": (broker.secure_address,), "security_protocol": "SASL_SSL", **known, **fields}
    return Cluster(broker).source(topic, **options)


async def test_records_are_read_over_tls_with_credentials(secure: Broker) -> None:
    cluster = Cluster(secure)
    topic = await cluster.topic()
    await cluster.produce(topic, [b"{}"])
    async with by_tls(secure, topic) as source:
        seen = Seen()
        await read_until(lambda: seen.payloads, (source, seen))
    assert seen.payloads == [b"{}"]


async def test_a_wrong_password_is_refused_for_good_and_never_shown(secure: Broker) -> None:
    error = await refusal(by_tls(secure, "t", sasl_password="swordfish"))
    assert not error.retryable
    assert str(error) == (
        f"source kafka: {secure.secure_address} refused sasl_username 'crackle' by PLAIN: [Error 58] "
        "SaslAuthenticationFailed: Authentication failed: Invalid username or password. "
        "Check sasl_username, sasl_password and sasl_mechanism"
    )
    assert "swordfish" not in repr(by_tls(secure, "t", sasl_password="swordfish")._options)
