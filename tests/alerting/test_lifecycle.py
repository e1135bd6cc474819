"""Raised when new, repeated while it lasts, resolved when gone."""

from dataclasses import replace

import pytest

from crackle_stream.alerting import AlertPolicy, Lifecycle, Match, Sighting
from crackle_stream.model import Alert, CracklePattern, Nature, Partition, PatternKind, Position

SHIFT = CracklePattern(
    PatternKind.PHASE_TRANSITION, "latency rose", 0.95, metric_names=("latency",), nature=Nature.EVENT, direction="up"
)
LINK = CracklePattern(PatternKind.CORRELATION, "a and b move together", 0.99, metric_names=("a", "b"))
OTHER = replace(SHIFT, metric_names=("depth",), fingerprint="")
POLICY = AlertPolicy(min_confidence=0.9, repeat_interval=100, resolve_after=2)


def story(*windows: tuple[float, tuple[CracklePattern, ...]], policy: AlertPolicy = POLICY) -> list[list[str]]:
    """What is said after each window."""
    lifecycle, said = Lifecycle(), []
    for time, patterns in windows:
        lifecycle, alerts = lifecycle.after(Sighting(f"w{time}", time, patterns), policy)
        said.append([f"{alert.status} {alert.pattern.kind}" for alert in alerts])
    return said


def test_a_pattern_is_raised_once_and_overlapping_windows_do_not_say_it_again() -> None:
    assert story((0, (SHIFT,)), (10, (SHIFT,)), (20, (SHIFT,))) == [["raised phase transition"], [], []]


def test_it_is_repeated_when_the_interval_has_passed_and_counts_again_from_there() -> None:
    said = story((0, (SHIFT,)), (99, (SHIFT,)), (100, (SHIFT,)), (199, (SHIFT,)), (200, (SHIFT,)))
    assert [len(alerts) for alerts in said] == [1, 0, 1, 0, 1]
    assert said[2] == ["repeated phase transition"]


def test_it_is_resolved_after_as_many_conclusive_coolings_without_it() -> None:
    said = story((0, (SHIFT,)), (1, ()), (2, ()), (3, ()))
    assert said == [["raised phase transition"], [], ["resolved phase transition"], []]


def test_one_sighting_starts_the_count_of_misses_anew() -> None:
    said = story((0, (SHIFT,)), (1, ()), (2, (SHIFT,)), (3, ()), (4, ()))
    assert said == [["raised phase transition"], [], [], [], ["resolved phase transition"]]


def test_a_cooling_that_proves_nothing_counts_neither_way() -> None:
    lifecycle, _ = Lifecycle().after(Sighting("w0", 0, (SHIFT,)), POLICY)
    for time in range(1, 10):
        lifecycle, alerts = lifecycle.after(Sighting(f"w{time}", time, conclusive=False), POLICY)
        assert alerts == ()
    assert set(lifecycle.active) == {SHIFT.fingerprint}


def test_a_pattern_under_the_bar_raises_nothing() -> None:
    assert story((0, (replace(SHIFT, confidence=0.89),))) == [[]]


def test_of_two_patterns_with_one_identity_the_more_confident_is_told() -> None:
    weaker = replace(SHIFT, confidence=0.91, description="latency rose a little")
    _, alerts = Lifecycle().after(Sighting("w", 0, (weaker, SHIFT)), POLICY)
    assert [alert.pattern.description for alert in alerts] == ["latency rose"]


def test_an_event_is_a_warning_and_a_fact_is_information() -> None:
    _, alerts = Lifecycle().after(Sighting("w", 0, (SHIFT, LINK)), POLICY)
    assert {str(alert.pattern.nature): str(alert.severity) for alert in alerts} == {"event": "warning", "fact": "info"}


def test_a_law_that_broke_is_critical() -> None:
    broken = replace(SHIFT, kind=PatternKind.CONSERVATION, form="broken law")
    _, alerts = Lifecycle().after(Sighting("w", 0, (broken,)), POLICY)
    assert [str(alert.severity) for alert in alerts] == ["critical"]


def test_an_alert_is_routed_for_life_by_the_confidence_it_was_raised_with() -> None:
    match = Match(confidence=0.94)
    told = []
    lifecycle = Lifecycle()
    for time, confidence in enumerate((0.95, 0.91, None, None)):
        patterns = () if confidence is None else (replace(SHIFT, confidence=confidence),)
        lifecycle, alerts = lifecycle.after(Sighting(f"w{time}", float(time), patterns), POLICY)
        told += [str(alert.status) for alert in alerts if match.takes(alert)]
    assert told == ["raised", "resolved"]


def test_the_lifecycle_given_is_untouched() -> None:
    before = Lifecycle()
    before.after(Sighting("w", 0, (SHIFT,)), POLICY)
    assert dict(before.active) == {}


def test_an_alert_tells_its_whole_life() -> None:
    where = Position(Partition("results", 2), 99)
    lifecycle, _ = Lifecycle().after(Sighting("w0", 0, (SHIFT,)), POLICY)
    lifecycle, _ = lifecycle.after(Sighting("w1", 10, (SHIFT,)), POLICY)
    lifecycle, _ = lifecycle.after(Sighting("w2", 20), POLICY)
    _, (alert,) = lifecycle.after(Sighting("w3", 30, position=where), POLICY)
    assert (alert.raised_at, alert.last_seen, alert.windows) == (0, 10, 2)
    assert alert.reason == "not seen in 2 coolings"
    assert alert.to_dict()["position"] == {"topic": "results", "partition": 2, "offset": 99}


def ids(windows: int) -> list[str]:
    lifecycle, said = Lifecycle(), list[Alert]()
    for number in range(windows):
        lifecycle, alerts = lifecycle.after(Sighting(f"w{number}", 100.0 * number, (SHIFT, OTHER)), POLICY)
        said += alerts
    return [alert.id for alert in said]


def test_every_notification_has_an_id_of_its_own_and_the_same_log_gives_the_same_ids() -> None:
    assert len(set(ids(4))) == 8
    assert ids(4) == ids(4)


def test_closing_a_kiln_resolves_what_was_active_with_the_reason() -> None:
    lifecycle, _ = Lifecycle().after(Sighting("w0", 0, (SHIFT, OTHER, LINK)), POLICY)
    after, alerts = lifecycle.closed(Sighting("gone", 5), "key closed")
    assert [(str(alert.status), alert.reason) for alert in alerts] == [("resolved", "key closed")] * 2
    assert dict(after.active) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_confidence": 1.5}, "min_confidence must be between 0 and 1"),
        ({"repeat_interval": 0}, "repeat_interval must be more than 0"),
        ({"resolve_after": 0}, "resolve_after must be at least 1"),
        ({"accept_after": 0}, "accept_after must be at least 1"),
    ],
)
def test_a_policy_that_cannot_be_is_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        AlertPolicy(**change)  # type: ignore[arg-type]
