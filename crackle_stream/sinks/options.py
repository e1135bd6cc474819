"""Options of the built-in sinks; free of third-party imports, so that a configuration is checked without them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
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
    read_flag,
    read_path,
    read_text,
    whole_number,
)
from crackle_stream.sinks.http_options import HTTP_READERS, HttpOptions, read_key, read_link
from crackle_stream.sinks.url import read_url, redacted

__all__ = [
    "AlertmanagerOptions",
    "AppriseOptions",
    "FileOptions",
    "KafkaSinkOptions",
    "LogOptions",
    "MemoryOptions",
    "StdoutOptions",
    "WebhookOptions",
]

ENCODED_PREFIX = "whsec_"
"""Standard Webhooks writes keys as this prefix and base64; other text is taken as the key itself."""

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")

LABEL_NAME = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")

OWN_LABELS = frozenset({"alertname", "kind", "form", "metric", "key", "severity", "fingerprint"})

APPRISE_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://.")

PAGERDUTY_URL = "https://events.pagerduty.com/v2/enqueue"
"""Where PagerDuty takes events; accounts in Europe have another one, events.eu.pagerduty.com."""

SIGNED_FORMATS = frozenset({"cloudevents", "alertmanager"})
"""Formats whose receivers are the user's own and can verify a signature; chat services and PagerDuty cannot."""


