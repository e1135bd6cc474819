"""What a window shows of a finding beside the finding itself: a figure, what it is not, and where to look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from crackle_stream.model.figure import Figure
from crackle_stream.model.record import Partition, Span

__all__ = ["Exhibit"]


@dataclass(frozen=True, slots=True)
class Exhibit:
    """What a window shows of a finding.

    No part of the finding: it takes part in no comparison and no identity, and whatever reads alerts must do without.

    Attributes:
        figure: a plot, or None where nothing can be drawn.
        after: what came shortly before, such as "6 s after queue_depth"; "" where nothing did.
        ruled_out: what the finding is not, a phrase each.
        span: what the window covers of each partition it comes from.
    """

    figure: Figure | None = None
    after: str = ""
    ruled_out: tuple[str, ...] = ()
    span: tuple[Span, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The exhibit as JSON values (`docs/schema/alert.json`)."""
        return {
            "figure": None if self.figure is None else self.figure.to_dict(),
            "after": self.after,
            "ruled_out": list(self.ruled_out),
            "span": [
                {
                    "topic": one.partition.topic,
                    "partition": one.partition.number,
                    "first": one.first,
                    "last": one.last,
                }
                for one in self.span
            ],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The exhibit that `to_dict` wrote down.

        Raises:
            ValueError: a key is missing or holds something else.
        """
        try:
            figure = stored["figure"]
            return cls(
                figure=None if figure is None else Figure.from_dict(figure),
                after=str(stored["after"]),
                ruled_out=tuple(map(str, stored["ruled_out"])),
                span=tuple(_span(one) for one in stored["span"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no stored exhibit: {type(error).__name__}: {error}") from error


def _span(stored: Mapping[str, Any]) -> Span:
    number = stored["partition"]
    partition = Partition(str(stored["topic"]), None if number is None else int(number))
    return Span(partition, int(stored["first"]), int(stored["last"]))
