"""Sections of `make bench` are there, and what they say of their figures holds."""

from __future__ import annotations

import importlib

import pytest

from benchmarks.__main__ import PERFORMANCE, SECTIONS
from benchmarks.growth import CURVES, PICTURE, _exponents, _missed


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_can_be_measured(name: str) -> None:
    assert callable(importlib.import_module(f"benchmarks.{name}").measure)


def test_the_plot_of_growth_is_shown_and_white_behind_so_that_it_reads_on_a_dark_page() -> None:
    assert f"](images/{PICTURE.name})" in PERFORMANCE.read_text()
    assert "fill: #ffffff" in PICTURE.read_text()


def test_exponents_are_those_of_powers() -> None:
    squares = [(size, 3e-6 * size**2) for size in (334, 1_000, 50_000)]
    assert _exponents(squares) == pytest.approx((2.0, 2.0))
    # from 10 to 100 ten times as long, from 100 to 1,000 a thousand times
    assert _exponents([(10, 1.0), (100, 10.0), (1_000, 10_000.0)]) == pytest.approx((2.0, 3.0))


def test_five_groups_that_grow_faster_than_their_tasks_are_a_miss() -> None:
    groups = next(curve for curve in CURVES if curve.name == "threshold, five groups" and curve.along == "tasks")
    assert list(_missed({groups: [(1_000, 0.001), (10_000, 0.01)]})) == []
    assert list(_missed({groups: [(1_000, 0.001), (10_000, 0.1)]})) == [
        "threshold, five groups grow with the power 2.00 of the tasks, not 1.25"
    ]
