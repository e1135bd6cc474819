"""Where the demo is seen: the story, the cards, and a line that shows that something moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

from crackle_stream.app.terminal import columns_of, wants_colour
from crackle_stream.errors import ReaderGone
from crackle_stream.model import Alert, AlertStatus
from crackle_stream.protocols import Sink
from crackle_stream.render.card import card
from crackle_stream.render.sentence import sentence
from crackle_stream.render.text import wrap

__all__ = ["Stage"]

BOLD, DIM, RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"
OVER = "✓"
CLEAR_LINE = "\r\x1b[K"


class Stage(Sink):
    """Tells a story on a stream, and is the sink whose alerts appear in it as cards.

    Args:
        stream: usually standard output; styled and with a moving line only where it is a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self.name = "stage"
        self._stream = stream
        self._terminal = stream.isatty()
        self._colour = wants_colour(stream)
        self._width = columns_of(stream)

    def tell(self, text: str, *, clock: str = "") -> None:
        """A paragraph, with the story's time before it."""
        self.lines([self._bold(line) for line in self._wrapped(text, f"{clock}  " if clock else "")], after="\n")

    def lines(self, lines: Iterable[str], *, after: str = "") -> None:
        """Lines as they are."""
        self._write("".join(f"{line}\n" for line in lines) + after)

    def pulse(self, text: str) -> None:
        """Replace the moving line; nothing where there is no terminal."""
        if self._terminal:
            self._write(self._dim(text))

    async def send(self, alert: Alert) -> None:
        """Show what is new as a card; what is over as a line.

        Raises:
            ReaderGone: nobody watches any more.
        """
        if alert.status is AlertStatus.RESOLVED:
            lines = self._wrapped(sentence(alert), f"{OVER} ")
            self.lines([self._dim(line) for line in lines], after="\n")
            return
        drawn = card(alert, width=self._width, colour=self._colour)
        self.lines(drawn.splitlines(), after="\n")

    def _wrapped(self, text: str, before: str) -> list[str]:
        lines = wrap(text.split(), self._width - len(before))
        return [f"{before if number == 0 else ' ' * len(before)}{line}" for number, line in enumerate(lines)]

    def _write(self, text: str) -> None:
        try:
            self._stream.write(f"{CLEAR_LINE}{text}" if self._terminal else text)
            self._stream.flush()
        except BrokenPipeError:
            raise ReaderGone(self.name) from None

    def _bold(self, text: str) -> str:
        return f"{BOLD}{text}{RESET}" if self._colour else text

    def _dim(self, text: str) -> str:
        return f"{DIM}{text}{RESET}" if self._colour else text
