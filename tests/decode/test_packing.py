"""Packed numbers are those that numpy takes one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.decode.packing import packed

LENGTHS = (1, 2, 15, 16, 17, 300)
"""Both sides of 16, from which on a length takes more room."""


@pytest.mark.parametrize("width", LENGTHS)
@pytest.mark.parametrize("length", [0, *LENGTHS])
def test_tables_of_any_size_are_packed(length: int, width: int) -> None:
    table = np.random.default_rng(length * width).normal(size=(length, width))
    made = packed([tuple(row) for row in table.tolist()], width)
    assert made is not None
    assert made.dtype == np.float64
    assert made.tolist() == table.tolist()


@given(st.integers(1, 40).flatmap(lambda width: st.lists(st.tuples(*[st.floats()] * width), min_size=1, max_size=40)))
def test_numbers_keep_every_bit(rows: list[tuple[float, ...]]) -> None:
    made = packed(rows, len(rows[0]))
    assert made is not None
    assert made.tobytes() == np.array(rows).tobytes()


@pytest.mark.parametrize("length", LENGTHS)
def test_an_absent_number_is_told(length: int) -> None:
    assert packed([(1.0, 2.0)] * (length - 1) + [(1.0, None)], 2) is None
