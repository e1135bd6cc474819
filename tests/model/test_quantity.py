from __future__ import annotations

import pytest

from crackle_stream.model.quantity import octets, seconds


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (0, 0.0), (2.5, 2.5), ("0", 0.0), ("90", 90.0), ("250ms", 0.25), ("15s", 15.0), ("5m", 300.0), ("5min", 300.0),
        ("4h", 14400.0), ("1.5 h", 5400.0), ("2d", 172800.0), ("1w", 604800.0), (" 3 s ", 3.0),
    ],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(written: float | str, expected: float) -> None:
    assert expected == pytest.approx(seconds(written), rel=1e-12)


@pytest.mark.parametrize(
    ("written", "expected"),
    [(0, 0), ("10", 10), ("10B", 10), ("2kB", 2000), ("2KiB", 2048), ("64MiB", 67108864), ("1.5GiB", 3 << 29)],
)  # fmt: skip
def test_sizes_are_read_as_people_write_them(written: float | str, expected: int) -> None:
    assert expected == octets(written)


@pytest.mark.parametrize("written", ["", "s", "five", "5 parsecs", "-5s", "1e9", "5S", "٣s", True, None, [1]])
def test_what_is_no_duration_says_what_one_looks_like(written: object) -> None:
    with pytest.raises(ValueError, match=r'is a number of seconds or text such as "15s", "5m" or "4h", not '):
        seconds(written)  # type: ignore[arg-type]


@pytest.mark.parametrize("written", ["", "MiB", "64 mib", "64M", "-1"])
def test_what_is_no_size_says_what_one_looks_like(written: str) -> None:
    with pytest.raises(ValueError, match=r'is a number of bytes or text such as "512KiB", "64MiB" or "1GiB", not '):
        octets(written)


@pytest.mark.parametrize("number", [-1, -0.5, float("inf"), float("nan")])
def test_numbers_are_finite_and_not_negative(number: float) -> None:
    for read in (seconds, octets):
        with pytest.raises(ValueError, match="must be finite and not negative, not "):
            read(number)


def test_a_size_has_whole_bytes() -> None:
    with pytest.raises(ValueError, match=r"is no whole number of bytes: '1\.5'"):
        octets("1.5")
