"""What becomes of records, to compare one way of decoding them with another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.decode import Decoder
from crackle_stream.model import Partition, Positions, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.decode import DecodeOptions

__all__ = ["Row", "batch_at", "one_by_one", "outcomes"]

Row = tuple[str, float, str | None, dict[str, float]]
"""Label, time, key and metrics of a task."""


def batch_at(first: int, payloads: Sequence[bytes]) -> RecordBatch:
    offsets = np.arange(first, first + len(payloads), dtype=np.int64)
    return RecordBatch(payloads, Positions(Partition("stdin"), offsets), 1.6e9 + offsets.astype(np.float64))


def outcomes(decoder: Decoder, first: int, payloads: Sequence[bytes]) -> dict[int, Row | str]:
    """By offset, what became of each record: the task, or the problem."""
    tasks, rejects = decoder.decode(batch_at(first, payloads))
    found: dict[int, Row | str] = {reject.position.offset: reject.problem for reject in rejects}
    for row, offset in enumerate(tasks.positions.offsets.tolist()):
        pairs = zip(tasks.names, tasks.values[row].tolist(), strict=True)
        metrics = {name: x for name, x in pairs if not math.isnan(x)}
        key = None if tasks.keys is None else tasks.keys[row]
        found[offset] = (tasks.labels[row], float(tasks.times[row]), key, metrics)
    return found


def one_by_one(options: DecodeOptions, payloads: Sequence[bytes]) -> dict[int, Row | str]:
    """The same with a new decoder for every record, which knows no schema."""
    found: dict[int, Row | str] = {}
    for offset, payload in enumerate(payloads):
        found |= outcomes(Decoder(options), offset, [payload])
    return found