@dataclass(frozen=True, slots=True)
class StdoutOptions:
    """Options of `StdoutSink`.

    Attributes:
        format: "json" for one JSON object a line, "card" for text to read; "auto" is card on a terminal, else json.
        exhibits: whether JSON has each alert's exhibit in it, from which `crackle-stream explain` draws.
    """

    format: Literal["auto", "json", "card"] = "auto"
    exhibits: bool = True

    def __post_init__(self) -> None:
        read_fields(self, format=one_of("auto", "json", "card"), exhibits=read_flag)


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Options of `FileSink`.

    Attributes:
        path: the file; its directory must exist.
        max_bytes: size beyond which it becomes `path.1` and a new one begins; a number, or text such as "64MiB".
        keep: old files to keep: `path.1`, the newest, to `path.<keep>`.
        exhibits: whether each alert's exhibit is in its line, from which `crackle-stream explain` draws.
    """

    path: Path
    max_bytes: int = 64 * 2**20
    keep: int = 5
    exhibits: bool = True

    def __post_init__(self) -> None:
        read_fields(self, path=read_path, max_bytes=positive_octets, keep=whole_number(0), exhibits=read_flag)


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


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AlertmanagerOptions(HttpOptions):
    """Options of `AlertmanagerSink`. Durations are seconds, or text such as "1m".

    Attributes:
        urls: Alertmanagers, each told of every alert as Prometheus does with a pair; https unless `allow_http`. What
            follows the host is kept: "https://monitoring.example.org/alertmanager".
        taken_by: whether an alert is delivered once "any" of them has it, or "all".
        username: for basic authentication.
        password: for basic authentication.
        bearer_token: sent as `Authorization: Bearer`.
        labels: added to every alert, such as { cluster = "eu" }. Pipelines that send to the same Alertmanager need
            different ones.
        heartbeat_interval: seconds between pushes of the alerts that stand, so that Alertmanager does not let them
            expire.
        expires_after: seconds after which Alertmanager takes an alert for resolved when nothing is heard of it: longer
            than two heartbeats, and than a restart takes.
        forget_after: seconds for which an alert is kept standing that the pipeline says nothing of; longer than its
            `repeat_interval`.
        limit: most alerts that are kept standing; of more the one told of longest ago expires.
        link: where people look at an alert, "https://crackle.example.org/p/{fingerprint}"; its generatorURL.
    """

    urls: tuple[str, ...]
    taken_by: Literal["any", "all"] = "any"
    username: str | None = None
    password: Secret | str | None = None
    bearer_token: Secret | str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    heartbeat_interval: float = 60.0
    expires_after: float = 240.0
    forget_after: float = 12 * 3600.0
    limit: int = 1000
    link: str | None = None

    def __post_init__(self) -> None:
        read_fields(
            self,
            urls=self._receivers,
            **HTTP_READERS,
            taken_by=one_of("any", "all"),
            username=optional(read_text),
            password=read_key,
            bearer_token=read_key,
            labels=_labels,
            heartbeat_interval=positive_seconds,
            expires_after=positive_seconds,
            forget_after=positive_seconds,
            limit=whole_number(1),
            link=optional(read_link),
        )
        if problems := list(self._contradictions()):
            raise ConfigError(problems, origin=type(self).__name__)

    def __repr__(self) -> str:
        return f"AlertmanagerOptions(urls={[redacted(url) for url in self.urls]!r}, labels={dict(self.labels)!r})"

    def _receivers(self, urls: object) -> tuple[str, ...]:
        urls = (urls,) if isinstance(urls, str) else urls
        if not isinstance(urls, tuple | list) or not urls:
            raise ValueError('is a list of addresses, such as ["https://alertmanager.example.org:9093"]')
        if len(set(urls)) != len(urls):
            raise ValueError("names one address twice: take one of them out")
        read = [read_url(url, allow_http=self.allow_http is True).rstrip("/") for url in urls]
        if any("?" in url for url in read):
            raise ValueError("has a query (?...), which is no part of an Alertmanager's address: take it out")
        return tuple(read)

    def _contradictions(self) -> Iterator[str]:
        if (self.username is None) != (self.password is None):
            yield "username and password belong together: give both, or neither"
        ways = [self.username is not None, self.bearer_token is not None]
        ways.append(any(name.lower() == "authorization" for name in self.headers))
        if sum(ways) > 1:
            yield "username, bearer_token and an Authorization header are three ways to say who asks: leave one"
        if self.expires_after < 2 * self.heartbeat_interval:
            yield (
                f"expires_after is {self.expires_after:g} s, less than two heartbeats of "
                f"{self.heartbeat_interval:g} s: one that is late would resolve every alert"
            )
        if self.forget_after < self.expires_after:
            yield f"forget_after is {self.forget_after:g} s, less than expires_after, {self.expires_after:g} s"


@dataclass(frozen=True, slots=True, repr=False)
class AppriseOptions:
    """Options of `AppriseSink`.

    Attributes:
        urls: addresses as Apprise writes them, such as "slack://..." or "mailto://..."; each is a secret.
    """

    urls: tuple[Secret | str, ...]

    def __post_init__(self) -> None:
        read_fields(self, urls=_apprise_urls)

    def __repr__(self) -> str:
        return f"AppriseOptions({len(self.urls)} urls)"


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


def _labels(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError('is a table of texts, such as { cluster = "eu" }')
    for name, text in value.items():
        if not isinstance(name, str) or not LABEL_NAME.fullmatch(name):
            raise ValueError(f"names {name!r}, which cannot be the name of a label: letters, digits and _")
        if name in OWN_LABELS:
            raise ValueError(f"sets {name}, which every alert has of its own: give it another name")
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"gives {name} a value that is no text, or empty")
    return MappingProxyType(dict(value))


def _apprise_urls(value: object) -> tuple[Secret, ...]:
    urls = (value,) if isinstance(value, str | Secret) else value
    if not isinstance(urls, tuple | list) or not urls:
        raise ValueError('is a list of addresses, such as ["${env:SLACK_URL}"]')
    for number, url in enumerate(urls, 1):
        if not isinstance(url, str | Secret) or not APPRISE_URL.match(Secret(url).reveal()):
            raise ValueError(f'holds no address in place {number}: write it as Apprise does, "service://..."')
    return tuple(Secret(url) for url in urls)


def _uri_reference(value: object) -> str:
    text = read_text(value)
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("is a URI or a name without spaces, in ASCII, such as /teams/payments/crackle")
    return text
