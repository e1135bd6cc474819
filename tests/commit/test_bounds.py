"""How long rows may stay uncooled, and how much may stay unsettled."""

import math

import pytest

from crackle_stream.commit import Pins, Unsettled


@pytest.mark.parametrize(
    ("stream_s", "wall_s", "span", "overdue"),
    [(299.9, 299.9, 19_999, False), (300, 0, 1, True), (0, 300, 1, True), (0, 0, 20_000, True)],
)
def test_a_row_may_stay_uncooled_for_ten_periods_or_twenty_rings(
    stream_s: float, wall_s: float, span: int, overdue: bool
) -> None:
    pins = Pins.by_default(capacity=1000, every_seconds=30)
    assert pins.overdue(stream_s=stream_s, wall_s=wall_s, span=span) is overdue


def test_without_a_period_only_the_span_counts() -> None:
    pins = Pins.by_default(capacity=10, every_seconds=None)
    assert pins.max_age_s == math.inf
    assert not pins.overdue(stream_s=1e9, wall_s=1e9, span=199)
    assert pins.overdue(stream_s=0, wall_s=0, span=200)


def test_reading_waits_when_too_much_is_unsettled_until_half_of_it_has_gone() -> None:
    bound = Unsettled(max_windows=10, max_bytes=1000)
    assert bound.see(9, 999) == ""
    assert bound.see(10, 0) == (
        "10 windows wait to be settled, with 0 bytes of state and news (at most 10 and 1000): "
        "reading is paused until half of them are"
    )
    assert [bool(bound.see(windows, 0)) for windows in (9, 5, 4, 9)] == [True, True, False, False]


def test_bytes_are_bounded_as_windows_are() -> None:
    bound = Unsettled(max_windows=10, max_bytes=1000)
    assert bound.see(1, 1000)
    assert bound.see(1, 500)
    assert not bound.see(1, 499)
