"""When a schema is learned."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from crackle_stream.decode import Decoder
from crackle_stream.decode.learner import FIRST_PERIOD, SAMPLES
from crackle_stream.model import RecordBatch

MakeBatch = Callable[[Sequence[Any]], RecordBatch]


def lines(count: int, **extra: Any) -> list[bytes]:
    return [json.dumps({"label": "a", "x": i, **extra}).encode() for i in range(count)]


def test_a_new_field_is_learned_after_a_while(batch_of: MakeBatch, taken: list[int], made: list[int]) -> None:
    decoder = Decoder()
    decoder.decode(batch_of(lines(SAMPLES)))
    for _ in range(4):
        decoder.decode(batch_of(lines(FIRST_PERIOD // 2) + lines(FIRST_PERIOD // 4, y=1)))
    assert len(made) == 2
    taken.clear()
    decoder.decode(batch_of(lines(100) + lines(100, y=1)))
    assert sum(taken) == 200


def test_another_schema_is_learned_from_the_start(batch_of: MakeBatch, taken: list[int]) -> None:
    decoder = Decoder()
    decoder.decode(batch_of(lines(SAMPLES)))
    other = [b'{"task": "a", "cpu": 1}'] * (FIRST_PERIOD + SAMPLES)
    decoder.decode(batch_of(other))
    decoder.decode(batch_of(other))
    taken.clear()
    tasks, _ = decoder.decode(batch_of(other[:100]))
    assert sum(taken) == 100
    assert tasks.names == ("cpu",)


def test_a_stream_without_a_schema_is_not_learned_again_and_again(batch_of: MakeBatch, made: list[int]) -> None:
    decoder = Decoder()
    numbers = iter(range(1_000_000))
    for _ in range(20):
        decoder.decode(batch_of([json.dumps({f"m{next(numbers)}": 1}).encode() for _ in range(500)]))
    assert len(made) <= 7


def test_bad_records_do_not_cost_a_plan(batch_of: MakeBatch, taken: list[int], made: list[int]) -> None:
    decoder = Decoder()
    decoder.decode(batch_of(lines(SAMPLES)))
    for _ in range(10):
        decoder.decode(batch_of([*lines(100), *[b"{"] * 100]))
    assert len(made) == 1
    assert sum(taken) == 1000


def test_very_wide_records_are_read_singly(batch_of: MakeBatch, taken: list[int]) -> None:
    record = {"x": 1, **{f"f{number}": "text" for number in range(600)}}
    tasks, rejects = Decoder().decode(batch_of([json.dumps(record).encode()] * 50))
    assert (len(tasks), rejects, taken) == (50, (), [])
