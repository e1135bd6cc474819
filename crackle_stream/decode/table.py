"""The columns of a batch, put together from records read in different ways."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from crackle_stream.decode.plan import AT_ONCE
from crackle_stream.model import Reject, TaskBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.decode.plan import Taken
    from crackle_stream.decode.reading import Reading
    from crackle_stream.model import RecordBatch

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
        self._keys: list[str] | None = [""] * size if keyed else None
        self._blocks: list[tuple[Sequence[int], tuple[str, ...], npt.NDArray[np.float64]]] = []
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
        if self._keys is not None and reading.key is not None:
            self._keys[row] = reading.key
        self._single_rows.append(row)
        self._single.append(reading.metrics)

    def extend(self, taken: Taken) -> None:
        """Add records that were read by a plan."""
        rows = taken.rows
        if not rows:
            return
        if taken.labels is None:
            self._unlabelled = True
        else:
            _put(self._labels, rows, taken.labels)
        if taken.times is not None:
            self._times[_index(rows)] = taken.times
        if self._keys is not None and taken.keys is not None:
            _put(self._keys, rows, taken.keys)
        if taken.names:
            self._blocks.append((rows, taken.names, taken.values))
        if taken.metrics is not None:
            self._single_rows += rows
            self._single += taken.metrics

    def finish(self) -> tuple[TaskBatch, tuple[Reject, ...]]:
        """The tasks and the rejects of the batch, both in order."""
        names, values = self._columns()
        labels, times, positions, keys = self._labels, self._times, self._batch.positions, self._keys
        if self._refused:
            kept = np.delete(np.arange(len(labels)), np.array(list(self._refused), dtype=np.intp))
            rows = kept.tolist()
            labels = [labels[row] for row in rows]
            times, positions, values = times[kept], positions.take(kept), values[kept]
            keys = None if keys is None else [keys[row] for row in rows]
        if self._unlabelled:
            labels = [str(positions[row]) if label is None else label for row, label in enumerate(labels)]
        absent = np.isnan(values)
        if absent.any():
            present = np.flatnonzero(~absent.all(axis=0))
            values = values[:, present]
            names = [names[column] for column in present.tolist()]
        values += 0.0  # minus zero becomes zero
        tasks = TaskBatch(cast("list[str]", labels), times, tuple(names), values, positions, keys)
        return tasks, self._rejects()

    def _columns(self) -> tuple[Sequence[str], npt.NDArray[np.float64]]:
        """Names in sorted order, which way a record was read must not show, and values of all rows."""
        if len(self._blocks) == 1 and not self._single and len(self._blocks[0][0]) == len(self._labels):
            return self._blocks[0][1:]
        names = self._names()
        return names, self._values(names)

    def _rejects(self) -> tuple[Reject, ...]:
        batch = self._batch
        return tuple(
            Reject(batch.positions[row], problem, bytes(batch.payloads[row]))
            for row, problem in sorted(self._refused.items())
        )

    def _names(self) -> list[str]:
        """The names of all rows, sorted."""
        names: set[str] = set()
        for _, block_names, _ in self._blocks:
            names.update(block_names)
        names.update(*self._single)
        if len(names) > self._max_names:
            names = self._admit()
        return sorted(names)

    def _admit(self) -> set[str]:
        """The names that there is room for; refuses the records, in order, that would bring more."""
        names_of: dict[int, set[str]] = {}
        for rows, names, values in self._blocks:
            for row, numbers in zip(rows, values.tolist(), strict=True):
                names_of.setdefault(row, set()).update(name for name, x in zip(names, numbers, strict=True) if x == x)
        for row, metrics in zip(self._single_rows, self._single, strict=True):
            names_of.setdefault(row, set()).update(metrics)
        admitted: set[str] = set()
        for row in sorted(names_of):
            if len(admitted | names_of[row]) > self._max_names:
                self.refuse(row, f"its metrics bring the names in one batch beyond {self._max_names}, the limit")
            else:
                admitted |= names_of[row]
        return admitted

    def _values(self, names: Sequence[str]) -> npt.NDArray[np.float64]:
        """Shape (rows of the batch, names); rows that were refused are NaN or not, they are left out later."""
        column_of = {name: column for column, name in enumerate(names)}
        table = np.full((len(self._labels), len(names)), np.nan)
        for rows, block_names, values in self._blocks:
            known = [column for column, name in enumerate(block_names) if name in column_of]
            columns = [column_of[block_names[column]] for column in known]
            part = values if len(known) == len(block_names) else values[:, known]
            if isinstance(rows, range):
                table[rows.start : rows.stop, columns] = part
            else:
                table[np.ix_(rows, columns)] = part
        # A number in the metrics object overrides one of the same name outside it, so these come after the blocks.
        self._scatter(table, column_of)
        return table

    def _scatter(self, table: npt.NDArray[np.float64], column_of: dict[str, int]) -> None:
        """Write the numbers of singly read records, a limited number of them at once."""
        pairs = [pair for pair in zip(self._single_rows, self._single, strict=True) if pair[0] not in self._refused]
        step = max(1, AT_ONCE // max(max((len(metrics) for _, metrics in pairs), default=1), 1))
        for start in range(0, len(pairs), step):
            rows, metrics = zip(*pairs[start : start + step], strict=True)
            counts = np.fromiter(map(len, metrics), np.intp, len(metrics))
            total = int(counts.sum())
            columns = np.fromiter(map(column_of.__getitem__, chain.from_iterable(metrics)), np.intp, total)
            values = np.fromiter(chain.from_iterable(map(dict.values, metrics)), np.float64, total)
            table[np.repeat(rows, counts), columns] = values


def _index(rows: Sequence[int]) -> slice | list[int]:
    return slice(rows.start, rows.stop) if isinstance(rows, range) else list(rows)


def _put(into: list[str] | list[str | None], rows: Sequence[int], texts: list[str]) -> None:
    if isinstance(rows, range):
        into[rows.start : rows.stop] = texts
    else:
        for row, text in zip(rows, texts, strict=True):
            into[row] = text
