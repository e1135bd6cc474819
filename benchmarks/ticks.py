"""A sink that takes everything and notes how late the event loop of the process it runs in ticks."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from crackle_stream.protocols import Sink

if TYPE_CHECKING:
    from types import TracebackType

    from crackle_stream.model import Alert

__all__ = ["TickSink"]

TICK_S = 0.005
"""Short enough to see a stall, long enough to cost the process nothing that shows."""

A_LINE_S = 1.0


class TickSink(Sink):
    """Writes a line a second to a file: median, 99th percentile and greatest lateness of its ticks, in ms.

    Args:
        path: the file.
        name: how messages call it.
    """

    def __init__(self, path: str, *, name: str = "ticks") -> None:
        self.name = name
        self._path = Path(path)
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to tick."""
        self._ticking = asyncio.create_task(self._tick())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Tick no more."""
        if self._ticking is not None:
            self._ticking.cancel()

    async def send(self, alert: Alert) -> None:
        """Take an alert."""

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        late: list[float] = []
        written = loop.time()
        while True:
            began = loop.time()
            await asyncio.sleep(TICK_S)
            now = loop.time()
            late.append(1e3 * (now - began - TICK_S))
            if now - written >= A_LINE_S:
                late.sort()
                line = {
                    "at": time.time(),
                    "p50": late[len(late) // 2],
                    "p99": late[int(0.99 * len(late))],
                    "max": late[-1],
                }
                with self._path.open("a") as lines:
                    lines.write(json.dumps(line) + "\n")
                late, written = [], now
