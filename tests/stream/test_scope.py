"""Rows go in, windows come out: each kiln's own, ended on the grid, by a full ring, or by a request."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.commit import SettledPositions
from crackle_stream.model import Partition, Positions, TaskBatch
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.kilns import KilnId
from crackle_stream.stream.options import KilnOptions
from crackle_stream.stream.scope import Scope
from crackle_stream.window import Window

P = Partition("results", 0)
Q = Partition("results", 1)


class Ticks:
    """A monotonic clock that stands still until moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def scope(
    options: KilnOptions, tasks: int | None = None, seconds: float | None = None, clock: Ticks | None = None
) -> tuple[Scope, SettledPositions]:
    settled = SettledPositions()
    schedule = CoolingSchedule(tasks, seconds)
    checkpoints = Checkpoints(settled, capacity=options.capacity)
    return Scope(options, schedule, settled, checkpoints, name="test", monotonic=clock or Ticks()), settled


def batch(
    start: int,
    count: int,
    partition: Partition = P,
    keys: list[str] | None = None,
    times: list[float] | None = None,
) -> TaskBatch:
    rows = np.arange(start, start + count)
    return TaskBatch(
        labels=[f"t{row}" for row in rows],
        times=rows.astype(float) if times is None else np.array(times),
        names=("x",),
        values=rows[:, None].astype(float),
        positions=Positions(partition, rows.astype(np.int64)),
        keys=keys,
    )


def told(windows: list[tuple[KilnId, Window]]) -> list[tuple[str, str, int]]:
    """First and last task, why it ended, how many are new."""
    return [(f"{w.labels[0]}..{w.labels[-1]}", w.closed_by, w.fresh) for _, w in windows]


def test_with_capacity_equal_to_every_tasks_windows_tumble() -> None:
    # 0 1 2 | 3 4 5 | 6
    kilns, _ = scope(KilnOptions(capacity=3, scope="partition"), tasks=3)
    assert told(list(kilns.feed(batch(0, 7)))) == [("t0..t2", "tasks", 3), ("t3..t5", "tasks", 3)]


def test_with_a_larger_capacity_windows_slide() -> None:
    #  0 1 | 2 3 | 4 5     capacity 4: each window looks two rows back
    kilns, _ = scope(KilnOptions(capacity=4, scope="partition"), tasks=2)
    assert told(list(kilns.feed(batch(0, 6)))) == [
        ("t0..t1", "tasks", 2),
        ("t0..t3", "tasks", 2),
        ("t2..t5", "tasks", 2),
    ]


def test_a_full_ring_ends_a_window_at_once_and_does_not_shift_the_grid() -> None:
    # capacity 4, grid at 6:  0 1 2 3 (full) | 4 5 (tasks) | ...
    kilns, _ = scope(KilnOptions(capacity=4, scope="partition"), tasks=6)
    assert told(list(kilns.feed(batch(0, 8)))) == [("t0..t3", "full", 4), ("t2..t5", "tasks", 2)]
    assert kilns.fresh == 2


def test_a_full_ring_that_is_due_anyway_ends_one_window() -> None:
    kilns, _ = scope(KilnOptions(capacity=3, scope="partition"), tasks=3)
    assert told(list(kilns.feed(batch(0, 3)))) == [("t0..t2", "tasks", 3)]


def test_stream_time_ends_a_window_before_the_task_that_passes_it() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="partition"), seconds=10)
    assert told(list(kilns.feed(batch(0, 4, times=[1, 9, 10, 19])))) == [("t0..t1", "time", 2)]


def test_nothing_new_since_the_last_cut_makes_no_window() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="partition"), tasks=3)
    list(kilns.feed(batch(0, 3)))
    assert list(kilns.flush("asked")) == []


def test_a_request_ends_a_window_and_leaves_the_grid_where_it_was() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="partition"), tasks=4)
    list(kilns.feed(batch(0, 2)))
    assert told(list(kilns.flush("asked"))) == [("t0..t1", "asked", 2)]
    assert told(list(kilns.feed(batch(2, 2)))) == [("t0..t3", "tasks", 2)]


def test_a_quiet_stream_ends_a_window_once_its_oldest_new_task_has_waited() -> None:
    clock = Ticks()
    kilns, _ = scope(KilnOptions(capacity=9, scope="partition"), tasks=100, clock=clock)
    list(kilns.feed(batch(0, 2)))
    clock.now = 29.9
    assert list(kilns.idle(30)) == []
    clock.now = 30
    assert told(list(kilns.idle(30))) == [("t0..t1", "idle", 2)]
    clock.now = 90
    assert list(kilns.idle(30)) == []


