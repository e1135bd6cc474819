"""When a sink that fails is left alone, and when it is tried again."""

from __future__ import annotations

import random
from enum import StrEnum

from crackle_stream.stream.options import BreakerOptions

__all__ = ["Breaker", "BreakerState", "full_jitter"]

MAX_RETRY_AFTER_S = 3600.0
"""A receiver that asks for more is tried again after an hour: it may have mistaken the unit, or the clock."""


class BreakerState(StrEnum):
    """How a sink is treated."""

    CLOSED = "closed"
    """It is sent what there is."""
    OPEN = "open"
    """It is left alone."""
    HALF_OPEN = "half-open"
    """One try is under way, to see whether it is back."""


class Breaker:
    """Counts one sink's failures in a row; moved by its caller's clock.

    After `failures` of them it opens for `open_s`. Then one try is let through: if it fails, it opens anew for longer,
    at least `open_s` and at most a bound that doubles up to `open_max_s`, evenly spread between the two, so that many
    processes do not come back in step. A try that succeeds closes it.

    Args:
        options: its numbers.
        rng: the spread.
    """

    def __init__(self, options: BreakerOptions, rng: random.Random) -> None:
        self._options = options
        self._rng = rng
        self._failed = 0
        self._opened = 0
        self._until = 0.0
        self.state = BreakerState.CLOSED

    def wait(self, now: float) -> float:
        """Seconds until the sink may be tried; 0 where it may be now."""
        return max(self._until - now, 0.0)

    def begin(self) -> bool:
        """A try begins; whether it is the one that shows whether the sink is back."""
        if self.state is BreakerState.OPEN:
            self.state = BreakerState.HALF_OPEN
        return self.state is BreakerState.HALF_OPEN

    def succeed(self) -> None:
        """The sink answered: it took the alert, or it said no."""
        self.state = BreakerState.CLOSED
        self._failed = self._opened = 0
        self._until = 0.0

    def fail(self, now: float, retry_after: float | None = None) -> None:
        """A try failed.

        Args:
            now: seconds of the clock that `wait` is asked with.
            retry_after: seconds the receiver asks to be left alone, honoured up to an hour.
        """
        self._failed += 1
        if self.state is BreakerState.HALF_OPEN or self._failed >= self._options.failures:
            self.state = BreakerState.OPEN
            self._until = max(self._until, now + self._pause())
            self._opened += 1
        if retry_after is not None:
            self._until = max(self._until, now + min(retry_after, MAX_RETRY_AFTER_S))

    def ask(self) -> None:
        """Somebody wants it tried at once."""
        self._until = 0.0

    def _pause(self) -> float:
        least = self._options.open_s
        most = min(least * 2.0 ** min(self._opened, 30), max(self._options.open_max_s, least))
        return least + (most - least) * self._rng.random()


def full_jitter(rng: random.Random, first_s: float, most_s: float, failures: int) -> float:
    """A wait after this many failures in a row: anything up to a bound that doubles, but never nothing at all."""
    most = min(first_s * 2.0 ** min(failures - 1, 30), most_s)
    return most * (0.1 + 0.9 * rng.random())
