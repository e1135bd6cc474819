"""What is looked up or multiplied here says what the plain way says, to the last bit."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect import distances as module
from crackle_stream.detect.distances import Points, counted, gathered

Floats = npt.NDArray[np.float64]
SHARES = st.sampled_from([0.0, 0.1, 0.7, 1.0])


def table(n: int, m: int, seed: int, missing: float) -> Floats:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, m)) * 10.0 ** rng.integers(-9, 9, (n, 1))
    values[rng.random(values.shape) < missing] = np.nan
    return values


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 2**32 - 1), SHARES)
def test_columns_are_centred_on_the_mean_of_the_tasks_that_have_them(n: int, m: int, seed: int, missing: float) -> None:
    values = table(n, m, seed, missing)
    has = ~np.isnan(values)
    shares = np.where(has, values / np.maximum(has.sum(axis=0), 1), 0.0)
    rounding = 1e-15 * n * np.abs(shares).sum()
    assert Points.of(values).centre == pytest.approx(shares.sum(axis=0), rel=0.0, abs=rounding)


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_many_tasks_are_centred_on_the_mean_of_some_of_them(missing: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_AVERAGED", 20)
    values = table(100, 3, 1, missing)
    centre, some, first = (Points.of(part).centre.tolist() for part in (values, values[::5], values[:20]))
    assert centre == some != first


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, 60), st.integers(0, 12), st.integers(0, 2**32 - 1), SHARES)
def test_truths_are_counted_by_column_as_a_sum_counts_them(n: int, m: int, seed: int, missing: float) -> None:
    mask = np.isnan(table(n, m, seed, missing))
    for seen in (mask, mask[::2], np.asfortranarray(mask)):
        assert counted(seen).tolist() == seen.sum(axis=0).tolist()


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(0, 60), st.integers(0, 12), st.integers(0, 2**32 - 1), SHARES)
def test_bare_are_the_points_that_lack_every_metric(n: int, m: int, seed: int, missing: float) -> None:
    values = table(n, m, seed, missing)
    bare = Points.of(values).bare()
    plain = np.isnan(values).all(axis=1)
    if np.isnan(values).any():
        assert bare is not None
        assert bare.tolist() == plain.tolist()
    else:
        assert bare is None


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.integers(2, 12), st.integers(1, 6), st.integers(0, 2**32 - 1), SHARES)
def test_points_said_to_be_comparable_have_a_metric_in_common_pair_by_pair(
    n: int, m: int, seed: int, missing: float
) -> None:
    points = Points.of(table(n, m, seed, missing))
    if points.always_comparable(points.shared()):
        first, second = np.triu_indices(n, 1)
        assert np.isfinite(points.distances(first, second)).all()


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.integers(1, 40),
    st.integers(1, 24),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
    SHARES,
    st.sampled_from(["C", "F"]),
)
def test_distances_round_as_a_sum_metric_after_metric(
    n: int, m: int, p: int, seed: int, missing: float, order: Literal["C", "F"]
) -> None:
    values = np.asarray(table(n, m, seed, missing), order=order)
    first, second = np.random.default_rng(seed).integers(0, n, (2, p))
    plain = []
    for one, other in zip(values[first].tolist(), values[second].tolist(), strict=True):
        squares = [(a - b) ** 2 for a, b in zip(one, other, strict=True) if a == a and b == b]
        plain.append(np.sqrt(reduce(add, squares)) if squares else np.inf)
    assert Points.of(values).distances(first, second).tolist() == plain


@pytest.mark.parametrize("order", ["C", "F"])
def test_rows_are_gathered_however_a_table_lies_in_memory(order: Literal["C", "F"]) -> None:
    values = np.asarray(table(9, 4, 3, 0.0), order=order)
    rows = np.array([7, 0, 7])
    assert gathered(values, rows).tolist() == values[rows].tolist()


def test_a_pair_measured_alone_is_as_far_apart_as_it_is_among_others() -> None:
    points = Points.of(table(60, 40, 4, 0.0))
    first, second = np.arange(59), np.arange(1, 60)
    alone = [points.distances(first[k : k + 1], second[k : k + 1])[0] for k in range(59)]
    assert alone == points.distances(first, second).tolist()
