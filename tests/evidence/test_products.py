"""Products in parts are the products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect.evidence import products
from crackle_stream.detect.evidence.products import applied, cross, gram, grams


@pytest.mark.parametrize("alone", [1, 60, 10_000])
@given(seed=st.integers(0, 10_000), rows=st.integers(0, 70), columns=st.integers(1, 9), others=st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_parts_add_up_to_the_whole(alone: int, seed: int, rows: int, columns: int, others: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.standard_normal((rows, columns)), rng.standard_normal((rows, others))
    matrix = rng.standard_normal((columns, others))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "ALONE", alone)
        np.testing.assert_allclose(cross(one, other), one.T @ other, rtol=0, atol=1e-12 * max(rows, 1))
        np.testing.assert_allclose(gram(one), one.T @ one, rtol=0, atol=1e-12 * max(rows, 1))
        np.testing.assert_allclose(applied(one, matrix), one @ matrix, rtol=0, atol=1e-12)
        both = np.stack([one, 2 * one])
        np.testing.assert_allclose(grams(both), [gram(one), gram(2 * one)], rtol=0, atol=1e-11 * max(rows, 1))


def test_a_product_worth_threads_is_left_whole() -> None:
    table = np.random.default_rng(1).standard_normal((70_000, 16))
    assert table.size * 16 >= products.WORTH_THREADS
    np.testing.assert_allclose(cross(table, table), table.T @ table)
    np.testing.assert_allclose(applied(table, table[:16]), table @ table[:16])


def test_products_of_all_pairs_are_symmetric_to_the_last_digit() -> None:
    table = np.random.default_rng(2).standard_normal((1000, 40))
    found = gram(table)
    np.testing.assert_array_equal(found, found.T)
