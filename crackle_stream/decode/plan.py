"""Reading a steady stream by a learned schema: the parser puts the numbers into fixed places by itself.

This is where a pipe spends its time, so nothing here is done record by record in Python: `map` runs the parser and the
getters, which are C, over a few hundred records at once, and `packed` takes the numbers out of the tuples they give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import numpy.typing as npt

from crackle_stream.decode.cells import AT_ONCE, Cells, cells_of
from crackle_stream.decode.epoch import EARLIEST, epoch_seconds_of_all, seconds_of_text
from crackle_stream.decode.faults import FAULTS
from crackle_stream.decode.names import METRICS_PREFIX
from crackle_stream.decode.options import MAX_MAGNITUDE
from crackle_stream.decode.packing import packed
from crackle_stream.decode.reading import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.decode.names import MetricNames
    from crackle_stream.decode.options import DecodeOptions
    from crackle_stream.decode.schema import Numbers, Schema

__all__ = ["Plan", "Taken"]

ROWS_AT_ONCE = 1536
"""Records parsed before their numbers are taken, a source's batch as a rule: with fewer, numpy's cost a call shows."""


@dataclass(slots=True)
class Taken:
    """Records that fitted a plan, in columns.

    Attributes:
        rows: which of the batch, k of them in order.
        labels: k labels, or None where positions serve.
        times: shape (k,), epoch seconds, or None where the times of arrival serve.
        keys: k keys, or None where the stream is not keyed.
        names: m metric names, sorted.
        values: shape (k, m); NaN for absent.
        cells: more numbers, of any names, or None; they override `values`.
    """

    rows: Sequence[int]
    labels: list[str] | None
    times: npt.NDArray[np.float64] | None
    keys: list[str] | None
    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    cells: Cells | None


class Plan:
    """A schema put to work.

    Attributes:
        rows_at_once: most records to take in one call.
    """

    def __init__(self, schema: Schema, options: DecodeOptions, names: MetricNames) -> None:
        self._schema = schema
        self._options = options
        self._known_names = names
        self._decode = msgspec.json.Decoder(schema.type).decode
        names_in_place = [name for numbers in schema.numbers for name in numbers.names]
        self._order = sorted(range(len(names_in_place)), key=names_in_place.__getitem__)
        self._in_order = self._order == list(range(len(self._order)))
        self._names = tuple(names_in_place[column] for column in self._order)
        self._columns = [_columns_of(numbers) for numbers in schema.numbers]
        self._keys = [None if place is None else attrgetter(place) for place in schema.keys]
        self.rows_at_once = max(1, min(ROWS_AT_ONCE, AT_ONCE // max(1, len(self._names))))

    def take(self, payloads: Sequence[bytes], rows: range) -> tuple[Taken, list[int]]:
        """Take the records that fit.

        Args:
            payloads: the payloads of a batch.
            rows: which of them to try.

        Returns:
            Those that fit, and the rows of those that do not.
        """
        records, others = self._parse(payloads[rows.start : rows.stop], rows.start)
        values = self._values(records)
        good = self._within_limits(values)
        times = self._times(records)
        if times is not None and self._schema.time_is_text:
            good &= ~np.isnan(times)
        keys = self._keys_of(records)
        if keys is not None:
            good &= np.fromiter(map(len, keys), np.intp, len(keys)) <= self._options.max_label_length
        cells = None
        if self._schema.open is not None:
            cells = self._open_cells(records, self._schema.open, values, good)
        fitting = _without(rows, others)
        taken = Taken(fitting, self._labels(records), times, keys, self._names, values, cells)
        if good.all():
            return taken, others
        return _only(taken, good), sorted([*others, *compress(fitting, ~good)])

    def _parse(self, payloads: Sequence[bytes], first: int) -> tuple[list[msgspec.Struct], list[int]]:
        """The records that fit the type, and the rows of the others."""
        decode = self._decode
        limit = self._options.max_record_bytes
        if max(map(len, payloads)) > limit:
            # Nothing of more than that goes near the parser; no bytes at all fit no type.
            payloads = [payload if len(payload) <= limit else b"" for payload in payloads]
        records: list[msgspec.Struct] = []
        others: list[int] = []
        parsed = map(decode, payloads)
        while True:
            try:
                # What came before a fault stays in the list, and the next call goes on behind it.
                records.extend(parsed)
            except FAULTS:
                others.append(first + len(records) + len(others))
            else:
                break
        return records, others

    def _values(self, records: list[msgspec.Struct]) -> npt.NDArray[np.float64]:
        tables = [columns(records) for columns in self._columns]
        if not tables:
            return np.empty((len(records), 0))
        table = tables[0] if len(tables) == 1 else np.hstack(tables)
        return table if self._in_order else table.take(self._order, axis=1)

    def _within_limits(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Which rows have a metric, not too many and none too large; an open metrics object is seen to later."""
        width = values.shape[1]
        absent = np.isnan(values)
        good = np.ones(len(values), dtype=np.bool_)
        if self._schema.open is None and (width > self._options.max_metrics or absent.any()):
            counts = width - np.count_nonzero(absent, axis=1)
            good = (counts > 0) & (counts <= self._options.max_metrics)
        too_large = np.abs(values) > MAX_MAGNITUDE
        if too_large.any():
            good &= ~too_large.any(axis=1)
        return good

    def _labels(self, records: list[msgspec.Struct]) -> list[str] | None:
        if self._schema.label is None:
            return None
        labels = map(attrgetter(self._schema.label), records)
        return list(labels if self._schema.label_is_text else map(str, labels))

    def _times(self, records: list[msgspec.Struct]) -> npt.NDArray[np.float64] | None:
        if self._schema.time is None:
            return None
        given = map(attrgetter(self._schema.time), records)
        if not self._schema.time_is_text:
            return epoch_seconds_of_all(np.fromiter(given, np.float64, len(records)))
        earliest = EARLIEST if self._options.time is None else -np.inf
        return np.array([seconds_of_text(text, earliest) for text in given], dtype=np.float64)

    def _keys_of(self, records: list[msgspec.Struct]) -> list[str] | None:
        if not self._keys:
            return None
        return [key_of([None if part is None else part(record) for part in self._keys]) for record in records]

    def _open_cells(
        self, records: list[msgspec.Struct], place: str, values: npt.NDArray[np.float64], good: npt.NDArray[np.bool_]
    ) -> Cells:
        """The numbers of the open object; rows with none, too many, too large ones or too long names go bad."""
        cells = cells_of(list(map(attrgetter(place), records)))
        kept = np.array([self._known_names[METRICS_PREFIX + name] is not None for name in cells.names], dtype=np.bool_)
        if not kept.all():
            cells = cells.only(kept[cells.columns])
        good[cells.rows[np.abs(cells.values) > MAX_MAGNITUDE]] = False
        too_long = np.array([len(name) > self._options.max_name_length for name in cells.names], dtype=np.bool_)
        if too_long.any():
            good[cells.rows[too_long[cells.columns]]] = False
        # A name that stands both here and outside is counted twice, so a row at the limit may be read singly.
        counts = np.bincount(cells.rows, minlength=len(records)) + np.count_nonzero(~np.isnan(values), axis=1)
        good &= (counts > 0) & (counts <= self._options.max_metrics)
        return cells


