"""What we ask of one Alertmanager.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

import msgspec

from crackle_stream.errors import SinkUnavailable
from crackle_stream.sinks.answer import objection
from crackle_stream.sinks.formats.identity import ALERT_NAME
from crackle_stream.sinks.posting import Request
from crackle_stream.sinks.standing import Notice
from crackle_stream.sinks.wire import to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.protocols import Clock
    from crackle_stream.sinks.posting import Poster

__all__ = ["Alertmanager", "View"]

T = TypeVar("T")

LIST_BYTES = 16 * 2**20
"""Of a list of alerts: a thousand of ours are about 2 MiB."""


class _Listed(msgspec.Struct, rename="camel"):
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    starts_at: str = ""
    generator_url: str = msgspec.field(name="generatorURL", default="")


class _Status(msgspec.Struct):
    uptime: str


class View(msgspec.Struct, frozen=True):
    """What an Alertmanager shows.

    Attributes:
        since: when it was started, by its own clock; it keeps no alerts over a restart.
        alerts: ours that stand.
    """

    since: str
    alerts: tuple[Notice, ...]


class Alertmanager:
    """One Alertmanager.

    Args:
        poster: reaches it.
        sink: whose it is, for errors.
        labels: those that tell our alerts from those of others, beside their name.
        clock: for a Retry-After that is a date.

    Attributes:
        shown: its address as it may be shown.
        since: when it was started, as seen last; "" before it was looked at.
        told: by fingerprint, until when an alert was pushed to it.
        trouble: what went wrong with the last push; "" where nothing did.
        blind: whether it did not say what stands there when it was asked last.
    """

    def __init__(self, poster: Poster, sink: str, labels: Mapping[str, str], clock: Clock) -> None:
        self.shown = poster.shown
        self.since = ""
        self.told: dict[str, float] = {}
        self.trouble = ""
        self.blind = False
        self._poster = poster
        self._sink = sink
        self._clock = clock
        ours = {"alertname": ALERT_NAME, **labels}
        self._query = "&".join("filter=" + quote(f"{name}={_quoted(text)}", safe="") for name, text in ours.items())

    async def open(self) -> None:
        """Load the authorities to trust."""
        await self._poster.open()

    async def close(self) -> None:
        """Close the connection."""
        await self._poster.close()

    async def push(self, alerts: Sequence[Mapping[str, object]], about: str) -> None:
        """Tell it of alerts.

        Raises:
            SinkUnavailable: not taken now.
            SinkRefused: never to be taken.
        """
        await self._ask(Request(about, to_json(alerts), {"content-type": "application/json"}, path="/api/v2/alerts"))

    async def look(self) -> View:
        """What stands there.

        Raises:
            SinkError: it does not say.
        """
        status = self._read(await self._ask(_get("/api/v2/status")), _Status)
        body = await self._ask(_get(f"/api/v2/alerts?active=true&silenced=true&inhibited=true&{self._query}"))
        listed = self._read(body, list[_Listed])
        return View(status.uptime, tuple(map(_notice, listed)))

    async def _ask(self, request: Request) -> bytes:
        answer = await self._poster.ask(request)
        problem = objection(answer, self._sink, self.shown, self._clock.time())
        if problem is not None:
            self._poster.forget()
            raise problem
        return answer.body

    def _read(self, body: bytes, of: type[T]) -> T:
        try:
            return msgspec.json.decode(body, type=of)
        except msgspec.DecodeError as error:
            problem = f"{self.shown} does not answer as an Alertmanager does: {error}. Check urls"
            raise SinkUnavailable(self._sink, problem) from None


def _get(path: str) -> Request:
    return Request("a question", method="GET", path=path, read_limit=LIST_BYTES)


def _notice(listed: _Listed) -> Notice:
    return Notice(listed.labels, listed.annotations, listed.starts_at, listed.generator_url)


def _quoted(text: str) -> str:
    """A value in a matcher."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
