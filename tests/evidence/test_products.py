"""Products in parts are the products."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect.evidence import products
from crackle_stream.detect.evidence.products import cross, each_applied, gram, grams


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
        both, count = np.stack([one.T, 2 * one.T]), rng.random(rows) < 0.8
        kept = [gram(one[count]), gram(2 * one[count])]
        np.testing.assert_allclose(grams(both * count, both), kept, rtol=0, atol=1e-11 * max(rows, 1))
        applied = each_applied(np.stack([matrix.T, matrix.T]), both, np.empty((2, others, rows)))
        np.testing.assert_allclose(applied, np.swapaxes([one @ matrix, 2 * one @ matrix], 1, 2), rtol=0, atol=1e-12)


def test_a_product_worth_threads_is_left_whole() -> None:
    table = np.random.default_rng(1).standard_normal((70_000, 16))
    assert table.size * 16 >= products.WORTH_THREADS
    np.testing.assert_allclose(cross(table, table), table.T @ table)


def test_products_of_all_pairs_are_symmetric_to_the_last_digit() -> None:
    table = np.random.default_rng(2).standard_normal((1000, 40))
    found = gram(table)
    np.testing.assert_array_equal(found, found.T)
