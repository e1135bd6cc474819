"""Time that moves when it is told to."""

from __future__ import annotations

__all__ = ["FakeClock"]


class FakeClock:
    """A `Clock` for tests.

    Args:
        start: epoch seconds at which it stands.

    >>> clock = FakeClock(start=1000.0)
    >>> clock.advance(2.5)
    >>> clock.time(), clock.monotonic()
    (1002.5, 2.5)
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._time = start
        self._monotonic = 0.0

    def time(self) -> float:
        """Epoch seconds."""
        return self._time

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return self._monotonic

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: time would go back.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back, not even by {-seconds} s: use set_time for a clock that jumps")
        self._time += seconds
        self._monotonic += seconds

    def set_time(self, time: float) -> None:
        """Let the clock on the wall jump, as a correction does; `monotonic` does not move."""
        self._time = time
