"""Alerts as signed HTTP messages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread
import httpx2

from crackle_stream.errors import ConfigError, SinkError, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, Secret, options_from
from crackle_stream.protocols import Clock, Sink, SystemClock
from crackle_stream.render.text import plain
from crackle_stream.sinks.address import AddressGuard, Resolver
from crackle_stream.sinks.answer import Answer, objection
from crackle_stream.sinks.envelope import CONTENT_TYPE, envelope
from crackle_stream.sinks.options import WebhookOptions
from crackle_stream.sinks.signature import Signer
from crackle_stream.sinks.url import hidden_parts, redacted
from crackle_stream.sinks.wire import to_json

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["WebhookSink"]

READ_LIMIT = 16 * 1024
"""Bytes of an answer's body that are read at most; enough to reach its end and keep the connection, mostly."""

READ_LIMIT_S = 2.0
"""Seconds the body may take; the status is known by then, and nothing in the body changes what it means."""

EXCERPT = 1024
"""Characters of the body that an error shows."""

KEEP_OPEN_S = 5.0
"""Seconds a connection waits for the next alert; a burst shares one, and a quiet stream holds none."""


class WebhookSink(Sink):
    """POSTs each alert as a CloudEvents 1.0 JSON event with Standard Webhooks headers.

    A 2xx status means taken. 408, 425, 429, 5xx and everything that goes wrong on the way raise SinkUnavailable, with
    the wait a Retry-After asks for; every other status raises SinkRefused, redirects among them, which are never
    followed. The host is resolved for every burst of messages and after every failure, and only public addresses are
    connected to, unless `allow_private` names their network. TLS 1.2 or newer, always verified; no proxy, cookie or
    password file of the environment is used.

    Args:
        options: a WebhookOptions, or the url; or give the fields of WebhookOptions by name.
        name: how messages call it.
        clock: where the signature's timestamp comes from, and what measures how long a host's addresses are used.
        resolve: looks up names; called in a thread. The system's resolver by default.

    Raises:
        ConfigError: an option that cannot be.
    """

    def __init__(
        self,
        options: WebhookOptions | str | None = None,
        /,
        *,
        name: str = "webhook",
        clock: Clock | None = None,
        resolve: Resolver | None = None,
        **fields: object,
    ) -> None:
        self.name = name
        self.options = options_from(WebhookOptions, options, fields, main="url")
        self._clock = clock or SystemClock()
        self._url = _parsed(self.options.url)
        self._host = self._url.raw_host.decode("ascii")
        self._shown = redacted(self.options.url)
        keys = [Secret(key) for key in (self.options.secret, self.options.previous_secret) if key is not None]
        self._signer = Signer(keys)
        self._headers = {header: Secret(text) for header, text in self.options.headers.items()}
        hidden = [*keys, *self._headers.values(), *map(Secret, hidden_parts(self.options.url))]
        # The longest first: hiding a part of a secret would leave the rest of it.
        self._hidden = sorted(filter(None, hidden), key=lambda secret: -len(secret.reveal()))
        self._guard = AddressGuard(name, self.options.allow_private, resolve, self._clock)
        self._transport: httpx2.AsyncHTTPTransport | None = None

    async def __aenter__(self) -> Self:
        """Load the authorities to trust.

        Raises:
            ConfigError: `ca_file` cannot be read or holds no certificate.
        """
        try:
            self._transport = await anyio.to_thread.run_sync(_open_transport, self.options.ca_file)
        except OSError as error:
            reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
            problem = f"ca_file {self.options.ca_file} cannot be used: {reason}"
            raise ConfigError([problem], origin=f"sink {self.name}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    async def send(self, alert: Alert) -> None:
        """POST one alert; takes at most `timeout` and the two seconds that the answer's body may take.

        Raises:
            SinkUnavailable: not taken now.
            SinkRefused: never to be taken.
            TargetForbidden: the host has an address that may not be connected to.
        """
        # The error is made here and raised without its cause: the frames below hold keys and headers, and a log that
        # prints local variables must not find them.
        body = self._body(alert)
        try:
            answer = await self._post(alert.id, body)
        except (TimeoutError, httpx2.TimeoutException):
            problem: SinkError | None = self._unavailable(f"no answer within {self.options.timeout:g} s")
        except (httpx2.LocalProtocolError, httpx2.InvalidURL):
            problem = SinkRefused(self.name, f"the alert {alert.id!r} makes no valid HTTP request to {self._shown}")
        except httpx2.TransportError as error:
            problem = self._unavailable(_reason(error))
        else:
            problem = objection(answer, self.name, self._shown, self._clock.time())
        if problem is not None:
            self._guard.forget()
            raise problem

    def _body(self, alert: Alert) -> bytes:
        try:
            return to_json(envelope(alert, self.options.source))
        except TypeError as error:
            raise SinkRefused(self.name, f"the alert {alert.id!r} is no JSON: {error}") from error

    async def _post(self, message_id: str, body: bytes) -> Answer:
        if self._transport is None:
            raise SinkError(self.name, "it is not open: send within `async with sink:`")
        try:
            async with asyncio.timeout(self.options.timeout):
                addresses = await self._guard.addresses(self._host, self._port)
                response = await self._first_answer(self._transport, addresses, message_id, body)
        except BaseException:  # a cancellation too: whoever was tired of waiting here may have been right
            self._guard.forget()
            raise
        try:
            excerpt = await self._excerpt(response)
        finally:
            await response.aclose()
        headers = response.headers
        return Answer(response.status_code, headers.get("retry-after"), headers.get("location"), excerpt)

    async def _first_answer(
        self, transport: httpx2.AsyncHTTPTransport, addresses: tuple[str, ...], message_id: str, body: bytes
    ) -> httpx2.Response:
        """Try the addresses in turn until one can be connected to; the message goes out on that connection only."""
        connect_s = self.options.timeout / len(addresses)
        for address in addresses[:-1]:
            with contextlib.suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await transport.handle_async_request(self._request(address, connect_s, message_id, body))
        return await transport.handle_async_request(self._request(addresses[-1], connect_s, message_id, body))

    def _request(self, address: str, connect_s: float, message_id: str, body: bytes) -> httpx2.Request:
        """A request that connects to an address and speaks to the host: Host header, SNI and certificate are its."""
        headers = httpx2.Headers({"user-agent": "crackle-stream", "accept-encoding": "identity"})
        headers.update({header: text.reveal() for header, text in self._headers.items()})
        headers.update({"host": self._url.netloc.decode("ascii"), "content-type": CONTENT_TYPE})
        headers.update(self._signer.headers(message_id, body, self._clock.time()))
        timeout = self.options.timeout
        return httpx2.Request(
            "POST",
            self._url.copy_with(host=address),
            headers=headers,
            content=body,
            extensions={
                "sni_hostname": self._host.rstrip("."),
                "timeout": {"connect": connect_s, "read": timeout, "write": timeout, "pool": timeout},
            },
        )

    async def _excerpt(self, response: httpx2.Response) -> str:
        """The beginning of the body, printable and without our secrets should the receiver repeat them."""
        body = b""
        with anyio.move_on_after(READ_LIMIT_S), contextlib.suppress(httpx2.TransportError):
            async with contextlib.aclosing(response.aiter_raw()) as chunks:
                async for chunk in chunks:
                    body += chunk[: READ_LIMIT - len(body)]
                    if len(body) >= READ_LIMIT:
                        break
        text = body.decode("utf-8", "replace")
        for hidden in self._hidden:
            text = text.replace(hidden.reveal(), str(hidden))
        return plain(" ".join(text[:EXCERPT].split()))

    @property
    def _port(self) -> int:
        return self._url.port or {"http": 80, "https": 443}[self._url.scheme]

    def _unavailable(self, reason: str) -> SinkUnavailable:
        return SinkUnavailable(self.name, f"{self._shown}: {reason}")


def _parsed(url: str) -> httpx2.URL:
    try:
        return httpx2.URL(url)
    except httpx2.InvalidURL:
        problem = "url cannot be read: its host is no valid name, or it is too long"
        raise ConfigError([problem], origin=WebhookOptions.__name__) from None


def _open_transport(ca_file: Path | None) -> httpx2.AsyncHTTPTransport:
    """The connections of one sink; in a thread, because reading authorities and the library's late imports block.

    The transport and not a client: it has no redirects, cookies, proxies or password file to switch off, and does not
    log the URL, whose path and query may be secret.
    """
    limits = httpx2.Limits(max_keepalive_connections=1, keepalive_expiry=KEEP_OPEN_S)
    return httpx2.AsyncHTTPTransport(verify=tls_context(ca_file), trust_env=False, limits=limits)


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, the certificate and its name always verified."""
    context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _reason(error: httpx2.TransportError) -> str:
    """The plainest words for what went wrong on the way."""
    stage = "cannot connect" if isinstance(error, httpx2.ConnectError) else "the connection broke"
    deeper: BaseException | None = error
    while deeper is not None:
        if isinstance(deeper, ssl.SSLCertVerificationError):
            message = deeper.verify_message.rstrip(".")
            return f"its certificate is not valid: {message}. Renew it, or set ca_file to the authority that signed it"
        if isinstance(deeper, ssl.SSLError):
            words = (deeper.reason or str(deeper)).replace("_", " ").lower()
            return f"{stage}: TLS failed with {words!r}. Does this port speak https?"
        if isinstance(deeper, OSError) and deeper.errno:
            return f"{stage}: {os.strerror(deeper.errno)}"
        deeper = deeper.__cause__ or deeper.__context__
    words = str(error).rstrip(".")
    return f"{stage}: {words}" if words else stage
