"""What a record means."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.glaze import Glaze
from crackle_stream.model import Partition, Positions, RecordBatch, TaskBatch

MakeBatch = Callable[[Sequence[Any]], RecordBatch]

ARRIVAL = 1_600_000_000.0
MOMENT = 1_700_000_000.0


def row_of(tasks: TaskBatch, row: int = 0) -> dict[str, float]:
    """The metrics that one task has."""
    pairs = zip(tasks.names, tasks.values[row].tolist(), strict=True)
    return {name: x for name, x in pairs if not math.isnan(x)}


@pytest.fixture
def read(batch_of: MakeBatch) -> Callable[..., TaskBatch]:
    def decode(*records: object, **options: Any) -> TaskBatch:
        tasks, rejects = Decoder(DecodeOptions(**options)).decode(batch_of(records))
        assert rejects == ()
        return tasks

    return decode


Read = Callable[..., TaskBatch]


def test_numbers_are_metrics_and_everything_else_is_not(read: Read) -> None:
    tasks = read({"ms": 12.5, "n": 3, "ok": True, "text": "7", "none": None, "list": [1, 2, [3]], "empty": {}})
    assert row_of(tasks) == {"ms": 12.5, "n": 3.0}


def test_numbers_of_nested_objects_go_by_dotted_names(read: Read) -> None:
    tasks = read({"http": {"errors": 1, "by": {"get": 2}}, "http.total": 3})
    assert row_of(tasks) == {"http.errors": 1.0, "http.by.get": 2.0, "http.total": 3.0}


def test_numbers_of_a_metrics_object_go_by_their_names_within_it(read: Read) -> None:
    tasks = read({"label": "build", "ts": MOMENT, "metrics": {"ms": 12.5, "http": {"n": 1}}})
    assert row_of(tasks) == {"ms": 12.5, "http.n": 1.0}
    assert tasks.labels == ["build"]
    assert tasks.times.tolist() == [MOMENT]


@pytest.mark.parametrize(
    "record",
    [b'{"ms": 1, "metrics": {"ms": 2}}', b'{"metrics": {"ms": 2}, "ms": 1}', b'{"ms": 1, "metrics.ms": 2}'],
)
def test_the_metrics_object_goes_before_a_number_of_the_same_name(read: Read, record: bytes) -> None:
    assert row_of(read(record)) == {"ms": 2.0}


def test_only_the_metrics_object_at_the_top_loses_its_name(read: Read) -> None:
    assert row_of(read({"job": {"metrics": {"ms": 1}}})) == {"job.metrics.ms": 1.0}


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2.0}),
        (b'{"b": 1, "a": 1, "a": "x"}', {"b": 1.0}),
        (b'{"a": {"b": 1}, "a": {"c": 2}}', {"a.c": 2.0}),
        (b'{"a.b": 1, "a": {"b": 2}}', {"a.b": 2.0}),
        (b'{"a": {"b": 2}, "a.b": 1}', {"a.b": 1.0}),
    ],
)
def test_of_equal_keys_the_last_one_counts(read: Read, record: bytes, expected: dict[str, float]) -> None:
    assert row_of(read(record)) == expected


def test_names_are_sorted_and_absent_metrics_are_nan(read: Read) -> None:
    tasks = read({"b": 1, "c": None}, {"a": 2, "b": 3})
    assert tasks.names == ("a", "b")
    np.testing.assert_array_equal(tasks.values, [[np.nan, 1.0], [2.0, 3.0]])


def test_minus_zero_becomes_zero(read: Read) -> None:
    assert math.copysign(1.0, read(b'{"a": -0.0}').values[0, 0]) == 1.0


def test_whole_numbers_are_rounded_to_the_nearest_float(read: Read) -> None:
    assert row_of(read(b'{"a": 9007199254740993, "b": 123456789012345678901234567890}')) == {
        "a": 9007199254740992.0,
        "b": 1.2345678901234568e29,
    }


def test_a_byte_order_mark_is_left_out(read: Read) -> None:
    assert row_of(read(b'\xef\xbb\xbf{"a": 1}')) == {"a": 1.0}


@pytest.mark.parametrize(
    ("record", "label"),
    [
        ({"id": "d", "name": "c", "task": "b", "label": "a", "x": 1}, "a"),
        ({"id": "d", "name": "c", "task": "b", "x": 1}, "b"),
        ({"id": "d", "name": "c", "x": 1}, "c"),
        ({"id": "d", "x": 1}, "d"),
        ({"id": 17, "x": 1}, "17"),
        ({"label": None, "task": "", "name": False, "id": "d", "x": 1}, "d"),
        ({"label": {"deep": "a"}, "task": ["b"], "id": "d", "x": 1}, "d"),
        ({"x": 1}, "stdin:1"),
    ],
)
def test_the_label_is_the_first_of_label_task_name_and_id_else_the_position(
    read: Read, record: dict[str, object], label: str
) -> None:
    assert read(record).labels == [label]


def test_a_fraction_is_no_label_but_a_metric(read: Read) -> None:
    tasks = read({"label": 1.5, "name": "n", "x": 1})
    assert tasks.labels == ["n"]
    assert row_of(tasks) == {"label": 1.5, "x": 1.0}


def test_the_field_that_served_as_label_is_no_metric(read: Read) -> None:
    assert row_of(read({"id": 17, "x": 1})) == {"x": 1.0}
    assert row_of(read({"label": "a", "id": 17, "x": 1})) == {"id": 17.0, "x": 1.0}


def test_positions_that_serve_as_labels_are_those_of_their_records(batch_of: MakeBatch) -> None:
    tasks, rejects = Decoder().decode(batch_of([{"x": 1}, b"{", {"x": 2, "label": "b"}, {"x": 3}]))
    assert tasks.labels == ["stdin:1", "b", "stdin:4"]
    assert [str(reject.position) for reject in rejects] == ["stdin:2"]


@pytest.mark.parametrize(
    ("record", "options", "label"),
    [
        ({"meta": {"job": "a"}, "x": 1}, {"label": "meta.job"}, "a"),
        ({"meta.job": "a", "x": 1}, {"label": "meta.job"}, "a"),
        ({"metrics": {"x": 1, "job": "a"}}, {"label": "metrics.job"}, "a"),
        ({"n": 7, "label": "b", "x": 1}, {"label": "n"}, "7"),
        ({"label": "b", "x": 1}, {"label": "n"}, "stdin:1"),
        ({"n": None, "label": "b", "x": 1}, {"label": "n"}, "stdin:1"),
        ({"n": "", "x": 1}, {"label": "n"}, "stdin:1"),
    ],
)
def test_a_named_label_field_takes_the_place_of_the_defaults(
    read: Read, record: dict[str, object], options: dict[str, str], label: str
) -> None:
    assert read(record, **options).labels == [label]


@pytest.mark.parametrize(
    ("record", "time"),
    [
        ({"ts": MOMENT, "time": 1.0, "x": 1}, MOMENT),
        ({"time": MOMENT * 1e3, "x": 1}, MOMENT),
        ({"timestamp": int(MOMENT * 1e6), "x": 1}, MOMENT),
        ({"at": int(MOMENT * 1e9), "x": 1}, MOMENT),
        ({"at": "2023-11-14T22:13:20Z", "x": 1}, MOMENT),
        ({"ts": "1700000000", "x": 1}, MOMENT),
        ({"ts": "soon", "time": None, "timestamp": True, "at": MOMENT, "x": 1}, MOMENT),
        ({"x": 1}, ARRIVAL),
        ({"ts": 1e20, "x": 1}, ARRIVAL),
    ],
)
def test_the_time_is_the_first_of_ts_time_timestamp_and_at_that_is_one(
    read: Read, record: dict[str, object], time: float
) -> None:
    assert read(record).times.tolist() == [time]


def test_a_number_too_small_for_a_time_is_a_metric_unless_the_field_was_named(read: Read) -> None:
    tasks = read({"time": 12.5, "at": MOMENT})
    assert tasks.times.tolist() == [MOMENT]
    assert row_of(tasks) == {"time": 12.5}
    named = read({"time": 12.5, "x": 1, "at": MOMENT}, time="time")
    assert named.times.tolist() == [12.5]
    assert row_of(named) == {"x": 1.0, "at": MOMENT}


def test_a_record_without_the_named_time_fired_when_it_arrived(read: Read) -> None:
    assert read({"x": 1}, {"x": 1, "done": None}, time="done").times.tolist() == [ARRIVAL, ARRIVAL + 1]


def test_the_key_joins_the_values_of_its_fields(read: Read) -> None:
    tasks = read(
        {"svc": "a", "n": {"shard": 3}, "x": 1},
        {"svc": None, "x": 1},
        {"svc": "a|b\\c", "n": {"shard": True}, "x": 1},
        {"svc": 1.5, "n": {}, "x": 1},
        key=("svc", "n.shard"),
    )
    assert tasks.keys == ["a|3", "|", "a\\|b\\\\c|true", "1.5|"]
    assert tasks.names == ("x",)


def test_a_key_of_one_field_is_its_value_as_it_is(read: Read) -> None:
    assert read({"svc": "a|b", "x": 1}, {"x": 1}, key=("svc",)).keys == ["a|b", ""]
    assert read({"svc": "a", "x": 1}).keys is None


RECORD = {"label": "a", "cpu": 1, "meta": {"cpu": 2}, "metrics": {"latency_ms": 3, "user_id": 4}}


@pytest.mark.parametrize(
    ("include", "exclude", "kept"),
    [
        ((), (), {"cpu", "meta.cpu", "latency_ms", "user_id"}),
        (("metrics.*",), (), {"latency_ms", "user_id"}),
        (("latency_ms",), (), {"latency_ms"}),
        (("metrics.*",), ("*_id",), {"latency_ms"}),
        (("cpu",), (), {"cpu"}),
        (("*cpu",), (), {"cpu", "meta.cpu"}),
        (("meta.???", "user_[a-i]d"), (), {"meta.cpu", "user_id"}),
        ((), ("metrics.*",), {"cpu", "meta.cpu"}),
        (("CPU", "l*"), (), {"latency_ms"}),
    ],
)
def test_globs_match_a_metrics_name_and_its_path(
    read: Read, include: tuple[str, ...], exclude: tuple[str, ...], kept: set[str]
) -> None:
    assert set(read(RECORD, include=include, exclude=exclude).names) == kept


@pytest.mark.parametrize("records", [[], [b"no"], [b"no", b"{}"]])
def test_a_batch_without_tasks_has_no_rows(batch_of: MakeBatch, records: list[bytes]) -> None:
    tasks, rejects = Decoder(DecodeOptions(key=("k",))).decode(batch_of(records))
    assert (len(tasks), tasks.names, tasks.values.shape, tasks.times.shape) == (0, (), (0, 0), (0,))
    assert (tasks.labels, tasks.keys, len(tasks.positions)) == ([], [], 0)
    assert len(rejects) == len(records)


def test_rejects_keep_their_positions_and_bytes_and_tasks_theirs(batch_of: MakeBatch) -> None:
    batch = batch_of([b"bad", {"x": 1}, b"[]", {"x": 2}, {"y": 3}])
    tasks, rejects = Decoder().decode(batch)
    assert [(str(reject.position), reject.payload) for reject in rejects] == [("stdin:1", b"bad"), ("stdin:3", b"[]")]
    assert tasks.positions.offsets.tolist() == [1, 3, 4]
    assert tasks.times.tolist() == [ARRIVAL + 1, ARRIVAL + 3, ARRIVAL + 4]
    np.testing.assert_array_equal(tasks.values, [[1, np.nan], [2, np.nan], [np.nan, 3]])


def test_the_batchs_own_times_stay_as_they_are(batch_of: MakeBatch) -> None:
    batch = batch_of([{"x": 1, "ts": MOMENT}])
    Decoder().decode(batch)
    assert batch.times.tolist() == [ARRIVAL]


def test_derived_metrics_stand_after_the_others(batch_of: MakeBatch) -> None:
    decoder = Decoder(DecodeOptions(exclude=("hidden",)), Glaze({"ratio": "errors / requests", "gone": "hidden * 2"}))
    tasks, _ = decoder.decode(batch_of([{"errors": 1, "requests": 4, "hidden": 1}, {"requests": 4}]))
    assert tasks.names == ("errors", "requests", "ratio", "gone")
    np.testing.assert_array_equal(tasks.values[:, 2:], [[0.25, np.nan], [np.nan, np.nan]])


def test_a_batch_that_was_columnar_from_the_start_gets_the_derived_metrics_alone() -> None:
    tasks = TaskBatch(["a"], np.zeros(1), ("x",), np.array([[4.0]]), Positions(Partition("q"), np.zeros(1, np.int64)))
    assert Decoder(DecodeOptions(exclude=("x",)), Glaze({"y": "sqrt(x)"})).derive(tasks).names == ("x", "y")
    assert Decoder().derive(tasks) is tasks
