"""The concentrate beside the plain way to it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect.evidence import concentration
from crackle_stream.detect.evidence.concentration import concentrate

Floats = npt.NDArray[np.float64]


def plainly(table: Floats) -> Floats:
    """Rows of least determinant after three steps, by numpy's covariance and its inverse."""
    kept = table
    for _ in range(3):
        off = table - kept.mean(axis=0)
        inverse = np.linalg.inv(np.cov(kept.T, bias=True))
        distances = np.einsum("ij,jk,ik->i", off, inverse, off)
        kept = table[np.argsort(distances, kind="stable")[: int(0.8 * len(table))]]
    return kept


@given(st.integers(0, 10_000), st.integers(60, 300), st.integers(2, 7))
@settings(max_examples=40, deadline=None)
def test_correlations_and_spreads_are_those_of_the_rows_of_least_determinant(
    seed: int, rows: int, columns: int
) -> None:
    rng = np.random.default_rng(seed)
    table = rng.standard_normal((rows, columns)) @ rng.standard_normal((columns, columns)) + 3.0
    table[: rows // 10] += rng.standard_normal((rows // 10, columns)) * 20
    (found,), kept = concentrate([table]), plainly(table)
    assert found.rows == len(kept)
    np.testing.assert_allclose(found.spread, kept.std(axis=0), rtol=1e-6)
    np.testing.assert_allclose(found.correlation, np.corrcoef(kept.T), atol=1e-6)


def test_a_column_that_does_not_vary_among_the_kept_rows_has_no_correlations() -> None:
    rng = np.random.default_rng(1)
    table = rng.standard_normal((200, 3))
    table[:, 1] = 7.0
    (found,) = concentrate([table])
    assert found.varying.tolist() == [0, 2]
    assert not found.correlation[1].any()
    assert not found.correlation[:, 1].any()
    assert found.correlation[0, 0] == pytest.approx(found.correlation[2, 2])


def test_an_exact_balance_is_singular_to_rounding_though_levels_are_large() -> None:
    rng = np.random.default_rng(2)
    one, other = rng.standard_normal((2, 500)) + 1e6
    (found,) = concentrate([np.column_stack([one, other, one + other])])
    assert np.linalg.eigvalsh(found.correlation)[0] < 1e-12


@given(st.integers(0, 10_000), st.lists(st.integers(40, 250), min_size=2, max_size=5), st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_tables_of_different_lengths_do_not_disturb_each_other(seed: int, lengths: list[int], columns: int) -> None:
    """One with an exact law, whose correlations are singular, and one in which a column never moves among them."""
    rng = np.random.default_rng(seed)
    tables = [rng.standard_normal((rows, columns)) for rows in lengths]
    tables[0][:, -1] = tables[0][:, 0]
    tables[-1][:, 0] = 3.0
    for together, table in zip(concentrate(tables), tables, strict=True):
        (alone,) = concentrate([table])
        assert together.rows == alone.rows
        assert together.varying.tolist() == alone.varying.tolist()
        np.testing.assert_allclose(together.spread, alone.spread, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(together.correlation, alone.correlation, atol=1e-9)


def test_of_matrices_that_are_factored_together_only_a_singular_one_gets_the_larger_ridge() -> None:
    sound, singular = np.eye(2), np.array([[1.0, 1.0], [1.0, 1.0 - 1e-9]])
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(singular)
    factors = concentration._factors(np.stack([sound, singular]))
    np.testing.assert_array_equal(factors[0], sound)
    np.testing.assert_allclose(factors[1] @ factors[1].T, singular + concentration.LARGER_RIDGE * np.eye(2), atol=1e-12)
