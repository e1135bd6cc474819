"""A fact is told once; a firm one that is not seen any more has dissolved."""

import json
from dataclasses import replace

import pytest

from crackle_stream.alerting import AlertPolicy, Lifecycle, Sighting
from crackle_stream.alerting.facts import HELD, LONG, MOST_FACTS, STRONG_Q, Facts
from crackle_stream.model import Alert, CracklePattern, Evidence, Nature, Onset, PatternKind

POLICY = AlertPolicy(repeat_interval=1e9, resolve_after=3, accept_after=6)

LAW = CracklePattern(
    PatternKind.CONSERVATION,
    "in = out + dropped exactly; in all tasks",
    0.99,
    metric_names=("in", "out", "dropped"),
    form="linear law",
    evidence=Evidence(1e-20, 1e-18, 1.0, 500.0, calibrated=True),
)
BROKEN = replace(LAW, form="broken law", nature=Nature.EVENT, direction="up", fingerprint="", at=Onset(3, 1e9))
WEAK = CracklePattern(
    PatternKind.CORRELATION,
    "a and b rise and fall together",
    0.95,
    metric_names=("a", "b"),
    form="linear",
    evidence=Evidence(1e-7, 1e-3, 0.3, 500.0, calibrated=True),
)


def windows(*shown: tuple[CracklePattern, ...], overlap: bool = False) -> list[Sighting]:
    """Windows of 500 tasks a second apart, one after the other, or every one with half of the one before."""
    step = 250 if overlap else 500
    return [
        Sighting(f"w{number}", 499.0 + step * number, patterns, began=float(step * number), tasks=500)
        for number, patterns in enumerate(shown)
    ]


def course(sightings: list[Sighting], policy: AlertPolicy = POLICY) -> tuple[Lifecycle, list[list[Alert]]]:
    lifecycle, said = Lifecycle(), []
    for one in sightings:
        # as after a restart, every time: nothing may depend on what is not stored
        lifecycle, alerts = Lifecycle.from_dict(json.loads(json.dumps(lifecycle.to_dict()))).after(one, policy)
        said.append(list(alerts))
    return lifecycle, said


def told(*shown: tuple[CracklePattern, ...], overlap: bool = False, policy: AlertPolicy = POLICY) -> list[str]:
    """What is said after all windows, each with the number of its window."""
    _, said = course(windows(*shown, overlap=overlap), policy)
    return [
        f"{number}: {alert.status} {alert.pattern.form} {alert.reason}".strip()
        for number, alerts in enumerate(said)
        for alert in alerts
    ]


def test_a_fact_is_raised_once_and_neither_repeated_nor_resolved() -> None:
    policy = replace(POLICY, repeat_interval=1.0)
    assert told(*[(WEAK,)] * 4, *[()] * 10, *[(WEAK,)] * 3, policy=policy) == ["0: raised linear"]


def test_a_strong_fact_that_held_and_is_missing_has_dissolved() -> None:
    _, said = course(windows(*[(LAW,)] * HELD, (), (), ()))
    assert [len(alerts) for alerts in said] == [1, *[0] * (HELD - 1), 0, 0, 1]
    (alert,) = said[-1]
    assert (alert.status, alert.severity, alert.pattern.nature) == ("raised", "warning", "event")
    assert (alert.pattern.kind, alert.pattern.form) == ("conservation law", "dissolved")
    assert alert.pattern.description == (
        "held for 5 windows and is not seen any more since 1970-01-01 00:41:39 UTC: in = out + dropped exactly"
    )
    assert alert.pattern.metrics == {"windows_held": 5.0, "coolings_missed": 3.0}
    assert alert.fingerprint != LAW.fingerprint


def test_a_fact_that_did_not_hold_for_long_enough_just_goes() -> None:
    assert told(*[(LAW,)] * (HELD - 1), *[()] * 9) == ["0: raised linear law"]


def test_one_window_without_it_or_with_little_of_it_begins_the_record_anew() -> None:
    assert told(*[(LAW,)] * 4, (), *[(LAW,)] * 4, *[()] * 9) == ["0: raised linear law"]
    little = replace(LAW, evidence=Evidence(1e-12, 2 * STRONG_Q, 1.0, 500.0, calibrated=True))
    assert told(*[(LAW,)] * 3, (little,), *[(LAW,)] * 4, *[()] * 9) == ["0: raised linear law"]


