"""What a caller wants to see: filters and pages, within bounds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Self
from urllib.parse import urlencode

from crackle_stream.app.web.problem import Problem
from crackle_stream.app.web.shown import Shown
from crackle_stream.model import Severity

__all__ = ["PER_PAGE", "ROWS", "Query", "whole"]

PER_PAGE = 20
"""Cards on a page of alerts: more are no quicker read, and a browser draws these at once."""

ROWS = 40
"""Metrics on a page of the heat strip."""

LONGEST = 200
"""Characters of a filter."""

SHOWS = ("active", "resolved", "all")


@dataclass(frozen=True, slots=True)
class Query:
    """Filters and pages.

    Attributes:
        show: "active", "resolved" or "all" alerts.
        kind: of pattern; "" for all.
        severity: "" for all.
        q: text within description, metrics, key or tasks, in any case.
        page: of alerts, from 1.
        kiln: whose heat strip; "" for the latest.
        metrics: text within the names of metrics in the heat strip.
        rows: page of the heat strip, from 1.
        metric: whose series is shown; "" for none.
    """

    show: str = "active"
    kind: str = ""
    severity: str = ""
    q: str = ""
    page: int = 1
    kiln: str = ""
    metrics: str = ""
    rows: int = 1
    metric: str = ""

    @classmethod
    def of(cls, given: Mapping[str, str]) -> Self:
        """What the address says.

        Raises:
            Problem: a value that cannot be.
        """
        texts = {each.name: given.get(each.name, "")[:LONGEST] for each in fields(cls) if each.type == "str"}
        texts["show"] = texts["show"] or "active"
        if texts["show"] not in SHOWS:
            raise Problem(400, f"show is one of {', '.join(SHOWS)}")
        if texts["severity"] not in ("", *Severity):
            raise Problem(400, f"severity is one of {', '.join(Severity)}")
        pages = {name: whole(given, name, 1, least=1, most=100_000) for name in ("page", "rows")}
        return cls(**texts, **pages)  # type: ignore[arg-type]

    def alerts(self, active: Iterable[Shown], resolved: Iterable[Shown]) -> list[Shown]:
        """The alerts that fit."""
        chosen = [*(active if self.show != "resolved" else ()), *(resolved if self.show != "active" else ())]
        return [each for each in chosen if self._fits(each)]

    def address(self, **changes: object) -> str:
        """The page that shows this, with changes; what is as it always is is left out."""
        plain, wanted = type(self)(), replace(self, **changes)  # type: ignore[arg-type]
        said = {each.name: getattr(wanted, each.name) for each in fields(self)}
        return urlencode({name: value for name, value in said.items() if value != getattr(plain, name)})

    def _fits(self, shown: Shown) -> bool:
        alert, pattern = shown.alert, shown.alert.pattern
        if self.kind not in ("", pattern.kind) or self.severity not in ("", alert.severity):
            return False
        if not self.q:
            return True
        texts = (pattern.description, pattern.key, *pattern.metric_names, *pattern.involved_tasks[:20])
        wanted = self.q.casefold()
        return any(wanted in text.casefold() for text in texts)


def whole(given: Mapping[str, str], name: str, default: int, *, least: int, most: int) -> int:
    """A whole number of the address.

    Raises:
        Problem: it is none, or out of bounds.
    """
    text = given.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise Problem(400, f"{name} is a whole number from {least} to {most}")
    return int(text)
