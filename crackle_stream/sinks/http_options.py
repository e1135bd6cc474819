"""What sinks that speak HTTP have in common; free of third-party imports, as all options are."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from crackle_stream.model import Secret
from crackle_stream.model.options import optional, positive_seconds, read_flag, read_path, read_text

__all__ = ["HTTP_READERS", "HttpOptions", "linked", "read_key", "read_link"]

NETWORK_EXAMPLES = '"10.0.0.0/8" or "127.0.0.1/32"'

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")

OWN_HEADERS = frozenset({"host", "content-type", "content-length", "transfer-encoding", "connection", "te", "upgrade"})
"""Headers the sink sets, or that would change where the message goes or ends; webhook-* are its own as well."""

LINK = re.compile(r"https?://[\x21-\x7e]+")

PLACE = "{fingerprint}"
"""What stands in a link for the alert's fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """How a receiver is reached over HTTP.

    Attributes:
        headers: sent with every message; their values are kept as secrets.
        timeout: seconds for one attempt, from looking up the name to the receiver's status; a number or text such
            as "15s".
        allow_private: networks, as "10.0.0.0/8" or "127.0.0.1/32", that may be connected to though they are private
            or reserved. Metadata services of clouds never may.
        allow_http: whether the url may be plain http.
        ca_file: PEM file of the only authorities to trust, in place of the system's.
    """

    headers: Mapping[str, Secret | str] = field(default_factory=dict)
    timeout: float = 15.0
    allow_private: tuple[str, ...] = ()
    allow_http: bool = False
    ca_file: Path | None = None


def read_key(value: object) -> Secret | None:
    """A password, token or key; None where there is none."""
    if value is None:
        return None
    if not isinstance(value, str | Secret):
        raise ValueError(f"is text, not {type(value).__name__}")
    secret = Secret(value)
    if not secret.reveal().strip():
        raise ValueError("is empty: give it, or leave it out")
    return secret


def read_link(value: object) -> str:
    """Where people look at an alert: a URL in which `{fingerprint}` may stand."""
    text = read_text(value)
    if not LINK.fullmatch(text):
        raise ValueError("is a URL without spaces such as https://crackle.example.org/p/{fingerprint}")
    return text


def linked(link: str | None, fingerprint: str) -> str | None:
    """The link of one alert.

    >>> linked("https://crackle.example.org/p/{fingerprint}", "9f2c")
    'https://crackle.example.org/p/9f2c'
    """
    return None if link is None else link.replace(PLACE, re.sub(r"[^0-9A-Za-z._~-]", "-", fingerprint))


def _headers(value: object) -> Mapping[str, Secret]:
    if not isinstance(value, Mapping):
        raise ValueError('is a table of texts, such as { Authorization = "Bearer ..." }')
    for name, text in value.items():
        if not isinstance(name, str) or not HEADER_NAME.fullmatch(name):
            raise ValueError(f"names {name!r}, which cannot be the name of a header")
        if name.lower() in OWN_HEADERS or name.lower().startswith("webhook-"):
            raise ValueError(f"sets {name}, which the sink sets itself: take it out")
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


HTTP_READERS: Mapping[str, Callable[[Any], object]] = {
    "headers": _headers,
    "timeout": positive_seconds,
    "allow_private": _networks,
    "allow_http": read_flag,
    "ca_file": optional(read_path),
}
