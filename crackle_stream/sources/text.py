"""What standard input and files have in common: lines become records, a batch at a time."""

from __future__ import annotations

from abc import abstractmethod
from math import ceil
from typing import TYPE_CHECKING, Self

import anyio
import anyio.to_thread
import numpy as np

from crackle_stream.errors import SourceError
from crackle_stream.model import Partition, Positions, RecordBatch
from crackle_stream.protocols import Clock, Source
from crackle_stream.sources.chunks import LineReader

if TYPE_CHECKING:
    from types import TracebackType

    from crackle_stream.sources.lines import Lines

__all__ = ["BATCH_RECORDS", "PAUSED_WAIT_S", "TextSource", "no_records"]

BATCH_RECORDS = 1024
"""A chunk of a pipe with records of the usual size, some two milliseconds of the loop: twice as many batches cost a
sixth more for each record. What came together is divided evenly into batches of about so many: one of a few costs as
much as a full one."""

WAIT_S = 0.5
"""How long a read waits for input that does not come; the protocol allows about a second."""

PAUSED_WAIT_S = 0.02
"""How long a paused read waits: a caller that reads in a loop must not spin, one that resumes must not wait."""


def no_records(partition: Partition) -> RecordBatch:
    """The batch that means: nothing yet."""
    return RecordBatch([], Positions(partition, np.empty(0, dtype=np.int64)), np.empty(0, dtype=np.float64))


class TextSource(Source):
    """JSON lines of a descriptor; a subclass says which.

    Positions are line numbers counted from 0, blank lines included, in a partition that is called as the source.

    Attributes:
        name: how messages and positions call it.
        blank_lines: blank lines skipped so far.
    """

    def __init__(self, name: str, *, max_line_bytes: int, gzip: bool, clock: Clock) -> None:
        self.name = name
        self._partition = Partition(name)
        self._max_line_bytes = max_line_bytes
        self._gzip = gzip
        self._clock = clock
        self._reader: LineReader | None = None
        self._lines: Lines | None = None
        self._arrived = 0.0
        self._row = 0
        self._next_line = 0
        self._paused = False
        self.blank_lines = 0

    async def __aenter__(self) -> Self:
        """Open it and begin to read.

        Raises:
            SourceError: it cannot be opened; the message says why and what to do.
        """
        descriptor, owned = await anyio.to_thread.run_sync(self._open)
        self._lines, self._next_line, self.blank_lines = None, 0, 0
        self._reader = LineReader(
            descriptor,
            owned=owned,
            source=self.name,
            max_line_bytes=self._max_line_bytes,
            gzip=self._gzip,
            clock=self._clock,
        )
        self._reader.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading; what was read ahead is forgotten."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def read(self) -> RecordBatch | None:
        """The next records, at most 1,535; an empty batch where there is nothing yet; None at the end.

        Raises:
            SourceError: it cannot be read on, or is not open.
        """
        if self._reader is None:
            raise SourceError(self.name, "is not open: read it inside `async with`")
        if self._paused:
            await anyio.sleep(PAUSED_WAIT_S)
            return no_records(self._partition)
        if self._lines is None and not await self._fetch(self._reader):
            return None if self._reader.ended else no_records(self._partition)
        return self._batch()

    def pause(self) -> None:
        """Return nothing until `resume`; the reading thread fills its few chunks and waits, then so does the writer."""
        self._paused = True

    def resume(self) -> None:
        """Read on."""
        self._paused = False

    @abstractmethod
    def _open(self) -> tuple[int, bool]:
        """A descriptor to read, and whether it is ours to close. Runs in a worker thread.

        Raises:
            SourceError: it cannot be opened.
        """
        ...

    async def _fetch(self, reader: LineReader) -> bool:
        arrival = await reader.next(WAIT_S)
        if arrival is None:
            return False
        self._lines, self._arrived = arrival
        self._row = 0
        return True

    def _batch(self) -> RecordBatch:
        assert self._lines is not None
        left = len(self._lines) - self._row
        rows = slice(self._row, self._row + ceil(left / max(round(left / BATCH_RECORDS), 1)))
        payloads, numbers = self._lines.payloads[rows], self._lines.numbers[rows]
        self._row += len(payloads)
        if self._row >= len(self._lines):
            self._lines = None
        last = int(numbers[-1])
        self.blank_lines += last + 1 - self._next_line - len(payloads)
        self._next_line = last + 1
        return RecordBatch(payloads, Positions(self._partition, numbers), np.full(len(payloads), self._arrived))
