from __future__ import annotations

from typing import Any

from crackle_stream.sinks.standing import Notice, Standing


def a_notice(fingerprint: str = "a", starts_at: str = "2026-11-20T20:41:07.000Z", **labels: str) -> Notice:
    return Notice({"fingerprint": fingerprint, **labels}, {"summary": fingerprint}, starts_at)


def standing(**fields: Any) -> Standing:
    return Standing(**{"limit": 3, "hold_s": 1000.0, "expires_s": 100.0, **fields})


def ends(postings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["labels"]["fingerprint"], each["endsAt"]) for each in postings]


def at(seconds: int) -> str:
    return f"1970-01-01T00:{seconds // 60:02}:{seconds % 60:02}.000Z"


def test_what_stands_is_pushed_again_with_an_end_that_moves() -> None:
    roll = standing()
    assert ends(roll.stand(a_notice("a"), 0.0)) == [("a", at(100))]
    assert ends(roll.due(60.0)) == [("a", at(160))]
    assert ends(roll.due(120.0)) == [("a", at(220))]


def test_what_ended_is_pushed_with_its_end_until_nobody_can_think_that_it_stands() -> None:
    roll = standing()
    roll.stand(a_notice("a"), 0.0)
    assert ends(roll.end(a_notice("a"), 50.0)) == [("a", at(50))]
    assert ends(roll.due(60.0)) == [("a", at(50))]
    assert ends(roll.due(150.0)) == [("a", at(50))]
    assert roll.due(151.0) == []
    assert not roll


def test_an_alert_ends_with_the_labels_and_the_beginning_it_had() -> None:
    roll = standing()
    roll.stand(a_notice("a", kind="clustering"), 0.0)
    forgetful = Notice({"fingerprint": "a", "kind": "forgotten"}, {"summary": "over"}, "2027-01-01T00:00:00.000Z")
    (posted,) = roll.end(forgetful, 50.0)
    assert posted["labels"] == {"fingerprint": "a", "kind": "clustering"}
    assert posted["annotations"] == {"summary": "over"}
    assert posted["startsAt"] == "2026-11-20T20:41:07.000Z"
    (again,) = roll.end(forgetful, 70.0)  # the pipeline tries it again
    assert (again["labels"], again["endsAt"]) == (posted["labels"], at(50))


def test_an_alert_whose_label_changed_ends_under_the_old_one() -> None:
    roll = standing()
    roll.stand(a_notice("a", severity="warning"), 0.0)
    old, new = roll.stand(a_notice("a", severity="critical"), 50.0)
    assert (old["labels"], old["endsAt"]) == ({"fingerprint": "a", "severity": "warning"}, at(50))
    assert (new["labels"], new["endsAt"]) == ({"fingerprint": "a", "severity": "critical"}, at(150))
    assert {end for _, end in ends(roll.due(60.0))} == {at(50), at(160)}


def test_an_alert_raised_again_has_not_ended() -> None:
    roll = standing()
    roll.stand(a_notice("a"), 0.0)
    roll.end(a_notice("a"), 10.0)
    roll.stand(a_notice("a"), 20.0)
    assert ends(roll.due(30.0)) == [("a", at(130))]


def test_of_more_than_the_limit_the_one_told_of_longest_ago_is_let_go() -> None:
    roll = standing(limit=2)
    for second, name in enumerate("abab"):
        roll.stand(a_notice(name), float(second))
    roll.stand(a_notice("c"), 4.0)
    assert [name for name, _ in ends(roll.due(5.0))] == ["b", "c"]
    assert roll.let_go == 1


def test_ended_ones_are_bounded_too() -> None:
    roll = standing(limit=2)
    for second, name in enumerate("abc"):
        roll.end(a_notice(name), float(second))
    assert [name for name, _ in ends(roll.due(5.0))] == ["b", "c"]


def test_what_nobody_speaks_of_any_more_is_let_expire() -> None:
    roll = standing(hold_s=200.0)
    roll.stand(a_notice("a"), 0.0)
    roll.stand(a_notice("b"), 0.0)
    roll.stand(a_notice("a"), 150.0)  # repeated
    assert [name for name, _ in ends(roll.due(201.0))] == ["a"]


def test_what_an_earlier_process_left_is_taken_over_and_what_others_resolved_is_let_go() -> None:
    roll = standing()
    roll.stand(a_notice("a", kind="new"), 0.0)
    roll.end(a_notice("b"), 0.0)
    for name in "abc":
        roll.adopt(a_notice(name, kind="old"), 1.0)
    roll.adopt(Notice({"alertname": "CracklePattern"}, {}), 1.0)  # none of ours: it has no fingerprint
    assert roll.fingerprints == {"a", "c"}
    assert roll.due(2.0)[0]["labels"] == {"fingerprint": "a", "kind": "new"}
    roll.forget({"c", "unknown"})
    assert roll.fingerprints == {"a"}


def test_what_ended_while_a_heartbeat_was_under_way_is_ended_once_more() -> None:
    roll = standing()
    roll.stand(a_notice("a"), 0.0)
    roll.end(a_notice("b"), 5.0)
    roll.due(10.0)
    roll.end(a_notice("a"), 11.0)
    assert ends(roll.ended_since(10.0)) == [("a", at(11))]
