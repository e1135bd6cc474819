"""TLS and credentials against Apache Kafka, with certificates made for the run: read and written, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from kafka_broker import PASSWORD, USER
from kafka_cluster import Cluster, Seen, read_until
from sample_alerts import an_alert

from crackle_stream.errors import SinkError, SourceError
from crackle_stream.sinks import KafkaSink

if TYPE_CHECKING:
    from kafka_broker import Broker
    from kafka_certificates import Certificates

pytestmark = pytest.mark.broker

MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@pytest.fixture
def secure(kafka: Broker) -> Broker:
    if kafka.certificates is None:
        pytest.skip("this broker has no listeners for TLS and credentials")
    return kafka


@pytest.fixture
def certificates(secure: Broker) -> Certificates:
    assert secure.certificates is not None
    return secure.certificates


def by_password(broker: Broker, mechanism: str, password: str = PASSWORD) -> dict[str, Any]:
    return {
        "brokers": (broker.secure_address,),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": mechanism,
        "sasl_username": USER,
        "sasl_password": password,
        "ca_file": broker.ca_file,
    }


def by_certificate(address: str | None, certificates: Certificates, **fields: Any) -> dict[str, Any]:
    return {"brokers": (address,), "security_protocol": "SSL", "ca_file": certificates.ca_file, **fields}


async def written_and_read(broker: Broker, options: dict[str, Any]) -> int:
    """Write one alert and read it, both by these options; how many records were read."""
    cluster = Cluster(broker)
    topic = await cluster.topic()
    async with KafkaSink(**options, topic=topic) as sink:
        await sink.send(an_alert())
    async with cluster.source(topic, **options) as source:
        seen = Seen()
        await read_until(lambda: seen.payloads, (source, seen))
    return len(seen.payloads)


async def refusals(broker: Broker, options: dict[str, Any]) -> tuple[SourceError, SinkError]:
    """What source and sink say."""
    with pytest.raises(SourceError) as source_said:
        await Cluster(broker).source("t", **options).__aenter__()
    async with KafkaSink(**options, topic="t") as sink:
        with pytest.raises(SinkError) as sink_said:
            await sink.send(an_alert())
    return source_said.value, sink_said.value


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_alerts_are_written_and_records_read_with_a_password(secure: Broker, mechanism: str) -> None:
    assert await written_and_read(secure, by_password(secure, mechanism)) == 1


@pytest.mark.parametrize("mechanism", MECHANISMS)
async def test_a_wrong_password_is_refused_for_good_and_never_shown(secure: Broker, mechanism: str) -> None:
    for error in await refusals(secure, by_password(secure, mechanism, "swordfish")):
        assert not error.retryable
        assert f"{secure.secure_address} refused sasl_username 'crackle' by {mechanism}: " in str(error)
        assert str(error).endswith("Check sasl_username, sasl_password and sasl_mechanism")
        assert "swordfish" not in str(error)


async def test_alerts_are_written_and_records_read_with_a_certificate(
    secure: Broker, certificates: Certificates
) -> None:
    options = by_certificate(secure.mutual_address, certificates, cert_file=certificates.client_file)
    assert await written_and_read(secure, options) == 1


@pytest.mark.parametrize("known", [False, True], ids=["no certificate", "one of an unknown authority"])
async def test_a_broker_that_knows_its_clients_lets_no_other_in(
    secure: Broker, certificates: Certificates, known: bool
) -> None:
    own = {"cert_file": certificates.stranger_file} if known else {}
    for error in await refusals(secure, by_certificate(secure.mutual_address, certificates, **own)):
        assert str(error).endswith("whether brokers ask for cert_file")


@pytest.mark.parametrize(
    ("listener", "why"),
    [
        ("expired_address", "certificate has expired"),
        ("elsewhere_address", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
    ],
)
async def test_a_certificate_that_does_not_hold_up_is_refused_for_good(
    secure: Broker, certificates: Certificates, listener: str, why: str
) -> None:
    address = getattr(secure, listener)
    for error in await refusals(secure, by_certificate(address, certificates)):
        assert not error.retryable
        assert f"the certificate of {address} is not trusted: {why}. Give the authority that signed it" in str(error)


async def test_a_broker_of_an_unknown_authority_is_refused_for_good(secure: Broker, certificates: Certificates) -> None:
    options = {**by_password(secure, "PLAIN", "swordfish"), "ca_file": certificates.stranger_file}
    for error in await refusals(secure, options):
        assert not error.retryable
        assert f"the certificate of {secure.secure_address} is not trusted: " in str(error)
