"""Bounds on repeated log lines."""

from __future__ import annotations

from dataclasses import dataclass

from crackle_stream.protocols import Clock

__all__ = ["RateLimit"]

BURST = 5
"""Lines of one sort that are printed at once: enough to see what goes on."""

PAUSE_S = 10.0
"""Seconds from the first line of a burst to the next burst of the same sort; what is left out between is counted."""


class RateLimit:
    """Lets a burst of each sort of line pass, then counts until the pause is over.

    Args:
        clock: measures the pauses.
        burst: lines let through at once.
        pause_s: seconds from the first line of a burst to the next burst.
    """

    def __init__(self, clock: Clock, *, burst: int = BURST, pause_s: float = PAUSE_S) -> None:
        self._clock = clock
        self._burst = burst
        self._pause_s = pause_s
        self._bursts: dict[str, _Burst] = {}

    def admit(self, sort: str) -> int | None:
        """Whether a line may pass: the number of its sort left out since the last one, or None if it may not."""
        now = self._clock.monotonic()
        burst = self._bursts.get(sort)
        if burst is None or now - burst.began >= self._pause_s:
            self._bursts[sort] = _Burst(now)
            return 0 if burst is None else burst.left_out
        if burst.passed < self._burst:
            burst.passed += 1
            return 0
        burst.left_out += 1
        return None

    def left_out(self) -> dict[str, int]:
        """Lines left out that no later line has told of, by sort."""
        return {sort: burst.left_out for sort, burst in self._bursts.items() if burst.left_out}


@dataclass(slots=True)
class _Burst:
    began: float
    passed: int = 1
    left_out: int = 0
