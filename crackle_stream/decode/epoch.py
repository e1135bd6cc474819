"""Times as records write them, in epoch seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

__all__ = ["EARLIEST", "LATEST", "epoch_seconds", "epoch_seconds_of_all", "seconds_of_text"]

EARLIEST = 1e8
"""March 1973 in seconds: a smaller number in a field that merely may hold a time is taken for a duration or a count."""

LATEST = 1e20
"""The year 5138 in nanoseconds; no larger number is a time in any unit."""

_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (LATEST, 1e9))
"""Seconds up to the year 5138; beyond that it must be milliseconds, which begin there in 1973; and so on."""

_NUMERIC = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_BASIC_DATE_LENGTH = len("20240131")
_LONGEST = 64
"""Characters of the longest text looked at; RFC 3339 with nanoseconds takes 35."""


def epoch_seconds(number: float) -> float | None:
    """Epoch seconds of a number of seconds, milli-, micro- or nanoseconds; None from `LATEST` up.

    >>> epoch_seconds(1.7e9), epoch_seconds(1.7e12), epoch_seconds(1.7e15), epoch_seconds(1.7e18)
    (1700000000.0, 1700000000.0, 1700000000.0, 1700000000.0)
    """
    magnitude = abs(number)
    for limit, unit in _UNITS:
        if magnitude < limit:
            return number / unit
    return None


def epoch_seconds_of_all(numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`epoch_seconds` of each, all below `LATEST` in magnitude."""
    magnitudes = np.abs(numbers)
    if magnitudes.max(initial=0.0) < _UNITS[0][0]:
        return numbers
    unit = np.select([magnitudes < limit for limit, _ in _UNITS], [unit for _, unit in _UNITS], default=np.nan)
    seconds: npt.NDArray[np.float64] = numbers / unit
    return seconds


def seconds_of_text(text: str, earliest: float = EARLIEST) -> float | None:
    """Epoch seconds of RFC 3339 or ISO 8601 text, UTC where no zone is given, or of a number in digits.

    Args:
        text: the text.
        earliest: smallest number that is taken for a time.

    Returns:
        Seconds, or None where the text is no time. Fractions beyond microseconds are cut off.

    >>> seconds_of_text("2023-11-14T22:13:20Z"), seconds_of_text("1700000000000"), seconds_of_text("soon")
    (1700000000.0, 1700000000.0, None)
    """
    if len(text) > _LONGEST:
        return None
    text = text.strip()
    if _NUMERIC.fullmatch(text) and len(text) != _BASIC_DATE_LENGTH:
        number = float(text)
        return epoch_seconds(number) if number >= earliest else None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
