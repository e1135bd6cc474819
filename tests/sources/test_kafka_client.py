"""KafkaSource without a broker: what it asks of aiokafka, and what it makes of what aiokafka says."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]
from cryptography.hazmat.primitives import serialization

from crackle_stream.brokers.logged import logged_errors
from crackle_stream.brokers.tls import UnusableFile, tls_context
from crackle_stream.errors import ConfigError, SourceError, SourceUnavailable
from crackle_stream.model import Partition
from crackle_stream.sources import KafkaOptions, KafkaSource
from crackle_stream.sources.kafka.client import arguments
from crackle_stream.sources.kafka.failures import explained, unreachable

if TYPE_CHECKING:
    from pathlib import Path


def options(**fields: Any) -> KafkaOptions:
    return KafkaOptions(**{"brokers": ("a:1", "b:2"), "topics": ("t",), **fields})


def test_every_option_reaches_the_client_under_its_name() -> None:
    given = options(
        group="g",
        client_id="c",
        group_instance_id="i",
        auto_offset_reset="latest",
        isolation_level="read_committed",
        session_timeout=30,
        heartbeat_interval=2.5,
        rebalance_timeout=40,
        max_poll_interval=600,
        request_timeout=50,
        max_partition_fetch_bytes=1000,
        fetch_max_bytes=2000,
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="u",
        sasl_password="swordfish",
    )
    assert arguments(given, None) == {
        "bootstrap_servers": ["a:1", "b:2"],
        "group_id": "g",
        "client_id": "c",
        "group_instance_id": "i",
        "auto_offset_reset": "latest",
        "isolation_level": "read_committed",
        "enable_auto_commit": False,
        "session_timeout_ms": 30_000,
        "heartbeat_interval_ms": 2_500,
        "rebalance_timeout_ms": 40_000,
        "max_poll_interval_ms": 600_000,
        "request_timeout_ms": 50_000,
        "max_partition_fetch_bytes": 1000,
        "fetch_max_bytes": 2000,
        "security_protocol": "SASL_SSL",
        "ssl_context": None,
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "u",
        "sasl_plain_password": "swordfish",
    }


async def test_a_source_that_is_not_open_says_so_and_takes_everything_else_quietly() -> None:
    source = KafkaSource(options())
    with pytest.raises(SourceError, match="source kafka: is not open: read it inside `async with`"):
        await source.read()
    await source.commit({Partition("t", 0): 1})
    source.pause()
    source.resume()
    assert source.lag() is None
    assert source.tombstones == 0
    await source.__aexit__(None, None, None)
    assert source.replayable
    assert source.live


def test_options_may_be_given_in_any_form() -> None:
    by_name = KafkaSource(brokers=["a:1"], topics=["t"], group="g")
    assert by_name._options == KafkaSource(KafkaOptions(brokers=("a:1",), topics=("t",)), group="g")._options
    with pytest.raises(ConfigError, match='unknown option "topic": did you mean "topics"'):
        KafkaSource(brokers=["a:1"], topic="t")


@pytest.mark.parametrize(
    ("error", "retryable", "message"),
    [
        (
            kafka_errors.TopicAuthorizationFailedError("t"),
            False,
            "may not read a topic ([Error 29] TopicAuthorizationFailedError: t): allow READ and DESCRIBE on it to this "
            "user",
        ),
        (
            kafka_errors.GroupAuthorizationFailedError("g"),
            False,
            "may not join group 'crackle-stream': allow READ on it to this user",
        ),
        (
            kafka_errors.InvalidSessionTimeoutError(),
            False,
            "brokers refuse session_timeout 45 s: keep it between their group.min.session.timeout.ms and "
            "group.max.session.timeout.ms",
        ),
        (
            kafka_errors.CommitFailedError("rebalanced"),
            True,
            "partitions moved to other members during a commit: their next owner reads on from the last",
        ),
        (
            kafka_errors.IllegalStateError("not assigned"),
            True,
            "partitions moved to other members during a commit: their next owner reads on from the last",
        ),
        (
            kafka_errors.UnsupportedCodecError("Libraries for lz4 compression codec not found"),
            False,
            "UnsupportedCodecError: Libraries for lz4 compression codec not found: install "
            "aiokafka[gzip,lz4,snappy,zstd]",
        ),
        (
            kafka_errors.GroupCoordinatorNotAvailableError(),
            True,
            "[Error 15] GroupCoordinatorNotAvailableError; brokers: a:1, b:2",
        ),
        (
            kafka_errors.CorruptRecordException("Invalid CRC"),
            False,
            "[Error 2] CorruptRecordException: Invalid CRC; brokers: a:1, b:2, group 'crackle-stream'",
        ),
    ],
)
def test_what_the_client_raises_is_said_with_its_cure(error: Exception, retryable: bool, message: str) -> None:
    failure = explained("kafka", options(), error)
    assert str(failure) == f"source kafka: {message}"
    assert failure.retryable is retryable
    assert isinstance(failure, SourceUnavailable) is retryable


@pytest.mark.parametrize(
    "error",
    [
        kafka_errors.SaslAuthenticationFailed("no"),
        kafka_errors.UnsupportedSaslMechanismError("no"),
        kafka_errors.AuthenticationFailedError("no"),
    ],
)
def test_refused_credentials_are_an_error_for_good(error: Exception) -> None:
    given = options(security_protocol="SASL_SSL", sasl_username="u", sasl_password="swordfish")
    failure = unreachable("kafka", given, [ConnectionRefusedError(), error], kafka_errors.KafkaConnectionError())
    assert not failure.retryable
    assert "a:1, b:2 refused sasl_username 'u' by PLAIN: " in str(failure)
    assert "swordfish" not in str(failure)


def test_brokers_that_fail_for_different_reasons_are_explained_with_each_of_them() -> None:
    unknown = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    causes = [ConnectionRefusedError(), ConnectionResetError(), ConnectionRefusedError(), unknown]
    failure = unreachable("kafka", options(), causes, kafka_errors.KafkaConnectionError())
    assert str(failure).startswith(
        "source kafka: cannot reach a:1, b:2: connection refused; connection closed by the other side; Name or service "
        "not known. Check that a broker runs there"
    )


# -- errors that are only logged ---------------------------------------------------------------------------------------


async def test_logged_errors_are_those_of_this_task_and_its_children_only() -> None:
    log = logging.getLogger("aiokafka")
    others_turn, our_turn = asyncio.Event(), asyncio.Event()

    async def other() -> None:
        await others_turn.wait()
        log.error("unable: %s", OSError("theirs"))
        our_turn.set()

    async def child() -> None:
        log.getChild("conn").warning("unable: %s", OSError("of a child"))

    elsewhere = asyncio.create_task(other())
    with logged_errors("aiokafka") as errors:
        log.error('unable to connect to "%s:%s": %s', "host", 9092, OSError("ours"))
        log.info("quiet: %s", OSError("no news"))
        await asyncio.create_task(child())
        others_turn.set()
        await our_turn.wait()
    await elsewhere
    log.error("late: %s", OSError("late"))
    assert [str(error) for error in errors] == ["ours", "of a child"]
    assert log.handlers == []


# -- TLS ---------------------------------------------------------------------------------------------------------------


def test_there_is_no_tls_without_a_protocol_that_asks_for_it() -> None:
    assert tls_context(options()) is None


def test_tls_always_verifies_names_and_certificates_and_is_never_older_than_1_2(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    for given in (options(security_protocol="SSL"), options(security_protocol="SSL", ca_file=ca_file)):
        context = tls_context(given)
        assert context is not None
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context is not None
    assert len(context.get_ca_certs()) == 1


def test_a_certificate_of_our_own_is_loaded_with_its_key(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("client")
    both = tmp_path / "both.pem"
    issued.private_key_and_cert_chain_pem.write_to_path(str(both))
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    assert tls_context(options(security_protocol="SSL", cert_file=both)) is not None
    assert tls_context(options(security_protocol="SSL", cert_file=certificate, key_file=key)) is not None


@pytest.mark.parametrize("which", ["ca_file", "cert_file"])
def test_a_file_that_is_missing_or_no_pem_is_named(tmp_path: Path, which: str) -> None:
    path = tmp_path / "x.pem"
    with pytest.raises(UnusableFile) as caught:
        tls_context(options(security_protocol="SSL", **{which: path}))
    assert str(caught.value) == (
        f"{str(path)!r} is no usable PEM file: No such file or directory. Keys must not be encrypted"
    )
    path.write_text("not PEM")
    with pytest.raises(UnusableFile, match=r"x\.pem' is no usable PEM file: "):
        tls_context(options(security_protocol="SSL", **{which: path}))


def test_an_encrypted_key_is_an_error_and_no_question_on_the_terminal(tmp_path: Path) -> None:
    issued = trustme.CA().issue_cert("client")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    plain = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    key.write_bytes(
        plain.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
        )
    )
    with pytest.raises(UnusableFile, match=r"key\.pem' is no usable PEM file: .* Keys must not be encrypted"):
        tls_context(options(security_protocol="SSL", cert_file=certificate, key_file=key))


async def test_a_bad_certificate_file_stops_the_source_before_it_connects(tmp_path: Path) -> None:
    source = KafkaSource(options(security_protocol="SSL", ca_file=tmp_path / "none.pem"))
    with pytest.raises(SourceError, match="is no usable PEM file"):
        await source.__aenter__()
