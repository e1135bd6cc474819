"""A rehearsal as one HTML page: no scripts, and nothing from anywhere else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crackle_stream import __version__
from crackle_stream.app.replay import words
from crackle_stream.app.replay.comparison import Comparison, Pair
from crackle_stream.app.replay.lives import Life
from crackle_stream.app.replay.rehearsal import MOST_SHOWN, Rehearsal
from crackle_stream.app.replay.report_style import STYLE
from crackle_stream.app.replay.timeline import Scale, timeline
from crackle_stream.errors import ConfigError
from crackle_stream.model import AlertStatus
from crackle_stream.render import html_card
from crackle_stream.render.escape import xml
from crackle_stream.render.moment import utc
from crackle_stream.render.numbers import counted

__all__ = ["Made", "report", "write_report"]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""Nothing runs and nothing is fetched, whatever a label in the data tries."""


@dataclass(frozen=True, slots=True)
class Made:
    """What a report is of.

    Attributes:
        recording: what was replayed.
        command: what made it, secrets masked.
        configurations: titles and texts of each configuration, secrets masked.
    """

    recording: str
    command: str
    configurations: tuple[Sequence[tuple[str, str]], ...]


def write_report(path: Path, page: str) -> None:
    """Write the page.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        path.write_text(page, encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError([f"{path} cannot be written: {error.strerror or error}"], "--report") from error


def report(made: Made, rehearsal: Rehearsal, comparison: Comparison | None = None) -> str:
    """The page.

    Args:
        made: what it is of.
        rehearsal: of the first configuration, which the cards are of.
        comparison: with another one, where there is one.
    """
    parts = [
        f"<h1>Replay of {xml(made.recording)}</h1>",
        f'<p class="faint">{xml(words.summary(rehearsal))}</p>',
        _figures(rehearsal),
        *(_compared(comparison) if comparison is not None else _timeline(rehearsal)),
        *_counts(rehearsal),
        *_cards(rehearsal.lives, timed=rehearsal.timed),
        *_examined(rehearsal),
        *_rejected(rehearsal),
        *_configurations(made, comparison),
        f"<h2>Made by</h2><pre>{xml(made.command)}</pre><p class='faint'>crackle-stream {xml(__version__)}</p>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Replay of {xml(made.recording)}</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _figures(rehearsal: Rehearsal) -> str:
    figures = [
        (f"{len(rehearsal.lives):,}", "alerts raised"),
        (words.rate(rehearsal).removesuffix(" a week") or "–", "a week of stream time"),
        (f"{rehearsal.tasks:,}", "tasks"),
        (f"{rehearsal.windows:,}", "windows"),
        (words.lasted(rehearsal.seconds) if rehearsal.timed else "–", "of stream time"),
        (f"{rehearsal.rejected:,}", "records refused"),
    ]
    items = "".join(f"<li><b>{xml(figure)}</b><span>{title}</span></li>" for figure, title in figures)
    return f'<ul class="figures">{items}</ul>'


# -- when ------------------------------------------------------------------------------------------------------------


def _timeline(rehearsal: Rehearsal) -> Iterator[str]:
    lives = rehearsal.lives
    yield "<h2>When</h2>"
    if not lives:
        yield "<p>Nothing was raised. What was looked at stands below.</p>"
        return
    linked = [(_name(number), life) for number, life in enumerate(lives[:MOST_SHOWN])]
    linked += [("", life) for life in lives[MOST_SHOWN:]]
    yield timeline(linked, Scale(rehearsal.begins, rehearsal.ends), clocks=rehearsal.timed)
    yield _caption(rehearsal)


def _caption(rehearsal: Rehearsal) -> str:
    begins, ends = utc(rehearsal.begins), utc(rehearsal.ends)
    stretch = f" From {begins} to {ends}." if rehearsal.timed and begins and ends else ""
    bars = "A bar from when an alert was raised to when it was resolved; dotted, from when its finding began."
    return f'<p class="faint">{bars}{xml(stretch)}</p>'


def _name(number: int) -> str:
    return f"alert-{number + 1}"


# -- two configurations ----------------------------------------------------------------------------------------------


def _compared(comparison: Comparison) -> Iterator[str]:
    yield "<h2>The difference</h2>"
    yield "".join(f"<p>{xml(sentence)}</p>" for sentence in words.verdict(comparison))
    begins = min(each.begins for each in comparison.rehearsals)
    scale = Scale(begins, max(each.ends for each in comparison.rehearsals))
    for side, (name, rehearsal) in enumerate(zip(comparison.names, comparison.rehearsals, strict=True)):
        linked = [("" if side or number >= MOST_SHOWN else _name(number), life)
                  for number, life in enumerate(rehearsal.lives)]  # fmt: skip
        yield f"<h3>{xml(name)}</h3>"
        yield timeline(linked, scale, clocks=rehearsal.timed) if linked else "<p>Nothing was raised.</p>"
    yield _caption(comparison.rehearsals[0])
    rows = [_pair(pair, comparison) for pair in comparison.pairs]
    yield _table((*comparison.names, "delay", "what"), rows)


def _pair(pair: Pair, comparison: Comparison) -> tuple[str, ...]:
    sides = [
        "–" if life is None else words.moment(life.raised, timed=each.timed, day=words.day_of(each))
        for life, each in zip((pair.first, pair.second), comparison.rehearsals, strict=True)
    ]
    return *sides, words.delay(pair.delay), words.found(pair.life)


# -- what ------------------------------------------------------------------------------------------------------------


def _counts(rehearsal: Rehearsal) -> Iterator[str]:
    lives = rehearsal.lives
    if not lives:
        return
    kinds = Counter(str(life.alert.pattern.kind) for life in lives)
    standing = Counter(str(life.alert.pattern.kind) for life in lives if life.over_at is None)
    sinks = Counter(sink for life in lives for sink in life.raised.sinks or (words.NOBODY,))
    yield "<h2>How many</h2>"
    yield _table(
        ("kind", "raised", "standing at the end"),
        [(kind, f"{count:,}", f"{standing[kind]:,}") for kind, count in kinds.most_common()],
    )
    yield _table(("sink", "would have got"), [(sink, counted(count, "alert")) for sink, count in sinks.most_common()])


def _cards(lives: Sequence[Life], *, timed: bool) -> Iterator[str]:
    if not lives:
        return
    yield "<h2>Alerts</h2>"
    cards = [_card(number, life, timed=timed) for number, life in enumerate(lives[:MOST_SHOWN])]
    yield f'<div class="cards">{"".join(cards)}</div>'
    if len(lives) > MOST_SHOWN:
        yield f"<p>{counted(len(lives) - MOST_SHOWN, 'later alert')} not shown: replay a shorter stretch.</p>"


def _card(number: int, life: Life, *, timed: bool) -> str:
    stood = "stood to the end" if life.over_at is None else f"stood {words.lasted(life.over_at - life.raised.at)}"
    reason = f" ({life.last.alert.reason})" if life.last.alert.reason else ""
    said = [
        f"raised {words.moment(life.raised, timed=timed)}",
        f"{stood if timed or life.over_at is None else 'resolved'}{reason}",
        f"to {words.takers(life)}",
        *([counted(life.notifications, "notification")] if life.notifications > 1 else []),
    ]
    # as it was when it was told: the window that raised it is the one its plot is of
    raised = replace(life.alert, status=AlertStatus.RAISED)
    return f'<section id="{_name(number)}"><p>{xml(" · ".join(said))}</p>{html_card(raised, styled=False)}</section>'


# -- beside the alerts -------------------------------------------------------------------------------------------------


def _examined(rehearsal: Rehearsal) -> Iterator[str]:
    yield "<h2>Examined</h2>"
    yield "".join(f"<p>{xml(sentence)}</p>" for sentence in words.said(rehearsal))
    if rehearsal.tests:
        rows = [(name, f"{count:,}") for name, count in rehearsal.tests.items()]
        yield _table(("detector", "most tests in a window"), rows)


def _rejected(rehearsal: Rehearsal) -> Iterator[str]:
    if not rehearsal.rejected:
        return
    yield f"<h2>Refused records</h2><p>{counted(rehearsal.rejected, 'record')} in all; the first of them:</p>"
    yield _table(("where", "why"), [(str(each.position), each.problem) for each in rehearsal.rejects])


def _configurations(made: Made, comparison: Comparison | None) -> Iterator[str]:
    yield "<h2>Configuration</h2>"
    for number, lines in enumerate(made.configurations):
        if comparison is not None:
            yield f"<h3>{xml(comparison.names[number])}</h3>"
        items = "".join(f"<dt>{xml(title)}</dt><dd>{xml(text)}</dd>" for title, text in lines)
        yield f'<dl class="configuration">{items}</dl>'


def _table(titles: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    heads = "".join(f"<th>{xml(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(f'<td>{xml(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'
