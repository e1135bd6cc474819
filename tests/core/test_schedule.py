"""Windows end on a grid that depends on the log alone."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.schedule import CoolingSchedule, Cut, StreamTime


def cuts(schedule: CoolingSchedule, offsets: list[int], times: list[float] | None = None) -> list[Cut]:
    stamps = np.zeros(len(offsets)) if times is None else np.array(times)
    return schedule.grid().cuts(np.array(offsets, dtype=np.int64), stamps)


def test_a_window_ends_with_the_task_before_a_multiple_of_every_tasks() -> None:
    # offsets 0 1 2 | 3 4 5 | 6
    assert cuts(CoolingSchedule(3, None), list(range(7))) == [Cut(3, "tasks"), Cut(6, "tasks")]


def test_a_window_ends_as_soon_as_its_last_task_is_there() -> None:
    assert cuts(CoolingSchedule(3, None), [0, 1, 2]) == [Cut(3, "tasks")]


def test_a_gap_in_the_offsets_ends_the_window_before_the_task_after_it() -> None:
    # a compacted log: 0 1 | 5 6 ; offset 2, the last of the first window, is missing
    assert cuts(CoolingSchedule(3, None), [0, 1, 5, 6])[0] == Cut(2, "tasks")


def test_a_window_ends_before_the_task_that_passes_a_multiple_of_every_seconds() -> None:
    assert cuts(CoolingSchedule(None, 10), [0, 1, 2, 3], [1, 9, 10, 31]) == [Cut(2, "time"), Cut(3, "time")]


def test_the_first_task_ends_no_window() -> None:
    assert cuts(CoolingSchedule(None, 10), [17], [12345.0]) == []


def test_a_cut_by_tasks_and_time_at_once_is_one_cut() -> None:
    assert cuts(CoolingSchedule(2, 10), [0, 1, 2], [1, 2, 11]) == [Cut(2, "tasks")]


def test_the_grid_says_when_it_is_due_and_lets_other_tasks_pass_the_time() -> None:
    grid = CoolingSchedule(None, 10).grid(shift=3)
    assert grid.due == math.inf
    grid.cuts(np.array([0]), np.array([4.0]))
    assert grid.due == 13
    assert not grid.pass_time(12.9)
    assert grid.pass_time(13.0)
    assert grid.due == 23


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_cuts_do_not_depend_on_how_the_log_is_batched(data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.tuples(st.integers(1, 4), st.floats(0, 7)), min_size=1, max_size=60))
    offsets = np.cumsum([step for step, _ in steps]).astype(np.int64)
    times = np.cumsum([seconds for _, seconds in steps])
    schedule = CoolingSchedule(data.draw(st.integers(1, 9)), data.draw(st.floats(1, 20)))
    ends = sorted(data.draw(st.sets(st.integers(0, len(steps)))) | {0, len(steps)})
    grid = schedule.grid()
    pieces = []
    for start, stop in pairwise(ends):
        pieces += [start + cut.row for cut in grid.cuts(offsets[start:stop], times[start:stop])]
    whole = [cut.row for cut in schedule.grid().cuts(offsets, times)]
    assert sorted(set(pieces)) == whole


@given(
    steps=st.lists(st.sampled_from([1, 1, 1, 1, 1, 2, 7]), min_size=1, max_size=40),
    first=st.integers(0, 40),
    tasks=st.integers(1, 12),
    before=st.none() | st.integers(0, 60),
)
def test_windows_of_so_many_tasks_end_where_row_by_row_counting_ends_them(
    steps: list[int], first: int, tasks: int, before: int | None
) -> None:
    offsets = [first + sum(steps[:row]) for row in range(len(steps))]
    grid = CoolingSchedule(tasks, None).grid()
    if before is not None:
        grid.cuts(np.array([before]), np.zeros(1))
    rows, last = set(), before
    for row, offset in enumerate(offsets):
        if last is not None and last // tasks != offset // tasks:
            rows.add(row)
        if (offset + 1) % tasks == 0:
            rows.add(row + 1)
        last = offset
    assert [cut.row for cut in grid.cuts(np.array(offsets), np.zeros(len(offsets)))] == sorted(rows)


def test_stream_time_never_goes_back_and_counts_late_tasks() -> None:
    time = StreamTime()
    assert time.advance(np.array([5.0, 3.0, 7.0])).tolist() == [5, 5, 7]
    assert time.advance(np.array([6.0, 8.0])).tolist() == [7, 8]
    assert (time.now, time.late) == (8, 2)


def test_a_task_from_far_in_the_future_is_timed_by_the_log() -> None:
    time = StreamTime()
    running = time.advance(np.array([100.0, 9e9, 102.0]), np.array([100.0, 101.0, 102.0]))
    assert running.tolist() == [100, 101, 102]
    assert time.ahead == 1


@pytest.mark.parametrize(
    ("tasks", "seconds", "message"),
    [(0, None, "every_tasks must be at least 1"), (None, 0.0, "every_seconds must be more than 0")],
)
def test_a_schedule_that_cannot_be_is_refused(tasks: int | None, seconds: float | None, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CoolingSchedule(tasks, seconds)
