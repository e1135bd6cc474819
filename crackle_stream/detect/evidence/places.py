"""Which changes of a window have onsets that cannot be told apart."""

from __future__ import annotations

from math import isfinite, log
from typing import TYPE_CHECKING

from crackle_stream.detect.evidence.shift_patterns import NO_LONGER_CONSTANT
from crackle_stream.model import CracklePattern

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["located", "location_error", "near", "row_of"]

LEAST_ERROR = 4.0
"""Tasks by which even the sharpest onset may be off: what one metric shows at once another shows some tasks later."""

MOST_ERROR_SHARE = 0.05
"""Share of the window that an onset's error is bounded by; also how far apart metrics tied by a law may begin."""

BAI_QUANTILE = 11.0
"""Half-width of the 95 % interval of a change's place, in rows, at a step of one standard deviation [1]."""


def location_error(pattern: CracklePattern, rows: int) -> float:
    """By how many rows a change may be off at 95 %, at least `LEAST_ERROR`.

    The place of a step of d standard deviations has an error of 11 / d**2 rows. A change of spread by a factor f
    tells as much a row as a step of ln(f) * sqrt(2): both have the same divergence.

    Args:
        pattern: the change.
        rows: rows of the window.

    References:
        [1] J. Bai, Estimation of a change point in multiple regression models, Review of Economics and Statistics 79,
            1997. doi:10.1162/003465397557132
    """
    effect = pattern.evidence.effect if pattern.evidence is not None else 0.0
    if pattern.form == "variance":
        effect *= log(2) * 2**0.5
    most = max(MOST_ERROR_SHARE * rows, LEAST_ERROR)
    if pattern.form == NO_LONGER_CONSTANT or not isfinite(effect):
        return LEAST_ERROR
    return min(max(BAI_QUANTILE / max(effect * effect, 1e-12), LEAST_ERROR), most)


def row_of(pattern: CracklePattern) -> int:
    """The row where a pattern begins; 0 where it began before the window, or where that is not known."""
    return 0 if pattern.at is None else pattern.at.index


def near(one: CracklePattern, other: CracklePattern, rows: int, *, tied: bool) -> bool:
    """Whether the onsets of two changes cannot be told apart.

    Args:
        one: a change that begins within the window.
        other: likewise.
        rows: rows of the window.
        tied: whether a law ties their metrics: then one moves the other, some tasks later perhaps.
    """
    allowed = location_error(one, rows) + location_error(other, rows)
    if tied:
        allowed = max(allowed, MOST_ERROR_SHARE * rows)
    return abs(row_of(one) - row_of(other)) <= allowed


def located(
    shifts: Sequence[CracklePattern], rows: int, tied: Callable[[str, str], bool]
) -> list[list[CracklePattern]]:
    """Changes that begin within the window, those at one place together, the sharpest first.

    No place holds the same form of change of one metric twice: those are two changes, however near.

    Args:
        shifts: changes of one metric each.
        rows: rows of the window.
        tied: whether a law ties two metrics.
    """
    places: list[list[CracklePattern]] = []
    for shift in sorted(shifts, key=lambda one: (location_error(one, rows), row_of(one))):
        open_to = [place for place in places if _fits(shift, place, rows, tied)]
        if open_to:
            min(open_to, key=lambda place: abs(row_of(place[0]) - row_of(shift))).append(shift)
        else:
            places.append([shift])
    return places


def _fits(shift: CracklePattern, place: list[CracklePattern], rows: int, tied: Callable[[str, str], bool]) -> bool:
    name = shift.metric_names[0]
    if any((one.form, one.metric_names) == (shift.form, shift.metric_names) for one in place):
        return False
    return near(shift, place[0], rows, tied=any(tied(name, one.metric_names[0]) for one in place))
