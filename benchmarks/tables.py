"""Tables of what was measured, as Markdown, and their places in docs/performance.md.

A place is a pair of comments, `<!-- bench:NAME -->` and `<!-- end -->`. What stands between them was written by
`make bench`, so no figure there was typed; the sentences around it are ours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Table", "put", "ratios", "spread"]

PLACE = re.compile(r"(<!-- bench:(?P<name>[a-z0-9-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Attributes:
        name: of its place.
        head: names of its columns.
        rows: cells, one for each column.
        note: a sentence below it: on what data, how often, what a unit means.
        missed: gates that did not hold, a sentence each.
    """

    name: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    missed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.head):
                raise ValueError(f"table {self.name}: {len(row)} cells for {len(self.head)} columns: {row}")

    def __str__(self) -> str:
        lines = [_line(self.head), _line(("---",) * len(self.head)), *map(_line, self.rows)]
        if self.note:
            lines += ["", self.note]
        if self.missed:
            lines += ["", *(f"**Missed**: {each}" for each in self.missed)]
        return "\n".join(lines) + "\n"


def put(tables: Sequence[Table], path: Path) -> None:
    """Write tables into their places of a document.

    Args:
        tables: any number of them; places of others are left as they are.
        path: the document.

    Raises:
        ValueError: the document has no place of that name; nothing was written.
    """
    text = path.read_text()
    there = {found["name"] for found in PLACE.finditer(text)}
    if lost := sorted({table.name for table in tables} - there):
        raise ValueError(f"{path.name} has no place for {', '.join(lost)}: write <!-- bench:NAME --> and <!-- end -->")
    made = {table.name: f"\n{table}\n" for table in tables}

    def fill(found: re.Match[str]) -> str:
        name = found["name"]
        return found[1] + made[name] + found[3] if name in made else found[0]

    path.write_text(PLACE.sub(fill, text))


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, least and most: `12.3 (11.9 .. 14.0)`."""
    least, typical, most = (f"{value:,.{digits}f}" for value in (min(values), median(values), max(values)))
    return f"{typical} ({least} .. {most})"


def ratios(better: Sequence[float], worse: Sequence[float]) -> tuple[float, ...]:
    """How many times the first is the second, round by round: a busy minute falls on both and leaves the ratio."""
    return tuple(one / other for one, other in zip(better, worse, strict=True))


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
