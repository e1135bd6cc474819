"""A stretch of a topic, to be read once from one end to the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Mark", "Stretch"]

Mark: TypeAlias = int | float
"""A place in a log: an offset (int), or epoch seconds (float) for the first record from then on."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a topic.

    Attributes:
        topic: which.
        partition: one of its partitions; None for all of them.
        first: where it begins; None for the oldest record that there is.
        last: where it ends: an offset, which still belongs to it, or a time, which does not; None for the log's end as
            of when it is opened.
    """

    topic: str
    partition: int | None = None
    first: Mark | None = None
    last: Mark | None = None

    @property
    def by_offset(self) -> bool:
        """Whether an offset bounds it, which means something in one partition only."""
        return isinstance(self.first, int) or isinstance(self.last, int)
