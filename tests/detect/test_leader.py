from __future__ import annotations

from collections.abc import Callable
from math import nan, nextafter, sqrt

import crate_twin
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from crackle_stream.detect import leader
from crackle_stream.detect.distances import Points
from crackle_stream.detect.leader import follow
from crackle_stream.detect.screen import Screen

Floats = npt.NDArray[np.float64]


def never() -> bool:
    return False


def fast(values: npt.ArrayLike, threshold: float) -> list[int]:
    outcome = follow(Points.of(np.asarray(values, dtype=np.float64)), threshold, never)
    assert outcome.complete
    found: list[int] = outcome.leader.tolist()
    return found


def plain(values: Floats, threshold: float) -> list[int]:
    rows = [{str(k): x for k, x in enumerate(row) if x == x} for row in np.asarray(values).tolist()]
    return crate_twin.leaders(rows, threshold)


SHAPES: dict[str, Callable[[np.random.Generator, int, int], npt.NDArray[np.floating]]] = {
    "scattered": lambda rng, n, m: rng.normal(size=(n, m)) * rng.choice([0.3, 1.0, 3.0]),
    "clustered": lambda rng, n, m: rng.normal(size=(n, m)) * 0.3 + rng.normal(size=(4, m))[rng.integers(0, 4, n)] * 5,
    "duplicated": lambda rng, n, m: rng.normal(size=(n, m))[rng.integers(0, n, n)],
    "on a lattice": lambda rng, n, m: rng.integers(-3, 4, size=(n, m)) * 0.5,
    "epoch seconds": lambda rng, n, m: 1.79e9 + rng.normal(size=(n, m)) * 2,
    "two ages": lambda rng, n, m: np.round(rng.normal(size=(n, m)), 1) + rng.choice([0.0, 1e9, 1.79e12], size=(n, 1)),
    "every scale": lambda rng, n, m: rng.normal(size=(n, m)) * 10.0 ** rng.integers(-200, 200, size=(1, m)),
    "nearly too large": lambda rng, n, m: rng.choice([-1.7e308, 0.0, 1.7e308], size=(n, m)) + rng.normal(size=(n, m)),
    "a chain": lambda rng, n, m: np.cumsum(np.full((n, m), 1.0), axis=0),
    "disjoint metrics": lambda rng, n, m: np.where(
        (np.arange(m) % 3 == rng.integers(0, 3, size=(n, 1))), rng.normal(size=(n, m)), nan
    ),
}


@settings(derandomize=True, max_examples=400, deadline=None)
@given(
    shape=st.sampled_from(sorted(SHAPES)),
    seed=st.integers(0, 2**32 - 1),
    n=st.integers(0, 70),
    m=st.integers(0, 7),
    missing=st.sampled_from([0.0, 0.0, 0.1, 0.5, 0.9]),
    threshold=st.sampled_from([1.0, 1.5, 2.5, 4.0, 1e-3, 1e6]),
    block=st.sampled_from([2, 7, 256]),
)
def test_the_fast_pass_equals_the_plain_double_loop_index_for_index(
    shape: str, seed: int, n: int, m: int, missing: float, threshold: float, block: int
) -> None:
    rng = np.random.default_rng(seed)
    values = SHAPES[shape](rng, n, m).astype(np.float64)
    values[rng.random(values.shape) < missing] = nan
    with pytest.MonkeyPatch.context() as patch:
        # Small blocks and tiles take small tables through every turn that large ones take.
        patch.setattr(leader, "BLOCK", block)
        patch.setattr(leader, "LARGEST_BLOCK", 4 * block)
        patch.setattr(leader, "TILE", block * block)
        assert fast(values, threshold) == plain(values, threshold)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(
    hnp.arrays(
        np.float64, st.tuples(st.integers(1, 25), st.integers(1, 4)), elements=st.sampled_from([0, 0.9, 1.2, 1.5])
    ),
    st.sampled_from([0.9, 1.5, sqrt(0.9**2 + 1.2**2)]),
)
def test_distances_on_the_threshold_fall_on_the_same_side_as_in_the_loop(values: Floats, threshold: float) -> None:
    assert fast(values, threshold) == plain(values, threshold)


