"""What is refused, and in which words."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.decode import table as table_module
from crackle_stream.model import RecordBatch

MakeBatch = Callable[[Sequence[Any]], RecordBatch]


@pytest.fixture
def problem(batch_of: MakeBatch) -> Callable[..., str]:
    def refuse(record: object, **options: Any) -> str:
        tasks, rejects = Decoder(DecodeOptions(**options)).decode(batch_of([record]))
        assert len(tasks) == 0
        (reject,) = rejects
        return reject.problem

    return refuse


Problem = Callable[..., str]


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"", "the record is empty"),
        (b" \t ", "the record is empty"),
        (b'{"a": 1', "not JSON: it ends too early"),
        (b'{"a": x}', "not JSON: invalid character (byte 6)"),
        (b"{'a': 1}", "not JSON: object keys must be strings (byte 1)"),
        (b'{"a": 1,}', "not JSON: trailing comma in object (byte 8)"),
        (b'{"a": 1} {"a": 2}', "not JSON: trailing characters (byte 10)"),
        (b'{"a": 01}', "not JSON: invalid number (byte 7)"),
        (b'{"a": 1, "b": "x\ny"}', "not JSON: invalid character (byte 16)"),
        (b"a,b,c", "not JSON: invalid character (byte 0)"),
        (b'{"a": 1, "b": "\xff"}', "not UTF-8: byte 0xff at byte 15 begins no character"),
        (b'{"a\xc3": 1}', "not UTF-8: byte 0xc3 at byte 3 begins no character"),
        (b'{"a": 1, "b": "\\ud800"}', "not JSON: a text holds half of a UTF-16 surrogate pair"),
        (b'{"a": 1, "b": "\\udc00 x"}', "not JSON: a text holds half of a UTF-16 surrogate pair"),
        (b"[1, 2]", "the record is an array, not a JSON object"),
        (b"3", "the record is a number, not a JSON object"),
        (b"null", "the record is null, not a JSON object"),
        (b"true", "the record is true or false, not a JSON object"),
        (b'"x"', "the record is text, not a JSON object"),
        (b"{}", "no numeric field to take for a metric"),
        (b'{"label": "a", "ok": true, "n": "3", "l": [1]}', "no numeric field to take for a metric"),
        (b'{"id": 3, "ts": 1700000000}', "no numeric field to take for a metric"),
    ],
)
def test_what_is_no_record_is_refused_with_its_reason(problem: Problem, payload: bytes, message: str) -> None:
    assert problem(payload) == message


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b'{"a": 1, "m": {"b": NaN}}', "'m.b' is NaN: leave a metric out where it has no value"),
        (b'{"a": Infinity}', "'a' is infinite or too large for a number"),
        (b'{"a": -Infinity}', "'a' is infinite or too large for a number"),
        (b'{"a": 1e400}', "'a' is infinite or too large for a number"),
        (b'{"l": [1, 1e400]}', "'l[1]' is infinite or too large for a number"),
        (b"NaN", "the record is NaN: leave a metric out where it has no value"),
        (b'{"a": 1, "m": {"b": 1.1e300}}', "metric 'm.b' is beyond 1e+300 in magnitude, the limit"),
        (b'{"a": -1.1e300}', "metric 'a' is beyond 1e+300 in magnitude, the limit"),
        (b'{"a": 1' + b"0" * 301 + b"}", "metric 'a' is beyond 1e+300 in magnitude, the limit"),
        (b'{"a": -1' + b"0" * 400 + b"}", "metric 'a' is beyond 1e+300 in magnitude, the limit"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "'a' is infinite or too large for a number"),
    ],
)
def test_a_number_that_is_none_is_refused_by_name(problem: Problem, payload: bytes, message: str) -> None:
    assert problem(payload) == message


def test_the_largest_metrics_are_taken(batch_of: MakeBatch) -> None:
    tasks, rejects = Decoder().decode(batch_of([b'{"a": 1e300, "b": -1e300, "c": 1' + b"0" * 300 + b"}"]))
    assert rejects == ()
    assert tasks.values.tolist() == [[1e300, -1e300, 1e300]]


def test_a_number_too_large_for_a_metric_does_no_harm_where_it_is_left_out(batch_of: MakeBatch) -> None:
    tasks, rejects = Decoder(DecodeOptions(exclude=("huge",))).decode(batch_of([b'{"a": 1, "huge": 9e300}']))
    assert (rejects, tasks.names) == ((), ("a",))


def test_a_record_may_have_as_many_bytes_as_the_limit(problem: Problem, batch_of: MakeBatch) -> None:
    payload = b'{"a": 1, "b": "' + b"x" * (1000 - 17) + b'"}'
    assert len(payload) == 1000
    tasks, _ = Decoder(DecodeOptions(max_record_bytes=1000)).decode(batch_of([payload]))
    assert len(tasks) == 1
    message = "the record has more than 1,000 bytes, the limit (max_record_bytes)"
    assert problem(payload + b" ", max_record_bytes=1000) == message


def test_a_record_may_have_as_many_metrics_as_the_limit(problem: Problem, batch_of: MakeBatch) -> None:
    record = {f"m{number}": number for number in range(256)}
    tasks, _ = Decoder().decode(batch_of([record]))
    assert tasks.values.shape == (1, 256)
    assert problem({**record, "x": 1}) == "more than 256 metrics, the limit (max_metrics)"


def test_metrics_that_are_left_out_do_not_count(batch_of: MakeBatch) -> None:
    record = {f"m{number}": number for number in range(1000)}
    tasks, rejects = Decoder(DecodeOptions(include=("m1?",))).decode(batch_of([record]))
    assert (rejects, tasks.values.shape) == ((), (1, 10))


def test_a_metrics_name_may_have_as_many_characters_as_the_limit(problem: Problem, batch_of: MakeBatch) -> None:
    tasks, _ = Decoder().decode(batch_of([{"metrics": {"ä" * 128: 1}}]))
    assert len(tasks.names[0]) == 128
    assert problem({"a": 1, "metrics": {"b" * 129: 1}}) == (
        f"the metric name '{'b' * 57}...' has 129 characters, more than the limit of 128 (max_name_length)"
    )
    assert "has 131 characters" in problem({"a": {"b" * 129: 1}})


def test_a_label_or_key_may_have_as_many_characters_as_the_limit(problem: Problem, batch_of: MakeBatch) -> None:
    tasks, _ = Decoder(DecodeOptions(key=("k",))).decode(batch_of([{"label": "ä" * 256, "k": "ö" * 256, "x": 1}]))
    assert (len(tasks.labels[0]), len((tasks.keys or [])[0])) == (256, 256)
    assert problem({"task": "a" * 257, "x": 1}) == (
        "label field 'task' has 257 characters, more than the limit of 256 (max_label_length)"
    )
    assert problem({"k": "a" * 256, "j": 1, "x": 1}, key=("k", "j")) == (
        "the key has 258 characters, more than the limit of 256 (max_label_length)"
    )


def test_a_whole_number_of_a_thousand_digits_is_too_long_a_label(problem: Problem) -> None:
    assert problem(b'{"x": 1, "id": ' + b"7" * 1000 + b"}") == (
        "label field 'id' has 1000 characters, more than the limit of 256 (max_label_length)"
    )


def test_no_setting_of_the_interpreter_makes_a_long_number_an_error(problem: Problem) -> None:
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        found = [problem(b'{"x": 1, "id": ' + b"7" * digits + b"}") for digits in (640, 641)]
    finally:
        sys.set_int_max_str_digits(limit)
    assert found == [
        "label field 'id' has 640 characters, more than the limit of 256 (max_label_length)",
        "'id' is infinite or too large for a number",
    ]


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_a_record_may_be_as_deep_as_the_limit(
    problem: Problem, batch_of: MakeBatch, opening: bytes, closing: bytes
) -> None:
    def nested(levels: int) -> bytes:
        return b'{"x":1,"deep":' + opening * (levels - 1) + b"1" + closing * (levels - 1) + b"}"

    tasks, _ = Decoder().decode(batch_of([nested(32)]))
    assert len(tasks) == 1
    message = problem(nested(33))
    assert message.startswith("field 'deep")
    assert message.endswith("is nested more than 32 levels deep, the limit (max_depth)")


def test_objects_and_arrays_in_each_other_count_together(problem: Problem) -> None:
    assert "is nested more than 3 levels deep" in problem({"x": 1, "a": [{"b": {}}]}, max_depth=3)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_a_record_too_deep_for_the_parser_is_refused(problem: Problem, opening: bytes) -> None:
    assert problem(opening * 100_000) == "the record is nested too deeply to be parsed"


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"done": "soon", "x": 1}, "time field 'done' holds 'soon': a time is epoch seconds, milli-, micro- or"),
        ({"done": True, "x": 1}, "time field 'done' holds true: "),
        ({"done": 1e20, "x": 1}, "time field 'done' holds 1e+20: "),
        (b'{"x": 1, "done": 1' + b"0" * 400 + b"}", f"time field 'done' holds 1{'0' * 56}...: "),
        ({"done": [1], "x": 1}, "time field 'done' holds an array: "),
        ({"done": {"x": 1}, "x": 1}, "time field 'done' holds an object: "),
        ({"done": "x" * 100, "x": 1}, f"time field 'done' holds '{'x' * 57}...': "),
    ],
)
def test_a_named_time_that_cannot_be_read_is_refused(problem: Problem, record: object, message: str) -> None:
    assert problem(record, time="done").startswith(message)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"job": 1.5, "x": 1}, "label field 'job' holds 1.5: a label is text or a whole number"),
        ({"job": False, "x": 1}, "label field 'job' holds false: a label is text or a whole number"),
        ({"job": ["a"], "x": 1}, "label field 'job' holds an array: a label is text or a whole number"),
    ],
)
def test_a_named_label_that_is_none_is_refused(problem: Problem, record: object, message: str) -> None:
    assert problem(record, label="job") == message


@pytest.mark.parametrize(("value", "kind"), [([1], "an array"), ({}, "an object")])
def test_a_key_is_made_of_single_values(problem: Problem, value: object, kind: str) -> None:
    message = f"key field 'k' holds {kind}: a part of a key is a single value"
    assert problem({"k": value, "x": 1}, key=("k",)) == message


def test_a_record_whose_numbers_are_all_left_out_is_refused_with_the_reason(problem: Problem) -> None:
    message = "no numeric field to take for a metric: include and exclude leave out all 2"
    assert problem({"a": 1, "b": 2}, include=("c",)) == message


def test_records_with_names_all_their_own_cannot_fill_the_memory(
    batch_of: MakeBatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "MAX_CELLS", 1_500)
    records = [{"common": 1, **{f"m{row}_{number}": number for number in range(50)}} for row in range(100)]
    tasks, rejects = Decoder(DecodeOptions(max_metrics=60)).decode(batch_of([*records, *[{"common": 2}] * 100]))
    assert tasks.positions.offsets.tolist() == [0, *range(100, 200)]
    assert (len(tasks.names), len(rejects)) == (51, 99)
    assert rejects[0].problem == "its metrics bring the names in one batch beyond 60, the limit"
    np.testing.assert_array_equal(tasks.values[1:, tasks.names.index("common")], 2.0)
