"""Options of the built-in sinks; free of third-party imports, so that a configuration is checked without them."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from crackle_stream.brokers.options import BROKER_READERS, BrokerOptions, security_problems
from crackle_stream.errors import ConfigError
from crackle_stream.model import Secret
from crackle_stream.model.options import (
    one_of,
    positive_octets,
    positive_seconds,
    read_fields,
    read_flag,
    read_path,
    read_text,
    whole_number,
)
from crackle_stream.sinks.url import read_url, redacted

__all__ = ["FileOptions", "KafkaSinkOptions", "LogOptions", "MemoryOptions", "StdoutOptions", "WebhookOptions"]

ENCODED_PREFIX = "whsec_"
"""Standard Webhooks writes keys as this prefix and base64; other text is taken as the key itself."""

NETWORK_EXAMPLES = '"10.0.0.0/8" or "127.0.0.1/32"'

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")

OWN_HEADERS = frozenset({"host", "content-type", "content-length", "transfer-encoding", "connection", "te", "upgrade"})
"""Headers the webhook sets, or that would change where the message goes or ends; webhook-* are its own as well."""


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
class WebhookOptions:
    """Options of `WebhookSink`.

    Attributes:
        url: where to POST; https unless `allow_http`.
        secret: key of the Standard Webhooks signature, as "whsec_" and base64, or plain text; None sends unsigned.
        previous_secret: a key being replaced; messages carry a signature by each until it is taken out.
        headers: sent with every message; their values are kept as secrets.
        timeout: seconds for one attempt, from looking up the name to the receiver's status; a number or text such
            as "15s".
        allow_private: networks, as "10.0.0.0/8" or "127.0.0.1/32", that may be connected to though they are private
            or reserved. Metadata services of clouds never may.
        allow_http: whether the url may be plain http.
        ca_file: PEM file of the only authorities to trust, in place of the system's.
        source: the CloudEvents `source`: what the alerts come from.
    """

    url: str
    secret: Secret | str | None = None
    previous_secret: Secret | str | None = None
    headers: Mapping[str, Secret | str] = field(default_factory=dict)
    timeout: float = 15.0
    allow_private: tuple[str, ...] = ()
    allow_http: bool = False
    ca_file: Path | None = None
    source: str = "crackle-stream"

    def __post_init__(self) -> None:
        read_fields(
            self,
            url=lambda url: read_url(url, allow_http=self.allow_http is True),
            secret=_signing_key,
            previous_secret=_signing_key,
            headers=_headers,
            timeout=positive_seconds,
            allow_private=_networks,
            allow_http=read_flag,
            ca_file=lambda path: None if path is None else read_path(path),
            source=_uri_reference,
        )

    def __repr__(self) -> str:
        return f"WebhookOptions({redacted(self.url)!r}, source={self.source!r})"


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


def _headers(value: object) -> Mapping[str, Secret]:
    if not isinstance(value, Mapping):
        raise ValueError('is a table of texts, such as { Authorization = "Bearer ..." }')
    for name, text in value.items():
        if not isinstance(name, str) or not HEADER_NAME.fullmatch(name):
            raise ValueError(f"names {name!r}, which cannot be the name of a header")
        if name.lower() in OWN_HEADERS or name.lower().startswith("webhook-"):
            raise ValueError(f"sets {name}, which the webhook sets itself: take it out")
        if not isinstance(text, str | Secret) or not HEADER_VALUE.fullmatch(Secret(text).reveal()):
            raise ValueError(f"gives {name} a value that is not a line of ASCII text")
    return MappingProxyType({name: Secret(text) for name, text in value.items()})


def _networks(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, tuple | list):
        raise ValueError('is a list of networks, such as ["10.0.0.0/8"]')
    for text in value:
        if not isinstance(text, str):
            raise ValueError(f"holds {text!r}, which is no text: write it like {NETWORK_EXAMPLES}")
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise ValueError(_network_problem(text)) from error
    return tuple(value)


def _network_problem(text: str) -> str:
    """What is wrong with a network that cannot be read, and what it should be."""
    try:
        meant = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return f"holds {text!r}, which is no network: write it like {NETWORK_EXAMPLES}"
    return f'holds {text!r}, which is an address inside a network: write "{meant}"'


def _uri_reference(value: object) -> str:
    text = read_text(value)
    if not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError("is a URI or a name without spaces, in ASCII, such as /teams/payments/crackle")
    return text
