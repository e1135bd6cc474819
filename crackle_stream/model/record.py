"""What a source yields and what decoding makes of it: columnar from the start.

No object per task stands on the way from a source's bytes to the ring; a batch is the unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["LogStart", "Partition", "Position", "Positions", "RecordBatch", "Reject", "Span", "TaskBatch"]


@dataclass(frozen=True, slots=True, order=True)
class Partition:
    """An ordered log of records.

    Attributes:
        topic: a topic's, file's or stream's name.
        number: the topic's partition; None for a text stream, whose positions are lines.
    """

    topic: str
    number: int | None = None

    def __str__(self) -> str:
        return self.topic if self.number is None else f"{self.topic}[{self.number}]"


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Where one record stands.

    Attributes:
        partition: the log it stands in.
        offset: its place there, counted from 0.

    Text streams print lines counted from 1, as editors do:

    >>> str(Position(Partition("stdin"), 16)), str(Position(Partition("results", 3), 16))
    ('stdin:17', 'results[3]:16')
    """

    partition: Partition
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset + (self.partition.number is None)}"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The stretch of one partition that a window covers, both ends included."""

    partition: Partition
    first: int
    last: int

    @property
    def end(self) -> Position:
        """The position of the last record."""
        return Position(self.partition, self.last)

    def __str__(self) -> str:
        return f"{Position(self.partition, self.first)} to {self.end}"


@dataclass(frozen=True, slots=True)
class LogStart:
    """Where reading of a partition begins, and what is known of its log then.

    Attributes:
        offset: of the next record: what was committed, or where the source begins with nothing committed.
        committed: what was committed; None where nothing was.
        note: what was stored with the committed offset; "" where nothing was.
        first: oldest offset that the log still has.
        end: one past its last record, or None where the source does not know.
    """

    offset: int
    committed: int | None = None
    note: str = ""
    first: int = 0
    end: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Positions:
    """The positions of a batch, all in one partition.

    Attributes:
        partition: the log they stand in.
        offsets: shape (n,) int64, strictly increasing.
    """

    partition: Partition
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets)

    def __getitem__(self, row: int) -> Position:
        return Position(self.partition, int(self.offsets[row]))

    def take(self, rows: npt.NDArray[np.intp] | slice) -> Positions:
        """The positions of the given rows."""
        return Positions(self.partition, self.offsets[rows])


@dataclass(frozen=True, slots=True, eq=False)
class RecordBatch:
    """Undecoded records of one partition, in order.

    Attributes:
        payloads: n byte strings, one JSON object each.
        positions: n positions.
        times: shape (n,) float64, epoch seconds at which the log or the reader took each record.
        traces: offsets and W3C `traceparent` values of some records that carry one.
    """

    payloads: Sequence[bytes]
    positions: Positions
    times: npt.NDArray[np.float64]
    traces: tuple[tuple[int, str], ...] = ()

    def __len__(self) -> int:
        return len(self.payloads)


@dataclass(frozen=True, slots=True, eq=False)
class TaskBatch:
    """Decoded task results of one partition, in order.

    Attributes:
        labels: n labels.
        times: shape (n,) float64, epoch seconds at which each task fired.
        names: m metric names.
        values: shape (n, m) float64; NaN where a task lacks the metric.
        positions: n positions.
        keys: n keys, or None where the stream is not keyed.
    """

    labels: Sequence[str]
    times: npt.NDArray[np.float64]
    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    positions: Positions
    keys: Sequence[str] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: npt.NDArray[np.intp]) -> TaskBatch:
        """A batch of the given rows, in the given order.

        Args:
            rows: shape (k,), increasing row indices.
        """
        return TaskBatch(
            labels=[self.labels[row] for row in rows.tolist()],
            times=self.times[rows],
            names=self.names,
            values=self.values[rows],
            positions=self.positions.take(rows),
            keys=None if self.keys is None else [self.keys[row] for row in rows.tolist()],
        )


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not be decoded.

    Attributes:
        position: where it stands.
        problem: a sentence that says what is wrong with it and where.
        payload: its bytes as read.
    """

    position: Position
    problem: str
    payload: bytes
