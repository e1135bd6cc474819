"""Cutting a stream of bytes into lines, within bounded memory."""

from __future__ import annotations

import codecs
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

__all__ = ["Gunzip", "LineSplitter", "Lines"]

GZIP_MAGIC = b"\x1f\x8b"

GZIP_WINDOW = 31
"""zlib's name for "the gzip container, the largest window"."""

PIECE_BYTES = 2**18
"""Most that is decompressed at once, so that a few bytes of gzip never become gigabytes of memory."""

LINE_END_BYTES = 2
"""Room kept beyond the longest line for its "\\r" and one more byte, which tells a line that fits from one that does
not."""


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Some lines of a text, in order, blank ones left out.

    Attributes:
        payloads: n lines without their ends.
        numbers: shape (n,) int64, counted from 0 over all lines of the text, blank ones included.
    """

    payloads: Sequence[bytes]
    numbers: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.payloads)


class LineSplitter:
    r"""Cuts chunks of a text into lines.

    A line's end is "\n" or "\r\n"; a byte order mark at the beginning is dropped; blank lines are left out but
    counted. A line longer than `max_line_bytes` is cut one byte beyond it, so that whoever decodes it sees that it is
    too long; what follows is forgotten as it comes, so never more than that is held.

    Args:
        max_line_bytes: longest line that is kept whole.

    >>> splitter = LineSplitter(max_line_bytes=5)
    >>> splitter.feed(b"one\r\n\ntw").payloads, splitter.feed(b"o, too long\nthr").payloads, splitter.end().payloads
    ([b'one'], [b'two, t'], [b'thr'])
    >>> splitter.count
    4
    """

    def __init__(self, max_line_bytes: int) -> None:
        self._max = max_line_bytes
        self._held = bytearray()
        self._count = 0

    @property
    def count(self) -> int:
        """Lines ended so far, blank ones included."""
        return self._count

    def feed(self, data: bytes) -> Lines:
        """The lines that end in this chunk; the beginning of the next is held."""
        head, newline, tail = data.rpartition(b"\n")
        if not newline:
            self._hold(tail)
            return self._numbered([])
        lines = head.split(b"\n")
        if self._held:
            self._hold(lines[0])
            lines[0] = bytes(self._held)
            self._held.clear()
        self._hold(tail)
        long = len(head) > self._max or len(lines[0]) > self._max
        return self._numbered(lines, returns=b"\r" in head or lines[0].endswith(b"\r"), long=long)

    def end(self) -> Lines:
        """The last line, where the text does not end with a line's end."""
        lines = [bytes(self._held)] if self._held else []
        self._held.clear()
        return self._numbered(lines, returns=True, long=True)

    def _hold(self, piece: bytes) -> None:
        """Keep as much of the unfinished line as may matter."""
        self._held += piece[: self._max + LINE_END_BYTES - len(self._held)]

    def _numbered(self, lines: list[bytes], *, returns: bool = False, long: bool = False) -> Lines:
        """Lines with their numbers; `returns` and `long` say what some of them may have."""
        first, self._count = self._count, self._count + len(lines)
        if lines and first == 0:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        if returns:
            lines = [line.removesuffix(b"\r") for line in lines]
        if long:
            lines = [line[: self._max + 1] for line in lines]
        if all(lines) and not any(map(bytes.isspace, lines)):  # as nearly always; in C, for each line is looked at
            return Lines(lines, np.arange(first, self._count, dtype=np.int64))
        # A line that was cut is none of the blank ones: nobody knows what followed.
        longest = self._max
        rows = [row for row, line in enumerate(lines) if line and not (line.isspace() and len(line) <= longest)]
        return Lines([lines[row] for row in rows], first + np.array(rows, dtype=np.int64))


class Gunzip:
    """Decompresses gzip data as it comes, one or more members, a bounded piece at a time."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(GZIP_WINDOW)
        self._consumed = 0

    @property
    def consumed(self) -> int:
        """Bytes of compressed data taken in so far."""
        return self._consumed

    @property
    def complete(self) -> bool:
        """Whether the data seen so far ends where a member ends."""
        return self._member.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Pieces of plain data that this chunk gives.

        Raises:
            zlib.error: it is no gzip data, or is damaged.
        """
        more = True
        while data or more:
            if self._member.eof:
                # Tape and block devices pad with zeros after the last member, and gzip itself ignores them.
                padded, data = len(data), data.lstrip(b"\0")
                self._consumed += padded - len(data)
                if not data:
                    return
                self._member = zlib.decompressobj(GZIP_WINDOW)
            before = len(data)
            piece = self._member.decompress(data, PIECE_BYTES)
            data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
            self._consumed += before - len(data)
            more = len(piece) == PIECE_BYTES
            if piece:
                yield piece
