"""Dead letters: what could not be decoded, kept with its place and its reason. The only writer of them."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import anyio.to_thread
import msgspec

from crackle_stream.model import Reject

__all__ = ["EXCERPT_BYTES", "DeadLetterFile", "letter"]

EXCERPT_BYTES = 1024
"""How much of a payload a dead letter keeps: enough to see what it was, too little to fill a disk."""


class DeadLetterFile:
    """A file of JSON lines, one per refused record, synced to disk before the record counts as done.

    Args:
        path: the file; appended to. When it passes `max_bytes` it becomes `<name>.1`, replacing the one before.
        max_bytes: size of one file.
    """

    def __init__(self, path: str | Path, *, max_bytes: int = 256 * 1024 * 1024) -> None:
        self._path = Path(path)
        self._max_bytes = max_bytes

    @property
    def path(self) -> Path:
        """The file written to."""
        return self._path

    async def open(self) -> None:
        """See whether the file can be written.

        Raises:
            OSError: it cannot.
        """
        await anyio.to_thread.run_sync(self._append, b"")

    async def write(self, rejects: Sequence[Reject], at: float) -> None:
        """Keep rejected records; returns once they are on disk.

        Args:
            rejects: the records.
            at: epoch seconds now.

        Raises:
            OSError: the file cannot be written.
        """
        lines = b"".join(msgspec.json.encode(letter(reject, at)) + b"\n" for reject in rejects)
        await anyio.to_thread.run_sync(self._append, lines)

    def _append(self, lines: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size + len(lines) > self._max_bytes:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        with self._path.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())


def letter(reject: Reject, at: float) -> dict[str, object]:
    """A rejected record as JSON values, with a hash of the whole and an excerpt of the payload."""
    position = reject.position
    return {
        "at": at,
        "position": str(position),
        "topic": position.partition.topic,
        "partition": position.partition.number,
        "offset": position.offset,
        "problem": reject.problem,
        "bytes": len(reject.payload),
        "sha256": hashlib.sha256(reject.payload).hexdigest(),
        "excerpt_base64": base64.b64encode(reject.payload[:EXCERPT_BYTES]).decode("ascii"),
    }
