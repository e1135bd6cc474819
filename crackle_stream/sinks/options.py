"""Options of the built-in sinks; free of third-party imports, so that a configuration is checked without them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crackle_stream.brokers.options import BROKER_READERS, BrokerOptions, security_problems
from crackle_stream.errors import ConfigError
from crackle_stream.model import Secret
from crackle_stream.model.options import (
    one_of,
    optional,
    positive_octets,
    positive_seconds,
    read_fields,
    read_path,
    read_text,
    whole_number,
)
from crackle_stream.sinks.http_options import HTTP_READERS, HttpOptions, read_key, read_link
from crackle_stream.sinks.url import read_url, redacted

__all__ = ["FileOptions", "KafkaSinkOptions", "LogOptions", "MemoryOptions", "StdoutOptions", "WebhookOptions"]

ENCODED_PREFIX = "whsec_"
"""Standard Webhooks writes keys as this prefix and base64; other text is taken as the key itself."""

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
"""Where PagerDuty takes events; accounts in Europe have another one, events.eu.pagerduty.com."""

SIGNED_FORMATS = frozenset({"cloudevents", "alertmanager"})
"""Formats whose receivers are the user's own and can verify a signature; chat services and PagerDuty cannot."""


@dataclass(frozen=True, slots=True)
class StdoutOptions:
    """Options of `StdoutSink`.

    Attributes:
        format: "json" for one JSON object a line, "card" for text to read; "auto" is card on a terminal, else json.
    """

    format: Literal["auto", "json", "card"] = "auto"

    def __post_init__(self) -> None:
        read_fields(self, format=one_of("auto", "json", "card"))


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Options of `FileSink`.

    Attributes:
        path: the file; its directory must exist.
        max_bytes: size beyond which it becomes `path.1` and a new one begins; a number, or text such as "64MiB".
        keep: old files to keep: `path.1`, the newest, to `path.<keep>`.
    """

    path: Path
    max_bytes: int = 64 * 2**20
    keep: int = 5

    def __post_init__(self) -> None:
        read_fields(self, path=read_path, max_bytes=positive_octets, keep=whole_number(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSinkOptions(BrokerOptions):
    """Options of `KafkaSink`. Durations are seconds, or text such as "45s".

    Attributes:
        topic: where alerts are written; it must exist, or brokers must make topics by themselves.
        send_timeout: most for one alert to be acknowledged; its outcome is unknown after that, and it is tried again.
    """

    topic: str
    send_timeout: float = 10.0

    def __post_init__(self) -> None:
        read_fields(self, **BROKER_READERS, topic=read_topic, send_timeout=positive_seconds)
        if problems := security_problems(self):
            raise ConfigError(problems, origin=type(self).__name__)


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Options of `LogSink`.

    Attributes:
        logger: name of the logger.
        level: of every event; "auto" is info, warning or critical as the alert's severity, info once it is resolved.
    """

    logger: str = "crackle_stream.alerts"
    level: Literal["auto", "debug", "info", "warning", "error", "critical"] = "auto"

    def __post_init__(self) -> None:
        read_fields(self, logger=read_text, level=one_of("auto", "debug", "info", "warning", "error", "critical"))


@dataclass(frozen=True, slots=True)
class MemoryOptions:
    """Options of `MemorySink`.

    Attributes:
        limit: most alerts held; beyond it the oldest is let go and counted.
    """

    limit: int = 10_000

    def __post_init__(self) -> None:
        read_fields(self, limit=whole_number(1))


@dataclass(frozen=True, slots=True, repr=False)
class WebhookOptions(HttpOptions):
    """Options of `WebhookSink`.

    Attributes:
        url: where to POST; https unless `allow_http`. PagerDuty's own where format = "pagerduty".
        format: "cloudevents" for the whole alert; "alertmanager" for what Alertmanager's webhooks send; "slack",
            "discord" and "teams" for messages to people; "pagerduty" for its Events API v2.
        secret: key of the Standard Webhooks signature, as "whsec_" and base64, or plain text; None sends unsigned.
        previous_secret: a key being replaced; messages carry a signature by each until it is taken out.
        routing_key: PagerDuty's integration key, for format = "pagerduty".
        source: what the alerts come from: the `source` of CloudEvents and of PagerDuty, the `receiver` of Alertmanager.
        link: where people look at an alert, "https://crackle.example.org/p/{fingerprint}".
    """

    url: str = ""
    format: Literal["cloudevents", "alertmanager", "slack", "discord", "teams", "pagerduty"] = "cloudevents"
    secret: Secret | str | None = None
    previous_secret: Secret | str | None = None
    routing_key: Secret | str | None = None
    source: str = "crackle-stream"
    link: str | None = None

    def __post_init__(self) -> None:
        if self.url == "" and self.format == "pagerduty":
            object.__setattr__(self, "url", PAGERDUTY_URL)
        read_fields(
            self,
            url=self._receiver,
            format=one_of("cloudevents", "alertmanager", "slack", "discord", "teams", "pagerduty"),
            secret=_signing_key,
            previous_secret=_signing_key,
            **HTTP_READERS,
            routing_key=read_key,
            source=_uri_reference,
            link=optional(read_link),
        )
        if problems := list(self._useless()):
            raise ConfigError(problems, origin=type(self).__name__)

    def __repr__(self) -> str:
        return f"WebhookOptions({redacted(self.url)!r}, format={self.format!r}, source={self.source!r})"

    def _receiver(self, url: object) -> str:
        if url == "":
            raise ValueError('is missing: write where to POST, such as "https://hooks.example.org/crackle"')
        return read_url(url, allow_http=self.allow_http is True)

    def _useless(self) -> Iterator[str]:
        """Keys that the format has no place for, and the one it cannot do without."""
        if self.format not in SIGNED_FORMATS:
            for name in ("secret", "previous_secret"):
                if getattr(self, name) is not None:
                    yield f'{name} is of no use with format = "{self.format}", which nobody verifies: take it out'
        if self.format == "pagerduty" and self.routing_key is None:
            yield 'routing_key is missing: write "${env:NAME}" of the integration key, and export it'
        if self.format != "pagerduty" and self.routing_key is not None:
            yield 'routing_key is of no use without format = "pagerduty": set that, or take it out'


def read_topic(value: object) -> str:
    """The name of a topic, as Kafka allows it."""
    text = read_text(value)
    if not TOPIC_NAME.fullmatch(text) or text in {".", ".."}:
        raise ValueError(f"is {text!r}: names of topics are 1 to 249 letters, digits, dots, _ and -")
    return text


def _signing_key(value: object) -> Secret | None:
    if value is None:
        return None
    if not isinstance(value, str | Secret):
        raise ValueError(f"is text, not {type(value).__name__}")
    secret = Secret(value)
    text = secret.reveal()
    if text.startswith(ENCODED_PREFIX) and not _is_base64(text.removeprefix(ENCODED_PREFIX)):
        raise ValueError(f'begins with "{ENCODED_PREFIX}" but is not base64 after it: copy it again from the receiver')
    if not text.strip() or text == ENCODED_PREFIX:
        raise ValueError("is empty: give the key the receiver verifies with, or leave it out to send unsigned")
    return secret


def _is_base64(text: str) -> bool:
    """Whether text is base64, padded or not."""
    try:
        base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def _uri_reference(value: object) -> str:
    text = read_text(value)
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("is a URI or a name without spaces, in ASCII, such as /teams/payments/crackle")
    return text
