"""Alerts on standard output."""

from __future__ import annotations

import io
import os
import select
import sys
from typing import TYPE_CHECKING, Self, TextIO

from crackle_stream.errors import ReaderGone, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, options_from
from crackle_stream.protocols import Sink
from crackle_stream.render.card import card
from crackle_stream.sinks.options import StdoutOptions
from crackle_stream.sinks.wire import to_json
from crackle_stream.sinks.worker import Worker

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["StdoutSink"]

WIDTH = 80
"""Columns of a card where the terminal does not say its own."""

MAX_WIDTH = 100
"""Lines of text longer than this are hard to read."""


class StdoutSink(Sink):
    """Prints each alert: a line of JSON for a program, a card for a person.

    Cards are coloured on a terminal, unless NO_COLOR is set or TERM is "dumb". Once whoever reads the output has
    closed it, every `send` raises ReaderGone.

    Args:
        options: a StdoutOptions, or the format; or give the fields of StdoutOptions by name.
        name: how messages call it.
        stream: where to print; `sys.stdout` at the time of entering by default.

    Raises:
        ConfigError: an option that cannot be.
    """

    def __init__(
        self,
        options: StdoutOptions | str | None = None,
        /,
        *,
        name: str = "stdout",
        stream: TextIO | None = None,
        **fields: object,
    ) -> None:
        self.name = name
        self.options = options_from(StdoutOptions, options, fields, main="format")
        self._stream = stream
        self._worker = Worker(f"crackle-stream sink {name}")

    async def __aenter__(self) -> Self:
        """Take the stream."""
        self._stream = self._stream or sys.stdout
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the thread end; the stream stays open."""
        self._worker.stop()

    async def send(self, alert: Alert) -> None:
        """Print the alert.

        Raises:
            ReaderGone: the reader has closed the pipe, or this process its end.
            SinkUnavailable: it cannot be written now, because a disk is full or the write before still hangs.
            SinkRefused: the alert is no JSON.
        """
        stream = self._stream or sys.stdout
        if stream.closed:
            raise ReaderGone(self.name)
        text = self._rendered(alert, stream)
        try:
            await self._worker.call(lambda: _print(stream, text))
        except BrokenPipeError:
            raise ReaderGone(self.name) from None
        except OSError as error:
            raise SinkUnavailable(self.name, f"cannot be written: {error.strerror or error}") from error

    def _rendered(self, alert: Alert, stream: TextIO) -> str:
        terminal = stream.isatty()
        if self.options.format == "card" or (self.options.format == "auto" and terminal):
            return f"{card(alert, width=_columns(stream), colour=terminal and _wants_colour())}\n\n"
        try:
            return to_json(alert.to_dict(exhibit=self.options.exhibits)).decode() + "\n"
        except TypeError as error:
            raise SinkRefused(self.name, f"the alert {alert.id!r} is no JSON: {error}") from error


def _print(stream: TextIO, text: str) -> None:
    """Write to the open file itself where there is one.

    Left in Python's buffer, text meets a closed pipe only when the process ends, as an error nobody can catch.
    """
    try:
        file = stream.fileno()
    except (OSError, AttributeError, io.UnsupportedOperation):
        stream.write(text)
        stream.flush()
        return
    stream.flush()
    view = memoryview(text.encode(stream.encoding or "utf-8", "replace"))
    while view:
        try:
            view = view[os.write(file, view) :]
        except BlockingIOError:
            # Another process that shares the pipe has made it non-blocking.
            select.select([], [file], [])


def _columns(stream: TextIO) -> int:
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, AttributeError, ValueError):
        return WIDTH
    return min(columns or WIDTH, MAX_WIDTH)


def _wants_colour() -> bool:
    """https://no-color.org: set to anything but the empty string."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
