"""From the shape of a stream's records to types for the parser.

A record that fits the types must mean what `RecordReader` would make of it, so they are narrow: whatever could change
the role of a field, or is refused, does not fit; but for limits of numbers, which `plan.py` sees to.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import NODEFAULT, Meta

from crackle_stream.decode.epoch import EARLIEST, LATEST
from crackle_stream.decode.names import METRICS_PREFIX
from crackle_stream.decode.options import LABEL_FIELDS, MAX_MAGNITUDE, METRICS_FIELD, TIME_FIELDS
from crackle_stream.decode.shape import Kind

if TYPE_CHECKING:
    from crackle_stream.decode.names import MetricNames
    from crackle_stream.decode.options import DecodeOptions
    from crackle_stream.decode.shape import Field, Shape

__all__ = ["Numbers", "Schema", "schema_of"]

SPARSE_SIZE = 64
SPARSE_DENSITY = 0.25
"""Records of many possible fields that have few of them each are read quicker one by one than into fixed places."""

LONGEST_WHOLE = 20
"""Characters of the longest 64-bit whole number; what fits no 64 bits fits no type here either."""

Number = float | None
"""How large it is, is looked at for all numbers of a batch at once: a bound in the type costs the parser 5 ns each."""

Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
NoTime = Annotated[float, Meta(ge=-MAX_MAGNITUDE, lt=EARLIEST)] | None
DefaultTime = Annotated[float, Meta(ge=EARLIEST, lt=LATEST)]
NamedTime = Annotated[float, Meta(gt=-LATEST, lt=LATEST)]
KeyPart = str | Whole | bool | None
Blank = bool | None
Single = str | float | bool | None
Array = list[Single | list[Single] | dict[str, Single]]

ARRAY_LEVELS = 2
"""Levels that `Array` spans."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of one object.

    Attributes:
        place: where the object stands, in dotted attributes; "" for the record itself.
        attributes: the struct's attributes that hold metrics.
        names: the metrics' names, in that order.
        whole: whether the struct has no other attributes.
    """

    place: str
    attributes: tuple[str, ...]
    names: tuple[str, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """A type for records, and where things stand in it, as dotted attributes.

    Attributes:
        type: the struct of a record.
        numbers: the metrics, object by object.
        label: where the label stands, or None where the record's position serves.
        label_is_text: whether labels are text, else some are whole numbers.
        time: where the time stands, or None where the time of arrival serves.
        time_is_text: whether the time is text.
        keys: where the parts of the key stand; None for one that no record has.
        open: where numbers of any names stand, as a dict, or None.
    """

    type: type[msgspec.Struct]
    numbers: list[Numbers]
    label: str | None
    label_is_text: bool
    time: str | None
    time_is_text: bool
    keys: tuple[str | None, ...]
    open: str | None


class _Unfit(Exception):
    """No schema can be made for this shape."""


def schema_of(shape: Shape, options: DecodeOptions, names: MetricNames) -> Schema | None:
    """A schema that fits most of the records seen, or None where there is none worth having."""
    if not shape.roles:
        return None
    label, time = shape.roles.most_common(1)[0][0]
    sparse = shape.size > SPARSE_SIZE and shape.density < SPARSE_DENSITY
    metrics = shape.root.fields.get(METRICS_FIELD)
    is_open = metrics is not None and metrics.kinds == Kind.OBJECT and (metrics.overflown or sparse)
    if sparse and not is_open:
        return None
    try:
        return _Builder(options, names, label, time, is_open=is_open).build(shape.root)
    except (_Unfit, ValueError):
        # ValueError: a name with a quote, a backslash or a control character, which the parser's types cannot have.
        return None


class _Builder:
    """Builds one schema."""

    def __init__(
        self, options: DecodeOptions, names: MetricNames, label: str | None, time: str | None, *, is_open: bool
    ) -> None:
        self._options = options
        self._names = names
        self._label = label
        self._time = time
        self._is_open = is_open
        self._numbers: list[Numbers] = []
        self._places: dict[str, str] = {}
        self._open: str | None = None
        self._time_is_text = False
        self._label_is_text = True
        self._never_label = _ahead(LABEL_FIELDS, label) if options.label is None else ()
        self._never_time = _ahead(TIME_FIELDS, time) if options.time is None else ()

    def build(self, root: Field) -> Schema:
        roles = {self._label, self._time, *self._options.key} - {None}
        if self._time is not None and self._time in {self._label, *self._options.key}:
            raise _Unfit
        if self._is_open and any(str(path).startswith(METRICS_PREFIX) for path in roles):
            raise _Unfit
        record = self._struct(root, "", "", 1)
        kept = [name for numbers in self._numbers for name in numbers.names]
        if len(set(kept)) != len(kept) or not (kept or self._open):
            raise _Unfit
        return Schema(
            type=record,
            numbers=self._numbers,
            label=None if self._label is None else self._places[self._label],
            label_is_text=self._label_is_text,
            time=None if self._time is None else self._places[self._time],
            time_is_text=self._time_is_text,
            keys=tuple(self._places.get(path) for path in self._options.key),
            open=self._open,
        )

    def _struct(self, node: Field, prefix: str, place: str, depth: int) -> type[msgspec.Struct]:
        """The type of one object, and on the way what is to be known of its fields."""
        if node.overflown:
            raise _Unfit
        fields: list[tuple[str, Any, Any]] = []
        metrics: dict[str, str] = {}
        rename: dict[str, str] = {}
        for number, (name, each) in enumerate(node.fields.items()):
            attribute = f"f{number}"
            rename[attribute] = name
            self._register(prefix + name, place + attribute)
            kind, default = self._field(each, prefix + name, place + attribute, depth)
            fields.append((attribute, kind, default))
            if default is math.nan and (kept := self._names[prefix + name]) is not None:
                metrics[attribute] = kept
        if metrics:
            whole = len(metrics) == len(fields)
            self._numbers.append(Numbers(place.rstrip("."), tuple(metrics), tuple(metrics.values()), whole))
        return msgspec.defstruct(
            "Record",
            fields,
            rename=rename,
            kw_only=True,
            forbid_unknown_fields=True,
            # A record refers to nothing that could refer back to it.
            gc=False,
        )

    def _register(self, path: str, place: str) -> None:
        if path in self._places or (self._is_open and path.startswith(METRICS_PREFIX)):
            raise _Unfit
        self._places[path] = place

    def _field(self, each: Field, path: str, place: str, depth: int) -> tuple[Any, Any]:
        """Type and default of one field; NaN as default marks a number."""
        if Kind.OBJECT in each.kinds:
            if self._is_open and path == METRICS_FIELD:
                self._open = place
                return dict[str, float], msgspec.field(default_factory=dict)
            struct = self._struct(each, f"{path}.", f"{place}.", depth + 1)
            return struct, NODEFAULT if _has_required(struct) else msgspec.field(default_factory=struct)
        return self._role(each, path) or self._plain(each, path, depth)

    def _role(self, each: Field, path: str) -> tuple[Any, Any] | None:
        """Type and default of a field that serves as label, time or key, or must be kept from serving."""
        if path == self._label:
            return self._label_type(each), NODEFAULT
        if path == self._time:
            self._time_is_text = not each.kinds & Kind.NUMBER
            if self._time_is_text:
                return str, NODEFAULT
            return NamedTime if self._options.time is not None else DefaultTime, NODEFAULT
        if path in self._never_label:
            return Blank, None
        if path in self._options.key:
            return (Blank if path in self._never_time else KeyPart), None
        if path in self._never_time:
            return (NoTime, math.nan) if each.kinds & Kind.NUMBER else (Blank, None)
        return None

    def _label_type(self, each: Field) -> Any:
        text = Annotated[str, Meta(min_length=1, max_length=self._options.max_label_length)]
        self._label_is_text = not each.kinds & Kind.NUMBER
        if self._label_is_text:
            return text
        if self._options.max_label_length < LONGEST_WHOLE:
            raise _Unfit
        return text | Whole if Kind.TEXT in each.kinds else Whole

    def _plain(self, each: Field, path: str, depth: int) -> tuple[Any, Any]:
        """Type and default of a metric, or of a field that is none."""
        if each.kinds & Kind.NUMBER and self._names[path] is not None:
            return Number, math.nan
        single = Single if each.kinds & Kind.NUMBER else str | bool | None
        if Kind.ARRAY in each.kinds and depth + ARRAY_LEVELS <= self._options.max_depth:
            return single | Array, None
        return single, None


def _ahead(paths: tuple[str, ...], served: str | None) -> tuple[str, ...]:
    """The paths that would serve before the one that did; all of them where none did."""
    return paths if served is None else paths[: paths.index(served)]


def _has_required(struct: type[msgspec.Struct]) -> bool:
    return any(each.required for each in msgspec.structs.fields(struct))
