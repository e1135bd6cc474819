"""No bytes whatever make decoding raise."""

from __future__ import annotations

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.decode.learner import SAMPLES
from crackle_stream.model import Partition, Positions, RecordBatch

WARM = b'{"label": "a", "ts": 1.7e9, "metrics": {"x": 1, "y": 2.5}, "ok": true, "tags": ["a", 1]}'

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


def flipped(payload: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(payload)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed)


PAYLOADS = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.sampled_from(["label", "ts", "metrics", "x"]), JSON).map(
        lambda value: json.dumps(value).encode()
    ),
    st.builds(flipped, st.just(WARM), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=3)),
    st.integers(0, len(WARM)).map(lambda cut: WARM[:cut]),
)


def batch_at(payloads: list[bytes]) -> RecordBatch:
    count = len(payloads)
    return RecordBatch(payloads, Positions(Partition("stdin"), np.arange(count)), np.zeros(count))


@settings(max_examples=300, deadline=None)
@given(payloads=st.lists(PAYLOADS, max_size=6), warm=st.booleans(), keyed=st.booleans())
def test_any_bytes_become_tasks_or_rejects(payloads: list[bytes], warm: bool, keyed: bool) -> None:
    decoder = Decoder(DecodeOptions(key=("label", "metrics.x") if keyed else ()))
    if warm:
        decoder.decode(batch_at([WARM] * SAMPLES))
    batch = batch_at(payloads)
    tasks, rejects = decoder.decode(batch)
    rejected = [reject.position.offset for reject in rejects]
    assert sorted([*rejected, *tasks.positions.offsets.tolist()]) == list(range(len(payloads)))
    assert [reject.payload for reject in rejects] == [payloads[row] for row in rejected]
    assert all(reject.problem for reject in rejects)
    assert tasks.values.shape == (len(tasks), len(tasks.names))
    assert len(tasks.labels) == len(tasks.times) == len(tasks.positions) == len(tasks)
    assert tasks.keys is None or len(tasks.keys) == len(tasks)
    assert np.isfinite(tasks.times).all()
    assert not np.isinf(tasks.values).any()
    assert not np.isnan(tasks.values).all(axis=1).any()
    assert list(tasks.names) == sorted(set(tasks.names))
