"""What tests of text sources share: a pipe, a clock that counts, and reading to the end."""

from __future__ import annotations

import itertools
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.model import RecordBatch
    from crackle_stream.sources.text import TextSource

__all__ = ["CountingClock", "Pipe", "all_of", "next_of", "payloads", "reading_threads", "threads_left"]


class CountingClock:
    """Every look at it is a second later."""

    def __init__(self) -> None:
        self._now = itertools.count(1)

    def time(self) -> float:
        return float(next(self._now))

    def monotonic(self) -> float:
        return 0.0


class Pipe:
    """A pipe whose writing end may be closed before the test is over."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._open = True

    def write(self, data: bytes) -> int:
        return os.write(self.writing, data)

    def hang_up(self) -> None:
        if self._open:
            self._open = False
            os.close(self.writing)

    def close(self) -> None:
        self.hang_up()
        os.close(self.reading)


async def all_of(source: TextSource) -> list[RecordBatch]:
    batches = []
    async with source:
        while (batch := await source.read()) is not None:
            if len(batch):
                batches.append(batch)
    return batches


async def next_of(source: TextSource) -> RecordBatch:
    while True:
        batch = await source.read()
        assert batch is not None
        if len(batch):
            return batch


def payloads(batches: list[RecordBatch]) -> list[bytes]:
    return [payload for batch in batches for payload in batch.payloads]


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("crackle-stream source")]


def threads_left() -> list[threading.Thread]:
    """Reading threads that do not end by themselves; one that has said its last word may still be on its way out."""
    for thread in reading_threads():
        thread.join(timeout=5)
    return reading_threads()
