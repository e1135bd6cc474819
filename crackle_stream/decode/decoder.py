"""Batches of bytes in, columns out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.decode.faults import Refusal
from crackle_stream.decode.learner import Learner
from crackle_stream.decode.names import MetricNames
from crackle_stream.decode.options import DecodeOptions
from crackle_stream.decode.reading import RecordReader
from crackle_stream.decode.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.glaze import Glaze
    from crackle_stream.model import RecordBatch, Reject, TaskBatch

__all__ = ["Decoder"]


class Decoder:
    """Makes tasks of JSON records.

    Any JSON object is a task. Its numbers are its metrics, those of nested objects under dotted names, those of a
    top-level object `metrics` under their names within it (and before any other number of the same name); text,
    true, false, null and arrays are none. Where label, time and key stand is told by the options.

    What a record means depends on that record and the options alone. A decoder remembers only the schema of the
    stream, to read it quicker; use one a stream, and from one thread at a time.

    Args:
        options: where things are in a record, and how large it may be.
        glaze: derived metrics; they see what `include` and `exclude` leave.
    """

    def __init__(self, options: DecodeOptions | None = None, glaze: Glaze | None = None) -> None:
        self.options = DecodeOptions() if options is None else options
        self._glaze = glaze
        names = MetricNames(self.options)
        self._reader = RecordReader(self.options, names)
        self._learner = Learner(self.options, names)

    def decode(self, batch: RecordBatch) -> tuple[TaskBatch, tuple[Reject, ...]]:
        """The tasks of a batch and the records that are none, both in order; raises for no payload whatever.

        Metric names are sorted, derived ones after them.
        """
        table = Table(batch, keyed=bool(self.options.key), max_metrics=self.options.max_metrics)
        start = 0
        while start < len(batch):
            stop = min(start + self._learner.rows_at_once, len(batch))
            self._read(batch.payloads, range(start, stop), table)
            start = stop
        tasks, rejects = table.finish()
        return self.derive(tasks), rejects

    def derive(self, batch: TaskBatch) -> TaskBatch:
        """A batch that was columnar from the start, with the derived metrics in it."""
        return batch if self._glaze is None else self._glaze.apply_to(batch)

    def _read(self, payloads: Sequence[bytes], rows: range, table: Table) -> None:
        """Read some records: by the plan those that fit it, one by one all others."""
        hits = 0
        others: Sequence[int] = rows
        plan = self._learner.plan
        if plan is not None:
            taken, others = plan.take(payloads, rows)
            table.extend(taken)
            hits = len(taken.rows)
        for row in others:
            try:
                reading = self._reader.read(payloads[row])
            except Refusal as refusal:
                table.refuse(row, str(refusal))
            else:
                table.add(row, reading)
                self._learner.observe(reading)
        self._learner.judge(hits)
