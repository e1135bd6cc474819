"""The columns of a batch, put together from records read in different ways."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from crackle_stream.decode.cells import Cells, cells_of
from crackle_stream.model import Reject, TaskBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.decode.plan import Taken
    from crackle_stream.decode.reading import Reading
    from crackle_stream.model import Positions, RecordBatch

__all__ = ["MAX_CELLS", "Table"]

MAX_CELLS = 2**23
"""Cells of one batch, 64 MiB: thousands of records with names all their own would make a table that is mostly empty."""


class Table:
    """Gathers what is known of the rows of one batch.

    Args:
        batch: the records.
        keyed: whether tasks have keys.
        max_metrics: most metrics of a record; a batch may have that many names however many rows it has.
    """

    def __init__(self, batch: RecordBatch, *, keyed: bool, max_metrics: int) -> None:
        size = len(batch)
        self._batch = batch
        self._max_names = max(max_metrics, MAX_CELLS // max(size, 1))
        self._labels: list[str | None] = [None] * size
        self._times = np.array(batch.times, dtype=np.float64)
        self._keys: list[str | None] | None = [None] * size if keyed else None
        self._blocks: list[tuple[Sequence[int], tuple[str, ...], npt.NDArray[np.float64]]] = []
        self._cells: list[Cells] = []
        self._single_rows: list[int] = []
        self._single: list[dict[str, float]] = []
        self._unlabelled = False
        self._refused: dict[int, str] = {}

    def refuse(self, row: int, problem: str) -> None:
        """Leave a record out."""
        self._refused[row] = problem

    def add(self, row: int, reading: Reading) -> None:
        """Add a record that was read singly."""
        self._labels[row] = reading.label
        self._unlabelled |= reading.label is None
        if reading.time is not None:
            self._times[row] = reading.time
        if self._keys is not None:
            self._keys[row] = reading.key
        self._single_rows.append(row)
        self._single.append(reading.metrics)

    def extend(self, taken: Taken) -> None:
        """Add records that were read by a plan."""
        rows = taken.rows
        if not rows:
            return
        index = _index(rows)
        if taken.labels is None:
            self._unlabelled = True
        else:
            _put(self._labels, rows, taken.labels)
        if taken.times is not None:
            self._times[index] = taken.times
        if self._keys is not None and taken.keys is not None:
            _put(self._keys, rows, taken.keys)
        if taken.names:
            self._blocks.append((rows, taken.names, taken.values))
        if taken.cells is not None:
            places = np.arange(rows.start, rows.stop) if isinstance(rows, range) else np.array(rows, dtype=np.intp)
            self._cells.append(taken.cells.in_rows(places))

    def finish(self) -> tuple[TaskBatch, tuple[Reject, ...]]:
        """The tasks and the rejects of the batch, both in order."""
        names, values = self._columns()
        labels, times, positions, keys = self._labels, self._times, self._batch.positions, self._keys
        if self._refused:
            kept = self._kept()
            labels, times, positions = _at(labels, kept), times[kept], positions.take(kept)
            keys = None if keys is None else _at(keys, kept)
        absent = np.isnan(values)
        if absent.any():
            present = np.flatnonzero(~absent.all(axis=0))
            if len(present) < len(names):
                values = values[:, present]
                names = [names[column] for column in present.tolist()]
        values = values + 0.0  # minus zero becomes zero; a plan's table may be read-only
        tasks = TaskBatch(
            labels=self._texts(labels, positions),
            times=times,
            names=tuple(names),
            values=values,
            positions=positions,
            keys=cast("list[str] | None", keys),
        )
        return tasks, self._rejects()

    def _kept(self) -> npt.NDArray[np.intp]:
        """The rows that were not refused."""
        return np.delete(np.arange(len(self._labels)), np.array(list(self._refused), dtype=np.intp))

    def _texts(self, labels: list[str | None], positions: Positions) -> list[str]:
        if self._unlabelled:
            labels = [str(positions[row]) if text is None else text for row, text in enumerate(labels)]
        return cast("list[str]", labels)

    def _rejects(self) -> tuple[Reject, ...]:
        batch = self._batch
        return tuple(
            Reject(batch.positions[row], problem, bytes(batch.payloads[row]))
            for row, problem in sorted(self._refused.items())
        )

    def _columns(self) -> tuple[Sequence[str], npt.NDArray[np.float64]]:
        """Names in sorted order, which way a record was read must not show, and values of all rows not refused."""
        if self._single:
            self._cells.append(cells_of(self._single).in_rows(np.array(self._single_rows, dtype=np.intp)))
        if len(self._blocks) == 1 and not self._cells:
            # A single block, as a steady stream gives: each row is in it or was refused.
            return self._blocks[0][1:]
        names = {name for block in self._blocks for name in block[1]}
        names.update(*(cells.used_names() for cells in self._cells))
        if len(names) > self._max_names:
            names = self._admit()
        in_order = sorted(names)
        values = self._fill({name: column for column, name in enumerate(in_order)})
        return in_order, values[self._kept()] if self._refused else values

    def _fill(self, column_of: dict[str, int]) -> npt.NDArray[np.float64]:
        """Shape (rows of the batch, names); rows that were refused hold anything, they are left out later."""
        table = np.full((len(self._labels), len(column_of)), np.nan)
        for rows, names, values in self._blocks:
            columns, known = _places(names, column_of)
            index = _index(rows)
            table[index if isinstance(index, slice) else index[:, None], columns[known]] = values[:, known]
        # A number in the metrics object overrides one of the same name outside it, so the cells come last.
        for cells in self._cells:
            columns, known = _places(cells.names, column_of)
            if not known.all():
                cells = cells.only(known[cells.columns])
            table[cells.rows, columns[cells.columns]] = cells.values
        return table

    def _admit(self) -> set[str]:
        """The names that there is room for; refuses the records, in order, that would bring more."""
        names_of: dict[int, set[str]] = defaultdict(set)
        for rows, names, values in self._blocks:
            for row, numbers in zip(rows, values.tolist(), strict=True):
                names_of[row].update(name for name, x in zip(names, numbers, strict=True) if x == x)
        for cells in self._cells:
            for row, column in zip(cells.rows.tolist(), cells.columns.tolist(), strict=True):
                names_of[row].add(cells.names[column])
        admitted: set[str] = set()
        for row in sorted(names_of):
            if len(admitted | names_of[row]) > self._max_names:
                self.refuse(row, f"its metrics bring the names in one batch beyond {self._max_names}, the limit")
            else:
                admitted |= names_of[row]
        return admitted


def _places(names: Sequence[str], column_of: dict[str, int]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Where names stand in the table, and which do."""
    columns = np.array([column_of.get(name, -1) for name in names], dtype=np.intp)
    return columns, columns >= 0


def _put(column: list[str | None], rows: Sequence[int], texts: Sequence[str]) -> None:
    """Texts of the given rows in their places."""
    if isinstance(rows, range):
        column[rows.start : rows.stop] = texts
        return
    for row, text in zip(rows, texts, strict=True):
        column[row] = text


def _at(column: list[str | None], rows: npt.NDArray[np.intp]) -> list[str | None]:
    return [column[row] for row in rows.tolist()]


def _index(rows: Sequence[int]) -> slice | npt.NDArray[np.intp]:
    return slice(rows.start, rows.stop) if isinstance(rows, range) else np.array(rows, dtype=np.intp)
