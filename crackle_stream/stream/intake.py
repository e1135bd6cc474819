"""From a source's batch to tasks: decode, and see to what cannot be decoded."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import numpy as np
import numpy.typing as npt

from crackle_stream.decode import Decoder
from crackle_stream.errors import ConfigError, RecordRefused
from crackle_stream.model import RecordBatch, Reject, TaskBatch
from crackle_stream.stream.deadletter import DeadLetterFile
from crackle_stream.stream.events import DeadLetterFailed, Event, RecordRejected

__all__ = ["Intake"]

DEAD_LETTER_RETRY_S = 5.0


class Intake:
    """Decodes batches.

    Args:
        decoder: makes tasks of bytes.
        dead_letters: where rejected records are kept before they count as done, or None to only count them.
        strict: raise at the first one instead.
        now: epoch seconds.
        emit: where events go.
    """

    def __init__(
        self,
        decoder: Decoder,
        *,
        dead_letters: DeadLetterFile | None,
        strict: bool,
        now: Callable[[], float],
        emit: Callable[[Event], None],
    ) -> None:
        self._decoder = decoder
        self._dead_letters = dead_letters
        self._strict = strict
        self._now = now
        self._emit = emit

    async def open(self) -> None:
        """See whether dead letters can be kept.

        Raises:
            ConfigError: they cannot.
        """
        if self._dead_letters is None:
            return
        try:
            await self._dead_letters.open()
        except OSError as error:
            problem = f"path {self._dead_letters.path} cannot be written: {error.strerror or error}"
            raise ConfigError([problem], origin="dead_letters") from error

    async def take(self, records: RecordBatch | TaskBatch) -> tuple[TaskBatch, npt.NDArray[np.float64] | None]:
        """Tasks of a batch, and when the log took them.

        Returns:
            The tasks, and for a log with partitions the log's own time of each, to hold clocks that run ahead against.

        Raises:
            RecordRefused: a record was rejected and the stream is strict.
        """
        if isinstance(records, TaskBatch):
            return self._decoder.derive(records), None
        batch, rejects = self._decoder.decode(records)
        if rejects:
            await self._refuse(rejects)
        if records.positions.partition.number is None:
            return batch, None
        rows = np.searchsorted(records.positions.offsets, batch.positions.offsets)
        return batch, records.times[rows]

    async def _refuse(self, rejects: tuple[Reject, ...]) -> None:
        if self._strict:
            raise RecordRefused(str(rejects[0].position), rejects[0].problem)
        for reject in rejects:
            self._emit(RecordRejected(reject))
        while self._dead_letters is not None:
            try:
                await self._dead_letters.write(rejects, self._now())
            except OSError as error:
                problem = f"{self._dead_letters.path}: {error.strerror or error}"
                self._emit(DeadLetterFailed(problem, DEAD_LETTER_RETRY_S))
                await anyio.sleep(DEAD_LETTER_RETRY_S)
            else:
                return
