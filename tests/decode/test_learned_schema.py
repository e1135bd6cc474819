"""A learned schema is a quicker way to the same tasks."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from decode_outcomes import batch_at, one_by_one, outcomes
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.decode.learner import SAMPLES

MOMENT = 1_700_000_000.0


def shuffled(record: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    items = list(record.items())
    rng.shuffle(items)
    return {name: shuffled(value, rng) if isinstance(value, dict) else value for name, value in items}


STEADY: dict[str, tuple[Callable[[int], dict[str, Any]], DecodeOptions]] = {
    "as the crate writes them": (
        lambda i: {"label": f"t{i}", "ts": MOMENT + i, "metrics": {"ms": i / 7, "n": i}},
        DecodeOptions(),
    ),
    "flat": (
        lambda i: {"task": f"t{i}", "at": "2023-11-14T22:13:20Z", "ms": i / 7, "n": i, "ok": True, "by": None},
        DecodeOptions(),
    ),
    "nested": (
        lambda i: {"id": i, "http": {"n": i, "by": {"get": -i, "host": "a"}}, "tags": ["a", [1], {"b": 2}], "x": 0.5},
        DecodeOptions(),
    ),
    "with named fields": (
        lambda i: {"meta": {"job": f"t{i}", "shard": i % 3}, "done": MOMENT * 1e3 + i, "id": i, "x": i},
        DecodeOptions(label="meta.job", time="done", key=("meta.shard", "meta.zone", "id")),
    ),
    "without label and time": (lambda i: {"x": i, "y": -i}, DecodeOptions()),
    "with a duration called time": (lambda i: {"name": f"t{i}", "time": i / 3, "x": 1}, DecodeOptions()),
    "with metrics left out": (
        lambda i: {"label": "a", "cpu": i, "metrics": {"ms": i, "user_id": i}},
        DecodeOptions(include=("metrics.*",), exclude=("*_id",)),
    ),
    "with optional metrics": (
        lambda i: {"label": "a", "metrics": {"ms": i, **({"n": i} if i % 3 else {}), "q": None if i % 2 else i}},
        DecodeOptions(),
    ),
    "with optional objects": (
        lambda i: {"label": "a", "x": i, **({"http": {"n": i}} if i % 2 else {})},
        DecodeOptions(),
    ),
    "with labels of text and whole numbers": (lambda i: {"id": i if i % 2 else f"t{i}", "x": i}, DecodeOptions()),
    "with one metric": (lambda i: {"label": "a", "x": i}, DecodeOptions()),
    "with metrics of many names": (
        lambda i: {
            "label": f"t{i}",
            "ts": MOMENT,
            "load": i,
            "metrics": {f"m{(7 * i + k) % 300}": k for k in range(6)},
        },
        DecodeOptions(exclude=("m1*",)),
    ),
}


@pytest.mark.parametrize("name", STEADY)
@pytest.mark.parametrize("in_order", [True, False])
def test_a_steady_stream_is_read_by_the_plan_with_the_same_result(name: str, in_order: bool, taken: list[int]) -> None:
    make, options = STEADY[name]
    rng = random.Random(1)
    records = [make(i) if in_order else shuffled(make(i), rng) for i in range(200)]
    payloads = [json.dumps(record).encode() for record in records]
    assert outcomes(Decoder(options), 0, payloads) == one_by_one(options, payloads)
    assert sum(taken) == 200 - SAMPLES


def test_columns_from_the_plan_and_from_single_records_come_in_the_same_order() -> None:
    records = [{"z": i, "metrics": {"b": i, "a": -0.0}, "m": 1} for i in range(100)]
    payloads = [json.dumps(record).encode() for record in records]
    warm = Decoder()
    warm.decode(batch_at(0, payloads))
    quick, _ = warm.decode(batch_at(0, payloads[:5]))
    plain, _ = Decoder().decode(batch_at(0, payloads[:5]))
    assert quick.names == plain.names == ("a", "b", "m", "z")
    np.testing.assert_array_equal(quick.values, plain.values)
    assert not np.signbit(quick.values).any()
    assert not np.signbit(plain.values).any()


def test_a_metric_no_task_of_a_batch_has_is_no_column_of_it() -> None:
    decoder = Decoder()
    decoder.decode(batch_at(0, [b'{"x": 1, "y": 2}'] * SAMPLES))
    tasks, _ = decoder.decode(batch_at(0, [b'{"x": 1}', b'{"x": 1, "y": null}']))
    assert tasks.names == ("x",)


WARM = b'{"label": "a", "ts": 1.7e9, "id": 3, "x": 1, "http": {"n": 1}, "note": "b", "ok": true, "tags": [1]}'

ODD = [
    b'{"label": "a", "ts": 1.7e9, "id": 3, "x": 1, "http": {"n": 1}, "note": "b", "ok": true, "tags": [1], "new": 1}',
    b'{"label": "", "ts": 1.7e9, "id": 3, "x": 1}',
    b'{"label": null, "ts": 1.7e9, "id": 3, "x": 1}',
    b'{"label": 7, "ts": 1.7e9, "id": 3, "x": 1}',
    b'{"label": 1.5, "ts": 1.7e9, "id": 3, "x": 1}',
    b'{"id": 3, "ts": 1.7e9, "x": 1}',
    b'{"label": "' + b"a" * 257 + b'", "ts": 1.7e9, "x": 1}',
    b'{"label": "a", "ts": 5, "x": 1}',
    b'{"label": "a", "ts": 1e20, "x": 1}',
    b'{"label": "a", "ts": -1.7e9, "x": 1}',
    b'{"label": "a", "ts": "2023-11-14T22:13:20Z", "x": 1}',
    b'{"label": "a", "ts": "soon", "x": 1}',
    b'{"label": "a", "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "x": true}',
    b'{"label": "a", "ts": 1.7e9, "x": "1", "id": 1}',
    b'{"label": "a", "ts": 1.7e9, "x": null, "id": 1}',
    b'{"label": "a", "ts": 1.7e9, "x": null}',
    b'{"label": "a", "ts": 1.7e9}',
    b'{"label": "a", "ts": 1.7e9, "http": {}}',
    b'{"label": "a", "ts": 1.7e9, "http": 3}',
    b'{"label": "a", "ts": 1.7e9, "http": null, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "http": {"n": 1, "m": 2}}',
    b'{"label": "a", "ts": 1.7e9, "x": 1e400}',
    b'{"label": "a", "ts": 1.7e9, "x": 1.1e300}',
    b'{"label": "a", "ts": 1.7e9, "x": NaN}',
    b'{"label": "a", "ts": 1.7e9, "x": -0.0}',
    b'{"label": "a", "ts": 1.7e9, "x": 123456789012345678901234567890}',
    b'{"label": "a", "ts": 1.7e9, "x": 1' + b"0" * 300 + b"}",
    b'{"label": "a", "ts": 1.7e9, "x": 1' + b"0" * 400 + b"}",
    b'{"label": "a", "ts": 1.7e9, "x": 1, "x": 2}',
    b'{"label": "a", "ts": 1.7e9, "x": 1, "x": "b", "id": 1}',
    b'{"label": "a", "label": "b", "ts": 1.7e9, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "http": {"n": 1}, "http": {}, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "note": 3, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "note": {"n": 3}, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "ok": [1], "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "ok": 1, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "tags": [[[[1]]]], "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "tags": ' + b"[" * 40 + b"]" * 40 + b', "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "tags": [1e400], "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "tags": [1' + b"0" * 400 + b'], "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "tags": ["\xff"], "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "note": "\\ud800", "x": 1}',
    b'{"l\\u0061bel": "a", "ts": 1.7e9, "\\u0078": 1}',
    b'\xef\xbb\xbf{"label": "a", "ts": 1.7e9, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "x": 1} ',
    b'{"label": "a", "ts": 1.7e9, "x": 1}{}',
    b'{"label": "a", "ts": 1.7e9, "x": 1, "time": 1.6e9}',
    b'{"label": "a", "ts": 1.7e9, "metrics": {"x": 2}, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "metrics.x": 2, "x": 1}',
    b'{"label": "a", "ts": 1.7e9, "http.n": 2, "http": {"n": 1}}',
    b'{"label": "a", "ts": 1.7e9, "x": 1, "pad": "' + b"p" * 2**20 + b'"}',
    WARM + b" " * 2**20,
    b"[]",
    b"",
    b"[" * 5000,
]


@pytest.mark.parametrize("payload", ODD)
def test_a_record_unlike_those_before_it_means_what_it_would_alone(payload: bytes) -> None:
    decoder = Decoder()
    decoder.decode(batch_at(0, [WARM] * SAMPLES))
    around = [WARM, payload, WARM]
    assert outcomes(decoder, 0, around) == one_by_one(DecodeOptions(), around)


# What was learned from, what comes then, and how it is read.
TURNS: dict[str, tuple[DecodeOptions, list[bytes], list[bytes]]] = {
    "a better label turns up": (
        DecodeOptions(),
        [b'{"label": null, "name": "n", "x": 1}'],
        [b'{"label": "b", "name": "n", "x": 1}', b'{"label": 5, "name": "n", "x": 1}', b'{"task": "b", "x": 1}'],
    ),
    "a better time turns up": (
        DecodeOptions(),
        [b'{"time": 5, "at": 1.7e9, "x": 1}'],
        [b'{"time": 1.6e9, "at": 1.7e9, "x": 1}', b'{"time": "1600000000", "at": 1.7e9, "x": 1}'],
    ),
    "a duration called time is a time after all": (
        DecodeOptions(),
        [b'{"time": 5, "x": 1}'],
        [b'{"time": 1.6e9, "x": 1}', b'{"time": 99999999, "x": 1}', b'{"time": -1e10, "x": 1}'],
    ),
    "text that may be a time is one after all": (
        DecodeOptions(),
        [b'{"time": "soon", "at": 1.7e9, "x": 1}'],
        [b'{"time": "2023-11-14T22:13:20Z", "at": 1.7e9, "x": 1}'],
    ),
    "a time in text is none": (
        DecodeOptions(),
        [b'{"at": "2023-11-14T22:13:20Z", "x": 1}'],
        [b'{"at": "soon", "x": 1}', b'{"at": "12.5", "x": 1}'],
    ),
    "a named time in text": (
        DecodeOptions(time="at"),
        [b'{"at": "2023-11-14T22:13:20Z", "x": 1}'],
        [b'{"at": "soon", "x": 1}', b'{"at": "12.5", "x": 1}', b'{"at": 12.5, "x": 1}'],
    ),
    "a named time in numbers": (
        DecodeOptions(time="at"),
        [b'{"at": 1.7e9, "x": 1}'],
        [b'{"at": 12.5, "x": 1}', b'{"at": -1e20, "x": 1}', b'{"at": 1e20, "x": 1}', b'{"at": "12.5", "x": 1}'],
    ),
    "one path twice": (
        DecodeOptions(label="m.job"),
        [b'{"m.job": "a", "m": {"job": "b"}, "x": 1}'],
        [b'{"m": {"job": "b"}, "m.job": "a", "x": 1}'],
    ),
    "one name twice": (
        DecodeOptions(),
        [b'{"a.b": 1, "a": {"b": 2}}'],
        [b'{"a": {"b": 2}, "a.b": 1}', b'{"a.b": 1, "a": {}}'],
    ),
    "arrays at the limit of depth": (
        DecodeOptions(max_depth=2),
        [b'{"x": 1, "tags": [1]}'],
        [b'{"x": 1, "tags": [[1]]}', b'{"x": 1, "tags": [{}]}'],
    ),
    "a time that is the key": (
        DecodeOptions(key=("ts",)),
        [b'{"x": 1, "ts": 1700000000}'],
        [b'{"x": 1, "ts": 1700000000.0}', b'{"x": 1, "ts": 5}'],
    ),
    "a key that may be a time": (
        DecodeOptions(key=("time",)),
        [b'{"time": "soon", "at": 1.7e9, "x": 1}'],
        [b'{"time": "2023-11-14T22:13:20Z", "at": 1.7e9, "x": 1}', b'{"time": 5, "at": 1.7e9, "x": 1}'],
    ),
    "a key too long": (
        DecodeOptions(key=("k", "j"), max_label_length=9),
        [b'{"k": "a", "j": 3, "x": 1}'],
        [b'{"k": "aaaaaaa", "j": 3, "x": 1}', b'{"k": "aaaaaaa", "j": 33, "x": 1}', b'{"k": 1.5, "j": {}, "x": 1}'],
    ),
    "a label too long": (
        DecodeOptions(max_label_length=9),
        [b'{"label": "a", "x": 1}'],
        [b'{"label": "aaaaaaaaa", "x": 1}', b'{"label": "aaaaaaaaaa", "x": 1}'],
    ),
    "a whole number too long for a label": (
        DecodeOptions(max_label_length=9),
        [b'{"id": 7, "x": 1}'],
        [b'{"id": 777777777, "x": 1}', b'{"id": 7777777777, "x": 1}', b'{"id": 7.0, "x": 1}'],
    ),
    "all of the metrics that take turns": (
        DecodeOptions(max_metrics=3),
        [b'{"a": 1, "b": 2}', b'{"c": 3, "d": 4}'],
        [b'{"a": 1, "b": 2, "c": 3}', b'{"a": 1, "b": 2, "c": 3, "d": 4}', b'{"label": "none"}'],
    ),
    "a record too large": (
        DecodeOptions(max_record_bytes=20),
        [b'{"x": 1}'],
        [b'{"x": 1}            ', b'{"x": 1}             '],
    ),
    "labels from two fields": (
        DecodeOptions(),
        [b'{"label": "a", "x": 1}', b'{"name": "b", "x": 1}', b'{"label": "c", "x": 1}'],
        [b'{"label": "a", "name": "b", "x": 1}', b'{"name": "b", "label": 3, "x": 1}', b'{"x": 1}'],
    ),
}


@pytest.mark.parametrize("turn", TURNS)
def test_a_turn_of_the_stream_changes_no_records_meaning(turn: str) -> None:
    options, before, after = TURNS[turn]
    payloads = [*(before * SAMPLES)[:SAMPLES], *after, *before, *after]
    decoder = Decoder(options)
    found = outcomes(decoder, 0, payloads[:SAMPLES]) | outcomes(decoder, SAMPLES, payloads[SAMPLES:])
    assert found == one_by_one(options, payloads)


TEXTS = st.sampled_from(["", "a", "b|c", "soon", "2023-11-14T22:13:20Z", "1700000000", "12.5", "\u00fc", "x" * 9])
NUMBERS = st.one_of(
    st.integers(-5, 5),
    st.floats(-100, 100),
    st.sampled_from([MOMENT, MOMENT * 1e3, 17 * 10**17, 1e8, 99_999_999, -0.0, 1e300, 1.1e300, 1e20, 2**64, 10**301]),
)
SINGLES = st.one_of(NUMBERS, NUMBERS, TEXTS, st.booleans(), st.none())
ARRAYS = st.sampled_from([[], [1, "a"], [[1]], [{"k": 1}], [[[[1]]]], [10**400]])
NAMES = st.sampled_from(["label", "task", "id", "ts", "time", "x", "y", "a.b", "metrics.x", "\u00fc", 'q"', "x" * 9])
OBJECTS = st.dictionaries(st.sampled_from(["x", "y", "b", "id", "job"]), st.one_of(SINGLES, ARRAYS), max_size=4)
RECORDS = st.builds(
    lambda plain, metrics, meta: {**plain, **metrics, **meta},
    st.dictionaries(NAMES, st.one_of(SINGLES, SINGLES, ARRAYS), max_size=6),
    st.one_of(st.just({}), st.builds(lambda inner: {"metrics": inner}, OBJECTS)),
    st.one_of(st.just({}), st.builds(lambda inner: {"a": inner}, OBJECTS)),
)
OPTIONS = st.sampled_from(
    [
        DecodeOptions(),
        DecodeOptions(label="a.job", time="ts", key=("id", "a.x")),
        DecodeOptions(label="id", time="time", key=("task",)),
        DecodeOptions(key=("ts", "label")),
        DecodeOptions(label="metrics.job", include=("metrics.*", "y")),
        DecodeOptions(exclude=("x", "*.b")),
        DecodeOptions(max_metrics=3, max_name_length=4, max_label_length=5, max_depth=3),
        DecodeOptions(max_depth=2, max_record_bytes=60),
    ]
)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), options=OPTIONS, base=RECORDS)
def test_whatever_the_stream_every_record_means_what_it_would_alone(
    data: st.DataObject, options: DecodeOptions, base: dict[str, Any]
) -> None:
    def variant(record: dict[str, Any]) -> dict[str, Any]:
        changed = {**record, **data.draw(st.dictionaries(st.sampled_from([*record, "new"]), SINGLES, max_size=2))}
        for name in data.draw(st.lists(st.sampled_from([*record, "new"]), max_size=1)):
            changed.pop(name, None)
        return changed

    base = {"x": 1, **base}
    odd = [variant(base) for _ in range(4)]
    learned_from = [base] * (SAMPLES - 4) + data.draw(st.sampled_from([odd, [base] * 4]))
    payloads = [json.dumps(record).encode() for record in [*learned_from, *odd, base, *(variant(base) for _ in odd)]]
    decoder = Decoder(options)
    found = outcomes(decoder, 0, payloads[:SAMPLES]) | outcomes(decoder, SAMPLES, payloads[SAMPLES:])
    assert found == one_by_one(options, payloads)


def test_names_the_parsers_types_cannot_have_are_read_singly(taken: list[int]) -> None:
    payloads = [json.dumps({'say "x"': i, "label": "a"}).encode() for i in range(100)]
    assert outcomes(Decoder(), 0, payloads) == one_by_one(DecodeOptions(), payloads)
    assert taken == []
