"""Alerts of a rehearsal, against those of another one and against a golden file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sample_alerts import a_pattern, an_alert

from crackle_stream.app.replay.comparison import compared
from crackle_stream.app.replay.golden import differences, golden, read_golden, write_golden
from crackle_stream.app.replay.lines import comparison_lines
from crackle_stream.app.replay.lives import Told, lives_of
from crackle_stream.app.replay.rehearsal import Rehearsal
from crackle_stream.app.replay.words import delay, lasted, verdict
from crackle_stream.errors import ConfigError
from crackle_stream.model import AlertStatus, Onset, Partition, Position

NAMES = ("a.toml", "b.toml")


def told(at: float, status: str = "raised", *, of: str = "f1", onset: float | None = None, partition: int = 0) -> Told:
    begins = None if onset is None else Onset(3, onset)
    pattern = a_pattern(fingerprint=of, at=begins)
    position = Position(Partition("results", partition), int(at))
    return Told(an_alert(status=AlertStatus(status), pattern=pattern, position=position), ("pager",), at)


def a_rehearsal(*tellings: Told, **fields: Any) -> Rehearsal:
    filled = {"begins": 0.0, "ends": 3.5 * 86_400, "longest": 50.0, "tasks": 900, "windows": 9}
    return Rehearsal(tellings, **{**filled, **fields})


def test_a_life_goes_from_raised_to_resolved_and_the_next_begins_anew() -> None:
    first, second = lives_of([told(100), told(150, "repeated"), told(200, "resolved"), told(300)])
    assert (first.raised.at, first.over_at, first.notifications) == (100, 200, 3)
    assert (second.raised.at, second.over_at, second.notifications) == (300, None, 1)


def test_a_finding_of_two_partitions_has_two_lives() -> None:
    lives = lives_of([told(100), told(110, partition=1), told(200, "resolved", partition=1)])
    assert [life.over_at for life in lives] == [None, 200]


def test_alerts_a_week_are_of_stream_time_and_of_no_length_there_are_none() -> None:
    assert a_rehearsal(told(100), told(200, "resolved"), told(300)).a_week == 4.0
    assert str(a_rehearsal(told(100), ends=0.0).a_week) == "nan"
    assert str(a_rehearsal(told(100), timed=False).a_week) == "nan"


def test_what_began_within_a_window_of_each_other_is_one_alert_and_the_delay_is_of_the_raising() -> None:
    one = a_rehearsal(told(100, onset=80), told(120, "resolved"))
    other = a_rehearsal(told(220, onset=130))
    (pair,) = compared(NAMES, one, other).pairs
    assert pair.delay == 120
    assert delay(pair.delay) == "2 min later"


def test_what_began_further_apart_is_two_alerts_unless_one_stood_when_the_other_was_raised() -> None:
    ended = a_rehearsal(told(100, onset=80), told(120, "resolved"))
    stands = a_rehearsal(told(100, onset=80))
    late = a_rehearsal(told(220, onset=131))
    assert [pair.delay for pair in compared(NAMES, ended, late).pairs] == [None, None]
    assert [pair.delay for pair in compared(NAMES, stands, late).pairs] == [120]


def test_the_nearest_onsets_go_together_and_the_rest_is_one_s_own() -> None:
    one = a_rehearsal(told(100, onset=80), told(110, "resolved"), told(150, onset=140), told(160, "resolved"))
    other = a_rehearsal(told(145, onset=138), told(150, "resolved"), told(300, of="f2"))
    made = compared(NAMES, one, other)
    assert [(pair.life.raised.at, pair.delay) for pair in made.pairs] == [(100, None), (150, -5), (300, None)]
    assert [pair.life.alert.fingerprint for pair in made.only_second] == ["f2"]
    assert list(verdict(made))[2:] == [
        "both raised 1, only a.toml 1, only b.toml 1",
        "of what both raised, b.toml told it (median) 5 s earlier",
    ]
    assert '"alerts_a_week": 4.0' in list(comparison_lines(made))[-1]


def test_the_same_finding_in_another_partition_is_another_alert() -> None:
    made = compared(NAMES, a_rehearsal(told(100)), a_rehearsal(told(100, partition=1)))
    assert (len(made.only_first), len(made.only_second), made.median_delay) == (1, 1, None)


def test_the_median_of_two_delays_is_between_them() -> None:
    one = a_rehearsal(told(100), told(100, of="f2"))
    other = a_rehearsal(told(100), told(130, of="f2"))
    assert compared(NAMES, one, other).median_delay == 15
    assert (delay(0.0), delay(None)) == ("at the same time", "")


def test_durations_have_the_largest_unit_of_which_they_are_at_least_two() -> None:
    assert [lasted(each) for each in (0.4, 119, 120, 7200, 172_800)] == ["0.4 s", "119 s", "2 min", "2 h", "2 d"]


def test_a_golden_file_is_read_as_it_was_written_and_does_not_differ(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    lines = golden(a_rehearsal(told(300, onset=250.00049), told(100)))
    write_golden(path, lines)
    assert read_golden(path) == lines
    assert [line["offset"] for line in lines] == [100, 300], "in the order of the stream"
    assert lines[1]["at"] == 250.0
    assert differences(read_golden(path), lines) == []


def test_confidences_and_texts_make_no_difference(tmp_path: Path) -> None:
    one = a_rehearsal(told(100))
    pattern = a_pattern(fingerprint="f1", at=None, confidence=0.5, description="other", metrics={"before": 1.0})
    other = a_rehearsal(Told(an_alert(pattern=pattern, position=Position(Partition("x", 0), 100)), (), 7.0))
    assert golden(one) == golden(other)


def test_records_without_a_time_are_expected_by_their_place_alone() -> None:
    assert [line["at"] for line in golden(a_rehearsal(told(100, onset=80), timed=False))] == [None]


def test_differences_say_what_is_missing_what_has_come_and_what_has_changed() -> None:
    expected = golden(a_rehearsal(told(100), told(200, onset=1.5, of="f2"), told(250, "resolved", of="f2")))
    found = golden(a_rehearsal(told(100), told(100), told(230, onset=2.5, of="f2")))
    assert differences(expected, found) == [
        "changed       raised phase transition, mean of latency_ms (f2): offset 200 -> 230, "
        "at 1970-01-01T00:00:01.500Z -> 1970-01-01T00:00:02.500Z",
        "missing       resolved phase transition, mean of latency_ms (f2), offset 250",
        "not expected  raised phase transition, mean of latency_ms (f1), offset 100",
    ]


@pytest.mark.parametrize("text", ["{", "[]", '{"status": "raised"}'])
def test_a_file_that_holds_something_else_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "golden.jsonl"
    path.write_text(f"\n{text}\n")
    with pytest.raises(ConfigError, match=r"golden\.jsonl, line 2, is no line of a golden file: write a new one"):
        read_golden(path)


def test_a_golden_file_that_cannot_be_read_or_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no file .*: --write makes it of what this replay gives"):
        read_golden(tmp_path / "none")
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        read_golden(tmp_path)
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        write_golden(tmp_path, [])
