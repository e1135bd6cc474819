"""What KafkaSource says where it asks and no broker answers; everything here is on the loopback, and none is Kafka."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from crackle_stream.errors import SourceError, SourceUnavailable
from crackle_stream.sources import KafkaSource

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Server:
    """Accepts connections, keeps what it is told, and says nothing or always the same."""

    def __init__(self, answer: bytes = b"") -> None:
        self._answer = answer
        self.address = ""
        self.heard = b""

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
        server = await asyncio.start_server(self._listen, "127.0.0.1", 0, ssl=tls)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while heard := await reader.read(1000):
            self.heard += heard
            writer.write(self._answer)
        writer.close()


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


async def refusal(address: str, **options: Any) -> SourceError:
    source = KafkaSource(brokers=[address], topics=["t"], **options)
    with pytest.raises(SourceError) as caught:
        await source.__aenter__()
    return caught.value


def credentials(ca_file: Path) -> dict[str, Any]:
    return {
        "security_protocol": "SASL_SSL",
        "sasl_username": "crackle",
        "sasl_password": "swordfish",
        "ca_file": ca_file,
    }


async def test_a_missing_broker_is_named_with_the_reason_and_what_to_check() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = f"127.0.0.1:{unused.getsockname()[1]}"
    error = await refusal(closed)
    assert isinstance(error, SourceUnavailable)
    assert str(error) == (
        f"source kafka: cannot reach {closed}: connection refused. Check that a broker runs there, that the addresses "
        "it advertises can be reached from here, and security_protocol (PLAINTEXT)"
    )


async def test_a_broker_that_never_answers_is_given_up_in_time() -> None:
    async with Server().serving() as server:
        began = time.monotonic()
        error = await refusal(server.address, connect_timeout=0.2)
        assert time.monotonic() - began < 5
    assert isinstance(error, SourceUnavailable)
    assert f"cannot reach {server.address}: no answer within 0.2 s. Check that" in str(error)


async def test_a_connection_given_up_leaves_nothing_running() -> None:
    async with Server().serving() as server:
        before = asyncio.all_tasks()
        await refusal(server.address, connect_timeout=0.05)
        assert [task for task in asyncio.all_tasks() - before if "aiokafka" in repr(task)] == []


async def test_a_certificate_of_an_unknown_authority_is_refused_for_good_and_gets_no_byte(
    tls: ssl.SSLContext, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    async with Server().serving(tls) as server:
        error = await refusal(server.address, **credentials(other))
    assert not error.retryable
    assert str(error) == (
        f"source kafka: the certificate of {server.address} is not trusted: unable to get local issuer certificate. "
        "Give the authority that signed it as ca_file, and address brokers by the name in their certificate"
    )
    assert server.heard == b""


async def test_a_certificate_for_another_name_is_refused_for_good_and_gets_no_byte(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("kafka.example").configure_cert(context)
    async with Server().serving(context) as server:
        error = await refusal(server.address, **credentials(ca_file))
    assert not error.retryable
    assert "is not trusted: IP address mismatch, certificate is not valid for '127.0.0.1'. Give" in str(error)
    assert server.heard == b""


async def test_tls_to_something_else_that_answers_says_so(ca_file: Path) -> None:
    async with Server(answer=b"HTTP/1.1 400 Bad Request\r\n\r\n").serving() as server:
        error = await refusal(server.address, **credentials(ca_file))
    assert not error.retryable
    assert str(error) == (
        f"source kafka: {server.address} and we do not agree on TLS: WRONG_VERSION_NUMBER. Check that the port is a "
        "TLS one (security_protocol is SASL_SSL) and whether brokers ask for cert_file"
    )
    assert b"swordfish" not in server.heard


async def test_tls_to_a_port_without_it_says_what_to_check(ca_file: Path) -> None:
    async with Server().serving() as server:
        error = await refusal(server.address, connect_timeout=0.2, **credentials(ca_file))
    assert isinstance(error, SourceUnavailable)
    assert "and security_protocol (SASL_SSL)" in str(error)
    assert b"swordfish" not in server.heard


async def test_plain_text_to_a_tls_port_says_what_to_check(tls: ssl.SSLContext) -> None:
    async with Server().serving(tls) as server:
        error = await refusal(server.address, connect_timeout=0.5)
    assert isinstance(error, SourceUnavailable)
    assert f"cannot reach {server.address}: " in str(error)
    assert "and security_protocol (PLAINTEXT)" in str(error)
