"""Exact confidence intervals of counts."""

from __future__ import annotations

from dataclasses import dataclass

from scipy import special

__all__ = ["LEVEL", "Interval", "rate_interval", "share_interval"]

LEVEL = 0.95
"""Chance that an interval holds what it is about."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate and where the truth may lie.

    Attributes:
        value: the estimate.
        low: lower end.
        high: upper end.
    """

    value: float
    low: float
    high: float


def rate_interval(count: float, exposure: float, level: float = LEVEL) -> Interval:
    """A Poisson rate, as Garwood has it.

    Args:
        count: how often it happened.
        exposure: in how much time.
        level: chance that the interval holds the rate.

    >>> round(rate_interval(0, 1.0).high, 6)  # -log(.025)
    3.688879
    """
    tail = (1 - level) / 2
    low = float(special.gammaincinv(count, tail)) if count > 0 else 0.0
    return Interval(count / exposure, low / exposure, float(special.gammaincinv(count + 1, 1 - tail)) / exposure)


def share_interval(count: float, n: float, level: float = LEVEL) -> Interval:
    """A binomial share, as Clopper and Pearson have it; counts need not be whole.

    Args:
        count: how often it happened.
        n: of how many.
        level: chance that the interval holds the share.

    >>> round(share_interval(0, 10).high, 6)  # 1 - .025 ** (1 / 10)
    0.308497
    """
    tail = (1 - level) / 2
    low = float(special.betaincinv(count, n - count + 1, tail)) if count > 0 else 0.0
    high = float(special.betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
    return Interval(count / n if n else 0.0, low, high)
