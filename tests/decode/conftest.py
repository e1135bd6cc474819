from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from crackle_stream.decode.learner import Learner
from crackle_stream.decode.plan import Plan, Taken
from crackle_stream.model import Partition, Positions, RecordBatch

MakeBatch = Callable[[Sequence[Any]], RecordBatch]

ARRIVAL = 1_600_000_000.0


def make_batch(records: Sequence[Any]) -> RecordBatch:
    """A batch of stdin: bytes as they are, everything else as JSON; record i arrives i seconds after `ARRIVAL`."""
    payloads = [record if isinstance(record, bytes) else msgspec.json.encode(record) for record in records]
    positions = Positions(Partition("stdin"), np.arange(len(records), dtype=np.int64))
    return RecordBatch(payloads, positions, ARRIVAL + np.arange(len(records), dtype=np.float64))


@pytest.fixture
def batch_of() -> MakeBatch:
    return make_batch


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many records each use of a plan took."""
    counts: list[int] = []
    take = Plan.take

    def counting(self: Plan, payloads: Sequence[bytes], rows: range) -> tuple[Taken, list[int]]:
        result = take(self, payloads, rows)
        counts.append(len(result[0].rows))
        return result

    monkeypatch.setattr(Plan, "take", counting)
    return counts


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each schema made."""
    counts: list[int] = []
    make = Learner._make

    def counting(self: Learner) -> None:
        counts.append(1)
        make(self)

    monkeypatch.setattr(Learner, "_make", counting)
    return counts
