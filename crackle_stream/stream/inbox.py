"""A bounded hand-over between two tasks of one event loop, batch by batch.

An anyio memory stream would do, but its `send` cannot be given up safely: a receiver may already hold the item of a
sender that was cancelled while waiting, and a batch sent twice is counted twice. Waiting for room and putting are
two steps here, and the second never waits.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import anyio

from crackle_stream.stream.change import Change

__all__ = ["Inbox"]

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue of at most `limit` items with one reader."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._closed = False
        self._changed = Change()

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether a put would pass the limit."""
        return len(self._items) >= self._limit

    async def wait_for_room(self, timeout_s: float) -> bool:
        """Whether there is room now or within the time."""
        if not self.full:
            return True  # without a timer: most of the time there is
        with anyio.move_on_after(timeout_s):
            while self.full:
                await self._changed.wait()
        return not self.full

    def put(self, item: T) -> None:
        """Add an item; the caller has seen that there is room."""
        self._items.append(item)
        self._changed.happen()

    def close(self) -> None:
        """Nothing will be put any more."""
        self._closed = True
        self._changed.happen()

    async def get(self) -> T | None:
        """The next item, or None once closed and empty."""
        while not self._items:
            if self._closed:
                return None
            await self._changed.wait()
        item = self._items.popleft()
        self._changed.happen()
        return item