@example(7.0)
@example(2.0**40)
@settings(derandomize=True, deadline=None)
@given(st.floats(0.5, 1e12))
def test_nearer_is_strict_to_the_last_bit(offset: float) -> None:
    #   0 ---- threshold        just inside follows, just on it leads
    reach = (offset + 2.5) - offset  # 2.5 as the offset's rounding leaves it
    values = [[offset], [offset + 2.5]]
    assert fast(values, reach) == [0, 1]
    assert fast(values, nextafter(reach, 9.0)) == [0, 0]


def test_the_earliest_leader_wins_even_where_a_later_one_is_nearer() -> None:
    #   leader 0 . . . task 2 . leader 1
    assert fast([[0.0], [3.0], [2.4]], 2.5) == [0, 1, 0]


def test_a_follower_does_not_lead_so_a_chain_breaks_at_every_second_link() -> None:
    assert fast([[0.0], [2.0], [4.0], [6.0], [8.0]], 2.5) == [0, 0, 2, 2, 4]


def test_tasks_without_a_common_metric_are_infinitely_far_apart() -> None:
    assert fast([[1.0, nan], [nan, 1.0], [1.0, 1.0]], 2.5) == [0, 1, 0]


def test_tasks_without_any_metric_lead_nobody_and_follow_nobody() -> None:
    assert fast([[nan, nan], [1.0, 2.0], [nan, nan], [1.0, 2.0]], 2.5) == [0, 1, 2, 1]
    assert fast([[nan], [nan]], 2.5) == [0, 1]
    assert fast(np.empty((3, 0)), 2.5) == [0, 1, 2]
    assert fast(np.empty((0, 3)), 2.5) == []


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_a_thousand_tasks_in_many_blocks_equal_the_loop(missing: float) -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(size=(1000, 3))
    values[rng.random(values.shape) < missing] = nan
    assert fast(values, 0.8) == plain(values, 0.8)


def test_an_epoch_time_beside_small_metrics_costs_no_accuracy() -> None:
    rng = np.random.default_rng(2)
    values = np.column_stack([1.79e9 + np.arange(600) * 0.01, rng.normal(size=(600, 3))])
    assert fast(values, 1.5) == plain(values, 1.5)


def test_two_ages_far_apart_turn_the_screen_to_the_finer_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    turned: list[bool] = []
    finer = Screen.finer

    def noting(screen: Screen) -> Screen:
        turned.append(screen.coarse)
        return finer(screen)

    monkeypatch.setattr(Screen, "finer", noting)
    rng = np.random.default_rng(3)
    values = rng.normal(size=(700, 4))
    values[::2, 0] += 1e9

    assert fast(values, 1.5) == plain(values, 1.5)
    assert turned == [True]


@pytest.mark.parametrize("asked", [0, 1, 2, 4, 6])
def test_a_pass_that_is_stopped_has_settled_its_first_tasks_rightly_and_no_other(asked: int) -> None:
    values = np.random.default_rng(4).normal(size=(1500, 4))
    answers = iter([False] * asked)

    outcome = follow(Points.of(values), 1.0, lambda: next(answers, True))

    assert not outcome.complete
    settled = int((outcome.leader >= 0).sum())
    assert settled < 1500
    assert outcome.leader[:settled].tolist() == fast(values, 1.0)[:settled]
    assert (outcome.leader[settled:] == -1).all()


def test_stopping_is_asked_for_every_product_and_every_batch_of_measured_pairs() -> None:
    asked = 0

    def counting() -> bool:
        nonlocal asked
        asked += 1
        return False

    rng = np.random.default_rng(5)
    follow(Points.of(rng.normal(size=(3000, 8)) * 100), 0.1, counting)
    # a block of 96 and twelve of 256, each against itself and, from the second on, against all before it in one tile
    assert asked == 13 + 12
