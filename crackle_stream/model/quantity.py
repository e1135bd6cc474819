"""Durations and sizes as people write them."""

from __future__ import annotations

import math
import re

__all__ = ["octets", "seconds"]

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
OCTETS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}

WRITTEN = re.compile(r"\s*(\d{1,15}(?:\.\d{1,9})?)\s*([A-Za-z]*)\s*", re.ASCII)


def seconds(value: float | str) -> float:
    """A duration in seconds, from a number of seconds or from text with a unit.

    Raises:
        ValueError: negative, not finite, no number or an unknown unit; the message completes "timeout ...".

    >>> seconds("4h"), seconds("1.5 s"), seconds("250ms"), seconds(15)
    (14400.0, 1.5, 0.25, 15.0)
    """
    number, unit = _split(value, 'is a number of seconds or text such as "15s", "5m" or "4h"', SECONDS)
    return number * SECONDS[unit or "s"]


def octets(value: float | str) -> int:
    """A size in bytes, from a number of bytes or from text with a unit.

    Raises:
        ValueError: negative, not finite, no whole number of bytes or an unknown unit; the message completes
            "max_bytes ...".

    >>> octets("64MiB"), octets("1.5 kB"), octets(4096)
    (67108864, 1500, 4096)
    """
    number, unit = _split(value, 'is a number of bytes or text such as "512KiB", "64MiB" or "1GiB"', OCTETS)
    size = number * OCTETS[unit or "B"]
    if size != int(size):
        raise ValueError(f"is no whole number of bytes: {value!r}")
    return int(size)


def _split(value: object, wanted: str, units: dict[str, float] | dict[str, int]) -> tuple[float, str]:
    """Number and unit; the unit is "" where none is written."""
    if isinstance(value, str):
        match = WRITTEN.fullmatch(value)
        if match is None or match[2] not in {"", *units}:
            raise ValueError(f"{wanted}, not {value!r}")
        return float(match[1]), match[2]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{wanted}, not {value!r}")
    if not 0 <= value < math.inf:
        raise ValueError(f"must be finite and not negative, not {value!r}")
    return float(value), ""
