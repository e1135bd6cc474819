"""An event is raised once N of the last M conclusive coolings that could show it did."""

from dataclasses import replace

import pytest
from alerting_windows import alarm, course, shift, told, window

from crackle_stream.alerting import AlertPolicy, Lifecycle, RaiseAfter
from crackle_stream.model import CracklePattern, Evidence

TWO_OF_THREE = AlertPolicy(repeat_interval=1e9, resolve_after=2, raise_after=RaiseAfter(2, 3))


def raised_in(*shown: bool | None, policy: AlertPolicy = TWO_OF_THREE) -> list[int]:
    """In which windows an event without a place is raised: one that shows it, does not, or proves nothing (None)."""
    windows = [
        window(float(number), *([alarm()] if show else []), conclusive=show is not None)
        for number, show in enumerate(shown)
    ]
    return [number for number, said in enumerate(told(*windows, policy=policy)) if "raised depth" in said]


@pytest.mark.parametrize(
    ("shown", "raised"),
    [
        ([True, True], [1]),
        ([True, False, True], [2]),
        ([True, False, False, True], []),  # one of the last three
        ([True, False, False, True, True], [4]),
        ([True, None, None, None, True], [4]),  # what proves nothing is no cooling
        ([False, True, False, True], [3]),
    ],
)
def test_two_of_the_last_three_coolings_must_show_it(shown: list[bool | None], raised: list[int]) -> None:
    assert raised_in(*shown) == raised


def test_a_cooling_that_proves_nothing_shows_nothing_either() -> None:
    windows = [window(float(number), alarm(), conclusive=False) for number in range(5)]
    lifecycle, said = course(*windows, policy=TWO_OF_THREE)
    assert (said, dict(lifecycle.pending)) == ([[]] * 5, {})


def test_one_of_one_raises_at_once_also_where_nothing_is_proven() -> None:
    assert raised_in(True, policy=replace(TWO_OF_THREE, raise_after=RaiseAfter(1, 5))) == [0]
    assert told(window(0, alarm(), conclusive=False), policy=AlertPolicy()) == [["raised depth"]]


def test_it_is_raised_by_the_window_that_shows_it_often_enough_and_counts_all_that_did() -> None:
    _, said = course(window(10, alarm()), window(20), window(30, alarm()), policy=TWO_OF_THREE)
    (alert,) = said[2]
    assert (alert.raised_at, alert.windows) == (30, 2)
    unproven = window(20, alarm(), conclusive=False)
    _, said = course(window(10, alarm()), unproven, window(30, alarm()), policy=TWO_OF_THREE)
    assert [alert.windows for alert in said[2]] == [2], "what proves nothing has shown nothing"


def test_what_is_pending_is_said_once_to_whoever_counts() -> None:
    first, _ = Lifecycle().after(window(10, alarm()), TWO_OF_THREE)
    second, _ = first.after(window(20), TWO_OF_THREE)
    assert [(str(one.verdict.why), one.verdict.by) for one in first.hushed] == [
        ("pending", "seen once; raised after 2 of 3")
    ]
    assert second.hushed == ()
    assert set(second.pending) == {alarm().fingerprint}


def test_a_change_that_one_window_alone_can_show_is_raised_when_windows_have_moved_past_it() -> None:
    #     tumbling:  |-- at 950 --|------------|      its only witness saw it: 1 of 1
    assert told(window(1000, shift(950)), window(1100), policy=TWO_OF_THREE) == [[], ["raised latency"]]


def test_a_change_that_half_of_its_witnesses_saw_is_not_raised_under_two_of_three_and_is_under_one_of_two() -> None:
    #     sliding:  |-- at 950 --|  |-- 950 is in it, unseen --|  |-- past it --|
    windows = window(1000, shift(950)), window(1040), window(1100)
    lifecycle, said = course(*windows, policy=TWO_OF_THREE)
    assert (said, dict(lifecycle.pending)) == ([[], [], []], {})
    two_of_four = replace(TWO_OF_THREE, raise_after=RaiseAfter(2, 4))
    assert told(*windows, policy=two_of_four) == [[], [], ["raised latency"]]


def test_a_change_found_as_another_face_of_itself_is_seen_again() -> None:
    joint = shift(952, "down", ("depth", "latency"))
    _, said = course(window(1000, shift(950)), window(1020, joint), policy=TWO_OF_THREE)
    assert [[alert.pattern.description for alert in alerts] for alerts in said] == [[], ["latency went up"]]


def test_two_faces_in_one_window_are_one_sighting() -> None:
    faces = shift(950), shift(951, "down", ("depth", "latency"))
    assert told(window(1000, *faces), policy=TWO_OF_THREE) == [[]]


def test_a_change_that_returned_before_it_was_raised_is_told_of_by_nobody_and_never_found_again() -> None:
    up, down = shift(950), shift(980, "down")
    windows = window(1000, up), window(1020, up, down), window(1030, up, down), window(1040, up, down)
    lifecycle, said = course(*windows, policy=TWO_OF_THREE)
    assert said == [[]] * 4
    assert dict(lifecycle.pending) == {}


def test_a_return_resolves_at_once_and_waits_for_no_second_sighting() -> None:
    up, down = shift(950), shift(990, "down")
    said = told(window(1000, up), window(1020, up), window(1030, down), policy=TWO_OF_THREE)
    assert said == [[], ["raised latency"], ["resolved latency it returned: latency went down"]]


def test_a_change_beyond_takes_the_earlier_ones_place_when_it_is_raised_itself() -> None:
    def went(pattern: CracklePattern, before: float, after: float) -> CracklePattern:
        return replace(pattern, metrics={"before": before, "after": after})

    up, down = went(shift(950), 100, 160), went(shift(990, "down"), 160, 20)
    windows = window(1000, up), window(1010, up), window(1020, up, down), window(1030, up, down)
    assert told(*windows, policy=TWO_OF_THREE) == [
        [],
        ["raised latency"],
        [],
        ["resolved latency it changed again: latency went down", "raised latency"],
    ]


def test_a_fact_that_dissolved_has_waited_long_enough() -> None:
    law = CracklePattern("conservation law", "in = out", 0.99, metric_names=("in", "out"), form="linear law")
    law = replace(law, evidence=Evidence(1e-20, 1e-18, 1.0, 500.0, calibrated=True))
    windows = [window(100.0 * number, *([law] if number < 5 else [])) for number in range(8)]
    said = told(*windows, policy=TWO_OF_THREE)
    assert said[0] == ["raised in"], "facts are told when they are first found"
    assert [alerts for alerts in said[1:] if alerts] == [["raised in"]]


@pytest.mark.parametrize(("needed", "of"), [(0, 1), (3, 2), (1, 61), (-1, 3)])
def test_a_rule_that_cannot_be_met_or_kept_is_refused(needed: int, of: int) -> None:
    with pytest.raises(ValueError, match=r"N of M needs 1 <= N <= M <= 60, not .* such as 2 of 3"):
        RaiseAfter(needed, of)


@pytest.mark.parametrize("text", ["", "2", "3 of 2", "0 of 1", "2 of 61", "two of three", "2 of 3 of 4"])
def test_a_rule_that_is_no_text_of_one_says_what_it_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match='is text such as "2 of 3", coolings of at most 60, not'):
        RaiseAfter.parse(text)
    assert str(RaiseAfter.parse("2 of 3")) == "2 of 3"
