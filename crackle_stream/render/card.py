"""A finding as a card of plain text, for terminals, chats and mails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crackle_stream.model import Alert, AlertStatus, CracklePattern, Severity
from crackle_stream.render.blocks import sparkline, strip
from crackle_stream.render.moment import utc
from crackle_stream.render.sentence import sentence
from crackle_stream.render.text import cells, clip, plain, wrap

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["card"]

SHOWN_TASKS = 5
"""Labels a card names; it says how many more there are."""

SHOWN_METRICS = 12
"""Numbers a card shows; it says how many more there are."""

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
) -> str:
    """Draw the card of an alert, or of a pattern that raised none.

    Text from the data is shown and never obeyed: escape sequences in labels, names and descriptions are written out.

    Args:
        subject: what to draw.
        width: cells of a line at most, not below 32.
        colour: whether to style it with ANSI escape sequences; the caller knows the terminal and NO_COLOR.
        values: the course of the pattern's first metric over the window, drawn as a strip where given.

    Returns:
        Lines without a final line break.
    """
    alert = subject if isinstance(subject, Alert) else None
    pattern = subject.pattern if isinstance(subject, Alert) else subject
    pen = Pen(_tint(alert), colour)
    room = max(width, MIN_WIDTH) - 2
    head = wrap(sentence(subject).split(), room)
    body = [
        *_units(_kind(alert, pattern), room),
        *([_course(pattern, values, room)] if values else []),
        *_titled("evidence", _evidence(pattern), room, pen),
        *_titled_lines("numbers", _numbers(pattern, room - TITLES - 1, pen), pen),
        *_titled("tasks", _tasks(pattern), room, pen),
        *_titled("where", _where(alert, pattern), room, pen),
        *_titled("when", _when(alert), room, pen),
    ]
    return "\n".join(
        [
            f"{pen.styled(MARKS[alert.status] if alert else FOUND, pen.tint)} {pen.styled(head[0], BOLD)}",
            *(f"{pen.styled('│', pen.tint)} {pen.styled(line, BOLD)}" for line in head[1:]),
            *(f"{pen.styled('│', pen.tint)} {line}".rstrip() for line in body),
            f"{pen.styled('╰', pen.tint)} {pen.styled(plain(pattern.fingerprint), DIM)}",
        ]
    )


def _tint(alert: Alert | None) -> str:
    if alert is None:
        return COLOURS[Severity.INFO]
    return GREEN if alert.status is AlertStatus.RESOLVED else COLOURS[alert.severity]


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


def _course(pattern: CracklePattern, values: Sequence[float], room: int) -> str:
    return sparkline(values, room) if pattern.at is None else strip(values, pattern.at.index, room)


def _kind(alert: Alert | None, pattern: CracklePattern) -> list[str]:
    form = f" ({plain(pattern.form)})" if pattern.form else ""
    severity = [str(alert.severity)] if alert else []
    return _separated([f"{plain(str(pattern.kind))}{form}", *severity, f"confidence {_floored(pattern.confidence)}"])


def _evidence(pattern: CracklePattern) -> list[str]:
    """What the confidence means: a bare share between 0 and 1 is read as a probability, and often is none."""
    evidence = pattern.evidence
    if evidence is None:
        return ["a rule's score: how far past its threshold,", "not a probability"]
    return _separated(
        [
            f"p {evidence.p:.2g}",
            f"q {evidence.q:.2g}",
            f"effect {evidence.effect:.3g}",
            f"worth {evidence.effective_n:.0f} independent tasks",
            *([] if evidence.calibrated else ["not calibrated yet"]),
        ]
    )


def _floored(confidence: float) -> str:
    """Two digits, more where it takes them to stay below 1: 0.99996 is not certainty."""
    for digits in range(2, 7):
        text = f"{confidence:.{digits}f}"
        if float(text) < 1 or confidence >= 1:
            return text
    return "0.999999"


def _numbers(pattern: CracklePattern, room: int, pen: Pen) -> list[str]:
    """The pattern's numbers by name, in two columns where they fit."""
    shown = list(pattern.metrics.items())[:SHOWN_METRICS]
    if not shown:
        return []
    figures = [_figure(value) for _, value in shown]
    figure_cells = max(map(len, figures))
    names = [clip(plain(name), min(LABEL_WIDTH, room - figure_cells - 2)) for name, _ in shown]
    name_cells = max(map(cells, names))
    entries = [
        f"{pen.styled(name, DIM)}{' ' * (name_cells - cells(name))}  {figure.rjust(figure_cells)}"
        for name, figure in zip(names, figures, strict=True)
    ]
    columns = 2 if len(entries) > 3 and 2 * (name_cells + figure_cells + 2) + 4 <= room else 1
    rows = -(-len(entries) // columns)
    more = len(pattern.metrics) - len(shown)
    return ["    ".join(entries[row::rows]) for row in range(rows)] + ([f"+ {more} more"] if more else [])


def _figure(value: float) -> str:
    """Six digits, or a whole number as it is."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e12:
        return f"{value:.0f}"
    return f"{value:.6g}"


def _tasks(pattern: CracklePattern) -> list[str]:
    labels = [clip(plain(label), LABEL_WIDTH) for label in pattern.involved_tasks[:SHOWN_TASKS]]
    more = pattern.involved_count - len(labels)
    listed = [f"{label}," for label in labels[:-1]] + labels[-1:]
    return [*listed, f"+ {more} more"] if more else listed


def _where(alert: Alert | None, pattern: CracklePattern) -> list[str]:
    places = [f"key {clip(plain(pattern.key), LABEL_WIDTH)}"] if pattern.key else []
    if alert is not None and alert.position is not None:
        places.append(f"up to {plain(str(alert.position))}")
    if pattern.at is not None:
        moment = utc(pattern.at.time)
        places.append(f"begins at row {pattern.at.index} of the window{f', {moment}' if moment else ''}")
    return _separated(places)


def _when(alert: Alert | None) -> list[str]:
    if alert is None:
        return []
    raised, seen = utc(alert.raised_at) or "at no known time", utc(alert.last_seen)
    windows = f"in {alert.windows} window{'' if alert.windows == 1 else 's'}"
    last = [f"last seen {seen}"] if seen and alert.last_seen != alert.raised_at else []
    return _separated([f"raised {raised}", *last, windows])


def _separated(phrases: list[str]) -> list[str]:
    return [f"{phrase} ·" for phrase in phrases[:-1]] + phrases[-1:]
