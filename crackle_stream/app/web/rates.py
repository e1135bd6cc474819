"""How fast tasks come, and how many records are bad of late."""

from __future__ import annotations

from collections import deque

__all__ = ["RecentShare", "TaskRate"]

SPAN_S = 10
"""Seconds that a rate is taken over: long enough to be read, short enough to follow."""


class TaskRate:
    """Tasks a second over the last ten seconds, in one-second buckets."""

    def __init__(self) -> None:
        self._buckets: deque[tuple[int, int]] = deque(maxlen=SPAN_S + 1)
        self._began: float | None = None

    def add(self, now: float, tasks: int) -> None:
        """Count tasks.

        Args:
            now: monotonic seconds.
            tasks: how many came.
        """
        self._began = now if self._began is None else self._began
        second = int(now)
        if self._buckets and self._buckets[-1][0] == second:
            tasks += self._buckets.pop()[1]
        self._buckets.append((second, tasks))

    def per_second(self, now: float) -> float:
        """Tasks a second; 0.0 before the first."""
        if self._began is None:
            return 0.0
        counted = sum(tasks for second, tasks in self._buckets if second > now - SPAN_S)
        return counted / min(max(now - self._began, 1.0), SPAN_S)


class RecentShare:
    """Which share of the last records could not be read.

    Args:
        records: how many are looked at, as the ceiling of dead letters does.
    """

    def __init__(self, records: int = 1000) -> None:
        self._records = records
        self._batches: deque[tuple[int, int]] = deque()
        self._read = self._bad = self._waiting = 0

    def reject(self) -> None:
        """A record could not be read; its batch follows."""
        self._waiting += 1

    def read(self, tasks: int) -> None:
        """A batch is over."""
        bad, self._waiting = self._waiting, 0
        if not tasks + bad:
            return
        self._batches.append((tasks + bad, bad))
        self._read, self._bad = self._read + tasks + bad, self._bad + bad
        while len(self._batches) > 1 and self._read - self._batches[0][0] >= self._records:
            read, first_bad = self._batches.popleft()
            self._read, self._bad = self._read - read, self._bad - first_bad

    @property
    def share(self) -> float | None:
        """The share; None before as many records were read as are looked at."""
        return self._bad / self._read if self._read >= self._records else None
