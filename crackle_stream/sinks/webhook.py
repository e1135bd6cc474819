"""Alerts as HTTP messages, in the form that their receiver takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from crackle_stream.errors import SinkRefused
from crackle_stream.model import Alert, Secret, options_from
from crackle_stream.protocols import Clock, Sink, SystemClock
from crackle_stream.sinks.formats import FORMATS
from crackle_stream.sinks.options import WebhookOptions
from crackle_stream.sinks.posting import Poster, Request
from crackle_stream.sinks.signature import Signer

if TYPE_CHECKING:
    from types import TracebackType

    from crackle_stream.sinks.address import Resolver

__all__ = ["WebhookSink"]


class WebhookSink(Sink):
    """POSTs each alert: as a CloudEvents 1.0 JSON event with Standard Webhooks headers, or in another `format`.

    A 2xx status means taken. 408, 425, 429, 5xx and everything that goes wrong on the way raise SinkUnavailable, with
    the wait a Retry-After asks for; every other status raises SinkRefused, redirects among them, which are never
    followed. Where a service says it in its own way, that is understood (`crackle_stream.sinks.formats`). The host is
    resolved for every burst of messages and after every failure, and only public addresses are connected to, unless
    `allow_private` names their network. TLS 1.2 or newer, always verified; no proxy, cookie or password file of the
    environment is used.

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
        self._format = FORMATS[self.options.format]
        keys = [Secret(key) for key in (self.options.secret, self.options.previous_secret) if key is not None]
        self._signer = Signer(keys) if self._format.signed else None
        routing = [] if self.options.routing_key is None else [Secret(self.options.routing_key)]
        self._poster = Poster(
            self.options.url,
            self.options,
            sink=name,
            clock=self._clock,
            resolve=resolve,
            secrets=[*keys, *routing],
        )

    async def __aenter__(self) -> Self:
        """Load the authorities to trust.

        Raises:
            ConfigError: `ca_file` cannot be read or holds no certificate.
        """
        await self._poster.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        await self._poster.close()

    async def send(self, alert: Alert) -> None:
        """POST one alert; takes at most `timeout` and the two seconds that the answer's body may take.

        Raises:
            SinkUnavailable: not taken now.
            SinkRefused: never to be taken.
            TargetForbidden: the host has an address that may not be connected to.
        """
        answer = await self._poster.ask(self._request(alert))
        problem = self._format.judge(answer, self.name, self._poster.shown, self._clock.time())
        if problem is not None:
            self._poster.forget()
            raise problem

    async def try_out(self) -> str:
        """Resolve, check and connect, and send nothing.

        Returns:
            What answered.

        Raises:
            SinkError: it cannot be connected to.
        """
        return await self._poster.reach()

    def _request(self, alert: Alert) -> Request:
        try:
            body = self._format.body(alert, self.options)
        except TypeError as error:
            raise SinkRefused(self.name, f"the alert {alert.id!r} is no JSON: {error}") from None
        headers = {"content-type": self._format.content_type}
        if self._signer is not None:
            headers |= self._signer.headers(alert.id, body, self._clock.time())
        return Request(f"the alert {alert.id!r}", body, headers)
