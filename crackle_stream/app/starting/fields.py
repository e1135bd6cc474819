"""What the fields of some records hold."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from crackle_stream.decode.epoch import epoch_seconds, seconds_of_text

__all__ = ["Field", "fields_of"]

DEEPEST = 8
"""Levels of objects that are looked into: fields for label, time and key stand near the top."""

PLAUSIBLE_S = (9.0e8, 4.2e9)
"""1998 to 2103: a number outside is no time of a task."""


@dataclass(slots=True)
class Field:
    """One field of the records.

    Attributes:
        path: names joined by dots.
        count: records that have it.
        texts: how often it held each text or truth value.
        whole: how often it held a whole number.
        numbers: how often it held any number.
        digits: how often it held text that is a number.
        times: epoch seconds, where it held something that can be read as a time.
    """

    path: str
    count: int = 0
    texts: Counter[str] = field(default_factory=Counter)
    whole: int = 0
    numbers: int = 0
    digits: int = 0
    times: list[float] = field(default_factory=list)

    def take(self, value: object) -> None:
        """Note one record's value."""
        self.count += 1
        if isinstance(value, bool):
            self.texts["true" if value else "false"] += 1
        elif isinstance(value, str):
            self.texts[value] += 1
            self.digits += _is_number(value)
            self._time(seconds_of_text(value))
        elif isinstance(value, int | float):
            self.numbers += 1
            self.whole += isinstance(value, int)
            self._time(epoch_seconds(float(value)) if math.isfinite(value) else None)

    def _time(self, seconds: float | None) -> None:
        if seconds is not None and PLAUSIBLE_S[0] <= seconds <= PLAUSIBLE_S[1]:
            self.times.append(seconds)

    @property
    def name(self) -> str:
        """The last part of the path, in lower case."""
        return self.path.rpartition(".")[2].lower()


def fields_of(payloads: Sequence[bytes]) -> dict[str, Field]:
    """By path, the fields of the records that are JSON objects, in the order they come up."""
    fields: dict[str, Field] = {}
    for payload in payloads:
        try:
            record = json.loads(payload)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            for path, value in _flat(record, "", 1):
                fields.setdefault(path, Field(path)).take(value)
    return fields


def _flat(node: dict[str, object], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    for name, value in node.items():
        if isinstance(value, dict) and depth < DEEPEST:
            yield from _flat(value, f"{prefix}{name}.", depth + 1)
        elif not isinstance(value, dict | list):
            yield prefix + name, value


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
