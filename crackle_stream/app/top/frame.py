"""One picture of a running process, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from crackle_stream.app.top.asking import Answers
from crackle_stream.render.moment import utc
from crackle_stream.render.text import plain

__all__ = ["frame"]

TONES = {"good": "bold green", "warn": "bold yellow", "bad": "bold red"}
SEVERITIES = {"info": "cyan", "warning": "yellow", "critical": "bold red"}

NARROW = 100
"""Cells of a terminal in which notes stand below and not beside their figures."""

LEAST_ALERTS = 3

COLUMNS = 3
"""Figures beside each other on a wide terminal."""


def frame(answers: Answers, *, url: str, width: int = 80, height: int = 24) -> RenderableType:
    """What a process does, found and waits for.

    Args:
        answers: what it said.
        url: where.
        width: cells of a line.
        height: lines there are room for; alerts that do not fit are counted.
    """
    statistics = answers.statistics
    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(plain(statistics["setup"]["name"]), style="bold")
    head.append(f"  {plain(url)}", style="dim")
    gauges = _gauges(statistics["gauges"], columns=COLUMNS if width >= NARROW else 1)
    used = 3 + -(-len(statistics["gauges"]) // (COLUMNS if width >= NARROW else 1))
    return Group(head, Text(), gauges, Text(), _alerts(answers, max(height - used - 3, LEAST_ALERTS)))


def _gauges(gauges: list[Mapping[str, Any]], columns: int) -> Table:
    table = Table.grid(padding=(0, 2), expand=True)
    for _ in range(columns):
        table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    cells = [_gauge(gauge) for gauge in gauges]
    for start in range(0, len(cells), columns):
        table.add_row(*cells[start : start + columns])
    return table


def _gauge(gauge: Mapping[str, Any]) -> Text:
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{gauge['title']:<12}", style="dim")
    text.append(plain(gauge["text"]), style=TONES.get(gauge["tone"], "bold"))
    if gauge["note"]:
        text.append(f"  {plain(gauge['note'])}", style="dim")
    return text


def _alerts(answers: Answers, room: int) -> RenderableType:
    listed, total = answers.alerts["alerts"], answers.statistics["active_alerts"]
    if not listed:
        said = answers.statistics["examined"]
        waits = "no window has been cooled yet, so nothing was examined"
        return Text(f"No alert is active. {plain(f'Examined: {said}' if said else waits)}.")
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("severity", no_wrap=True)
    table.add_column("raised", no_wrap=True)
    table.add_column("windows", justify="right", no_wrap=True)
    table.add_column(
        f"{total:,} active {'alert' if total == 1 else 'alerts'}", ratio=1, no_wrap=True, overflow="ellipsis"
    )
    for alert in listed[:room]:
        severity = str(alert["severity"])
        table.add_row(
            Text(severity, style=SEVERITIES.get(severity, "")),
            (utc(alert["raised_at"]) or "")[5:19].replace("T", " "),
            f"{alert['windows']:,}",
            Text(plain(alert["said"])),
        )
    left = total - min(len(listed), room)
    return Group(table, Text(f"+ {left:,} more", style="dim")) if left > 0 else table