def test_the_oldest_task_without_a_window_waits_by_the_clock_whatever_stream_time_does() -> None:
    clock = Ticks()
    kilns, _ = scope(KilnOptions(capacity=9, scope="key"), tasks=2, clock=clock)
    assert kilns.oldest_fresh_s == 0
    list(kilns.feed(batch(0, 1, P, keys=["a"], times=[1000])))
    clock.now = 5
    list(kilns.feed(batch(0, 1, Q, keys=["b"], times=[9000])))
    clock.now = 12
    assert kilns.oldest_fresh_s == 12
    list(kilns.feed(batch(1, 1, P, keys=["a"])))  # ends a window of both its tasks
    assert kilns.oldest_fresh_s == 7
    kilns.drop([Q])
    assert (kilns.fresh, kilns.oldest_fresh_s) == (0, 0)


def test_what_came_after_the_last_window_waits_from_when_it_came() -> None:
    # 0 1 | 2     at 10 s, all in one batch; 3 at 15 s
    clock = Ticks()
    kilns, _ = scope(KilnOptions(capacity=9, scope="source"), tasks=2, clock=clock)
    clock.now = 10
    list(kilns.feed(batch(0, 3)))
    clock.now = 15
    assert kilns.oldest_fresh_s == 5
    list(kilns.feed(batch(3, 1)))
    assert kilns.oldest_fresh_s == 0


@settings(max_examples=100, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from([P, Q]), st.sampled_from("abc"), st.floats(0, 5)), max_size=60),
    shared=st.booleans(),
)
def test_the_oldest_task_without_a_window_is_the_oldest_of_all_kilns(
    steps: list[tuple[Partition, str, float]], shared: bool
) -> None:
    clock, since = Ticks(), dict[KilnId, float]()
    options = KilnOptions(capacity=4, scope="source" if shared else "key", max_keys=3)
    kilns, _ = scope(options, tasks=3, clock=clock)
    for offset, (partition, key, passed) in enumerate(steps):
        clock.now += passed
        since.setdefault(KilnId() if shared else KilnId(partition, key), clock.now)
        for kiln, _ in [*kilns.feed(batch(offset, 1, partition, keys=[key])), *kilns.over()]:
            since.pop(kiln, None)
        assert kilns.oldest_fresh_s == (clock.now - min(since.values()) if since else 0)


def test_every_partition_has_a_kiln_of_its_own() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="partition"), tasks=2)
    windows = [*kilns.feed(batch(0, 2, P)), *kilns.feed(batch(0, 2, Q))]
    assert [kiln.partition for kiln, _ in windows] == [P, Q]
    assert windows[0][1].id != windows[1][1].id


def test_with_scope_source_partitions_share_a_kiln_sorted_by_time() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="source"), tasks=4)
    windows = list(kilns.feed(batch(0, 2, P, times=[1, 3]))) + list(kilns.feed(batch(0, 2, Q, times=[2, 4])))
    assert [window.times.tolist() for _, window in windows] == [[1, 2, 3, 4]]
    assert [str(span.partition) for span in windows[0][1].span] == ["results[0]", "results[1]"]
    assert windows[0][1].end is None


def test_every_key_has_a_kiln_whose_own_rows_are_counted() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="key"), tasks=2)
    windows = list(kilns.feed(batch(0, 5, keys=["a", "b", "a", "b", "b"])))
    assert [(window.key, window.labels) for _, window in windows] == [("a", ("t0", "t2")), ("b", ("t1", "t3"))]


def test_a_quiet_key_is_cut_when_its_partitions_time_has_passed() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="key"), seconds=10)
    assert list(kilns.feed(batch(0, 1, keys=["quiet"], times=[0]))) == []
    windows = list(kilns.feed(batch(1, 1, keys=["busy"], times=[11])))
    assert [(window.key, window.closed_by) for _, window in windows] == [("quiet", "time")]


def test_time_grids_of_keys_are_spread() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="key"), seconds=10)
    keys = [f"k{number}" for number in range(50)]
    list(kilns.feed(batch(0, 50, keys=keys, times=[100.0] * 50)))
    half = list(kilns.feed(batch(50, 1, keys=["clock"], times=[105.0])))
    assert 10 < len(half) < 40


def test_the_least_recent_key_is_closed_when_there_are_too_many() -> None:
    kilns, _ = scope(KilnOptions(capacity=9, scope="key", max_keys=2), tasks=100)
    list(kilns.feed(batch(0, 2, keys=["a", "b"])))
    list(kilns.feed(batch(2, 2, keys=["a", "c"])))
    assert [(kiln.key, window is not None and window.closed_by) for kiln, window in kilns.over()] == [("b", "evicted")]
    assert len(kilns) == 2


