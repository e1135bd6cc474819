"""Random bytes into the decoder, steered by coverage: `make fuzz`. Anything it raises is a fault of ours."""

from __future__ import annotations

import sys

import atheris
import numpy as np

with atheris.instrument_imports(include=["crackle_stream.decode", "crackle_stream.model"]):
    from crackle_stream.decode import DecodeOptions, Decoder
    from crackle_stream.model import Partition, Positions, RecordBatch

LEARNT = Decoder()
"""Remembers the schema of what it was given so far, as a stream's decoder does."""

OPTIONS = (DecodeOptions(), DecodeOptions(key=("label", "metrics.x"), max_depth=3), DecodeOptions(label="x", time="ts"))


def decode(data: bytes) -> None:
    """One record each way."""
    batch = RecordBatch([data], Positions(Partition("fuzz"), np.arange(1)), np.zeros(1))
    for decoder in (LEARNT, *map(Decoder, OPTIONS)):
        tasks, rejects = decoder.decode(batch)
        if len(tasks) + len(rejects) != 1:
            raise AssertionError("a record is a task or a reject")
        if not np.isfinite(tasks.times).all() or np.isinf(tasks.values).any():
            raise AssertionError("a task has a time or a metric that is no number")


if __name__ == "__main__":
    atheris.Setup(sys.argv, decode)
    atheris.Fuzz()
