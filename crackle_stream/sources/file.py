"""Records from a file."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from crackle_stream.errors import SourceError
from crackle_stream.model.options import options_from
from crackle_stream.protocols import Clock, SystemClock
from crackle_stream.sources.options import FileOptions
from crackle_stream.sources.text import TextSource

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileSource"]


class FileSource(TextSource):
    """JSON lines of a file, plain or gzip, from its beginning to its end.

    Args:
        options: the path, or a ready `FileOptions`; its other fields may be given by name.
        clock: when lines arrived; the machine's by default.

    Attributes:
        replayable: True; False for a named pipe once it is open, because what was read from it is gone.
    """

    replayable = True

    def __init__(
        self, options: FileOptions | Path | str | None = None, *, clock: Clock | None = None, **fields: object
    ) -> None:
        self._options = options_from(FileOptions, options, fields, main="path")
        path = self._options.path
        super().__init__(
            path.name or str(path),
            max_line_bytes=self._options.max_line_bytes,
            gzip=path.suffix == ".gz",
            clock=SystemClock() if clock is None else clock,
        )

    def _open(self) -> tuple[int, bool]:
        path = self._options.path
        try:
            # A named pipe without a writer would hold a blocking open for ever; poll waits for it instead.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise SourceError(self.name, f"cannot open {str(path)!r}: {_cure(error)}") from error
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            os.close(descriptor)
            raise SourceError(self.name, f"{str(path)!r} is a directory: name one file in it")
        self.replayable = stat.S_ISREG(mode)
        return descriptor, True


def _cure(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such file; check the path, which is taken from the directory the program was started in"
    if isinstance(error, PermissionError):
        return "this user may not read it; change its permissions or run as its owner"
    return error.strerror or str(error)
