"""What is wrong with a record that cannot be read, in words."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FAULTS", "Refusal", "explain", "kind_of"]

FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What the parser raises for bytes that are not what it was told to expect."""

_LAX = (b"NaN", b"Infinity", b"\\u")
"""What many writers take for JSON; a second look names the field then."""

_EXCERPT = 60


class Refusal(Exception):
    """A record is refused; the message says why."""


def explain(payload: bytes, error: Exception) -> str:
    """Why a payload cannot be parsed at all."""
    if not payload.strip():
        return "the record is empty"
    if isinstance(error, RecursionError):
        return "the record is nested too deeply to be parsed"
    if isinstance(error, UnicodeDecodeError):
        return _misencoded(payload)
    if isinstance(error, msgspec.ValidationError) or any(lax in payload for lax in _LAX):
        lenient = _lenient_view(payload)
        if lenient is not None:
            return lenient
    return f"not JSON: {_words(error)}"


def kind_of(value: object) -> str:
    """What JSON calls a value, with an article.

    >>> kind_of([1]), kind_of(None), kind_of(1.5)
    ('an array', 'null', 'a number')
    """
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
        case _:
            return "an object"


def _misencoded(payload: bytes) -> str:
    # The parser counts from the beginning of the text it was in.
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte 0x{payload[error.start]:02x} at byte {error.start} begins no character"
    return "not UTF-8"


def _lenient_view(payload: bytes) -> str | None:
    """What the standard library, which takes more than JSON, finds that the strict parser did not take."""
    try:
        record = json.loads(payload, parse_int=float)
    except (ValueError, RecursionError):
        return None
    for path, number in _numbers(record, ""):
        if math.isnan(number):
            return f"{path} is NaN: leave a metric out where it has no value"
        if math.isinf(number):
            return f"{path} is infinite or too large for a number"
    return "not JSON: a text holds half of a UTF-16 surrogate pair" if b"\\u" in payload else None


def _numbers(value: object, path: str) -> Iterator[tuple[str, float]]:
    waiting: list[tuple[str, object]] = [(path, value)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, float):
            yield _field(path), value
        elif isinstance(value, dict):
            waiting += [(f"{path}.{key}" if path else key, each) for key, each in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{place}]", each) for place, each in enumerate(value)]


def _field(path: str) -> str:
    return f"{path[:_EXCERPT]!r}" if path else "the record"


def _words(error: Exception) -> str:
    text = str(error)
    return "it ends too early" if "truncated" in text else text.removeprefix("JSON is malformed: ")
