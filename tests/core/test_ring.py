"""The ring keeps the last tasks, in order, with their metrics."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.ring import Ring


def put(ring: Ring, start: int, count: int, names: tuple[str, ...] = ("a",)) -> None:
    rows = np.arange(start, start + count, dtype=float)
    ring.append([f"t{row:g}" for row in rows], rows, names, np.tile(rows[:, None], (1, len(names))))


def test_an_empty_ring_gives_an_empty_table() -> None:
    labels, times, names, values = Ring(4).last()
    assert (labels, len(times), names, values.shape) == ([], 0, (), (0, 0))


def test_the_oldest_tasks_are_overwritten_once_it_is_full() -> None:
    # capacity 3:  [0 1 2] -> 3 4 arrive -> [2 3 4]
    ring = Ring(3)
    put(ring, 0, 3)
    put(ring, 3, 2)
    labels, times, _, values = ring.last()
    assert labels == ["t2", "t3", "t4"]
    assert times.tolist() == [2, 3, 4]
    assert values[:, 0].tolist() == [2, 3, 4]


def test_a_batch_larger_than_the_ring_leaves_its_last_rows() -> None:
    ring = Ring(3)
    put(ring, 0, 10)
    assert ring.last()[1].tolist() == [7, 8, 9]


def test_a_metric_that_a_task_lacks_is_absent_and_one_that_nobody_has_is_left_out() -> None:
    ring = Ring(2)
    put(ring, 0, 1, ("a",))
    put(ring, 1, 1, ("b",))
    _, _, names, values = ring.last()
    assert names == ("a", "b")
    np.testing.assert_array_equal(values, [[0, np.nan], [np.nan, 1]])
    put(ring, 2, 2, ("b",))
    assert ring.last()[2] == ("b",)


def test_a_batch_may_bring_its_metrics_in_another_order() -> None:
    ring = Ring(4)
    ring.append(["x"], np.zeros(1), ("a", "b"), np.array([[1.0, 2.0]]))
    ring.append(["y"], np.zeros(1), ("b", "a"), np.array([[20.0, 10.0]]))
    _, _, names, values = ring.last()
    assert names == ("a", "b")
    assert values.tolist() == [[1, 2], [10, 20]]


def test_names_beyond_the_limit_are_left_out_and_counted() -> None:
    ring = Ring(4, max_names=2)
    put(ring, 0, 1, ("a", "b", "c"))
    assert ring.last()[2] == ("a", "b")
    assert ring.dropped_names == 1


def test_names_that_no_task_has_any_more_make_room_for_new_ones() -> None:
    ring = Ring(2, max_names=2)
    put(ring, 0, 1, ("a", "b"))
    put(ring, 1, 2, ("b",))
    put(ring, 3, 1, ("b", "c"))
    assert ring.last()[2] == ("b", "c")
    assert ring.dropped_names == 0
    np.testing.assert_array_equal(ring.last()[3], [[2, np.nan], [3, 3]])


def test_an_unbounded_ring_grows_and_a_bounded_one_costs_what_it_holds() -> None:
    ring = Ring(None)
    put(ring, 0, 5000)
    assert len(ring) == 5000
    small = Ring(1_000_000)
    put(small, 0, 10)
    assert small.nbytes < 100_000


def test_a_cleared_ring_is_empty() -> None:
    ring = Ring(3)
    put(ring, 0, 3)
    ring.clear()
    assert len(ring) == 0
    put(ring, 7, 1, ("z",))
    assert ring.last()[0] == ["t7"]
    assert ring.last()[2] == ("z",)


def test_a_capacity_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 task, not 0"):
        Ring(0)


@settings(max_examples=200, deadline=None)
@given(
    capacity=st.integers(1, 150),
    batches=st.lists(st.tuples(st.integers(0, 200), st.sets(st.sampled_from("abcde"), min_size=1)), max_size=12),
)
def test_the_ring_holds_what_a_plain_list_would(capacity: int, batches: list[tuple[int, set[str]]]) -> None:
    ring = Ring(capacity)
    plain: list[tuple[str, dict[str, float]]] = []
    next_row = 0
    for count, chosen in batches:
        names = tuple(sorted(chosen))
        put(ring, next_row, count, names)
        plain += [(f"t{row}", dict.fromkeys(names, float(row))) for row in range(next_row, next_row + count)]
        next_row += count
    plain = plain[-capacity:]
    labels, _, names, values = ring.last()
    assert labels == [label for label, _ in plain]
    there = [{name: x for name, x in zip(names, row, strict=True) if x == x} for row in values.tolist()]
    assert there == [metrics for _, metrics in plain]
