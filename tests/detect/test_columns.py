"""Sums round as a loop over the tasks does, however a table lies in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect.threshold import columns as module
from crackle_stream.detect.threshold.columns import Table, first_with, in_order, table_of
from crackle_stream.protocols import Context
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
    table = Table(window)
    (block,) = table.blocks(lambda: False)
    assert block.present is block.turned is None
    assert np.shares_memory(block.values, window.values)
    assert (block.counts.tolist(), block.totals.tolist(), block.tasks(1)) == ([2, 2], [4, 6], None)
    assert (table.tasks_with(None), table.both(0, 1), first_with(None)) == (("a", "b"), None, 0)


def test_what_a_task_lacks_counts_as_nothing_and_is_known_to_be_missing() -> None:
    window = Window.from_columns(["a", "b"], [0, 1], ["x", "y"], np.array([[np.nan, 2], [3, 4]]))
    table = Table(window)
    (block,) = table.blocks(lambda: False)
    assert block.values.tolist() == [[0, 2], [3, 4]]
    assert (block.counts.tolist(), block.totals.tolist()) == ([1, 2], [3, 6])
    assert table.tasks_with(block.tasks(0)) == table.tasks_with(table.both(0, 1)) == ("b",)
    assert table.tasks_with(block.tasks(1)) is window.labels
    assert first_with(block.tasks(0)) == 1


def test_blocks_hold_the_same_as_one_that_holds_all(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(2).normal(size=(50, 5))
    values[values > 1.0] = np.nan
    window = Window.from_columns([str(row) for row in range(50)], np.arange(50), list("abcde"), values)
    (whole,) = Table(window).blocks(lambda: False)
    monkeypatch.setattr(module, "NUMBERS_AT_ONCE", 100)
    parts = list(Table(window).blocks(lambda: False))
    assert [part.start for part in parts] == [0, 2, 4]
    for name in ("values", "present"):
        assert np.concatenate([getattr(part, name) for part in parts], axis=1).tolist() == getattr(whole, name).tolist()
    for name in ("turned", "counts", "totals"):
        assert np.concatenate([getattr(part, name) for part in parts]).tolist() == getattr(whole, name).tolist()


def test_the_detectors_of_a_cooling_share_one_table_and_one_that_runs_alone_has_its_own() -> None:
    window = Window.from_columns(["a", "b"], [0, 1], ["x"], [[1], [3]])
    other = replace(window, id="another")
    table = Table(window)
    assert table_of(window, sharing(table)) is table
    assert table_of(other, sharing(table)).window is other
    assert table_of(window, sharing(None)).window is window


def sharing(table: Table | None) -> Context:
    """A context that offers a table, or none."""
    return cast(Context, SimpleNamespace(table=table) if table else SimpleNamespace())
