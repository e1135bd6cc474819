"""Numbers as people read them."""

from __future__ import annotations

import math

__all__ = ["counted", "round_step", "rounded", "short"]

STEPS = 2000
"""Steps of a span by which numbers of a figure are told apart: finer than a screen's dots."""


def short(value: float) -> str:
    """Six digits, or a whole number as it is.

    >>> short(160.0), short(0.1234567), short(1e15)
    ('160', '0.123457', '1e+15')
    """
    if math.isfinite(value) and value == int(value) and abs(value) < 1e12:
        return f"{value:.0f}"
    return f"{value:.6g}"


def counted(number: float, noun: str) -> str:
    """How many of something.

    >>> counted(1, "task"), counted(1200, "task")
    ('1 task', '1,200 tasks')
    """
    return f"{number:,.0f} {noun}{'' if number == 1 else 's'}"


def round_step(span: float, parts: int = 12) -> float:
    """The least of 1, 2 and 5 times a power of ten that goes at most so often into a span.

    >>> round_step(135.0), round_step(0.3)
    (20.0, 0.05)
    """
    power = 10.0 ** math.floor(math.log10(span / parts))
    return next(times * power for times in (1.0, 2.0, 5.0, 10.0) if times * power * parts >= span)


def rounded(value: float, span: float) -> float:
    """The value to the digits that matter on a span, so that it is short as JSON.

    >>> rounded(160.123456, 100.0), rounded(1_700_000_000.123456, 0.5)
    (160.12, 1700000000.1235)
    """
    step = span / STEPS
    if not math.isfinite(step) or step <= 0:  # of the least of spans a part is nothing
        return value
    digits = -math.floor(math.log10(step))
    # what a float cannot hold anyway is left alone
    return round(value, digits) if digits < 300 else value
