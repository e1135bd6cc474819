"""What bounds the work and the memory of decoding."""

from __future__ import annotations

import json

import numpy as np
import pytest

from crackle_stream.decode import DecodeOptions
from crackle_stream.decode import cells as cells_module
from crackle_stream.decode import names as names_module
from crackle_stream.decode.cells import cells_of
from crackle_stream.decode.names import MetricNames
from crackle_stream.decode.plan import ROWS_AT_ONCE, Plan
from crackle_stream.decode.reading import RecordReader
from crackle_stream.decode.schema import schema_of
from crackle_stream.decode.shape import Shape

RECORDS = [{"a": 1.0, "b": 2.0}, {}, {"b": 3.0}, {"c": 4.0, "a": 5.0}]


def test_cells_hold_each_number_with_its_record_and_its_name() -> None:
    cells = cells_of(RECORDS)
    assert cells.names == ("a", "b", "c")
    assert cells.rows.tolist() == [0, 0, 2, 3, 3]
    assert cells.columns.tolist() == [0, 1, 1, 2, 0]
    assert cells.values.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_no_records_have_no_cells() -> None:
    cells = cells_of([])
    assert (cells.names, len(cells.rows), len(cells.columns), len(cells.values)) == ((), 0, 0, 0)


def test_cells_of_some_records_are_counted_anew() -> None:
    cells = cells_of(RECORDS).only_rows(np.array([False, True, True, True]))
    assert cells.rows.tolist() == [1, 2, 2]
    assert cells.in_rows(np.array([7, 8, 9])).rows.tolist() == [8, 9, 9]
    assert cells.used_names() == ["a", "b", "c"]
    assert cells.only(cells.rows == 1).used_names() == ["b"]


def test_numpy_takes_a_bounded_number_of_elements_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counts: list[int] = []
    fromiter = np.fromiter

    def counting(iterable: object, dtype: type, count: int) -> object:
        counts.append(count)
        return fromiter(iterable, dtype, count)  # type: ignore[call-overload]

    records = [{f"m{number}": float(row) for number in range(5)} for row in range(40)]
    whole = cells_of(records)
    monkeypatch.setattr(cells_module, "AT_ONCE", 20)
    monkeypatch.setattr(np, "fromiter", counting)
    parts = cells_of(records)
    assert max(counts[1:]) == 20
    assert parts.names == whole.names
    np.testing.assert_array_equal(parts.columns, whole.columns)
    np.testing.assert_array_equal(parts.values, whole.values)


@pytest.mark.parametrize(("metrics", "rows"), [(8, ROWS_AT_ONCE), (400, 250)])
def test_a_plan_takes_fewer_records_at_once_the_wider_they_are(metrics: int, rows: int) -> None:
    options = DecodeOptions(max_metrics=1000)
    names = MetricNames(options)
    shape = Shape()
    record = json.dumps({f"m{number}": number for number in range(metrics)}).encode()
    shape.add(RecordReader(options, names).read(record))
    schema = schema_of(shape, options, names)
    assert schema is not None
    assert Plan(schema, options, names).rows_at_once == rows


def test_no_schema_is_made_of_nothing() -> None:
    assert schema_of(Shape(), DecodeOptions(), MetricNames(DecodeOptions())) is None


def test_remembered_names_are_forgotten_before_they_own_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names_module, "_REMEMBERED", 10)
    names = MetricNames(DecodeOptions(exclude=("*7",)))
    for number in range(100):
        assert names[f"metrics.m{number}"] == (None if number % 10 == 7 else f"m{number}")
        assert len(names) <= 10
