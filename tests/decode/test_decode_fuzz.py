"""No bytes whatever make decoding raise, or take long."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.decode.learner import SAMPLES
from crackle_stream.model import Partition, Positions, RecordBatch

WARM = b'{"label": "a", "ts": 1.7e9, "metrics": {"x": 1, "y": 2.5}, "ok": true, "tags": ["a", 1]}'

WITHIN = dt.timedelta(seconds=30)
"""Far more than any of these takes, far less than a hang."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)

KEYS = st.sampled_from(["label", "ts", "metrics", "x", "id", "", ".", "metrics.x"])


def flipped(payload: bytes, changes: list[tuple[int, int]]) -> bytes:
    changed = bytearray(payload)
    for place, value in changes:
        changed[place % len(changed)] = value
    return bytes(changed)


def digits(count: int, form: str) -> str:
    return form.format("7" * count)


NUMBERS = st.builds(
    digits, st.integers(1, 6000), st.sampled_from(["{}", "-{}", "0.{}", "1e{}", "-1e-{}", "{}.5", "{}e5"])
) | st.sampled_from(["NaN", "Infinity", "-Infinity", "-0", "-0.0", "1e400", "1e-400", "01", "+1", "0x10", "1_000"])
"""Numbers as JSON has them, and as it has not, of any length."""

TEXTS = st.one_of(
    st.text(max_size=8).map(json.dumps),
    st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3).map(json.dumps),  # escapes of lone surrogates
    st.sampled_from(
        ['"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\x"', '"', '"\\ufeff"', '"2020-13-45T99:99:99Z"']
    ),
)


def member(key: str, value: str) -> str:
    return f"{json.dumps(key)}:{value}"


def an_object(members: list[str]) -> str:
    return "{" + ",".join(members) + "}"


RAW = st.recursive(
    NUMBERS | TEXTS | st.sampled_from(["null", "true", "nul", ""]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda each: f"[{','.join(each)}]")
        # Keys are drawn from few, so that many objects have one of them twice or more.
        | st.lists(st.builds(member, KEYS | st.text(max_size=3), inner), max_size=5).map(an_object)
    ),
    max_leaves=12,
)
"""JSON by its characters: keys that come twice, numbers of any length, texts that are no Unicode, and near misses."""


def deep(opening: str, closing: str, levels: int, inside: str) -> bytes:
    return (opening * levels + inside + closing * levels).encode()


PAYLOADS = st.one_of(
    st.binary(max_size=60),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(KEYS, JSON).map(lambda value: json.dumps(value).encode()),
    RAW.map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.lists(st.builds(member, KEYS, RAW), max_size=5).map(an_object).map(lambda text: text.encode("utf-8")),
    st.builds(
        deep,
        st.sampled_from(["[", '{"x":', '[{"metrics":']),
        st.sampled_from(["", "]", "}"]),
        st.integers(0, 3000),
        RAW,
    ),
    st.builds(flipped, st.just(WARM), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=3)),
    st.integers(0, len(WARM)).map(lambda cut: WARM[:cut]),
)

OPTIONS = st.sampled_from(
    [
        DecodeOptions(),
        DecodeOptions(key=("label", "metrics.x")),
        DecodeOptions(label="x", time="ts", exclude=("*.y",), max_depth=3, max_metrics=2),
        DecodeOptions(include=("metrics.*",), max_record_bytes=64, max_name_length=4, max_label_length=1),
    ]
)


def batch_at(payloads: list[bytes]) -> RecordBatch:
    count = len(payloads)
    return RecordBatch(payloads, Positions(Partition("stdin"), np.arange(count)), np.zeros(count))


@settings(max_examples=200, deadline=WITHIN)
@given(payloads=st.lists(PAYLOADS, max_size=6), warm=st.booleans(), options=OPTIONS)
def test_any_bytes_become_tasks_or_rejects(payloads: list[bytes], warm: bool, options: DecodeOptions) -> None:
    decoder = Decoder(options)
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
    assert all(len(name) <= options.max_name_length for name in tasks.names)
    assert all(len(label) <= options.max_label_length for label in tasks.labels if not label.startswith("stdin:"))


MEBIBYTE = 2**20
AT_MOST_S = 10.0
"""Processor time for the largest record that is let in; 0.3 s for 90,000 short lists, some ms for most."""


def full(piece: Callable[[int], str], opening: str, closing: str) -> bytes:
    """A record of nearly a mebibyte, made of pieces with commas between."""
    pieces: list[str] = []
    room = MEBIBYTE - len(opening) - len(closing)
    while room > 0:
        made = piece(len(pieces))
        room -= len(made) + 1
        pieces.append(made)
    return (opening + ",".join(pieces[:-1]) + closing).encode()


@pytest.mark.parametrize(
    "payload",
    [
        full(lambda number: f'"m{number}":{number}', "{", "}"),
        full(lambda number: '"x":1', "{", "}"),
        full(lambda number: f'"{"a" * 50}{number}":{{}}', '{"metrics":{', "}}"),
        full(lambda number: "[[[[[1]]]]]", '{"x":1,"l":[', "]}"),
        full(lambda number: "1e400", '{"l":[', "]}"),
        b'{"x":' + b"9" * (MEBIBYTE - 6) + b"}",
        b'{"x":1,"label":"' + b"\\ud800" * (MEBIBYTE // 6 - 10) + b'"}',
        b'{"x":1,"ts":"' + b"1" * (MEBIBYTE - 20) + b'"}',
        b'{"' + b"." * (MEBIBYTE - 10) + b'":1}',
        b"[" * MEBIBYTE,
        b'{"a":' * (MEBIBYTE // 5),
        b" " * MEBIBYTE,
    ],
    ids=[
        "100,000 names", "one name 150,000 times", "empty objects", "short lists", "too large numbers", "one number",
        "lone surrogates", "a long time", "dots", "lists in lists", "objects in objects", "spaces",
    ],
)  # fmt: skip
def test_the_largest_records_are_refused_or_taken_in_a_moment(payload: bytes) -> None:
    assert len(payload) <= MEBIBYTE
    decoder = Decoder()
    decoder.decode(batch_at([WARM] * SAMPLES))
    began = time.process_time()
    tasks, rejects = decoder.decode(batch_at([payload]))
    assert time.process_time() - began < AT_MOST_S
    assert len(tasks) + len(rejects) == 1
