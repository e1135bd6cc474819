"""Only what is settled may be forgotten by the log."""

from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.commit import SettledPositions
from crackle_stream.model import Partition

P = Partition("results", 0)
Q = Partition("results", 1)


def test_rows_in_an_open_kiln_hold_the_position_back() -> None:
    settled = SettledPositions()
    settled.assign(P, 100)
    settled.hand("kiln", P, 100, 149)
    assert settled.committable() == {}


def test_a_settled_window_frees_its_rows_and_context_rows_hold_nothing_back() -> None:
    settled = SettledPositions()
    settled.assign(P, 0)
    settled.hand("kiln", P, 0, 9)
    settled.cut("kiln", "w1")
    settled.hand("kiln", P, 10, 14)
    settled.settle("w1")
    assert settled.committable() == {P: 10}


def test_a_later_window_settled_first_waits_for_the_earlier_one() -> None:
    settled = SettledPositions()
    settled.assign(P, 0)
    for number, window in enumerate(("w1", "w2")):
        settled.hand("kiln", P, 10 * number, 10 * number + 9)
        settled.cut("kiln", window)
    settled.settle("w2")
    assert settled.committable() == {}
    settled.settle("w1")
    assert settled.committable() == {P: 20}


def test_a_merged_window_is_settled_by_the_one_that_covers_it() -> None:
    settled = SettledPositions()
    settled.assign(P, 0)
    settled.hand("kiln", P, 0, 9)
    settled.cut("kiln", "w1")
    settled.hand("kiln", P, 10, 19)
    settled.cut("kiln", "w2")
    settled.merge("w1", "w2")
    settled.settle("w1")
    assert settled.committable() == {}
    settled.settle("w2")
    assert settled.committable() == {P: 20}


def test_released_rows_hold_nothing_back() -> None:
    settled = SettledPositions()
    settled.assign(P, 0)
    settled.hand("batch", P, 0, 9)
    settled.release("batch")
    assert settled.committable() == {P: 10}


def test_what_was_committed_is_not_said_again() -> None:
    settled = SettledPositions()
    settled.assign(P, 5)
    assert settled.committable() == {}
    settled.hand("batch", P, 5, 6)
    settled.release("batch")
    settled.committed(settled.committable())
    assert settled.committable() == {}


def test_a_window_of_a_partition_that_left_settles_nothing() -> None:
    settled = SettledPositions()
    settled.assign(P, 0)
    settled.hand("kiln", P, 0, 9)
    settled.cut("kiln", "w1")
    settled.revoke([P])
    assert settled.unsettled == 0
    settled.settle("w1")
    assert settled.committable() == {}
    settled.assign(P, 0)
    assert settled.committable() == {}


def test_partitions_do_not_hold_each_other_back() -> None:
    settled = SettledPositions()
    settled.assign(P, 0)
    settled.assign(Q, 0)
    settled.hand("p", P, 0, 9)
    settled.hand("q", Q, 0, 9)
    settled.cut("q", "w")
    settled.settle("w")
    assert settled.committable() == {Q: 10}
    assert settled.unsettled == 0


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_nothing_unsettled_is_ever_below_what_may_be_committed(data: st.DataObject) -> None:
    """A model with plain sets: every row is open in a kiln, in an unsettled window, or settled."""
    settled = SettledPositions()
    settled.assign(P, 0)
    following = 0
    opened: dict[str, set[int]] = {}
    windows: dict[int, set[int]] = {}
    highest = 0
    for step in range(data.draw(st.integers(1, 40))):
        act = data.draw(st.sampled_from(["hand", "cut", "settle", "merge"]))
        if act == "hand":
            kiln = data.draw(st.sampled_from("abc"))
            count = data.draw(st.integers(1, 5))
            settled.hand(kiln, P, following, following + count - 1)
            opened.setdefault(kiln, set()).update(range(following, following + count))
            following += count
        elif act == "cut" and opened:
            kiln = data.draw(st.sampled_from(sorted(opened)))
            settled.cut(kiln, step)
            windows[step] = opened.pop(kiln)
        elif act == "settle" and windows:
            window = data.draw(st.sampled_from(sorted(windows)))
            settled.settle(window)
            del windows[window]
        elif act == "merge" and len(windows) > 1:
            old, new = sorted(windows)[:2]
            settled.merge(old, new)
            windows[new] |= windows.pop(old)
        unsettled = set().union(*opened.values(), *windows.values())
        expected = min(unsettled, default=following)
        highest = max(highest, settled.committable().get(P, 0))
        assert settled.committable().get(P, 0) in (0, expected)
        assert all(row >= highest for row in unsettled)


def test_what_no_record_stands_in_is_passed_over_once_all_before_it_is_settled() -> None:
    settled = SettledPositions()
    settled.assign(P, 0)
    settled.hand("kiln", P, 0, 9)
    settled.pass_over(P, 12)
    assert settled.committable() == {}
    settled.cut("kiln", "window")
    settled.settle("window")
    assert settled.committable() == {P: 12}
    settled.pass_over(P, 5)
    settled.pass_over(Partition("elsewhere", 0), 5)
    assert settled.committable() == {P: 12}