def test_it_dissolves_once_and_is_resolved_when_it_is_back_and_may_dissolve_again() -> None:
    held, gone = [(LAW,)] * HELD, [()] * 4
    assert told(*held, *gone, *held, *gone) == [
        "0: raised linear law",
        "7: raised dissolved",
        "9: resolved dissolved it holds again",
        "16: raised dissolved",
    ]


def test_what_stays_dissolved_is_the_new_normal() -> None:
    assert told(*[(LAW,)] * HELD, *[()] * 12)[1:] == [
        "7: raised dissolved",
        "13: resolved dissolved accepted as the new normal",
    ]


def test_a_broken_law_has_not_dissolved() -> None:
    assert told(*[(LAW,)] * HELD, *[(BROKEN,)] * 5, *[()] * 3) == [
        "0: raised linear law",
        "5: raised broken law",
        "12: resolved broken law not seen in 3 coolings",
    ]


def test_a_law_found_broken_after_it_was_told_to_have_dissolved_is_told_as_that() -> None:
    assert told(*[(LAW,)] * HELD, *[()] * 3, (BROKEN,)) == [
        "0: raised linear law",
        "7: raised dissolved",
        "8: raised broken law",
        "8: resolved dissolved it is told as broken now",
    ]


def test_a_fact_that_a_wider_finding_tells_has_not_dissolved() -> None:
    wider = replace(LAW, metric_names=("in", "out", "dropped", "late"), fingerprint="")
    assert told(*[(LAW,)] * HELD, *[(wider,)] * 9) == ["0: raised linear law", "5: raised linear law"]
    assert told(*[(LAW,)] * HELD, *[()] * 3, (wider,))[-1] == "8: resolved dissolved it holds again"
    beside = replace(LAW, metric_names=("in", "other"), fingerprint="")
    assert told(*[(LAW,)] * HELD, *[(beside,)] * 3)[-1] == "7: raised dissolved"


def test_a_weak_fact_dissolves_only_after_a_long_record_of_windows_without_a_common_task() -> None:
    assert told(*[(WEAK,)] * (LONG - 1), *[()] * 9) == ["0: raised linear"]
    assert told(*[(WEAK,)] * LONG, *[()] * 3) == ["0: raised linear", f"{LONG + 2}: raised dissolved"]
    overlapping = [(WEAK,)] * (2 * LONG - 2), [()] * 9
    assert told(*overlapping[0], *overlapping[1], overlap=True) == ["0: raised linear"]


def test_a_window_with_few_tasks_or_a_failed_detector_is_no_witness_of_absence() -> None:
    held = windows(*[(LAW,)] * HELD)
    silent = [
        Sighting(
            f"s{number}", 1e4 + number, conclusive=number % 2 == 0, began=9e3 + number, tasks=249 * (number % 2 == 0)
        )
        for number in range(20)
    ]
    assert [len(alerts) for alerts in course([*held, *silent])[1]] == [1] + [0] * 24
    half = [replace(one, conclusive=True, tasks=250) for one in silent[:3]]
    assert len(course([*held, *half])[1][-1]) == 1


@pytest.mark.parametrize("time", [1e300, float("nan")])
def test_a_time_that_is_no_date_is_told_as_a_number(time: float) -> None:
    held = [replace(one, time=time, began=None) for one in windows(*[(LAW,)] * HELD)]
    _, said = course([*held, *windows((), (), ())])
    assert f"since the window that ended at {time:g}: in = out" in said[-1][0].pattern.description


def test_a_fact_without_a_description_is_named() -> None:
    mute = replace(LAW, description="")
    _, said = course(windows(*[(mute,)] * HELD, (), (), ()))
    assert said[-1][0].pattern.description.endswith("UTC: conservation law of in, out, dropped")


def test_facts_remembered_are_bounded_and_those_seen_last_stay() -> None:
    many = [
        replace(WEAK, metric_names=(f"a{number}", f"b{number}"), fingerprint="") for number in range(MOST_FACTS + 5)
    ]
    first, last = windows(tuple(many[:5]), tuple(many[5:]))
    facts = Facts().after(first, first.patterns, 3).facts.after(last, last.patterns, 3).facts
    assert set(facts.records) == {one.fingerprint for one in many[5:]}


def test_facts_are_remembered_without_their_tasks_and_with_their_number() -> None:
    crowded = replace(WEAK, involved_tasks=tuple(f"task {number}" for number in range(400)))
    lifecycle, _ = course(windows((crowded,)))
    (record,) = lifecycle.facts.records.values()
    assert (record.pattern.involved_tasks, record.pattern.involved_count) == ((), 400)
