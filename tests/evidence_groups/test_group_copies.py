"""Copies of a count lie on a lattice, and the points of a lattice are no groups."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from crackle_stream.detect.evidence.groups import GroupDetector, near_copies
from crackle_stream.detect.evidence.look import Context
from crackle_stream.history import History
from crackle_stream.model import Examination
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]


def counted(seed: int, rows: int = 500) -> Floats:
    """A count, two copies of it that a task in fifty gets wrong, and two other metrics."""
    rng = np.random.default_rng(seed)
    count = rng.poisson(20, rows).astype(float)
    table = np.column_stack([count, count + 15, 60 - 3 * count, rng.standard_normal((rows, 2))])
    for column in (1, 2):
        wrong = rng.random(rows) < 0.02
        table[wrong, column] += rng.integers(1, 4, np.count_nonzero(wrong))
    return table


def examine(table: Floats) -> Examination:
    labels, names = [f"t{row}" for row in range(len(table))], [f"m{c}" for c in range(table.shape[1])]
    window = Window.from_columns(labels, np.arange(len(table), dtype=float), names, table)
    return GroupDetector().examine(window, Context(window, History(), None, 0))


@pytest.mark.parametrize("seed", range(4))
def test_the_values_of_a_count_with_near_copies_are_no_groups(seed: int) -> None:
    made = examine(counted(seed))
    assert made.candidates == ()
    assert [(one.what, one.why) for one in made.skipped if "copy" in one.why] == [
        ("m1", "nearly a copy of m0"),
        ("m2", "nearly a copy of m0"),
    ]


def test_a_metric_and_one_that_only_follows_it_closely_are_no_copies() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(300)
    table = np.column_stack([x, x + 0.01 * rng.standard_normal(300), 2 * x - 1, np.zeros(300)])
    assert near_copies(table) == {2: 0}


def test_a_value_that_is_nearly_always_the_same_is_no_copy() -> None:
    table = np.zeros((200, 2))
    table[::50, 0], table[::50, 1] = 1.0, [1.0, 2.0, 1.0, 2.0]
    assert near_copies(table) == {}


def test_with_nothing_but_copies_there_is_nothing_to_group() -> None:
    table = counted(5)[:, :3]
    assert ("groups", "too few tasks or metrics") in {(one.what, one.why) for one in examine(table).skipped}
