"""Simple coefficients for a set of metrics, and how likely chance is to offer them."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, log10, sqrt
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.law_supports import Tight

__all__ = ["Simple", "simplest"]

Floats = npt.NDArray[np.float64]

GRID = ((1.0,), (2.0, 1 / 2), (3.0, 1 / 3, 3 / 2, 2 / 3), (4.0, 1 / 4, 4 / 3, 3 / 4))
"""Ratios of two coefficients, simplest first: fractions of numbers up to 4."""

GRID_RANGE = 2 * log(8.0)
"""Logarithmic range a ratio is taken to come from when it is chance: 1/8 to 8."""

UNIT_FACTORS = (8, 10, 24, 60, 100, 1000, 1024, 3600, 86400, 10**6, 1024**2, 10**9, 1024**3)
"""Bits, decades, hours, minutes, percent, kilo, kibi, seconds an hour and a day, mega and giga."""

UNITS = (1.0, *(factor for base in UNIT_FACTORS for factor in (float(base), 1.0 / base)))

UNIT_RANGE = 2 * log(1024.0**3)

SIGMAS = 4.0
"""Standard errors by which an interval of coefficients is widened; noise is seldom as even as the formula takes it."""

CHANCE_COMMON = 4e-3
"""Chance that a relation with other coefficients is read as a balance (+1 and -1 only) or as a conversion of two terms:
these are by far the most common laws, so they need the least proof."""

CHANCE_OTHER = 1e-3
"""The same for any other coefficients: there are many more of them to meet by chance."""

EXACT_WIDTH = 1e-4
"""Relative width under which a ratio is so sharp that any decimal of three digits is proof."""

ROUNDING = 1e-7
"""Relative error of a ratio that arithmetic alone may leave."""

DECIMAL_COUNT = 900 * 6


@dataclass(frozen=True, slots=True)
class Simple:
    """Coefficients of a law.

    Attributes:
        coefficients: shape (s,), in raw units, one of them 1.
        chance: chance that coefficients drawn without any rule fall as near to such simple ones.
    """

    coefficients: tuple[float, ...]
    chance: float

    def credible(self, tried: int) -> bool:
        """Whether chance is a poor explanation, where so many sets of metrics were tried for their coefficients."""
        common = len(self.coefficients) == 2 or all(abs(value) == 1.0 for value in self.coefficients)
        return self.chance * tried <= (CHANCE_COMMON if common else CHANCE_OTHER)


def simplest(tight: Tight, scale: Floats) -> Simple | None:
    """The simplest coefficients between the regressions of the members on each other.

    Args:
        tight: a set of metrics that determine each other.
        scale: shape (s,), raw units in one unit of the tight set's.

    Returns:
        None where no simple coefficients lie in the interval.
    """
    low, high, positive = _intervals(tight, tight.spread * scale)
    offers = (_relative_to(reference, *one) for reference, one in enumerate(zip(low, high, positive, strict=True)))
    known = [offer for offer in offers if offer is not None]
    return min(known, key=lambda offer: offer.chance) if known else None


def _intervals(tight: Tight, spread: Floats) -> tuple[list[list[float]], list[list[float]], list[list[bool]]]:
    """Bounds and signs of the coefficients relative to each member in turn, shape (reference, member) each."""
    theta, own = tight.precision, np.diagonal(tight.precision)
    # Regression j gives member m the ratio theta[j, m] / theta[j, reference]; the law lies between the regressions.
    centre = np.abs(theta / theta.T[:, :, None])
    least, most = centre.min(axis=1), centre.max(axis=1)
    # Variance of a regression coefficient: the residual's times the inverse of the regressors' matrix.
    inverse = np.maximum(own - theta**2 / own[:, None], 1.0)
    error = SIGMAS * np.sqrt(tight.unexplained[:, None] * inverse / tight.rows)
    unit = spread[:, None] / spread
    low, high = np.maximum(least - error, 0.2 * least) * unit, (most + error) * unit
    positive: npt.NDArray[np.bool_] = theta / own[:, None] > 0
    return low.tolist(), high.tolist(), positive.tolist()


def _relative_to(reference: int, low: list[float], high: list[float], positive: list[bool]) -> Simple | None:
    values, chance = [], 1.0
    for member, bounds in enumerate(zip(low, high, strict=True)):
        value, share = (1.0, 1.0) if member == reference else _value(*bounds, len(low) == 2)
        if share == inf:
            return None
        values.append(value if positive[member] else -value)
        chance *= share
    # Read relative to each member in turn, a relation has as many chances to look simple; +-1 reads the same each time.
    readings = 1 if len(values) == 2 or all(abs(value) == 1.0 for value in values) else len(values)
    return Simple(tuple(values), min(1.0, chance * readings))


def _value(low: float, high: float, pair: bool) -> tuple[float, float]:
    """The simplest value in an interval and the chance of one as simple; (1, inf) where there is none."""
    low, high = low * (1 - ROUNDING), high * (1 + ROUNDING)
    width = log(high / low)
    offered = 0
    for values in GRID:
        offered += len(values)
        inside = [value for value in values if low <= value <= high]
        if inside:
            return inside[0], min(1.0, offered * width / GRID_RANGE)
    if pair:
        inside = [value for value in UNITS if low <= value <= high]
        if inside:
            return inside[0], min(1.0, len(UNITS) * width / UNIT_RANGE)
    return _decimal(low, high, width)


def _decimal(low: float, high: float, width: float) -> tuple[float, float]:
    middle = sqrt(low * high)
    digits = 2 - int(np.floor(log10(middle)))
    value = round(middle, digits)
    if width > EXACT_WIDTH or not low <= value <= high:
        return 1.0, inf
    return value, DECIMAL_COUNT * width / (2 * log(1000.0))
