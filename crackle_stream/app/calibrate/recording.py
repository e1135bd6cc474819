"""The records of a file, and streams of the same records with surrogate numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import numpy as np

from crackle_stream.app.calibrate.surrogates import Resample, surrogate_of
from crackle_stream.detect.evidence.metric_types import MetricType, TypedMetric, infer_all
from crackle_stream.errors import ConfigError
from crackle_stream.model import Partition, Positions, RecordBatch, TaskBatch
from crackle_stream.sources.file import FileSource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from crackle_stream.decode import Decoder

__all__ = ["MOST_RECORDS", "Recording", "read_recording"]

MOST_RECORDS = 200_000
"""Records that are read: more make the surrogates no better, and all of them are held at once."""


@dataclass(frozen=True)
class Recording:
    """The records of a file.

    Attributes:
        batch: as a pipeline's decoder reads them.
        given: metric types that the configuration states.
        rejected: records that could not be read.
        cut: whether the file goes on beyond `MOST_RECORDS`.
    """

    batch: TaskBatch
    given: Mapping[str, str]
    rejected: int = 0
    cut: bool = False

    @cached_property
    def untimed(self) -> bool:
        """Whether the records bear no time: then all have the one at which they were read."""
        return bool(np.ptp(self.batch.times) == 0)

    @cached_property
    def groups(self) -> tuple[npt.NDArray[np.intp], ...]:
        """Rows of each key, all of them where the stream is not keyed: what is one series."""
        if self.batch.keys is None:
            return (np.arange(len(self.batch)),)
        rows: dict[str, list[int]] = {}
        for row, key in enumerate(self.batch.keys):
            rows.setdefault(key, []).append(row)
        return tuple(np.array(here, dtype=np.intp) for here in rows.values())

    @cached_property
    def typed(self) -> tuple[tuple[TypedMetric, ...], ...]:
        """Of each group the types of its metrics, over all its rows."""
        given = {name: MetricType(type_) for name, type_ in self.given.items()}
        return tuple(infer_all(self.batch.names, self.batch.values[rows], given) for rows in self.groups)

    def surrogate(self, tiles: int, resample: Resample, rng: np.random.Generator) -> TaskBatch:
        """A stream `tiles` times as long, in which nothing happens.

        Labels and keys come again tile after tile; times and places go on.
        """
        batch, rows = self.batch, len(self.batch)
        values = np.empty((tiles * rows, len(batch.names)))
        for group, typed, own in zip(self.groups, self.typed, rng.spawn(len(self.groups)), strict=True):
            places = (np.arange(tiles)[:, None] * rows + group).ravel()
            types = tuple(metric.type for metric in typed)
            values[places] = surrogate_of(batch.values[group], types, tiles, resample, own)
        offsets = np.arange(tiles * rows, dtype=np.int64)
        return TaskBatch(
            labels=list(batch.labels) * tiles,
            times=np.tile(batch.times, tiles) + np.repeat(np.arange(tiles) * self._duration, rows),
            names=batch.names,
            values=values,
            positions=Positions(batch.positions.partition, offsets),
            keys=None if batch.keys is None else list(batch.keys) * tiles,
        )

    @property
    def _duration(self) -> float:
        """Seconds from one tile to the next: what the records span, and one more step."""
        times = self.batch.times
        return float(np.ptp(times) + np.median(np.abs(np.diff(times)))) if len(times) > 1 else 0.0


def read_recording(path: Path, decoder: Decoder, given: Mapping[str, str]) -> Recording:
    """Read a file of JSON lines, plain or compressed by gzip.

    Args:
        path: the file.
        decoder: the pipeline's.
        given: metric types that the configuration states.

    Raises:
        SourceError: it cannot be opened or read.
        ConfigError: no record of it can be read; the message has the first one's problem.
    """
    payloads, cut = anyio.run(_lines, path)
    if not payloads:
        raise ConfigError(["holds no record: give a file of JSON lines"], origin=str(path))
    positions = Positions(Partition(path.name), np.arange(len(payloads), dtype=np.int64))
    batch, rejects = decoder.decode(RecordBatch(payloads, positions, np.zeros(len(payloads))))
    if not len(batch):
        first = rejects[0]
        problem = f"none of its {len(payloads)} records can be read; the first one, {first.position}: {first.problem}"
        raise ConfigError([problem], origin=str(path))
    return Recording(batch, dict(given), len(rejects), cut)


async def _lines(path: Path) -> tuple[Sequence[bytes], bool]:
    payloads: list[bytes] = []
    async with FileSource(path) as source:
        while (batch := await source.read()) is not None:
            payloads += batch.payloads
            if len(payloads) > MOST_RECORDS:
                return payloads[:MOST_RECORDS], True
    return payloads, False
