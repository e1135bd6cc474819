"""Reading a file descriptor in a thread of its own, a few chunks ahead of the event loop.

A thread serves everything a descriptor may be: a pipe, a terminal, a regular file, which event loops refuse. It waits
by poll on the descriptor and on a pipe that `close` hangs up, so that a quiet input never keeps the process alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import select
import threading
import zlib
from collections import deque
from typing import TYPE_CHECKING

import anyio

from crackle_stream.errors import SourceError
from crackle_stream.sources.lines import GZIP_MAGIC, Gunzip, Lines, LineSplitter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from crackle_stream.protocols import Clock

__all__ = ["LineReader"]

CHUNK_BYTES = 2**18
PIPE_BYTES = 2**20
"""Asked of the kernel for a pipe in place of its 64 KiB: fewer switches between the writer and us."""

CHUNKS_AHEAD = 4
"""Chunks read and not yet asked for; then the thread waits, the pipe fills, and whoever writes to it waits as well."""

CLOSE_WITHIN_S = 1.0


class LineReader:
    """Lines of a descriptor, plain or gzip, as they come.

    Args:
        descriptor: open for reading; stays open unless `owned`.
        owned: whether the descriptor is closed at the end.
        source: the source's name, for messages.
        max_line_bytes: longest line kept whole.
        gzip: True where the name promises gzip data; whatever begins like gzip is decompressed anyway.
        clock: when lines arrived.
    """

    def __init__(
        self, descriptor: int, *, owned: bool, source: str, max_line_bytes: int, gzip: bool, clock: Clock
    ) -> None:
        self._descriptor = descriptor
        self._owned = owned
        self._source = source
        self._gzip = gzip
        self._clock = clock
        self._splitter = LineSplitter(max_line_bytes)
        self._loop = asyncio.get_running_loop()
        self._ready: deque[tuple[Lines, float]] = deque()
        self._room = threading.Semaphore(CHUNKS_AHEAD)
        self._arrived = asyncio.Event()
        self._finished = asyncio.Event()
        self._failure: Exception | None = None
        self._stopping = False
        self._hung_up, self._hang_up = os.pipe()

    def start(self) -> None:
        """Begin to read."""
        # A daemon, because a read from a file system that hangs cannot be given up by anyone.
        threading.Thread(target=self._run, name=f"crackle-stream source {self._source}", daemon=True).start()

    @property
    def ended(self) -> bool:
        """Whether everything was read and returned."""
        return self._finished.is_set() and not self._ready

    async def next(self, timeout_s: float) -> tuple[Lines, float] | None:
        """The next lines and the epoch seconds they arrived at; None where none came in time, or at the end.

        Raises:
            SourceError: it cannot be read on; everything that was read before has been returned.
        """
        if not self._ready:
            with anyio.move_on_after(timeout_s):
                while not self._ready and not self._finished.is_set():
                    self._arrived.clear()
                    await self._arrived.wait()
        if self._ready:
            self._room.release()
            return self._ready.popleft()
        if self._finished.is_set() and self._failure is not None:
            raise self._failure
        return None

    async def close(self) -> None:
        """End the thread, promptly unless the operating system holds it."""
        if not self._stopping:
            self._stopping = True
            self._room.release()
            os.close(self._hang_up)
        with anyio.CancelScope(shield=True), anyio.move_on_after(CLOSE_WITHIN_S):
            await self._finished.wait()

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            for data in self._plain():
                self._hand_over(self._splitter.feed(data))
            self._hand_over(self._splitter.end())
        except OSError as error:
            self._failure = SourceError(self._source, f"cannot be read on: {error.strerror or error}")
        except Exception as error:  # noqa: BLE001 - whatever ends this thread must not pass for the end of the input
            self._failure = error
        finally:
            os.close(self._hung_up)
            if self._owned:
                os.close(self._descriptor)
            self._tell(self._finish)

    def _hand_over(self, lines: Lines) -> None:
        if not len(lines) or self._stopping:
            return
        arrived = self._clock.time()
        self._room.acquire()
        self._ready.append((lines, arrived))
        self._tell(self._arrived.set)

    def _finish(self) -> None:
        self._finished.set()
        self._arrived.set()

    def _tell(self, callback: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
            self._loop.call_soon_threadsafe(callback)

    def _plain(self) -> Iterator[bytes]:
        """Chunks of text, decompressed where they begin like gzip."""
        chunks = self._chunks()
        first = b""
        for chunk in chunks:
            first += chunk
            if len(first) >= len(GZIP_MAGIC):
                break
        if first.startswith(GZIP_MAGIC):
            yield from self._decompressed(first, chunks)
        elif self._gzip:
            raise SourceError(self._source, "is named like gzip data but holds none: rename it, or compress it again")
        else:
            yield first
            yield from chunks

    def _decompressed(self, first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
        gunzip = Gunzip()
        try:
            yield from gunzip.feed(first)
            for chunk in chunks:
                yield from gunzip.feed(chunk)
        except zlib.error as error:
            raise self._damaged(gunzip, f"gzip data is damaged ({error})") from error
        if not gunzip.complete and not self._stopping:
            raise self._damaged(gunzip, "gzip data is cut off")

    def _damaged(self, gunzip: Gunzip, what: str) -> SourceError:
        where = f"at byte {gunzip.consumed}, after {self._splitter.count} whole lines"
        return SourceError(self._source, f"{what} {where}: what came before was read; fetch the rest again")

    def _chunks(self) -> Iterator[bytes]:
        """What the descriptor gives, until its end or `close`."""
        _enlarge(self._descriptor)
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        poll.register(self._hung_up, select.POLLIN)
        while not self._stopping:
            poll.poll()
            if self._stopping:
                return
            try:
                data = os.read(self._descriptor, CHUNK_BYTES)
            except BlockingIOError:  # someone else read it first, or a descriptor shared with others does not block
                continue
            if not data:
                return
            yield data


def _enlarge(descriptor: int) -> None:
    """Give a pipe more room, where the system can and lets us."""
    with contextlib.suppress(AttributeError, OSError):  # not Linux; no pipe, or more than the user may have
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
