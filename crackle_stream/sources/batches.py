"""Fetched records in columns.

Written for speed: this and `getmany` are all that a source does with each record, so what can be had of a whole batch
at once is. Offsets without a gap, as a log that is not compacted has them, are counted and not read; headers, which
hardly any record has, are looked at only where some record has any.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, cast

import numpy as np

from crackle_stream.model import Positions, RecordBatch
from crackle_stream.sources.traces import traces_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from crackle_stream.model import Partition
    from crackle_stream.protocols import Clock
    from crackle_stream.sources.consumer import Fetched

__all__ = ["batch_of"]

_value, _offset, _timestamp, _headers = map(attrgetter, ("value", "offset", "timestamp", "headers"))


def batch_of(partition: Partition, records: Sequence[Fetched], clock: Clock) -> RecordBatch:
    """A batch of those of a partition's records that have a value.

    Args:
        partition: whose they are.
        records: at least one, in the order of their offsets.
        clock: the time of records without a timestamp.
    """
    payloads = list(map(_value, records))
    if None in payloads:
        records = [record for record in records if record.value is not None]
        payloads = list(map(_value, records))
    stamps = np.fromiter(map(_timestamp, records), np.float64, len(records))
    times = stamps / 1000
    undated = ~(stamps >= 0)  # records of the oldest formats have no timestamp at all, which is NaN here
    if undated.any():
        times[undated] = clock.time()
    traced = any(map(_headers, records))
    return RecordBatch(
        payloads=cast("list[bytes]", payloads),
        positions=Positions(partition, _offsets(records)),
        times=times,
        traces=traces_of((record.offset, record.headers) for record in records) if traced else (),
    )


def _offsets(records: Sequence[Fetched]) -> npt.NDArray[np.int64]:
    """Their offsets, which only ever rise: as many as there are between the first and the last have no gap."""
    count = len(records)
    first = records[0].offset if count else 0
    if count and records[-1].offset - first == count - 1:
        return np.arange(first, first + count, dtype=np.int64)
    return np.fromiter(map(_offset, records), np.int64, count)
