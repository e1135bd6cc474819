"""What is stored beside a position is the value after that position's window; news waits for its cut to be listed."""

from collections.abc import Iterable

from crackle_stream.commit import CutPlan, Cuts, Ledger

KILN = "kiln"


def ledger(*windows: tuple[int, str, Iterable[str]], through: int = -1) -> Ledger[str]:
    """Windows of ten rows of context each, cooled: end, what closed it, notices that pin it."""
    made = Ledger[str](through, 0, states={KILN: "at first"})
    for end, closed_by, notices in windows:
        cut(made, end, closed_by)
        made.cooled(f"w{end}", f"after {end}", notices)
    return made


def cut(made: Ledger[str], end: int, closed_by: str = "tasks", kiln: str = KILN) -> None:
    made.cut(f"w{end}", kiln, end, closed_by=closed_by, refill_from=max(0, end - 9), stream_time=float(end))


def test_the_state_beside_a_position_is_that_of_its_window_not_of_now() -> None:
    made = ledger((9, "tasks", ()), (19, "tasks", ["raised"]), (29, "tasks", ()))
    as_of = made.as_of(10)
    assert (as_of.through, as_of.states, as_of.refill_from, as_of.stream_time) == (9, {KILN: "after 9"}, 0, 9.0)
    assert made.now(KILN) == "after 29"
    assert made.as_of(30).states == {KILN: "after 29"}
    assert made.as_of(30).refill_from == 20


def test_before_its_first_window_a_partition_is_as_it_was_taken_over() -> None:
    as_of = ledger((19, "tasks", ["raised"]), through=9).as_of(10)
    assert (as_of.through, as_of.states, as_of.refill_from) == (9, {KILN: "at first"}, 0)


def test_kilns_stand_in_the_order_of_their_last_windows() -> None:
    ledger = Ledger[str](99, 90, states={"a": "0", "b": "0"})
    for window, kiln, end in (("w1", "a", 104), ("w2", "b", 109), ("w3", "a", 114)):
        ledger.cut(window, kiln, end, closed_by="tasks", refill_from=95, stream_time=0.0)
        ledger.cooled(window, window)
    assert list(ledger.as_of(100).states) == ["a", "b"]
    assert list(ledger.as_of(110).states) == ["a", "b"]
    assert list(ledger.as_of(115).states) == ["b", "a"]


def test_a_window_is_settled_by_its_last_notice_and_one_without_news_at_once() -> None:
    made = ledger()
    cut(made, 9)
    assert made.cooled("w9", "after 9")
    cut(made, 19)
    assert not made.cooled("w19", "after 19", ["a", "b"])
    assert made.unsettled == 1
    assert made.settle("a") == ()
    assert made.settle("b") == ("w19",)
    assert made.unsettled == 0


def test_windows_and_notices_of_a_former_generation_are_ignored() -> None:
    made = ledger()
    assert not made.cooled("gone", "after", ["a"])
    assert made.settle("a") == ()
    made.merge("gone")
    assert made.now(KILN) == "at first"


def test_news_of_a_window_on_the_grid_may_be_told_at_once() -> None:
    made = ledger((9, "tasks", ["a"]), (14, "time", ["b"]))
    assert made.may_tell("w9")
    assert made.may_tell("w14")
    assert not made.unlisted


def test_news_waits_until_every_departure_from_the_grid_before_it_is_listed() -> None:
    made = ledger((9, "tasks", ["a"]), (13, "idle", ()), (19, "tasks", ["b"]), (25, "asked", ["c"]))
    assert [made.may_tell(name) for name in ("w9", "w19", "w25")] == [True, False, False]
    assert made.unlisted
    as_of = made.as_of(0)
    assert as_of.cuts == Cuts(extra=(13, 25))
    made.committed(as_of, Cuts(extra=(13,)))
    assert [made.may_tell(name) for name in ("w9", "w19", "w25")] == [True, True, False]
    made.committed(as_of, as_of.cuts)
    assert made.may_tell("w25")
    assert not made.unlisted


def test_a_window_that_gave_way_is_listed_as_merged() -> None:
    made = ledger()
    cut(made, 9)
    cut(made, 19)
    made.merge("w9")
    made.cooled("w19", "after 19", ["a"])
    assert made.as_of(0).cuts == Cuts(merged=(9,))
    assert not made.may_tell("w19")
    made.committed(made.as_of(0), Cuts(merged=(9,)))
    assert made.may_tell("w19")


def test_a_cut_off_the_grid_that_gave_way_is_merged_and_no_longer_extra() -> None:
    made = ledger()
    cut(made, 7, "idle")
    cut(made, 9)
    made.merge("w7")
    assert made.as_of(0).cuts == Cuts(merged=(7,))


