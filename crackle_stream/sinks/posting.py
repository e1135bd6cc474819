"""One receiver over HTTP: looked up and checked, connected to, asked, and its answer read, all in bounded time."""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import httpx2
from anyio.streams.tls import TLSAttribute

from crackle_stream.errors import ConfigError, SinkError, SinkRefused, SinkUnavailable
from crackle_stream.model import Secret
from crackle_stream.render.text import plain
from crackle_stream.sinks.address import AddressGuard, Resolver
from crackle_stream.sinks.answer import Answer
from crackle_stream.sinks.url import hidden_parts, redacted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from crackle_stream.protocols import Clock
    from crackle_stream.sinks.http_options import HttpOptions

__all__ = ["Poster", "Request", "tls_context"]

READ_LIMIT = 16 * 1024
"""Bytes of an answer's body that are read at most; enough to reach its end and keep the connection, mostly."""

READ_LIMIT_S = 2.0
"""Seconds the body may take; the status is known by then, and what an error says is no reason to wait longer."""

EXCERPT = 1024
"""Characters of the body that an error shows."""

KEEP_OPEN_S = 5.0
"""Seconds a connection waits for the next alert; a burst shares one, and a quiet stream holds none."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the receiver. What it says is never printed: bodies and headers may hold keys.

    Attributes:
        about: what it is, for messages, such as "the alert '0f3c9a1b'".
        body: its bytes.
        headers: beside those of every request.
        method: such as POST.
        path: path and query that follow the receiver's url.
        read_limit: bytes of the answer's body that are of use.
    """

    about: str
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    method: str = "POST"
    path: str = ""
    read_limit: int = READ_LIMIT


