"""The address of a receiver: what it must look like, and how much of it may be shown."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, urlsplit

__all__ = ["hidden_parts", "read_url", "redacted"]

FORBIDDEN_CHARACTERS = re.compile(r"[\s\x00-\x1f\x7f\\]")
"""Readers of URLs disagree about these, and where they do a checked host need not be the one connected to."""

PLAIN_SEGMENT = re.compile(r"(?!.{17})(?:v\d{1,2}|[A-Z]?[a-z]+(?:[._-][A-Z]?[a-z]+)*)")
"""A path segment that reads like words or a version. Chat services put a key in the path; keys look otherwise."""

SHORTEST_KEY = 4
"""Shorter parts keep nothing secret, and hiding every occurrence of a digit makes a text unreadable."""

MASK = "***"


def read_url(value: object, *, allow_http: bool) -> str:
    """Check a receiver's URL.

    Raises:
        ValueError: the rest of a sentence that begins with the field's name; never shows the URL's secrets.
    """
    if not isinstance(value, str):
        raise ValueError(f"is text such as https://hooks.example.org/crackle, not {type(value).__name__}")
    if FORBIDDEN_CHARACTERS.search(value):
        raise ValueError("holds a space, a control character or a backslash: take it out, or percent-encode it")
    problem = _problem(value, allow_http)
    if problem:
        raise ValueError(problem)
    return value


def redacted(url: str) -> str:
    """The URL without user name, password and query, and without path segments that may be a key.

    >>> redacted("https://bot:pw@hooks.example.org/services/T02AB/x9Fq81Lm?token=abc")
    'https://hooks.example.org/services/***/***?***'
    """
    try:
        parts = urlsplit(url)
        origin = _origin(parts)
    except ValueError:
        return MASK
    path = "/".join(MASK if _may_be_a_key(part) else part for part in parts.path.split("/"))
    return f"{origin}{path}{'?***' if parts.query else ''}"


def hidden_parts(url: str) -> tuple[str, ...]:
    """The parts of a valid URL that `redacted` hides, longest first, for hiding them elsewhere.

    >>> hidden_parts("https://hooks.example.org/services/T02AB/x9Fq81Lm?token=abcdef")
    ('token=abcdef', 'x9Fq81Lm', 'abcdef', 'T02AB')
    """
    parts = urlsplit(url)
    segments = [part for part in parts.path.split("/") if _may_be_a_key(part)]
    values = [value for _, value in parse_qsl(parts.query)]
    found = {part for part in (*segments, parts.query, *values) if len(part) >= SHORTEST_KEY}
    return tuple(sorted(found, key=lambda part: (-len(part), part)))


def _origin(parts: SplitResult) -> str:
    """Scheme, host and port; "" for a path alone."""
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}" if parts.scheme or parts.netloc else ""


def _may_be_a_key(segment: str) -> bool:
    return bool(segment) and PLAIN_SEGMENT.fullmatch(segment) is None


def _problem(url: str, allow_http: bool) -> str | None:
    try:
        parts = urlsplit(url)
        hostname = parts.hostname
    except ValueError:
        return "cannot be read: write it like https://hooks.example.org/crackle"
    if parts.scheme not in ("http", "https"):
        return "does not begin with https://"
    if "@" in parts.netloc:
        return (
            "holds a user name or a password: take them out, and send what the receiver asks for as "
            'headers = { Authorization = "..." }'
        )
    if not hostname:
        return "names no host: write it like https://hooks.example.org/crackle"
    if not _port_is_valid(parts):
        return "has a port that is not between 1 and 65535"
    if "#" in url:
        return "has a fragment (#...), which is never sent: take it out"
    if parts.scheme == "http" and not allow_http:
        return "is plain http: write https://, or set allow_http = true to send alerts unencrypted"
    return None


def _port_is_valid(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False
