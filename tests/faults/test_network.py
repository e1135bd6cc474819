"""A network that is slow, uneven, or not the one it says it is, between a consumer and its broker."""

from __future__ import annotations

import asyncio
import datetime as dt
import ssl
import time
from typing import TYPE_CHECKING, Any

import anyio
import pytest
import trustme
from chaos_proxy import ChaosProxy, Network
from kafka_cluster import Cluster
from observing import numbered, observed

from crackle_stream.errors import SourceError
from crackle_stream.model import Partition
from crackle_stream.sinks import MemorySink
from crackle_stream.sources import KafkaSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kafka_broker import Broker

SLOW = Network(latency_s=0.1, jitter_s=0.05, bytes_per_s=64 * 1024)
"""200 ms there and back, give or take 100, and 64 KiB/s."""


@pytest.mark.broker
@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=pytest.mark.slow)])
async def test_a_slow_network_costs_time_and_no_partition(
    kafka: Broker, seconds: int, record_property: Callable[[str, object], None]
) -> None:
    if not kafka.proxy:
        pytest.skip("this broker has no listener behind a proxy")
    cluster = Cluster(kafka)
    topic = await cluster.topic()
    # more than the link carries meanwhile, so that fetches and heartbeats share it all the time
    await cluster.produce(topic, numbered(seconds * 1000))
    async with ChaosProxy(kafka.behind, listen=kafka.proxy, network=SLOW) as proxy:
        source = cluster.source(
            topic, brokers=(f"127.0.0.1:{proxy.port}",), max_partition_fetch_bytes=64 * 1024, connect_timeout=30
        )
        async with observed(source, [MemorySink()]) as (pipeline, watch):
            await watch.until(lambda: watch.named("partitions.assigned"))
            began = time.monotonic()
            await anyio.sleep(seconds)
            carried = proxy.carried[1]
            assert watch.rebalances == 1
            assert not watch.named("source.failed")
            await watch.until(lambda: watch.committed(Partition(topic, 0)) > 0)
            record_property("records_per_s", round(pipeline.statistics().tasks / (time.monotonic() - began)))
    assert carried < 64 * 1024 * (seconds + 5) * 3
    assert watch.fresh[: len(watch.fresh)] == [f"t{row}" for row in range(len(watch.fresh))]


async def test_an_expired_certificate_of_a_broker_is_refused_and_gets_no_byte(tmp_path: Path) -> None:
    authority = trustme.CA()
    ca_file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    authority.issue_cert("127.0.0.1", not_after=yesterday).configure_cert(context)
    heard = bytearray()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.read())
        writer.close()

    server = await asyncio.start_server(listen, "127.0.0.1", 0, ssl=context)
    known: dict[str, Any] = {
        "brokers": [f"127.0.0.1:{server.sockets[0].getsockname()[1]}"],
        "security_protocol": "SASL_SSL",
        "sasl_username": "crackle",
        "sasl_password": "swordfish",
        "ca_file": ca_file,
    }
    try:
        with pytest.raises(SourceError, match="certificate has expired") as caught:
            await KafkaSource(topics=["t"], **known).__aenter__()
        assert not caught.value.retryable
    finally:
        server.close()
    assert bytes(heard) == b""
