"""What a receiver's answer means: taken, try again later, or never."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from crackle_stream.errors import SinkError, SinkGone, SinkRefused, SinkUnavailable
from crackle_stream.render.text import plain
from crackle_stream.sinks.url import redacted

__all__ = ["MAX_RETRY_AFTER_S", "Answer", "objection", "retry_after"]

MAX_RETRY_AFTER_S = 3600.0
"""A receiver that asks for more is asked again after an hour: it may have mistaken the unit, or the clock."""

RETRYABLE_4XX = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
"""All others say that this message is wrong, and it will be as wrong the next time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Attributes:
        status: the HTTP status code.
        retry_after: the Retry-After header as sent, or None.
        location: the Location header as sent, or None.
        excerpt: the beginning of the body, safe to print.
        body: its beginning as it came.
    """

    status: int
    retry_after: str | None = None
    location: str | None = None
    excerpt: str = ""
    body: bytes = field(default=b"", repr=False)


def objection(answer: Answer, sink: str, target: str, now: float) -> SinkError | None:
    """The error an answer amounts to, or None where the message was taken.

    Args:
        answer: what came back.
        sink: the sink's name, for the message.
        target: the receiver as it may be shown.
        now: epoch seconds, for a Retry-After that is a date.
    """
    if 200 <= answer.status < 300:
        return None
    problem = f"{target} answered {_named(answer.status)}{f': {answer.excerpt}' if answer.excerpt else ''}"
    if answer.status >= 500 or answer.status in RETRYABLE_4XX:
        return SinkUnavailable(sink, problem, retry_after(answer.retry_after, now))
    refused = SinkGone if answer.status == HTTPStatus.GONE else SinkRefused
    return refused(sink, problem + _cure(answer))


def retry_after(header: str | None, now: float) -> float | None:
    """Seconds a Retry-After header asks to wait, at most an hour; None where it says nothing that can be read.

    >>> retry_after("7", 0.0), retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 50.0), retry_after("soon", 0.0)
    (7.0, 10.0, None)
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        # Ten digits are centuries; a longer run could be too long for int() to read.
        return min(float(text[:10]), MAX_RETRY_AFTER_S)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        # The old asctime form names no zone; HTTP means GMT.
        moment = moment.replace(tzinfo=UTC)
    return min(max(moment.timestamp() - now, 0.0), MAX_RETRY_AFTER_S)


def _named(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _cure(answer: Answer) -> str:
    if answer.status == HTTPStatus.GONE:
        return " (it asks never to be called again: take the sink out, or give its new url)"
    if 300 <= answer.status < 400:
        elsewhere = f", it points to {plain(redacted(answer.location))}" if answer.location else ""
        return f" (redirects are never followed{elsewhere}: set url to the final address)"
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return " (check secret and headers)"
    if answer.status == HTTPStatus.NOT_FOUND:
        return " (check the path of url)"
    return ""
