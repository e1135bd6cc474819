from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.decode.epoch import EARLIEST, LATEST, epoch_seconds, epoch_seconds_of_all, seconds_of_text

MOMENT = 1_700_000_000.125


@pytest.mark.parametrize("unit", [1.0, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("moment", [EARLIEST, MOMENT, 9.9e10])
def test_the_unit_of_a_number_is_told_by_its_magnitude(unit: float, moment: float) -> None:
    assert epoch_seconds(moment * unit) == pytest.approx(moment, rel=1e-15)


def test_a_small_or_negative_number_is_seconds() -> None:
    assert epoch_seconds(12.5) == 12.5
    assert epoch_seconds(-86400.0) == -86400.0
    assert epoch_seconds(-MOMENT * 1e3) == pytest.approx(-MOMENT)


def test_a_number_beyond_nanoseconds_is_no_time() -> None:
    assert epoch_seconds(np.nextafter(LATEST, 0)) == pytest.approx(1e11)
    assert epoch_seconds(LATEST) is None


@given(st.lists(st.floats(-LATEST, LATEST, exclude_min=True, exclude_max=True), max_size=5))
def test_columns_and_single_numbers_agree(numbers: list[float]) -> None:
    expected = [epoch_seconds(number) for number in numbers]
    assert epoch_seconds_of_all(np.array(numbers)).tolist() == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14t22:13:20z", 1_700_000_000.0),
        ("2023-11-14 22:13:20+00:00", 1_700_000_000.0),
        ("2023-11-15T00:13:20+02:00", 1_700_000_000.0),
        ("2023-11-14T22:13:20.125Z", MOMENT),
        ("2023-11-14T22:13:20.125000999Z", MOMENT),
        ("2023-11-14T22:13:20", 1_700_000_000.0),
        ("20231114T221320Z", 1_700_000_000.0),
        ("2023-11-14", 1_699_920_000.0),
        ("20231114", 1_699_920_000.0),
        (" 2023-11-14T22:13:20Z\n", 1_700_000_000.0),
        ("1700000000", 1_700_000_000.0),
        ("1700000000.125", MOMENT),
        ("1700000000125", MOMENT),
        ("1.700000000125e12", MOMENT),
        ("1700000000125000000", MOMENT),
    ],
)
def test_a_time_may_be_text(text: str, expected: float) -> None:
    assert seconds_of_text(text) == expected


@pytest.mark.parametrize(
    "text", ["", "soon", "12.5", "nan", "inf", "1e400", "1_700_000_000", "2023-13-01", "12:30", "9" * 65, "٣" * 10]
)
def test_other_text_is_no_time(text: str) -> None:
    assert seconds_of_text(text) is None


def test_small_numbers_in_text_are_times_only_where_asked_for() -> None:
    assert seconds_of_text("12.5", earliest=-1e30) == 12.5


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_moment_written_as_iso_8601_is_read_back(moment: datetime, offset: int) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    assert seconds_of_text(aware.isoformat()) == (aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
