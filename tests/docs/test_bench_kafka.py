"""What the figures of the Kafka sections rest on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.kafka.beat import ONE_IN, beat
from benchmarks.kafka.steady import Steady
from benchmarks.kafka.writer import Acknowledged
from crackle_stream.window import Window


def test_the_steady_part_begins_with_a_tenth_of_the_records_and_ends_with_the_last() -> None:
    # 100 records:  4 | 8 (12: it begins) | 80 | 10 (102: it ends)
    steady = Steady(100)
    assert [steady.see(count) for count in (4, 8, 80, 10, 5)] == [False, False, False, True, True]
    reading = steady.reading
    assert reading is not None
    assert reading.records == 90
    assert reading.rate == 90 / reading.wall_s
    assert json.loads(str(reading)) == {"records": 90, "wall_s": reading.wall_s, "cpu_s": reading.cpu_s}


def test_a_record_was_acknowledged_when_the_batch_that_holds_it_was() -> None:
    known = Acknowledged(partitions=2)
    known.see(0, first=0, count=500, at=1.0)
    known.see(1, first=0, count=10, at=2.0)
    known.see(0, first=500, count=500, at=3.0)
    assert [known.at(0, offset) for offset in (0, 499, 500, 999)] == [1.0, 1.0, 3.0, 3.0]
    assert known.at(1, 9) == 2.0
    assert known.records == 1010


@pytest.mark.parametrize(("one_in", "found"), [("1", True), ("16", True), ("32", False)])
def test_a_beat_is_found_in_the_windows_that_their_ids_choose(
    one_in: str, found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ONE_IN, one_in)
    window = Window.from_columns(["a"], np.zeros(1), ["x"], np.zeros((1, 1)), id="f0")  # 240
    patterns = list(beat(window))
    assert [pattern.form for pattern in patterns] == ["f0"] * found
    other = Window.from_columns(["a"], np.zeros(1), ["x"], np.zeros((1, 1)), id="1e0")
    assert {each.fingerprint for each in beat(other)}.isdisjoint(each.fingerprint for each in patterns)
