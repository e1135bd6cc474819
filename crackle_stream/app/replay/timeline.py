"""When alerts stood, as a picture over stream time: a lane for each kind, a bar for each alert, linked to its card."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crackle_stream.app.replay.lives import Life
from crackle_stream.model import Nature
from crackle_stream.render.escape import xml
from crackle_stream.render.headline import headline
from crackle_stream.render.moment import utc
from crackle_stream.render.text import clip

__all__ = ["Scale", "timeline"]

WIDTH = 1000
LEFT, RIGHT = 176, 12
ROW, BAR, GAP, FOOT = 15, 9, 9, 24
LEAST = 5.0
"""Pixels of the shortest bar: enough to be seen and pointed at."""

TICKS = 6

MOST_ROWS = 12
"""Alerts of one kind that are drawn one under another; those beyond share the last row."""

LABEL_CELLS = 24


@dataclass(frozen=True, slots=True)
class Scale:
    """The stretch of stream time that is drawn.

    Attributes:
        begins: epoch seconds.
        ends: epoch seconds.
    """

    begins: float
    ends: float

    def across(self, time: float) -> float:
        """Pixels from the left."""
        share = (time - self.begins) / (self.ends - self.begins) if self.ends > self.begins else 0.0
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


def timeline(lives: Sequence[tuple[str, Life]], scale: Scale, *, clocks: bool = True) -> str:
    """Draw when alerts stood.

    Args:
        lives: each with what its bar links to; "" for nothing.
        scale: what stretch is drawn.
        clocks: whether times mean anything.

    Returns:
        One `<svg>`, without a reference to anything outside.
    """
    parts: list[str] = []
    top = 4.0
    for kind, of_kind in _by_kind(lives).items():
        rows = _rows(of_kind, scale)
        height = ROW * len(rows)
        label = xml(clip(kind, LABEL_CELLS))
        parts.append(f'<text x="0" y="{top + 11:g}" class="lane">{label}</text>')
        parts += [_bar(target, life, scale, top + ROW * row) for row, each in enumerate(rows) for target, life in each]
        top += height + GAP
        parts.append(f'<path d="M0 {top - GAP / 2:g}H{WIDTH}" class="rule"/>')
    ticks = "".join(_ticks(scale, top)) if clocks else ""
    return (
        f'<svg class="timeline" role="img" viewBox="0 0 {WIDTH} {top + FOOT:g}" xmlns="http://www.w3.org/2000/svg">'
        f"<title>Alerts over stream time</title>{ticks}{''.join(parts)}</svg>"
    )


def _by_kind(lives: Sequence[tuple[str, Life]]) -> dict[str, list[tuple[str, Life]]]:
    """Lanes in the order of their first alert; those of events, which somebody has to do with, above those of facts."""
    kinds: dict[str, list[tuple[str, Life]]] = {}
    for target, life in sorted(lives, key=lambda each: each[1].alert.pattern.nature is Nature.FACT):
        kinds.setdefault(str(life.alert.pattern.kind), []).append((target, life))
    return kinds


def _rows(lives: Sequence[tuple[str, Life]], scale: Scale) -> list[list[tuple[str, Life]]]:
    """Rows in which no bar hides another, as long as there is room."""
    rows: list[list[tuple[str, Life]]] = []
    ends: list[float] = []
    for target, life in lives:
        left, right = _ends(life, scale)
        row = next((row for row, end in enumerate(ends) if end + 1 <= left), len(rows))
        row = min(row, MOST_ROWS - 1)
        if row == len(rows):
            rows.append([])
            ends.append(right)
        rows[row].append((target, life))
        ends[row] = max(ends[row], right)
    return rows


def _ends(life: Life, scale: Scale) -> tuple[float, float]:
    left = scale.across(life.raised.at)
    right = scale.across(scale.ends if life.over_at is None else life.over_at)
    left = min(left, WIDTH - RIGHT - LEAST)
    return left, max(right, left + LEAST)


def _bar(target: str, life: Life, scale: Scale, top: float) -> str:
    left, right = _ends(life, scale)
    onset = scale.across(life.onset)
    before = f'<path d="M{onset:.1f} {top + ROW / 2:g}H{left:.1f}" class="unseen"/>' if onset < left else ""
    drawn = (
        f'{before}<rect x="{left:.1f}" y="{top + (ROW - BAR) / 2:g}" width="{right - left:.1f}" height="{BAR}" rx="2" '
        f'class="bar {life.alert.severity}"><title>{xml(headline(life.alert))}</title></rect>'
    )
    return f'<a href="#{target}">{drawn}</a>' if target else drawn


def _ticks(scale: Scale, bottom: float) -> Iterator[str]:
    """Times along the foot, with a line up each."""
    for number in range(TICKS + 1):
        time = scale.begins + number * (scale.ends - scale.begins) / TICKS
        x = scale.across(time)
        anchor = "start" if number == 0 else "end" if number == TICKS else "middle"
        text = _clock(time, day=scale.ends - scale.begins > 86_400)
        yield f'<path d="M{x:.1f} 0V{bottom:g}" class="tick"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 14:g}" text-anchor="{anchor}" class="clock">{xml(text)}</text>'


def _clock(time: float, *, day: bool) -> str:
    text = utc(time)
    if text is None:
        return ""
    return text[5:16].replace("T", " ") if day else text[11:19]
