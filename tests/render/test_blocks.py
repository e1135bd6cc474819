from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.render.blocks import BLOCKS, sparkline, strip

NUMBERS = st.lists(st.floats(), max_size=300)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], ""),
        ([5], "▄"),
        ([5, 5, 5], "▄▄▄"),
        ([0, 1], "▁█"),
        (list(range(8)), "▁▂▃▄▅▆▇█"),
        ([0, 0.1249, 0.126, 1], "▁▁▂█"),
        ([math.nan, 1, math.inf, 2, -math.inf], " ▁ █ "),
        ([math.nan, math.nan], "  "),
        ([-1.7e308, 0, 1.7e308], "▁▅█"),
        ([1e-320, 2e-320], "▁█"),
    ],
)
def test_a_series_is_drawn_from_its_least_to_its_greatest(values: list[float], expected: str) -> None:
    assert sparkline(values) == expected


def test_a_longer_series_is_drawn_by_the_means_of_equal_stretches() -> None:
    """Means 1, 5 and 9 of [0 2 | 4 6 | 8 10] on a scale from 1 to 9."""
    assert sparkline([0, 2, 4, 6, 8, 10], 3) == "▁▅█"


def test_absent_values_leave_a_stretch_to_those_that_are_there() -> None:
    assert sparkline([0, math.nan, math.nan, math.nan, 8, math.nan], 3) == "▁ █"


@given(NUMBERS, st.integers(1, 80))
def test_a_sparkline_fits_and_has_only_blocks_and_blanks(values: list[float], width: int) -> None:
    drawn = sparkline(values, width)
    assert len(drawn) == min(len(values), width)
    assert set(drawn) <= {*BLOCKS, " "}


@pytest.mark.parametrize(
    ("at", "expected"),
    [(0, "╎▁▁▁██"), (3, "▁▁▁╎██"), (5, "▁▁▁██╎"), (-4, "╎▁▁▁██"), (99, "▁▁▁██╎")],
)
def test_the_mark_stands_before_the_row_where_it_begins(at: int, expected: str) -> None:
    assert strip([1, 1, 1, 8, 8], at) == expected


def test_both_sides_share_a_scale_and_keep_their_shares_of_the_width() -> None:
    assert strip([10] * 300 + [50] * 100, 300, 41) == "▁" * 30 + "╎" + "█" * 10


def test_a_side_of_one_row_is_still_seen() -> None:
    assert strip([10] * 999 + [50], 999, 21) == "▁" * 19 + "╎█"
    assert strip([50] + [10] * 999, 1, 21) == "█╎" + "▁" * 19


@given(NUMBERS, st.integers(-5, 310), st.integers(3, 80))
def test_a_strip_fits_and_has_one_mark(values: list[float], at: int, width: int) -> None:
    drawn = strip(values, at, width)
    assert len(drawn) == min(len(values) + 1, width)
    assert drawn.count("╎") == 1


def test_the_least_difference_a_float_knows_is_drawn() -> None:
    assert sparkline([0.0, 5e-324]) == "▁█"