def test_memory_over_all_rings_is_bounded() -> None:
    kilns, _ = scope(KilnOptions(capacity=1000, scope="key", max_bytes=100_000), tasks=10_000)
    for number in range(200):
        list(kilns.feed(batch(10 * number, 10, keys=[f"k{number}"] * 10)))
        list(kilns.over())
        assert kilns.nbytes <= 100_000
    assert len(kilns) > 1


def test_a_window_has_the_same_id_whoever_cuts_it_and_another_end_has_another() -> None:
    def cut() -> list[str]:
        kilns, _ = scope(KilnOptions(capacity=4, scope="partition"), tasks=2)
        return [window.id for _, window in kilns.feed(batch(0, 6))]

    assert cut() == cut()
    assert len(set(cut())) == 3


def test_rows_are_held_back_from_commit_until_their_window_is_settled() -> None:
    kilns, settled = scope(KilnOptions(capacity=4, scope="partition"), tasks=2)
    settled.assign(P, 0)
    windows = list(kilns.feed(batch(0, 3)))
    assert settled.committable() == {}
    settled.settle(windows[0][1].id)
    assert settled.committable() == {P: 2}


def test_a_partition_that_leaves_takes_its_kilns_with_it() -> None:
    kilns, _ = scope(KilnOptions(capacity=4, scope="partition"), tasks=100)
    list(kilns.feed(batch(0, 3, P)))
    list(kilns.feed(batch(0, 3, Q)))
    assert kilns.drop([P]) == [KilnId(P)]
    assert [window.span[0].partition for _, window in kilns.flush("end")] == [Q]


def test_late_tasks_stay_and_are_counted() -> None:
    kilns, _ = scope(KilnOptions(capacity=4, scope="partition"), tasks=3)
    windows = list(kilns.feed(batch(0, 3, times=[5, 1, 6])))
    assert windows[0][1].labels == ("t0", "t1", "t2")
    assert kilns.late == 1


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_every_task_is_new_in_exactly_one_window(data: st.DataObject) -> None:
    keyed = data.draw(st.booleans())
    capacity = data.draw(st.integers(1, 12))
    options = KilnOptions(
        capacity=capacity, scope="key" if keyed else "partition", max_keys=data.draw(st.integers(1, 3))
    )
    kilns, _ = scope(options, tasks=data.draw(st.integers(1, 15)), seconds=data.draw(st.floats(1, 20)))
    new: list[str] = []

    def take(windows: object) -> None:
        for _, window in windows:  # type: ignore[attr-defined]
            if window is not None:
                assert window.fresh <= len(window) <= capacity
                new.extend(window.labels[len(window) - window.fresh :])

    start = 0
    for count in data.draw(st.lists(st.integers(1, 30), max_size=8)):
        keys = [data.draw(st.sampled_from("abcd")) for _ in range(count)] if keyed else None
        take(kilns.feed(batch(start, count, keys=keys)))
        take(kilns.over())
        start += count
    take(kilns.flush("end"))
    assert sorted(new) == sorted(f"t{row}" for row in range(start))


@pytest.mark.parametrize("size", [1, 7, 500])
def test_windows_do_not_depend_on_how_the_log_is_batched(size: int) -> None:
    kilns, _ = scope(KilnOptions(capacity=50, scope="partition"), tasks=30, seconds=40)
    windows = [told([one]) for start in range(0, 500, size) for one in kilns.feed(batch(start, min(size, 500 - start)))]
    whole, _ = scope(KilnOptions(capacity=50, scope="partition"), tasks=30, seconds=40)
    assert [one for window in windows for one in window] == told(list(whole.feed(batch(0, 500))))


def test_a_key_in_two_partitions_is_noticed_and_one_that_moves_after_its_kiln_was_closed_is_not() -> None:
    kilns, _ = scope(KilnOptions(capacity=4, scope="key", max_keys=2))
    list(kilns.feed(batch(0, 2, keys=["a", "b"])))
    assert kilns.twice == ""
    list(kilns.feed(batch(2, 1, keys=["c"])))
    assert [kiln.key for kiln, _ in kilns.over()] == ["a"]
    list(kilns.feed(batch(0, 1, partition=Q, keys=["a"])))
    assert kilns.twice == ""
    list(kilns.feed(batch(1, 1, partition=Q, keys=["c"])))
    assert kilns.twice == "c"