def _columns_of(numbers: Numbers) -> Callable[[list[msgspec.Struct]], npt.NDArray[np.float64]]:
    """A function from records to the numbers of one object, shape (k, its metrics)."""
    width = len(numbers.names)
    to_object = attrgetter(numbers.place) if numbers.place else None
    to_tuple: Callable[[Any], Any] = msgspec.structs.astuple if numbers.whole else attrgetter(*numbers.attributes)
    single = width == 1 and not numbers.whole

    def tuples(records: list[msgspec.Struct]) -> list[tuple[float | None, ...]]:
        objects: Iterable[Any] = records if to_object is None else map(to_object, records)
        # An attrgetter of a single name gives no tuple.
        return list(zip(map(to_tuple, objects)) if single else map(to_tuple, objects))

    def columns(records: list[msgspec.Struct]) -> npt.NDArray[np.float64]:
        rows = tuples(records)
        table = packed(rows, width)
        # Numpy takes None, an explicit null, for NaN.
        return np.array(rows, dtype=np.float64).reshape(len(rows), width) if table is None else table

    return columns


def _without(rows: range, others: list[int]) -> Sequence[int]:
    if not others:
        return rows
    left_out = set(others)
    return [row for row in rows if row not in left_out]


def _only(taken: Taken, good: npt.NDArray[np.bool_]) -> Taken:
    """The records for which `good` holds."""
    return Taken(
        rows=list(compress(taken.rows, good)),
        labels=None if taken.labels is None else list(compress(taken.labels, good)),
        times=None if taken.times is None else taken.times[good],
        keys=None if taken.keys is None else list(compress(taken.keys, good)),
        names=taken.names,
        values=taken.values[good],
        cells=None if taken.cells is None else taken.cells.only_rows(good),
    )
