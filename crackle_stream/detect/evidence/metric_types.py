"""What sort of number a metric carries, inferred from its values and, where they cannot tell, its name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MIN_PRESENT", "MetricType", "TypedMetric", "infer", "infer_all", "steps_of"]

Floats = npt.NDArray[np.float64]

MIN_PRESENT = 12
"""Values under which nothing about a metric is tested: a shift needs a handful of tasks on each side."""

CONSTANT_SPREAD = 1e-9
"""Range over magnitude up to which a metric is a constant with rounding noise."""

CONSTANT_SHARE = 0.98
"""Share of one value from which a metric is a constant with exceptions: the rest is too rare to be tested."""

RESET_SHARE = 0.01
"""Most steps of a counter that may be resets."""

RESET_DROP = 0.5
"""A counter that falls under this share of its last value was reset; one that falls less was never a counter."""

COUNTER_DISTINCT = 5
"""A non-decreasing metric with fewer values is a level that was raised, not a counter."""

HELD_EXCESS = 0.3
"""Share of unchanged steps, beyond what chance gives those values, from which a metric is a held code."""

CHANGE_RATE = 0.2
"""A code changes in at most this share of the steps."""

CYCLE_CANDIDATES = 64
"""Returns to the first value that are tried as the period of an exact cycle."""

_ID_NAME = re.compile(
    r"(^|[_.\-])(id|ids|uuid|guid|seq|sequence|offset|pid|tid|port|hash|crc|checksum)$", re.IGNORECASE
)
_TIME_NAME = re.compile(r"(^|[_.\-])(ts|timestamp|epoch|unixtime)$|_at$", re.IGNORECASE)
_EPOCH_UNITS = (1.0, 1e3, 1e6, 1e9)
_EPOCH_RANGE = (9.0e8, 4.2e9)


class MetricType(StrEnum):
    """What sort of number a metric carries."""

    GAUGE = "gauge"
    """A measurement; tested as it is."""
    COUNTER = "counter"
    """A running total; its steps are tested, resets left out."""
    ID = "id"
    """Names a thing or numbers the rows; not tested."""
    CONSTANT = "constant"
    """One value; not tested, but remembered: a constant that changes is news."""
    CODE = "code"
    """One of a few values held for long: a version, a mode; not tested as a number."""
    TIMESTAMP = "timestamp"
    """A moment; not tested."""

    @property
    def tested(self) -> bool:
        """Whether the statistical detectors look at metrics of this type."""
        return self in (MetricType.GAUGE, MetricType.COUNTER)


@dataclass(frozen=True, slots=True)
class TypedMetric:
    """A metric's name, its type and why.

    Attributes:
        name: the metric.
        type: what sort of number it carries.
        why: the reason in a few words, for the report.
        given: whether the configuration said so.
    """

    name: str
    type: MetricType
    why: str
    given: bool = False


def infer_all(
    names: tuple[str, ...], values: Floats, given: Mapping[str, MetricType] | None = None
) -> tuple[TypedMetric, ...]:
    """The type of every metric of a window.

    Args:
        names: m metric names.
        values: shape (n, m), NaN where absent.
        given: types the configuration states; they win.
    """
    stated = given or {}
    return tuple(
        TypedMetric(name, stated[name], "stated in the configuration", given=True)
        if name in stated
        else infer(name, values[:, column])
        for column, name in enumerate(names)
    )


def infer(name: str, values: Floats) -> TypedMetric:
    """The type of one metric.

    Args:
        name: its name; decides only between readings that the values allow.
        values: shape (n,), NaN where absent.

    >>> infer("jobs_total", np.array([3.0, 5, 5, 9, 12, 12, 17, 20, 21, 29, 31, 33])).type
    <MetricType.COUNTER: 'counter'>
    """
    x = values[~np.isnan(values)]
    for rule in (_constant, _moment, _monotone, _code, _cycle, _named_id):
        found = rule(name, x)
        if found is not None:
            return TypedMetric(name, *found)
    return TypedMetric(name, MetricType.GAUGE, "varies freely")


def steps_of(values: Floats) -> Floats:
    """What a counter gained at each task: shape (n,), NaN at the first value, at resets and where absent.

    >>> steps_of(np.array([5.0, 7.0, 1.0, 2.0])).tolist()
    [nan, 2.0, nan, 1.0]
    """
    steps = np.full(len(values), np.nan)
    rows = np.flatnonzero(~np.isnan(values))
    gained = np.diff(values[rows])
    steps[rows[1:]] = np.where(gained >= 0, gained, np.nan)
    return steps


_Finding = tuple[MetricType, str] | None


def _constant(_: str, x: Floats) -> _Finding:
    if len(x) == 0:
        return MetricType.CONSTANT, "never present"
    low, high = float(x.min()), float(x.max())
    if high - low <= CONSTANT_SPREAD * max(abs(low), abs(high)):
        return MetricType.CONSTANT, f"always {x[0]:.6g}"
    middle = float(np.partition(x, len(x) // 2)[len(x) // 2])
    share = float(np.mean(x == middle))  # a value that fills half the rows is the median
    if share >= CONSTANT_SHARE:
        return MetricType.CONSTANT, f"{middle:.6g} in {share:.1%} of the tasks"
    return None


def _moment(name: str, x: Floats) -> _Finding:
    low, high = _EPOCH_RANGE
    in_range = any(low * unit <= x.min() and x.max() <= high * unit for unit in _EPOCH_UNITS)
    if in_range and (_TIME_NAME.search(name) or (len(x) >= MIN_PRESENT and bool(np.all(np.diff(x) >= 0)))):
        return MetricType.TIMESTAMP, "a moment in time"
    return None


def _monotone(_: str, x: Floats) -> _Finding:
    steps = np.diff(x)
    falls = np.flatnonzero(steps < 0)
    if len(x) < MIN_PRESENT or len(falls) > RESET_SHARE * len(steps):
        return None
    if len(falls) and not (x.min() >= 0 and bool(np.all(x[falls + 1] < RESET_DROP * x[falls]))):
        return None
    if len(falls) and float(np.mean(steps == 0)) > 1 - CHANGE_RATE:
        return None  # a few held values, some of which happen to fall by half
    rises = steps[steps >= 0]
    spread = float(rises.max() - rises.min())
    if float(rises.min()) > 0 and spread <= CONSTANT_SPREAD * float(np.abs(x).max()):
        return MetricType.ID, "numbers the tasks in equal steps"
    if 1 + int(np.count_nonzero(steps)) < COUNTER_DISTINCT:
        return MetricType.CODE, "a level held for long"
    return MetricType.COUNTER, "never falls" if not len(falls) else f"never falls but for {len(falls)} resets"


def _code(_name: str, x: Floats) -> _Finding:
    steps = np.diff(x)
    held = float(np.mean(steps == 0))
    if len(x) < MIN_PRESENT or held < 1 - CHANGE_RATE:
        return None
    _, counts = np.unique(x, return_counts=True)
    by_chance = float(np.sum((counts / len(x)) ** 2))
    if held - by_chance < HELD_EXCESS:
        return None
    return MetricType.CODE, f"holds each value for {1 / max(1 - held, 1 / len(x)):.0f} tasks on average"


def _cycle(_: str, x: Floats) -> _Finding:
    returns = np.flatnonzero(x[1 : len(x) // 3] == x[0]) + 1
    for period in returns[:CYCLE_CANDIDATES].tolist():
        if np.array_equal(x[period:], x[:-period]):
            return MetricType.ID, f"repeats exactly every {period} tasks"
    return None


def _named_id(name: str, x: Floats) -> _Finding:
    if _ID_NAME.search(name) and bool(np.all(x == np.floor(x))):
        return MetricType.ID, "integers under the name of an identifier"
    return None
