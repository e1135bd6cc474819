"""A search for groups that runs out of time, and the quick ways of the fit beside the plain ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from crackle_stream.detect.evidence.group_search import KEPT, _assigned, _distances, _settled, find_groups
from crackle_stream.detect.evidence.groups import GroupDetector
from crackle_stream.detect.evidence.look import Context
from crackle_stream.history import History
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]


class Limited(Context):
    """A context whose time is used up after so many questions."""

    calls: float = float("inf")
    asked = 0

    def stop(self) -> bool:
        self.asked += 1
        return self.asked > self.calls


def blobs(seed: int, rows: int = 400) -> Floats:
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((rows, 4))
    table[:, :2] += 6.0 * rng.integers(0, 2, rows)[:, None]
    return table


def examine(table: Floats, calls: float) -> tuple[bool, int, int]:
    """Whether it was complete, the number of candidates, and how often the time was asked for."""
    labels, names = [f"t{row}" for row in range(len(table))], [f"m{c}" for c in range(table.shape[1])]
    window = Window.from_columns(labels, np.arange(len(table), dtype=float), names, table)
    context = Limited(window, History(), None, 0)
    context.calls = calls
    made = GroupDetector().examine(window, context)
    return made.complete, len(made.candidates), context.asked


def test_a_search_stopped_at_any_time_claims_nothing_and_says_so() -> None:
    complete, candidates, asked = examine(blobs(0), float("inf"))
    assert (complete, candidates) == (True, 1)
    assert asked >= 4
    for calls in range(asked):
        assert examine(blobs(0), calls)[:2] == (False, 0)


def test_noise_asks_for_no_nearest_pair_when_the_time_is_used_up() -> None:
    assert examine(np.random.default_rng(1).standard_normal((300, 4)), 0)[1] == 0


@pytest.mark.parametrize("seed", range(3))
def test_rounds_that_change_nothing_are_the_last(seed: int) -> None:
    points = blobs(seed)
    cores = [np.flatnonzero(points[:, 0] < 1.0)[:60], np.flatnonzero(points[:, 0] > 5.0)[:60]]
    settled = _settled(points, cores, lambda: False)
    assert settled is not None
    labels = np.full(len(points), -1, dtype=np.intp)
    for number, core in enumerate(cores):
        labels[core] = number
    for _ in range(4):
        labels = _assigned(points, labels)
    largest = np.argsort(-np.bincount(labels[labels >= 0]), kind="stable")
    expected = np.array([int(np.flatnonzero(largest == one)[0]) if one >= 0 else -1 for one in labels])
    np.testing.assert_array_equal(settled, expected)


@given(st.integers(0, 10_000), st.integers(10, 80), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_the_distances_from_a_group_are_those_of_its_plain_quantiles(seed: int, members: int, dimensions: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.standard_normal((100, dimensions)) @ rng.standard_normal((dimensions, dimensions))
    squared, volume = _distances(points, points[:members])
    expected, expected_volume = plain_distances(points, points[:members])
    np.testing.assert_allclose(squared, expected, rtol=1e-9)
    assert volume == pytest.approx(expected_volume, rel=1e-9)


def plain_distances(points: Floats, members: Floats) -> tuple[Floats, float]:
    dimensions = points.shape[1]
    tiny = 1e-9 * np.eye(dimensions)
    middle = np.median(members, axis=0)
    off = members - middle
    inside = np.array([row @ np.linalg.inv(off.T @ off / len(members) + tiny) @ row for row in off])
    near = off[inside <= np.quantile(inside, KEPT)]
    spread = near.T @ near / len(near)
    spread += 2.0 / len(near) * np.diag(np.diagonal(spread)) + tiny
    distances = np.array([row @ np.linalg.inv(spread) @ row for row in off])
    spread *= float(np.quantile(distances, 0.5)) / float(chi2.ppf(0.5, dimensions))
    away = points - middle
    return np.array([row @ np.linalg.inv(spread) @ row for row in away]), float(np.linalg.slogdet(spread)[1])


def test_a_search_in_a_table_stops_before_it_fits() -> None:
    assert find_groups(blobs(2), np.random.default_rng(0), lambda: True) is None
    assert find_groups(blobs(2), np.random.default_rng(0)) is not None
