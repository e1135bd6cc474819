"""The heat strip as HTML: a row of colours for each metric, and the series of one that is chosen."""

from __future__ import annotations

import math

import numpy as np

from crackle_stream.app.web.gathering import Moment
from crackle_stream.app.web.heat import MOST_WINDOWS, Column, HeatStrip
from crackle_stream.app.web.markup import clock, count, esc, href
from crackle_stream.app.web.query import ROWS, Query

__all__ = ["heat_part", "level", "series_part"]

BARS = (0.5, 1.0, 2.0, 4.0)
"""Standard deviations from which on a cell has the next colour."""

CELL = 6
HEIGHT = 14

CHART_WIDTH, CHART_HEIGHT = 480, 150

Cell = tuple[Column, float, float]


def level(score: float) -> int | None:
    """The colour of a score, from -4 to 4; None where there is none.

    >>> level(0.2), level(-1.5), level(6.0), level(float("nan"))
    (0, -2, 4, None)
    """
    if math.isnan(score):
        return None
    steps = sum(abs(score) >= bar for bar in BARS)
    return steps if score >= 0 else -steps


def heat_part(moment: Moment, strip: HeatStrip, query: Query) -> str:
    """The rows of one page, those that moved most first."""
    names = [name for name in strip.names if query.metrics.casefold() in name.casefold()]
    pages = max(-(-len(names) // ROWS), 1)
    page = min(query.rows, pages)
    chosen = names[(page - 1) * ROWS : page * ROWS]
    if not chosen:
        why = "No metric has such a name." if strip.columns else "No window has been cooled yet."
        return f'<p class="empty">{why}</p>'
    rows = "".join(_row(name, strip.row(name), query) for name in chosen)
    span = f"{clock(strip.columns[0].time)} to {clock(strip.columns[-1].time)}"
    return (
        f'<table class="heat"><caption>{count(len(names), "metric")} over {count(len(strip.columns), "window")}, '
        f"{span}; "
        "those that moved most come first. A dot marks a window in which an event was found."
        '</caption><thead class="unseen"><tr><th scope="col">metric</th><th scope="col">windows</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{_pages(query, page, pages)}"
    )


def _row(name: str, cells: list[Cell], query: Query) -> str:
    current = ' aria-current="true"' if name == query.metric else ""
    link = f'href="{href(query.address(metric=name), "series")}"{current} title="{esc(name)}"'
    return (
        f'<tr data-key="{esc(name)}"><th scope="row"><a class="metric" {link}>{esc(name)}</a></th>'
        f"<td>{_strip(name, cells)}</td></tr>"
    )


def _strip(name: str, cells: list[Cell]) -> str:
    """One row: a path for each colour, so that sixty windows are nine elements at most."""
    paths: dict[int, list[str]] = {}
    dots = []
    shift = MOST_WINDOWS - len(cells)
    for place, (column, _, score) in enumerate(cells, start=shift):
        colour = level(score)
        if colour is not None:
            paths.setdefault(colour, []).append(f"M{place * CELL} 0h{CELL - 1}v{HEIGHT}h-{CELL - 1}z")
        if name in column.found:
            dots.append(f"M{place * CELL + 1} 5h3v4h-3z")
    drawn = "".join(f'<path class="h{colour}" d="{"".join(parts)}"/>' for colour, parts in sorted(paths.items()))
    mark = f'<path class="mark" d="{"".join(dots)}"/>' if dots else ""
    return (
        f'<svg class="row" role="img" aria-label="{esc(_said(cells))}" viewBox="0 0 {MOST_WINDOWS * CELL} {HEIGHT}" '
        f'preserveAspectRatio="none">{drawn}{mark}</svg>'
    )


def _said(cells: list[Cell]) -> str:
    """A row for those who cannot see it."""
    scored = [cell for cell in cells if not math.isnan(cell[2])]
    if not scored:
        return "nothing to compare with yet"
    column, _, most = max(scored, key=lambda cell: abs(cell[2]))
    return f"last {_sd(scored[-1][2])}; most {_sd(most)} in window {column.window_id}"


def _sd(score: float) -> str:
    beyond = "at least " if abs(score) >= 6 else ""
    return f"{beyond}{score:+.1f} standard deviations"


def series_part(strip: HeatStrip, query: Query) -> str:
    """The means of one metric, drawn and as a table."""
    if not query.metric:
        return '<p class="empty">Choose a metric above to see its means.</p>'
    cells = [cell for cell in strip.row(query.metric) if math.isfinite(cell[1])]
    if not cells:
        return f'<p class="empty">{esc(query.metric)} is in none of the last windows.</p>'
    rows = "".join(
        f"<tr><td>{clock(column.time)}</td><td>{mean:.6g}</td><td>{_moved(score)}</td></tr>"
        for column, mean, score in reversed(cells)
    )
    return (
        f"<h3>{esc(query.metric)}</h3>{_chart(query.metric, cells)}"
        "<details><summary>The same as numbers</summary><table><thead><tr><th scope='col'>window's end</th>"
        "<th scope='col'>mean</th><th scope='col'>moved by (sd)</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></details>"
    )


def _moved(score: float) -> str:
    return "" if math.isnan(score) else f"{score:+.1f}"


def _chart(name: str, cells: list[Cell]) -> str:
    means = np.array([mean for _, mean, _ in cells])
    low, high = float(means.min()), float(means.max())
    height = high - low or 1.0
    left, right, top, bottom = 8, CHART_WIDTH - 8, 16, CHART_HEIGHT - 22
    across = (right - left) / max(len(cells) - 1, 1)
    points = [
        (left + place * across, bottom - (mean - low) / height * (bottom - top))
        for place, (_, mean, _) in enumerate(cells)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    marks = "".join(
        f'<circle class="mark" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        for (x, y), (column, _, _) in zip(points, cells, strict=True)
        if name in column.found
    )
    said = f"means of {name} over {len(cells)} windows, from {low:.6g} to {high:.6g}"
    return (
        f'<svg class="series" role="img" aria-label="{esc(said)}" viewBox="0 0 {CHART_WIDTH} {CHART_HEIGHT}">'
        f'<text x="{left}" y="11">{high:.6g}</text><text x="{left}" y="{CHART_HEIGHT - 6}">{low:.6g}</text>'
        f'<polyline points="{line}"/>{marks}'
        f'<circle class="last" cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="3"/></svg>'
    )


def _pages(query: Query, page: int, pages: int) -> str:
    if pages == 1:
        return ""
    back = f'<a rel="prev" href="{href(query.address(rows=page - 1), "heat")}">More moved</a>' if page > 1 else ""
    on = f'<a rel="next" href="{href(query.address(rows=page + 1), "heat")}">Less moved</a>' if page < pages else ""
    return f'<nav class="pages" aria-label="Pages of metrics">{back}<span>page {page} of {pages}</span>{on}</nav>'
