"""Values as JSON bytes, whatever a detector put into them."""

from __future__ import annotations

import numbers
from collections.abc import Mapping

import msgspec

__all__ = ["to_json"]


def to_json(value: object) -> bytes:
    """One line of JSON in UTF-8.

    NaN and infinities become null, numbers of other libraries plain numbers, and text that is no valid Unicode keeps
    its broken parts as visible escapes: an alert is never lost to an odd label.

    Raises:
        TypeError: something in it is no JSON value and no number.

    >>> to_json({"task": "a", "x": float("nan")})
    b'{"task":"a","x":null}'
    """
    try:
        return ENCODER.encode(value)
    except UnicodeEncodeError:
        return ENCODER.encode(_repaired(value))


def _plain(value: object) -> object:
    """What msgspec does not know: scalars of numpy, which give their Python value as `item()`, and other numbers."""
    item = getattr(value, "item", None)
    if callable(item):
        return item()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def _repaired(value: object) -> object:
    """The value with every lone surrogate written out as an escape."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {_repaired(key): _repaired(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_repaired(each) for each in value]
    return value


ENCODER = msgspec.json.Encoder(enc_hook=_plain)
