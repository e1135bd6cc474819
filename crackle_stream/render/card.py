"""A card as plain text, for terminals and mails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crackle_stream.model import Alert, AlertStatus, CracklePattern, Severity, Tone
from crackle_stream.render.blocks import sparkline, strip
from crackle_stream.render.content import Content, content_of
from crackle_stream.render.plot import ROWS, plot
from crackle_stream.render.text import cells, clip, plain, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.model import Figure

__all__ = ["card"]

LABEL_WIDTH = 40
"""Cells of a label beyond which it is cut."""

MIN_WIDTH = 32
"""Cells below which a card is not narrowed further: it would be all line breaks."""

TITLES = 8
"""Cells of the column of titles: "evidence" is the longest."""

MARKS = {AlertStatus.RAISED: "▲", AlertStatus.REPEATED: "●", AlertStatus.RESOLVED: "✓"}
FOUND = "◆"

BOLD, DIM, RESET = "\x1b[1m", "\x1b[2m", "\x1b[0m"
GREEN = "\x1b[32m"
COLOURS = {Severity.INFO: "\x1b[36m", Severity.WARNING: "\x1b[33m", Severity.CRITICAL: "\x1b[31m"}
TONES = {Tone.CALM: DIM, Tone.ODD: "\x1b[33m", Tone.OTHER: "\x1b[36m", Tone.THIRD: "\x1b[35m", Tone.MODEL: "\x1b[34m"}


@dataclass(frozen=True, slots=True)
class Pen:
    """Writes styled text, or plain text where no colour is wanted.

    Attributes:
        tint: the escape sequence of the card's own colour.
        colour: whether styles are written at all.
    """

    tint: str
    colour: bool

    def styled(self, text: str, style: str) -> str:
        return f"{style}{text}{RESET}" if self.colour and text else text


def card(
    subject: Alert | CracklePattern,
    *,
    width: int = 80,
    colour: bool = False,
    values: Sequence[float] | None = None,
    figure: Figure | None = None,
    plot_rows: int = ROWS,
) -> str:
    """Draw the card of an alert, or of a pattern that raised none.

    Text from the data is shown and never obeyed: escape sequences in labels, names and descriptions are written out.

    Args:
        subject: what to draw; an alert's exhibit is drawn with it.
        width: cells of a line at most, not below 32.
        colour: whether to style it with ANSI escape sequences; the caller knows the terminal and NO_COLOR.
        values: the course of the pattern's first metric over the window, drawn as a strip where there is no figure.
        figure: a plot in the place of the exhibit's own.
        plot_rows: cells that a plot is high.

    Returns:
        Lines without a final line break.
    """
    content = content_of(subject, figure)
    pattern = subject.pattern if isinstance(subject, Alert) else subject
    pen = Pen(_tint(content), colour)
    room = max(width, MIN_WIDTH) - 2
    head = wrap(plain(content.headline).split(), room)
    body = [
        *_units(_kind(content), room),
        *([pen.styled(line, DIM) for line in wrap(_words(content.said), room)]),
        *_pictured(content.figure, pattern, values, room, pen, plot_rows),
        *_titled("evidence", _separated(content.meaning), room, pen),
        *_titled_lines("numbers", _numbers(content, room - TITLES - 1, pen), pen),
        *_titled("tasks", _tasks(content), room, pen),
        *_titled("not", _separated(content.ruled_out), room, pen),
        *_titled("where", _separated(content.where), room, pen),
        *_titled("when", _separated(content.when), room, pen),
        *_titled("replay", [plain(content.replay)] if content.replay else [], room, pen),
    ]
    mark = FOUND if content.status is None else MARKS[content.status]
    return "\n".join(
        [
            f"{pen.styled(mark, pen.tint)} {pen.styled(head[0] if head else '', BOLD)}".rstrip(),
            *(f"{pen.styled('│', pen.tint)} {pen.styled(line, BOLD)}" for line in head[1:]),
            *(f"{pen.styled('│', pen.tint)} {line}".rstrip() for line in body),
            f"{pen.styled('╰', pen.tint)} {pen.styled(plain(content.fingerprint), DIM)}",
        ]
    )


def _tint(content: Content) -> str:
    if content.status is AlertStatus.RESOLVED:
        return GREEN
    return COLOURS[content.severity or Severity.INFO]


def _words(text: str) -> list[str]:
    return plain(" ".join(text.split())).split()


def _titled(title: str, phrases: Sequence[str], room: int, pen: Pen) -> list[str]:
    """Phrases beside a title, wrapped; nothing for no phrase."""
    return _titled_lines(title, _units(phrases, room - TITLES - 1), pen)


def _titled_lines(title: str, lines: Sequence[str], pen: Pen) -> list[str]:
    titles = [title, *[""] * len(lines)]
    return [f"{pen.styled(name.ljust(TITLES), DIM)} {line}" for name, line in zip(titles, lines, strict=False)]


def _units(phrases: Sequence[str], room: int) -> list[str]:
    """Lines that break between phrases, and within one only where it is longer than a line."""
    units = [unit for phrase in phrases for unit in ([phrase] if cells(phrase) <= room else phrase.split())]
    return wrap(units, room)


def _pictured(
    figure: Figure | None, pattern: CracklePattern, values: Sequence[float] | None, room: int, pen: Pen, rows: int
) -> list[str]:
    """The figure, or the strip of a course where there is none."""
    if figure is not None:
        return ["".join(_toned(text, tone, pen) for text, tone in line).rstrip() for line in plot(figure, room, rows)]
    if not values:
        return []
    return [sparkline(values, room) if pattern.at is None else strip(values, pattern.at.index, room)]


def _toned(text: str, tone: Tone | None, pen: Pen) -> str:
    return text if tone is None else pen.styled(text, TONES[tone])


def _kind(content: Content) -> list[str]:
    severity = [str(content.severity)] if content.severity else []
    return _separated([content.kind, *severity, f"confidence {content.confidence}"])


def _numbers(content: Content, room: int, pen: Pen) -> list[str]:
    """The pattern's numbers by name, in two columns where they fit."""
    if not content.numbers:
        return []
    figure_cells = max(len(figure) for _, figure in content.numbers)
    names = [clip(plain(name), min(LABEL_WIDTH, room - figure_cells - 2)) for name, _ in content.numbers]
    name_cells = max(map(cells, names))
    entries = [
        f"{pen.styled(name, DIM)}{' ' * (name_cells - cells(name))}  {figure.rjust(figure_cells)}"
        for name, (_, figure) in zip(names, content.numbers, strict=True)
    ]
    columns = 2 if len(entries) > 3 and 2 * (name_cells + figure_cells + 2) + 4 <= room else 1
    rows = -(-len(entries) // columns)
    more = [f"+ {content.more_numbers} more"] if content.more_numbers else []
    return ["    ".join(entries[row::rows]) for row in range(rows)] + more


def _tasks(content: Content) -> list[str]:
    labels = [clip(plain(label), LABEL_WIDTH) for label in content.tasks]
    listed = [f"{label}," for label in labels[:-1]] + labels[-1:]
    return [*listed, f"+ {content.more_tasks} more"] if content.more_tasks else listed


def _separated(phrases: Sequence[str]) -> list[str]:
    """Phrases with a dot between them, made harmless."""
    shown = [plain(phrase) for phrase in phrases]
    return [f"{phrase} ·" for phrase in shown[:-1]] + shown[-1:]
