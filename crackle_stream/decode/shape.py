"""What a stream's records have been seen to look like."""

from __future__ import annotations

from collections import Counter
from enum import Flag, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crackle_stream.decode.reading import Json, Reading

__all__ = ["Field", "Kind", "Shape"]

MAX_FIELDS = 512
"""Fields of one object that are learned, twice the metrics a record may have by default."""

MAX_FIELDS_IN_ALL = 2 * MAX_FIELDS


class Kind(Flag):
    """What a field has been seen to hold."""

    NOTHING = 0
    NULL = auto()
    BOOL = auto()
    WHOLE = auto()
    FRACTION = auto()
    TEXT = auto()
    ARRAY = auto()
    OBJECT = auto()
    NUMBER = WHOLE | FRACTION


_KINDS: dict[type, Kind] = {
    type(None): Kind.NULL,
    bool: Kind.BOOL,
    int: Kind.WHOLE,
    float: Kind.FRACTION,
    str: Kind.TEXT,
    list: Kind.ARRAY,
    dict: Kind.OBJECT,
}


class Field:
    """One field: what it held, and its own fields where it held an object.

    Attributes:
        kinds: what it held.
        fields: by name, the fields of the objects it held.
        overflown: whether these had more fields than are learned.
    """

    __slots__ = ("fields", "kinds", "overflown")

    def __init__(self) -> None:
        self.kinds = Kind.NOTHING
        self.fields: dict[str, Field] = {}
        self.overflown = False

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Field]]:
        """Every field below this one, with its path."""
        for name, field in self.fields.items():
            yield prefix + name, field
            yield from field.walk(f"{prefix}{name}.")


class Shape:
    """The union of the records seen.

    Attributes:
        root: the record itself.
        records: number of records seen.
        roles: how often each (label path, time path) served.
    """

    def __init__(self) -> None:
        self.root = Field()
        self.records = 0
        self.roles: Counter[tuple[str | None, str | None]] = Counter()
        self._size = 0
        self._met = 0

    @property
    def size(self) -> int:
        """Number of fields learned."""
        return self._size

    @property
    def density(self) -> float:
        """The average share of the learned fields that a record had."""
        return self._met / (self._size * self.records) if self._size else 1.0

    def add(self, reading: Reading) -> None:
        """Learn from one more record."""
        self.records += 1
        self.roles[reading.label_path, reading.time_path] += 1
        self._merge(self.root, reading.record)

    def _merge(self, into: Field, node: Json) -> None:
        for name, value in node.items():
            field = into.fields.get(name)
            if field is None:
                if len(into.fields) >= MAX_FIELDS or self._size >= MAX_FIELDS_IN_ALL:
                    into.overflown = True
                    return
                field = into.fields[name] = Field()
                self._size += 1
            self._met += 1
            field.kinds |= _KINDS[type(value)]
            if isinstance(value, dict):
                self._merge(field, value)