class Poster:
    """Sends requests to one receiver.

    The host is resolved for every burst and after every failure, and only public addresses are connected to, unless
    `allow_private` names their network. TLS 1.2 or newer, always verified; redirects are never followed; no proxy,
    cookie or password file of the environment is used.

    Args:
        url: the receiver's.
        options: how it is reached.
        sink: whose messages these are, for errors.
        clock: measures how long a host's addresses are used.
        resolve: looks up names; called in a thread. The system's resolver by default.
        secrets: what the receiver may repeat and errors must not show, beside headers and parts of the url.
        credentials: headers that say who asks, beside those of the options.

    Raises:
        ConfigError: the url's host is no name.
    """

    def __init__(
        self,
        url: str,
        options: HttpOptions,
        *,
        sink: str,
        clock: Clock,
        resolve: Resolver | None = None,
        secrets: Iterable[Secret] = (),
        credentials: Mapping[str, Secret] | None = None,
    ) -> None:
        self.shown = redacted(url)
        self._sink = sink
        self._options = options
        self._url = _parsed(url, type(options).__name__)
        self._host = self._url.raw_host.decode("ascii")
        self._headers = {header: Secret(text) for header, text in options.headers.items()} | dict(credentials or {})
        hidden = [*secrets, *self._headers.values(), *map(Secret, hidden_parts(url))]
        # The longest first: hiding a part of a secret would leave the rest of it.
        self._hidden = sorted(filter(None, hidden), key=lambda secret: -len(secret.reveal()))
        self._guard = AddressGuard(sink, options.allow_private, resolve, clock)
        self._transport: httpx2.AsyncHTTPTransport | None = None

    async def open(self) -> None:
        """Load the authorities to trust.

        Raises:
            ConfigError: `ca_file` cannot be read or holds no certificate.
        """
        try:
            self._transport = await anyio.to_thread.run_sync(_open_transport, self._options.ca_file)
        except OSError as error:
            raise self._unusable(error) from error

    async def close(self) -> None:
        """Close the connection."""
        transport, self._transport = self._transport, None
        if transport is not None:
            await transport.aclose()

    def forget(self) -> None:
        """Look the host up anew the next time: it did not do what was asked, and may have moved."""
        self._guard.forget()

    async def ask(self, request: Request) -> Answer:
        """Send a request; takes at most `timeout` and the two seconds that an answer's body may take.

        Raises:
            SinkUnavailable: no answer.
            SinkRefused: it makes no valid HTTP request.
            TargetForbidden: the host has an address that may not be connected to.
        """
        # The error is made here and raised without its cause: the frames below hold keys and headers, and a log that
        # prints local variables must not find them.
        try:
            return await self._answered(request)
        except (TimeoutError, httpx2.TimeoutException):
            problem: SinkError = self._unavailable(f"no answer within {self._options.timeout:g} s")
        except (httpx2.LocalProtocolError, httpx2.InvalidURL):
            problem = SinkRefused(self._sink, f"{request.about} makes no valid HTTP request to {self.shown}")
        except httpx2.TransportError as error:
            problem = self._unavailable(_reason(error))
        raise problem

    async def reach(self) -> str:
        """Connect as for a request, and send none; takes at most `timeout`.

        Returns:
            The address that answered, and how.

        Raises:
            ConfigError: `ca_file` cannot be read or holds no certificate.
            SinkUnavailable: no connection, or a certificate that is not trusted.
            TargetForbidden: the host has an address that may not be connected to.
        """
        secure = self._url.scheme == "https"
        try:
            context = await anyio.to_thread.run_sync(tls_context, self._options.ca_file) if secure else None
        except OSError as error:
            raise self._unusable(error) from error
        try:
            async with asyncio.timeout(self._options.timeout):
                addresses = await self._guard.addresses(self._host, self._port)
                return await self._first_connection(addresses, context)
        except TimeoutError:
            problem = self._unavailable(f"no answer within {self._options.timeout:g} s")
        except ssl.SSLError as error:
            said = getattr(error, "verify_message", "") or error.reason or str(error)
            problem = self._unavailable(f"cannot agree on TLS: {said.rstrip('.')}. Check its certificate, and ca_file")
        except OSError as error:
            refused = isinstance(error.__cause__, ConnectionRefusedError)
            said = "connection refused" if refused else error.strerror or str(error)
            problem = self._unavailable(f"cannot connect: {said}")
        raise problem

    def _unusable(self, error: OSError) -> ConfigError:
        reason = "it holds no PEM certificate" if isinstance(error, ssl.SSLError) else error.strerror
        problem = f"ca_file {self._options.ca_file} cannot be used: {reason}"
        return ConfigError([problem], origin=f"sink {self._sink}")

    async def _first_connection(self, addresses: tuple[str, ...], context: ssl.SSLContext | None) -> str:
        failure: OSError | None = None
        for address in addresses:
            try:
                version = await self._connected(address, context)
            except OSError as error:
                failure = error
                continue
            return f"{address} port {self._port} answers" + (f", {version}" if version else "")
        assert failure is not None, "a host without an address is an error of the guard"
        raise failure

    async def _connected(self, address: str, context: ssl.SSLContext | None) -> str:
        """Connect and hang up; returns the version of TLS, "" where there is none."""
        if context is None:
            await (await anyio.connect_tcp(address, self._port)).aclose()
            return ""
        name = self._host.rstrip(".")
        stream = await anyio.connect_tcp(
            address, self._port, ssl_context=context, tls_standard_compatible=False, tls_hostname=name
        )
        version = stream.extra(TLSAttribute.tls_version, "")  # noqa: S610 - no query set, but a stream's attribute
        await stream.aclose()
        return version

    async def _answered(self, request: Request) -> Answer:
        if self._transport is None:
            raise SinkError(self._sink, "it is not open: send within `async with sink:`")
        try:
            async with asyncio.timeout(self._options.timeout):
                addresses = await self._guard.addresses(self._host, self._port)
                response = await self._first_answer(self._transport, addresses, request)
        except BaseException:  # a cancellation too: whoever was tired of waiting here may have been right
            self._guard.forget()
            raise
        try:
            body = await _read(response, request.read_limit)
        finally:
            await response.aclose()
        headers = response.headers
        return Answer(
            response.status_code, headers.get("retry-after"), headers.get("location"), self._excerpt(body), body
        )

    async def _first_answer(
        self, transport: httpx2.AsyncHTTPTransport, addresses: tuple[str, ...], request: Request
    ) -> httpx2.Response:
        """Try the addresses in turn until one can be connected to; the message goes out on that connection only."""
        connect_s = self._options.timeout / len(addresses)
        for address in addresses[:-1]:
            with contextlib.suppress(httpx2.ConnectError, httpx2.ConnectTimeout):
                return await transport.handle_async_request(self._addressed(request, address, connect_s))
        return await transport.handle_async_request(self._addressed(request, addresses[-1], connect_s))

    def _addressed(self, request: Request, address: str, connect_s: float) -> httpx2.Request:
        """A request that connects to an address and speaks to the host: Host header, SNI and certificate are its."""
        headers = httpx2.Headers({"user-agent": "crackle-stream", "accept-encoding": "identity"})
        headers.update({header: text.reveal() for header, text in self._headers.items()})
        headers.update({"host": self._url.netloc.decode("ascii"), **request.headers})
        url = self._url.copy_with(host=address)
        if request.path:
            url = url.copy_with(raw_path=url.raw_path.rstrip(b"/") + request.path.encode("ascii"))
        timeout = self._options.timeout
        return httpx2.Request(
            request.method,
            url,
            headers=headers,
            content=request.body,
            extensions={
                "sni_hostname": self._host.rstrip("."),
                "timeout": {"connect": connect_s, "read": timeout, "write": timeout, "pool": timeout},
            },
        )

    def _excerpt(self, body: bytes) -> str:
        """The beginning of the body, printable and without our secrets should the receiver repeat them."""
        text = body[:READ_LIMIT].decode("utf-8", "replace")
        for hidden in self._hidden:
            text = text.replace(hidden.reveal(), str(hidden))
        return plain(" ".join(text[:EXCERPT].split()))

    @property
    def _port(self) -> int:
        return self._url.port or {"http": 80, "https": 443}[self._url.scheme]

    def _unavailable(self, reason: str) -> SinkUnavailable:
        return SinkUnavailable(self._sink, f"{self.shown}: {reason}")


async def _read(response: httpx2.Response, limit: int) -> bytes:
    """The beginning of the body."""
    body = bytearray()
    with anyio.move_on_after(READ_LIMIT_S), contextlib.suppress(httpx2.TransportError):
        async with contextlib.aclosing(response.aiter_raw()) as chunks:
            async for chunk in chunks:
                body += chunk[: limit - len(body)]
                if len(body) >= limit:
                    break
    return bytes(body)


def _parsed(url: str, origin: str) -> httpx2.URL:
    try:
        return httpx2.URL(url)
    except httpx2.InvalidURL:
        problem = "url cannot be read: its host is no valid name, or it is too long"
        raise ConfigError([problem], origin=origin) from None


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
