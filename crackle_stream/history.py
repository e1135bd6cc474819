"""What a kiln remembers between windows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any, Self

from crackle_stream.model import Examination

__all__ = ["History"]

_OBJECT_BYTES, _LEAF_BYTES = 64, 32
"""A small container of CPython with the reference to it, and a number or a short text."""


@dataclass(frozen=True, slots=True)
class History:
    """Memory of a kiln as of one window; a value, so that it can be stored next to that window's position.

    Attributes:
        windows: number of windows cooled so far.
        learned: by detector name, what it handed back to remember.
        cooled_to: epoch seconds at which the last window ended; None before the first.
    """

    windows: int = 0
    learned: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    cooled_to: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "learned", MappingProxyType(dict(self.learned)))

    def of(self, detector: str) -> Mapping[str, object]:
        """What the named detector remembers; empty at first."""
        return self.learned.get(detector, MappingProxyType({}))

    def after(self, examined: Mapping[str, Examination], end_time: float | None = None) -> History:
        """The history after one more window; this one is untouched.

        A detector that was ended early or handed nothing back keeps what it knew.
        """
        news = {name: made.learned for name, made in examined.items() if made.complete and made.learned}
        ends = [time for time in (self.cooled_to, end_time) if time is not None]
        return History(self.windows + 1, {**self.learned, **news}, max(ends, default=None))

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory, roughly; worked out in a moment, however much it is."""
        return sum(map(_nbytes, self.learned.values()))

    def to_dict(self) -> dict[str, object]:
        """The history as JSON values, as far as detectors hand back JSON values to remember."""
        learned = {name: dict(values) for name, values in self.learned.items()}
        return {"windows": self.windows, "learned": learned, "cooled_to": self.cooled_to}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The history that `to_dict` wrote down.

        Raises:
            ValueError: something is missing or damaged.
        """
        try:
            cooled_to = stored["cooled_to"]
            return cls(
                int(stored["windows"]),
                {str(name): dict(values) for name, values in stored["learned"].items()},
                None if cooled_to is None else float(cooled_to),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"the stored history is damaged: {type(error).__name__}: {error}") from error


def _nbytes(value: object) -> int:
    """Bytes of a value, and of what it holds by the first two of it: what detectors remember is alike all through."""
    if isinstance(value, Mapping):
        first = list(islice(value.values(), 2))
        return _OBJECT_BYTES + len(value) * (_LEAF_BYTES + sum(map(_nbytes, first)) // max(len(first), 1))
    if isinstance(value, list | tuple):
        return _OBJECT_BYTES + len(value) * sum(map(_nbytes, value[:2])) // max(len(value[:2]), 1)
    return _LEAF_BYTES
