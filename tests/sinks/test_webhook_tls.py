"""TLS against a real server: a certificate that does not hold up gets no byte of the message."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from receiver import Receiver
from sample_alerts import an_alert

from crackle_stream.errors import ConfigError, SinkUnavailable
from crackle_stream.sinks import WebhookSink
from crackle_stream.sinks.posting import tls_context

if TYPE_CHECKING:
    from pathlib import Path

PAST = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def server_context(authority: trustme.CA, *names: str, **fields: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **fields).configure_cert(context)
    return context


def a_sink(receiver: Receiver, ca_file: Path | None, host: str = "hooks.example") -> WebhookSink:
    return WebhookSink(
        f"https://{host}:{receiver.port}/crackle",
        secret="key",
        ca_file=ca_file,
        allow_private=["127.0.0.0/8"],
        resolve=lambda host, port: ["127.0.0.1"],
    )


async def refusal(context: ssl.SSLContext, ca_file: Path | None) -> str:
    async with Receiver(tls=context) as receiver, a_sink(receiver, ca_file) as sink:
        with pytest.raises(SinkUnavailable) as caught:
            await sink.send(an_alert())
        assert receiver.requests == []
        assert receiver.connections == 0  # asyncio counts one only after the handshake: no byte of a message came
    return str(caught.value).replace(f":{receiver.port}", "")


async def test_the_certificate_is_verified_against_the_name_not_the_address(
    authority: trustme.CA, ca_file: Path
) -> None:
    asked_for: list[str | None] = []
    context = server_context(authority, "hooks.example")
    context.sni_callback = lambda connection, name, _: asked_for.append(name)
    async with Receiver(tls=context) as receiver, a_sink(receiver, ca_file) as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    assert request.headers["host"] == f"hooks.example:{receiver.port}"
    assert asked_for == ["hooks.example"]


async def test_a_trailing_dot_of_the_host_is_no_part_of_the_certificates_name(
    authority: trustme.CA, ca_file: Path
) -> None:
    context = server_context(authority, "hooks.example")
    async with Receiver(tls=context) as receiver, a_sink(receiver, ca_file, "hooks.example.") as sink:
        await sink.send(an_alert())
        assert len(receiver.requests) == 1


async def test_an_address_as_host_is_verified_as_an_address(authority: trustme.CA, ca_file: Path) -> None:
    async with Receiver(tls=server_context(authority, "127.0.0.1")) as receiver:
        async with a_sink(receiver, ca_file, "127.0.0.1") as sink:
            await sink.send(an_alert())
        assert len(receiver.requests) == 1


async def test_an_international_name_is_verified_in_its_ascii_form(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority, "xn--bcher-kva.example")
    async with Receiver(tls=context) as receiver, a_sink(receiver, ca_file, "bücher.example") as sink:
        await sink.send(an_alert())
        assert receiver.requests[0].headers["host"] == f"xn--bcher-kva.example:{receiver.port}"


async def test_an_expired_certificate_gets_nothing(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority, "hooks.example", not_before=PAST, not_after=PAST + dt.timedelta(days=1))
    assert await refusal(context, ca_file) == (
        "sink webhook: https://hooks.example/crackle: its certificate is not valid: certificate has expired. "
        "Renew it, or set ca_file to the authority that signed it"
    )


async def test_a_certificate_for_another_host_gets_nothing(authority: trustme.CA, ca_file: Path) -> None:
    message = await refusal(server_context(authority, "other.example", "127.0.0.1"), ca_file)
    assert "its certificate is not valid: Hostname mismatch, certificate is not valid for 'hooks.example'." in message


async def test_an_unknown_authority_gets_nothing(authority: trustme.CA, ca_file: Path) -> None:
    message = await refusal(server_context(trustme.CA(), "hooks.example"), ca_file)
    assert "its certificate is not valid: " in message


async def test_a_receiver_that_knows_no_tls_of_today_gets_nothing(authority: trustme.CA, ca_file: Path) -> None:
    context = server_context(authority, "hooks.example")
    context.set_ciphers("ALL:@SECLEVEL=0")  # else OpenSSL offers nothing older by itself
    with pytest.deprecated_call():
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    message = await refusal(context, ca_file)
    assert "cannot connect: TLS failed with " in message


async def test_without_a_ca_file_the_systems_authorities_decide(authority: trustme.CA) -> None:
    message = await refusal(server_context(authority, "hooks.example"), None)
    assert "its certificate is not valid: unable to get local issuer certificate." in message


async def test_a_port_that_speaks_plain_http_gets_nothing_and_the_error_asks_whether_it_does(ca_file: Path) -> None:
    received = bytearray()
    answered = asyncio.Event()

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.extend(await reader.read(65536))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            received.extend(await reader.read(65536))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        answered.set()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"https://hooks.example:{server.sockets[0].getsockname()[1]}/crackle"
    private = ["127.0.0.1"]
    sink = WebhookSink(url, ca_file=ca_file, allow_private=private, resolve=lambda host, port: private)
    async with server, sink:
        with pytest.raises(SinkUnavailable) as caught:
            await sink.send(an_alert())
        await answered.wait()
    expected = (
        f"sink webhook: {url}: cannot connect: TLS failed with 'wrong version number'. Does this port speak https?"
    )
    # Newer releases of OpenSSL call it by another name.
    assert expected == str(caught.value).replace("packet length too long", "wrong version number")
    assert b"POST" not in received
    assert b"webhook" not in received


def test_tls_is_1_2_or_newer_and_always_verified(ca_file: Path) -> None:
    for context in (tls_context(None), tls_context(ca_file)):
        assert context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname


def test_a_ca_file_takes_the_place_of_the_systems_authorities(ca_file: Path) -> None:
    assert len(tls_context(ca_file).get_ca_certs()) == 1


async def test_a_ca_file_that_is_not_there_is_a_configuration_error(tmp_path: Path) -> None:
    missing = tmp_path / "none.pem"
    with pytest.raises(ConfigError) as caught:
        async with WebhookSink("https://hooks.example/x", name="pager", ca_file=missing):
            pass
    assert caught.value.problems == (f"ca_file {missing} cannot be used: No such file or directory",)
    assert caught.value.origin == "sink pager"


async def test_a_ca_file_without_a_certificate_is_a_configuration_error(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("nothing\n")
    with pytest.raises(ConfigError, match=r"ca_file .*empty\.pem cannot be used: it holds no PEM certificate"):
        async with WebhookSink("https://hooks.example/x", ca_file=empty):
            pass
