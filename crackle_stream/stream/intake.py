"""From a source's batch to tasks: decode, and see to what cannot be decoded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from crackle_stream.decode import Decoder
from crackle_stream.errors import RecordRefused
from crackle_stream.model import RecordBatch, Reject, TaskBatch
from crackle_stream.stream.deadletter import Ceiling, Undertaker
from crackle_stream.stream.events import Event, RecordRejected

__all__ = ["Intake"]


class Intake:
    """Decodes batches.

    Args:
        decoder: makes tasks of bytes.
        undertaker: keeps rejected records before they count as done.
        ceiling: how many may be rejected, or None for any number.
        strict: raise at the first one instead.
        emit: where events go.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        undertaker: Undertaker,
        ceiling: Ceiling | None,
        strict: bool,
        emit: Callable[[Event], None],
    ) -> None:
        self._decoder = decoder
        self._undertaker = undertaker
        self._ceiling = ceiling
        self._strict = strict
        self._emit = emit
        self.untimed: bool | None = None

    async def take(
        self, records: RecordBatch | TaskBatch, settled: int = -1
    ) -> tuple[TaskBatch, npt.NDArray[np.float64] | None]:
        """Tasks of a batch, and when the log took them.

        Args:
            records: the batch.
            settled: rows up to this offset are read again; what was refused of them is not told again.

        Returns:
            The tasks, and for a log with partitions the log's own time of each, to hold clocks that run ahead against.

        Raises:
            RecordRefused: a record was rejected and the stream is strict.
            TooManyRejects: more of the last records were rejected than the ceiling allows; this batch's are not kept.
        """
        if isinstance(records, TaskBatch):
            return self._decoder.derive(records), None
        batch, rejects = self._decoder.decode(records)
        rejects = tuple(reject for reject in rejects if reject.position.offset > settled)
        await self._refuse(len(records), rejects)
        logged = records.times
        if len(batch) < len(records):  # some were refused
            logged = logged[np.searchsorted(records.positions.offsets, batch.positions.offsets)]
        if self.untimed is None and len(batch):
            self.untimed = bool(np.array_equal(batch.times, logged))
        return batch, None if records.positions.partition.number is None else logged

    async def _refuse(self, read: int, rejects: tuple[Reject, ...]) -> None:
        if rejects and self._strict:
            raise RecordRefused(str(rejects[0].position), rejects[0].problem)
        if self._ceiling is not None:
            self._ceiling.see(read, rejects)
        for reject in rejects:
            self._emit(RecordRejected(reject))
        if rejects:
            await self._undertaker.bury_records(rejects)
