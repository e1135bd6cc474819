"""Patterns, alerts and lifecycles are the same again after they were stored."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.alerting import AlertPolicy, Lifecycle, Sighting
from crackle_stream.model import (
    SHOWN_TASKS,
    Alert,
    AlertStatus,
    CracklePattern,
    Evidence,
    Nature,
    Onset,
    Partition,
    Position,
    Severity,
)

numbers = st.floats(allow_nan=False, allow_infinity=False)
shares = st.floats(0, 1)
words = st.text(max_size=8)
names = st.lists(words, max_size=3).map(tuple)
patterns = st.builds(
    CracklePattern,
    kind=words,
    description=words,
    confidence=shares,
    involved_tasks=st.lists(words, max_size=2 * SHOWN_TASKS).map(tuple),
    metric_names=names,
    metrics=st.dictionaries(words, numbers, max_size=3),
    form=words,
    nature=st.sampled_from(Nature),
    direction=words,
    evidence=st.none() | st.builds(Evidence, shares, shares, numbers, numbers, st.booleans()),
    at=st.none() | st.builds(Onset, st.integers(0, 10**6), numbers),
    key=words,
    window_id=words,
)
positions = st.builds(Position, st.builds(Partition, words, st.none() | st.integers(0, 99)), st.integers(0, 2**62))
alerts = st.builds(
    Alert,
    id=words,
    status=st.sampled_from(AlertStatus),
    severity=st.sampled_from(Severity),
    pattern=patterns,
    raised_at=numbers,
    last_seen=numbers,
    windows=st.integers(1, 10**6),
    reason=words,
    position=st.none() | positions,
    raised_confidence=st.none() | shares,
)


def through_json(stored: object) -> Any:
    return json.loads(json.dumps(stored))


@given(patterns)
def test_a_pattern_read_back_is_written_the_same(pattern: CracklePattern) -> None:
    stored = pattern.to_dict()
    again = CracklePattern.from_dict(through_json(stored))
    assert again.to_dict() == stored
    assert again.involved_count == len(pattern.involved_tasks)


@given(alerts)
def test_an_alert_read_back_is_written_the_same(alert: Alert) -> None:
    stored = alert.to_dict()
    again = Alert.from_dict(through_json(stored))
    assert again.to_dict() == stored
    if len(alert.pattern.involved_tasks) <= SHOWN_TASKS:
        assert again == alert


def test_a_pattern_read_back_counts_the_tasks_it_does_not_list_however_often_it_is_stored() -> None:
    tasks = tuple(f"task {number}" for number in range(250))
    pattern = CracklePattern("correlation", "a and b", 0.9, involved_tasks=tasks)
    for _ in range(3):
        pattern = CracklePattern.from_dict(pattern.to_dict())
    assert (len(pattern.involved_tasks), pattern.involved_count) == (20, 250)


def test_a_number_that_json_has_no_word_for_is_read_as_not_a_number() -> None:
    stored = CracklePattern("correlation", "a and b", 0.9, metrics={"r": float("inf")}).to_dict()
    again = CracklePattern.from_dict({**stored, "metrics": {"r": None}})
    assert again.metrics["r"] != again.metrics["r"]


@given(st.lists(patterns, max_size=5))
def test_a_lifecycle_read_back_is_written_the_same_and_goes_on_the_same(found: list[CracklePattern]) -> None:
    policy = AlertPolicy(resolve_after=1)
    lifecycle, _ = Lifecycle().after(Sighting("w0", 0.0, tuple(found)), policy)
    again = Lifecycle.from_dict(through_json(lifecycle.to_dict()))
    assert again.to_dict() == lifecycle.to_dict()
    nothing = Sighting("w1", 1.0)
    told, same = (one.after(nothing, policy)[1] for one in (lifecycle, again))
    assert [alert.to_dict() for alert in told] == [alert.to_dict() for alert in same]


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({"version": 99, "active": []}, "the stored alerts have version 99, this program reads versions 1 to 2"),
        ({}, "the stored alerts have version None"),
        ({**Lifecycle().to_dict(), "active": [{}]}, "the stored alerts are damaged: KeyError: 'pattern'"),
        ({**Lifecycle().to_dict(), "active": 3}, "the stored alerts are damaged: TypeError"),
    ],
)
def test_what_is_no_stored_lifecycle_is_refused(stored: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Lifecycle.from_dict(stored)


def test_what_is_no_stored_pattern_or_alert_is_refused() -> None:
    pattern = CracklePattern("correlation", "a and b", 0.9)
    with pytest.raises(ValueError, match="this is no stored pattern: ValueError: 'rumour' is not a valid Nature"):
        CracklePattern.from_dict({**pattern.to_dict(), "nature": "rumour"})
    with pytest.raises(ValueError, match="this is no stored alert: KeyError: 'position'"):
        Alert.from_dict({})


def test_alerts_that_were_stored_before_there_were_silences_are_read() -> None:
    pattern = CracklePattern("alarm", "odd", 0.99, metric_names=("a",), nature=Nature.EVENT)
    lifecycle, _ = Lifecycle().after(Sighting("w0", 0.0, (pattern,)), AlertPolicy())
    stored = through_json(lifecycle.to_dict())
    del stored["pending"]
    for alert in stored["active"]:
        for name in ("said", "held_id", "inhibited_by", "over"):
            del alert[name]
    assert Lifecycle.from_dict({**stored, "version": 1}) == lifecycle
    with pytest.raises(ValueError, match="the stored alerts are damaged: KeyError: 'pending'"):
        Lifecycle.from_dict(stored)
