"""Keys that wait because an alert of theirs failed: order within a key is kept, and all others go on."""

from __future__ import annotations

import random
from dataclasses import dataclass

from crackle_stream.protocols import Clock
from crackle_stream.stream.breaker import full_jitter
from crackle_stream.stream.options import RetryOptions

__all__ = ["Deferrals"]

MOST = 256
"""Keys that are waited for at the same time; beyond that the whole sink waits."""


@dataclass(frozen=True, slots=True)
class _Deferral:
    failures: int
    until: float


class Deferrals:
    """Until when each key waits.

    Args:
        retry: how long a key waits, by the number of its failures.
        clock: the monotonic one is looked at.
        rng: jitter.
    """

    def __init__(self, retry: RetryOptions, clock: Clock, rng: random.Random) -> None:
        self._retry = retry
        self._clock = clock
        self._rng = rng
        self._keys: dict[str, _Deferral] = {}

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def passing(self) -> list[str] | None:
        """Keys to be left out now; None where they are so many that everything waits."""
        now = self._clock.monotonic()
        passing = [key for key, deferral in self._keys.items() if deferral.until > now]
        return passing if len(passing) < MOST else None

    def soonest(self, otherwise: float) -> float:
        """Seconds until the first key may be tried again, less than 0 where it may be now."""
        now = self._clock.monotonic()
        return min((deferral.until - now for deferral in self._keys.values()), default=otherwise)

    def defer(self, key: str) -> float:
        """An alert of this key failed; returns the seconds it waits."""
        failures = self._keys[key].failures + 1 if key in self._keys else 1
        pause = full_jitter(self._rng, self._retry.round_wait_s, self._retry.round_wait_max_s, failures)
        self._keys[key] = _Deferral(failures, self._clock.monotonic() + pause)
        return pause

    def forget(self, key: str) -> None:
        """An alert of this key was delivered."""
        self._keys.pop(key, None)

    def clear(self) -> None:
        """Everything is to be tried at once."""
        self._keys.clear()
