"""Server-sent events: the page's figures as they change.

A reader that is slow is told less, never later: each gets the latest figures when its last ones have gone out, and
beside them a bounded number of alerts; one that lets more pile up is let go and may connect again.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crackle_stream.app.web.problem import Problem

__all__ = ["MOST_READERS", "Feed", "FeedResponse"]

MOST_READERS = 32
"""Pages that may be open: each holds a connection."""

MOST_WAITING = 100
"""Alerts that may wait for a reader."""

ALIVE_S = 15.0
"""How often a reader hears something, so that proxies and the reader itself know that the other is there."""

RETRY_MS = 3000
"""How long a browser waits before it connects again."""


class Feed:
    """What readers are told.

    Args:
        figures: makes the latest figures; called at most once an interval, and only while somebody reads.
        interval_s: seconds between two of them at least.
    """

    def __init__(self, figures: Callable[[], Mapping[str, Any]], interval_s: float) -> None:
        self._figures = figures
        self._interval_s = interval_s
        self._readers: set[_Reader] = set()
        self._closed = False
        self._last = b""

    def __len__(self) -> int:
        return len(self._readers)

    def tell(self, name: str, value: Mapping[str, Any]) -> None:
        """An event that every reader gets; on the loop, returns at once."""
        if self._readers:
            data = _written(name, value)
            for reader in tuple(self._readers):
                reader.put(data)

    def close(self) -> None:
        """Nothing more comes: all readers are let go."""
        self._closed = True
        for reader in tuple(self._readers):
            reader.leave()

    async def run(self) -> None:
        """Make figures while somebody reads."""
        while not self._closed:
            await anyio.sleep(self._interval_s)
            if not self._readers:
                continue
            data = _written("figures", self._figures())
            if data != self._last:
                self._last = data
                for reader in tuple(self._readers):
                    reader.show(data)

    def response(self) -> FeedResponse:
        """An answer that goes on until either side ends it.

        Raises:
            Problem: too many read already, or nothing more comes.
        """
        if self._closed:
            raise Problem(503, "the process is ending", retry_after="5")
        if len(self._readers) >= MOST_READERS:
            raise Problem(503, f"{MOST_READERS} pages are open already: close one", retry_after="30")
        reader = _Reader()
        self._readers.add(reader)
        self._last = _written("figures", self._figures())
        for each in self._readers:
            each.show(self._last)
        return FeedResponse(reader, self._readers.discard)


class _Reader:
    """What one reader is yet to be told."""

    def __init__(self) -> None:
        self._figures: bytes | None = None
        self._events: deque[bytes] = deque()
        self._changed = anyio.Event()
        self.left = False

    def show(self, figures: bytes) -> None:
        """The latest figures, in place of those that it has not had."""
        self._figures = figures
        self._wake()

    def put(self, event: bytes) -> None:
        """One event; with too many of them it is let go."""
        self._events.append(event)
        if len(self._events) > MOST_WAITING:
            self.left = True
        self._wake()

    def leave(self) -> None:
        """Nothing more comes."""
        self.left = True
        self._wake()

    async def next(self) -> bytes:
        """All there is to tell; a sign of life where there is nothing for long."""
        changed = self._changed
        if self._figures is None and not self._events and not self.left:
            with anyio.move_on_after(ALIVE_S):
                await changed.wait()
        events, figures = b"".join(self._events), self._figures or b""
        self._events.clear()
        self._figures = None
        return events + figures or b": still here\n\n"

    def _wake(self) -> None:
        changed, self._changed = self._changed, anyio.Event()
        changed.set()


class FeedResponse(Response):
    """Sends what a reader is told, until it leaves."""

    def __init__(self, reader: _Reader, forget: Callable[[_Reader], None]) -> None:
        super().__init__(media_type="text/event-stream", headers={"x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._reader = reader
        self._forget = forget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side ends it."""
        try:
            async with anyio.create_task_group() as tasks:

                async def until_gone() -> None:
                    while (await receive())["type"] != "http.disconnect":
                        pass
                    tasks.cancel_scope.cancel()

                tasks.start_soon(until_gone)
                await self._send_all(send)
                tasks.cancel_scope.cancel()
        finally:
            self._forget(self._reader)

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": f"retry: {RETRY_MS}\n\n".encode(), "more_body": True})
        while not self._reader.left:
            await send({"type": "http.response.body", "body": await self._reader.next(), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _written(name: str, value: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False, allow_nan=False)}\n\n".encode(
        "utf-8", "surrogatepass"
    )
