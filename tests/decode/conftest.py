from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

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
