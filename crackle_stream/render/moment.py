"""Points in time as text."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

__all__ = ["utc"]


def utc(epoch_seconds: float, timespec: Literal["seconds", "milliseconds"] = "seconds") -> str | None:
    """RFC 3339 in UTC, or None for what is no date between the years 1 and 9999.

    >>> utc(0.0), utc(1.5, "milliseconds"), utc(float("inf"))
    ('1970-01-01T00:00:00Z', '1970-01-01T00:00:01.500Z', None)
    """
    try:
        moment = datetime.fromtimestamp(epoch_seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
