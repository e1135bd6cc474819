"""Records from standard input."""

from __future__ import annotations

import os
import sys

from crackle_stream.errors import SourceError
from crackle_stream.model.options import options_from
from crackle_stream.protocols import Clock, SystemClock
from crackle_stream.sources.options import StdinOptions
from crackle_stream.sources.text import TextSource

__all__ = ["StdinSource"]


class StdinSource(TextSource):
    """JSON lines of standard input: a pipe, a redirected file or a terminal; gzip data is recognised.

    Args:
        options: a ready `StdinOptions`; or give its fields by name.
        clock: when lines arrived; the machine's by default.

    It reads the descriptor itself: what a program took through `sys.stdin` before is gone. A pipe cannot be read
    again, so records that were read and not yet cooled end with the process.
    """

    def __init__(self, options: StdinOptions | None = None, *, clock: Clock | None = None, **fields: object) -> None:
        self._options = options_from(StdinOptions, options, fields, main=None)
        super().__init__(
            "stdin",
            max_line_bytes=self._options.max_line_bytes,
            gzip=False,
            clock=SystemClock() if clock is None else clock,
        )

    def _open(self) -> tuple[int, bool]:
        descriptor = self._options.descriptor
        try:
            # Python finds standard input closed before anything else may have taken its number.
            if descriptor == 0 and sys.stdin is None:
                raise OSError
            os.fstat(descriptor)
        except OSError as error:
            raise SourceError(
                self.name,
                "is closed: pipe records in (`... | crackle-stream run`) or redirect a file (`< tasks.jsonl`)",
            ) from error
        return descriptor, False
