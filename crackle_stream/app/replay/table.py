"""A rehearsal, or the difference between two, as a table on a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crackle_stream.app.replay import words
from crackle_stream.app.replay.comparison import Comparison, Pair
from crackle_stream.app.replay.lives import Life
from crackle_stream.app.replay.rehearsal import Rehearsal
from crackle_stream.app.terminal import columns_of, wants_colour
from crackle_stream.model import Severity
from crackle_stream.render.text import plain

__all__ = ["print_comparison", "print_rehearsal"]

TONES = {Severity.INFO: "cyan", Severity.WARNING: "yellow", Severity.CRITICAL: "bold red"}

STANDS = "to the end"


def print_rehearsal(rehearsal: Rehearsal, stream: TextIO) -> None:
    """Print what would have been raised, when, and who would have been told."""
    day = words.day_of(rehearsal)
    table = _table(_raised(day), "stood", "severity", "to")
    for life in rehearsal.lives:
        table.add_row(*_row(life, rehearsal, day), Text(plain(words.takers(life))), Text(plain(words.found(life))))
    _print(table, [words.summary(rehearsal), *words.said(rehearsal)], stream)


def print_comparison(comparison: Comparison, stream: TextIO) -> None:
    """Print which of two configurations raised what, and when."""
    first, second = map(words.day_of, comparison.rehearsals)
    day = first if first == second else ""
    table = _table(_raised(day), "stood", "severity", "by")
    for pair in comparison.pairs:
        by = comparison.rehearsals[pair.first is None]
        table.add_row(
            *_row(pair.life, by, day), Text(plain(_by(pair, comparison))), Text(plain(words.found(pair.life)))
        )
    _print(table, words.verdict(comparison), stream)


def _by(pair: Pair, comparison: Comparison) -> str:
    first, second = comparison.names
    if pair.second is None:
        return f"only {first}"
    if pair.first is None:
        return f"only {second}"
    return f"both, {f'{second} ' if pair.delay else ''}{words.delay(pair.delay)}"


def _table(*titles: str) -> Table:
    table = Table(box=None, expand=True, pad_edge=False, header_style="bold")
    for title in titles:
        table.add_column(title, no_wrap=title != titles[-1], ratio=1 if title == "by" else None, max_width=24)
    table.add_column("what", ratio=2, overflow="fold")
    return table


def _raised(day: str) -> str:
    return f"{day[5:]} at" if day else "raised"


def _row(life: Life, rehearsal: Rehearsal, day: str) -> Iterator[Text]:
    severity = life.alert.severity
    stood = STANDS if life.over_at is None else words.lasted(life.over_at - life.raised.at)
    yield Text(plain(words.moment(life.raised, timed=rehearsal.timed, day=day)))
    yield Text(stood if rehearsal.timed or life.over_at is None else "", style="dim")
    yield Text(str(severity), style=TONES[severity])


def _print(table: Table, sentences: Iterable[str], stream: TextIO) -> None:
    console = Console(
        file=stream,
        width=columns_of(stream),
        force_terminal=wants_colour(stream),
        no_color=not wants_colour(stream),
        highlight=False,
    )
    if table.row_count:
        console.print(table)
        console.print()
    for sentence in sentences:
        console.print(Text(plain(sentence)))