def test_what_a_former_owner_listed_is_handed_on_until_it_is_passed() -> None:
    made = Ledger[str](9, 0, inherited=Cuts((13, 25), (19,)))
    assert made.as_of(10).cuts == Cuts((13, 25), (19,))
    cut(made, 13, "again")
    made.cooled("w13", "after 13", ["a"])
    assert made.may_tell("w13")
    assert made.as_of(14).cuts == Cuts((25,), (19,))


def test_a_commit_forgets_what_it_passed_and_what_is_left_may_be_told() -> None:
    made = ledger((9, "idle", ()), (19, "tasks", ["a"]))
    as_of = made.as_of(10)
    made.committed(as_of, as_of.cuts)
    assert made.as_of(10) == as_of
    assert made.may_tell("w9")
    assert made.may_tell("w19")


def test_a_kiln_that_was_closed_has_no_state_from_its_last_window_on() -> None:
    made = ledger()
    cut(made, 9, "evicted")
    made.cooled("w9", None)
    assert made.now(KILN) is None
    assert made.as_of(9).states == {KILN: "at first"}
    assert made.as_of(10).states == {}


def test_what_changes_without_a_window_counts_at_once_and_is_committed_once_it_is_settled() -> None:
    made = ledger()
    before = made.amend(KILN, "silent")
    assert (before, made.now(KILN)) == ("at first", "silent")
    assert (made.unsaid, made.as_of(0).states) == (False, {KILN: "at first"})
    made.amended(KILN, before, "silent")
    assert (made.unsaid, made.as_of(0).states) == (True, {KILN: "silent"})
    made.committed(made.as_of(0), Cuts())
    assert (made.unsaid, made.states) == (False, {KILN: "silent"})


def test_a_kiln_that_is_gone_without_a_window_has_no_state_once_that_is_settled() -> None:
    made = ledger()
    made.amended(KILN, made.amend(KILN, None), None)
    assert (made.now(KILN), made.as_of(0).states) == (None, {})


def test_what_changed_while_a_commit_was_under_way_is_committed_by_the_next() -> None:
    made = ledger()
    under_way = made.as_of(0)
    made.amended(KILN, made.amend(KILN, "silent"), "silent")
    made.committed(under_way, Cuts())
    assert (made.unsaid, made.as_of(0).states) == (True, {KILN: "silent"})


def test_a_change_after_a_window_that_is_not_committed_stands_with_that_window() -> None:
    made = ledger()
    cut(made, 9)
    made.cooled("w9", "after 9")
    made.amended(KILN, made.amend(KILN, "silent"), "silent")
    assert not made.unsaid
    assert (made.as_of(5).states, made.as_of(10).states) == ({KILN: "at first"}, {KILN: "silent"})


def test_a_change_that_is_settled_after_a_later_window_amends_nothing_of_that_window() -> None:
    made = ledger()
    before = made.amend(KILN, "silent")
    cut(made, 9)
    made.cooled("w9", "after 9")
    made.amended(KILN, before, "silent")
    assert made.as_of(10).states == {KILN: "after 9"}


def test_with_several_kilns_the_oldest_ring_says_from_where_to_refill() -> None:
    made = Ledger[str](-1, 0)
    for end, kiln in ((19, "a"), (49, "b"), (59, "a")):
        cut(made, end, kiln=kiln)
        made.cooled(f"w{end}", f"{kiln} after {end}")
    assert made.as_of(55).states == {"a": "a after 19", "b": "b after 49"}
    assert made.as_of(55).refill_from == 10
    assert made.as_of(60).refill_from == 40


def test_in_the_stretch_taken_over_windows_end_as_they_did_before() -> None:
    plan = CutPlan(Cuts((13, 25), (19,)), free_from=30)
    assert plan.ends([9, 19, 29], 10, 29) == [9, 13, 25, 29]
    assert plan.forced(10, 13) == (13,)
    assert plan.forced(14, 24) == ()


def test_nothing_is_merged_before_the_log_end_seen_at_assignment_and_nothing_added_before_it_is_reached() -> None:
    plan = CutPlan(free_from=30)
    assert [plan.may_merge(end) for end in (29, 30)] == [False, True]
    assert [plan.may_add(following) for following in (29, 30)] == [False, True]


def test_only_the_first_departures_are_kept_where_all_do_not_fit() -> None:
    cuts = Cuts((1, 5, 9), (3, 7))
    assert cuts.first(3) == Cuts((1, 5), (3,))
    assert cuts.first(0) == Cuts()
    assert cuts.first(5) == cuts
