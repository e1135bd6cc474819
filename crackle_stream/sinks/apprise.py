"""Alerts in chats, mails and on telephones, by Apprise; the one sink that loads it."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

from crackle_stream.errors import ConfigError, SinkUnavailable
from crackle_stream.model import Alert, AlertStatus, Secret, Severity, options_from
from crackle_stream.protocols import Sink
from crackle_stream.render.chat import chat_text
from crackle_stream.render.text import plain
from crackle_stream.sinks.options import AppriseOptions
from crackle_stream.sinks.worker import Worker

try:
    import apprise
except ModuleNotFoundError as error:
    problem = 'the module "apprise" is not installed: pip install "crackle-stream[notify]"'
    raise ModuleNotFoundError(problem, name=error.name) from None

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["AppriseSink"]

LOGGERS = ("apprise", "urllib3.connectionpool")
"""Who logs addresses with the keys in them, the first one even as an error."""

SHORTEST_KEY = 4
"""Shorter parts of an address keep nothing secret, and hiding each of them makes a text unreadable."""

CALL = re.compile(r"@|<(?=[!@#])")
"""What calls people or channels in a chat that reads it; a space without width after it, and it is text."""

KINDS = {
    Severity.INFO: apprise.NotifyType.INFO,
    Severity.WARNING: apprise.NotifyType.WARNING,
    Severity.CRITICAL: apprise.NotifyType.FAILURE,
}


class AppriseSink(Sink):
    """Sends each alert as a few lines of text to services that Apprise knows.

        AppriseSink(["slack://...", "mailto://..."])

    Apprise is synchronous and works in a thread of its own; it says only whether a service took the message, so every
    failure is tried again. What took an alert is not sent it a second time then. Where it connects to is Apprise's:
    `allow_private` and `ca_file` of the webhook have no counterpart here.

    Args:
        options: an AppriseOptions, or the urls; or give the fields of AppriseOptions by name.
        name: how messages call it.

    Raises:
        ConfigError: an option that cannot be.
    """

    def __init__(
        self,
        options: AppriseOptions | str | Sequence[str] | None = None,
        /,
        *,
        name: str = "apprise",
        **fields: object,
    ) -> None:
        self.name = name
        self.options = options_from(AppriseOptions, options, fields, main="urls")
        self._worker = Worker(f"crackle-stream sink {name}")
        self._hush = _Hush([Secret(url) for url in self.options.urls])
        self._services: list[apprise.Apprise] = []
        self._done: tuple[str, frozenset[int]] = ("", frozenset())

    async def __aenter__(self) -> Self:
        """Load the services.

        Raises:
            ConfigError: an address that Apprise cannot read.
        """
        try:
            self._services = await self._worker.call(self._loaded)
        except ConfigError:
            self._worker.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the thread end."""
        self._worker.stop()

    async def send(self, alert: Alert) -> None:
        """Send one alert to every service.

        Raises:
            SinkUnavailable: at least one did not take it.
        """
        try:
            failed = await self._worker.call(lambda: self._notified(alert))
        except BlockingIOError as error:
            raise SinkUnavailable(self.name, "the message before still hangs") from error
        if failed:
            said = f": {self._hush.said}" if self._hush.said else ""
            raise SinkUnavailable(self.name, f"{', '.join(failed)} did not take it{said}")

    def _loaded(self) -> list[apprise.Apprise]:
        services, problems = [], []
        with self._hush:
            for number, url in enumerate(self.options.urls, 1):
                # one object each: several in one would work in threads of their own
                service = apprise.Apprise(asset=apprise.AppriseAsset(async_mode=False))
                if not service.add(Secret(url).reveal()):
                    problems.append(
                        f"urls holds in place {number} an address that Apprise cannot read: see its documentation of "
                        f"the service {_schema(url)!r}"
                    )
                services.append(service)
        if problems:
            raise ConfigError(problems, origin=f"sink {self.name}")
        return services

    def _notified(self, alert: Alert) -> list[str]:
        """Send to all that have it not yet; the services that did not take it."""
        before, done = self._done
        done = done if before == alert.id else frozenset()
        body = CALL.sub("\\g<0>\u200b", chat_text(alert))
        kind = apprise.NotifyType.SUCCESS if alert.status is AlertStatus.RESOLVED else KINDS[alert.severity]
        failed = []
        with self._hush:
            for place, service in enumerate(self._services):
                if place in done:
                    continue
                if service.notify(body=body, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
                    done |= {place}
                else:
                    failed.append(_schema(self.options.urls[place]))
        self._done = (alert.id, done)
        return failed


class _Hush(logging.Filter):
    """Keeps what Apprise and its HTTP library log while it is entered, and shows of it only warnings, without secrets.

    From whichever thread: Apprise sends in threads of its own.

    Args:
        urls: addresses of which no part may be seen.
    """

    def __init__(self, urls: Sequence[Secret]) -> None:
        super().__init__()
        written = [url.reveal().partition("://")[2] for url in urls]
        parts = {part for text in (*written, *map(unquote, written)) for part in re.split(r"[/:@?&=#,;]+", text)}
        self._hidden = sorted((part for part in parts if len(part) >= SHORTEST_KEY), key=len, reverse=True)
        self.said = ""

    def __enter__(self) -> None:
        self.said = ""
        for name in LOGGERS:
            logging.getLogger(name).addFilter(self)

    def __exit__(self, *exc_info: object) -> None:
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        """Never logged: an address may be in it, or in what a service answered."""
        if record.levelno >= logging.WARNING:
            text = record.getMessage()
            for part in self._hidden:
                text = text.replace(part, "***")
            self.said = plain(" ".join(text.split()))
        return False


def _schema(url: Secret | str) -> str:
    """The service, which is all of an address that may be shown."""
    return Secret(url).reveal().partition("://")[0]
