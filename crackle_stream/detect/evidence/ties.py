"""Which metrics laws tie to each other: what moves one of them moves the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from crackle_stream.detect.evidence.law_columns import metric_of
from crackle_stream.detect.evidence.law_memory import recalled
from crackle_stream.model import CracklePattern, PatternKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.history import History

__all__ = ["Ties"]

LAWS = "laws"
"""The detector under whose name the history keeps laws."""


class Ties:
    """Metrics joined by laws, directly or through a metric two laws share."""

    def __init__(self, sets: Iterable[Iterable[str]] = ()) -> None:
        self._above: dict[str, str] = {}
        for names in sets:
            first, *others = sorted(set(names))
            for name in others:
                self._join(first, name)

    @classmethod
    def of(cls, patterns: Iterable[CracklePattern], history: History) -> Self:
        """The ties by the laws of a window, kept or broken, and by those remembered."""
        here = [pattern.metric_names for pattern in patterns if _is_law(pattern)]
        known = [[metric_of(name) for name in one.law.names] for one in recalled(history.of(LAWS))]
        return cls([*here, *known])

    def root(self, name: str) -> str:
        """The metric that stands for all that are tied to this one: the first of them by name."""
        while name in self._above:
            name = self._above[name]
        return name

    def tied(self, one: str, other: str) -> bool:
        """Whether laws connect two metrics."""
        return self.root(one) == self.root(other)

    def _join(self, one: str, other: str) -> None:
        low, high = sorted((self.root(one), self.root(other)))
        if low != high:
            self._above[high] = low


def _is_law(pattern: CracklePattern) -> bool:
    return pattern.kind == PatternKind.CONSERVATION and len(pattern.metric_names) > 1
