"""Sums round as a loop over the tasks does, however a table lies in memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect.threshold.columns import column_blocks, first_with, in_order, tasks_with
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]

LAYOUTS: dict[str, Callable[[Floats], Floats]] = {
    "by row": np.ascontiguousarray,
    "by column": np.asfortranarray,
    "part of wider rows": lambda table: np.concatenate([table, table], axis=1)[:, : table.shape[1]],
    "every second number": lambda table: np.repeat(table, 2, axis=1)[:, ::2],
    "every second row": lambda table: np.repeat(table, 2, axis=0)[::2],
}


def in_a_loop(table: Floats) -> list[float]:
    totals = [0.0] * table.shape[1]
    for row in table.tolist():
        totals = [total + number for total, number in zip(totals, row, strict=True)]
    return totals


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.integers(0, 300), st.integers(1, 20), st.integers(0, 2**32 - 1), st.sampled_from(sorted(LAYOUTS)))
def test_a_sum_is_that_of_a_loop_to_the_last_bit(n: int, k: int, seed: int, layout: str) -> None:
    rng = np.random.default_rng(seed)
    table = LAYOUTS[layout](rng.normal(size=(n, k)) * 10.0 ** rng.integers(-9, 9, (n, 1)))
    assert in_order(table).tolist() == in_a_loop(table)


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_the_sum_of_many_tasks_is_that_of_a_loop_too(layout: str) -> None:
    table = LAYOUTS[layout](np.random.default_rng(1).normal(size=(30_000, 3)) + 0.1)
    assert in_order(table).tolist() == in_a_loop(table)


def test_what_no_task_lacks_is_neither_copied_nor_masked() -> None:
    window = Window.from_columns(["a", "b"], [0, 1], ["x", "y"], [[1, 2], [3, 4]])
    (block,) = column_blocks(window, lambda: False)
    assert block.present is None
    assert np.shares_memory(block.values, window.values)
    assert (block.counts.tolist(), block.tasks(1)) == ([2, 2], None)
    assert (tasks_with(window, None), first_with(None)) == (("a", "b"), 0)


def test_what_a_task_lacks_counts_as_nothing_and_is_known_to_be_missing() -> None:
    window = Window.from_columns(["a", "b"], [0, 1], ["x", "y"], np.array([[np.nan, 2], [3, 4]]))
    (block,) = column_blocks(window, lambda: False)
    assert block.values.tolist() == [[0, 2], [3, 4]]
    assert block.counts.tolist() == [1, 2]
    assert tasks_with(window, block.tasks(0)) == ("b",)
    assert tasks_with(window, block.tasks(1)) == ("a", "b")
    assert first_with(block.tasks(0)) == 1
