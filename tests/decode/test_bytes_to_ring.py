"""Bytes to the ring, the quick way and a plain one: json.loads, and rows in a list of dicts."""

from __future__ import annotations

import json
import math
from collections import deque
from typing import Any

from decode_outcomes import batch_at
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.decode import Decoder
from crackle_stream.decode.learner import SAMPLES
from crackle_stream.ring import Ring

NAMES = [f"m{number}" for number in range(6)] + ["µs", "a longer name", "x"]
MANY = [f"n{number}" for number in range(80)]
MOMENT = 1_700_000_000.0

numbers = st.floats(-1e300, 1e300) | st.integers(-(2**70), 2**70) | st.just(-0.0)
cells = numbers | numbers | numbers | st.none() | st.booleans() | st.text(max_size=3) | st.just([1.0])
pairs = st.lists(st.tuples(st.sampled_from(NAMES), cells), max_size=9)
"""Keys in any order, any choice of them, and some of them twice."""

many = st.lists(st.tuples(st.sampled_from(MANY), numbers), min_size=1, max_size=9)


def payload_of(number: int, metrics: list[tuple[str, Any]]) -> bytes:
    body = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in metrics)
    return f'{{"label":"t{number}","ts":{MOMENT + number},"metrics":{{{body}}}}}'.encode()


def plainly(payload: bytes) -> tuple[str, float, dict[str, float]] | None:
    """What one writes first; None where the record holds no metric or no JSON."""
    try:
        record = json.loads(payload)
    except ValueError:
        return None
    metrics = {name: float(x) for name, x in record["metrics"].items() if type(x) in (int, float)}
    return (record["label"], record["ts"], metrics) if metrics else None


def rows_of(ring: Ring) -> list[tuple[str, float, dict[str, float]]]:
    labels, times, names, values = ring.last()
    return [
        (label, time, {name: x for name, x in zip(names, row, strict=True) if not math.isnan(x)})
        for label, time, row in zip(labels, times.tolist(), values.tolist(), strict=True)
    ]


@settings(max_examples=60, deadline=None)
@given(
    learned=st.sampled_from([pairs, many]),
    data=st.data(),
    capacity=st.integers(1, 90),
    broken=st.sets(st.integers(0, 2 * SAMPLES)),
)
def test_the_ring_holds_what_json_loads_and_a_list_of_rows_hold(
    learned: st.SearchStrategy[list[tuple[str, Any]]], data: st.DataObject, capacity: int, broken: set[int]
) -> None:
    steady = [(name, 0.5) for name in NAMES] if learned is pairs else [(name, 0.5) for name in MANY[::7]]
    first = [payload_of(number, steady) for number in range(SAMPLES)]
    later = [
        payload_of(SAMPLES + number, each) for number, each in enumerate(data.draw(st.lists(learned, max_size=40)))
    ]
    payloads = [payload[:-2] if i in broken else payload for i, payload in enumerate([*first, *later])]
    expected: deque[tuple[str, float, dict[str, float]]] = deque(maxlen=capacity)
    expected.extend(row for row in map(plainly, payloads) if row is not None)

    decoder, ring = Decoder(), Ring(capacity)
    refused = 0
    for start in range(0, len(payloads), 50):
        tasks, rejects = decoder.decode(batch_at(start, payloads[start : start + 50]))
        ring.append(tasks.labels, tasks.times, tasks.names, tasks.values)
        refused += len(rejects)

    assert rows_of(ring) == list(expected)
    assert refused == sum(plainly(payload) is None for payload in payloads)
