"""W3C trace contexts in the headers of records (https://www.w3.org/TR/trace-context/)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["MOST_TRACES", "traces_of"]

MOST_TRACES = 32
"""Contexts taken of a batch: a span links to no more, and a producer may put one on every record."""

TRACEPARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{0,64})?")

Headers = Sequence[tuple[str, bytes | None]]


def traces_of(records: Iterable[tuple[int, Headers]]) -> tuple[tuple[int, str], ...]:
    """The contexts of a batch's first traced records, one for each trace.

    Args:
        records: offsets and headers, in order.

    Returns:
        Offsets and `traceparent` values; what is malformed is left out.

    >>> headers = [("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    >>> traces_of([(6, []), (7, headers), (8, headers)])
    ((7, '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'),)
    """
    found: dict[str, tuple[int, str]] = {}
    for offset, headers in records:
        if headers and len(found) < MOST_TRACES:
            for name, value in headers:
                if name == "traceparent" and value is not None and TRACEPARENT.fullmatch(value):
                    text = value.decode("ascii")
                    found.setdefault(text[3:35], (offset, text))
    return tuple(found.values())
