"""A linear law among metrics: its terms, its text and what it implies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import gcd, lcm

import numpy as np
import numpy.typing as npt

__all__ = ["NEGLIGIBLE_SHARE", "Law"]

Floats = npt.NDArray[np.float64]

NEGLIGIBLE_SHARE = 0.01
"""Share of what is turned over under which the constant of a noisy law is zero."""

CANCELLED = 1e-9
"""Share of a coefficient under which what is left of it is rounding."""


@dataclass(frozen=True, slots=True)
class Law:
    """sum of coefficient x metric = constant, exactly or within noise.

    Attributes:
        terms: (metric, coefficient) in canonical order; coefficients are whole numbers without a common divisor,
            except in an exact conversion between two metrics, where one of them may be any number.
        constant: what the sum equals.
        noise: robust standard deviation of the sum around the constant; 0.0 for an exact law.
    """

    terms: tuple[tuple[str, float], ...]
    constant: float = 0.0
    noise: float = 0.0

    @classmethod
    def of(cls, coefficients: Mapping[str, float], constant: float = 0.0, noise: float = 0.0) -> Law:
        """A law in canonical form: terms by name, no common divisor, the fewer terms on the negative side.

        >>> Law.of({"out": -2.0, "in": 2.0, "dropped": -2.0}).text
        'in = dropped + out'
        """
        names = sorted(coefficients)
        values, scale = _whole([coefficients[name] for name in names])
        sign = _sign(values)
        terms = tuple((name, sign * value) for name, value in zip(names, values, strict=True))
        return cls(terms, sign * scale * constant + 0.0, abs(scale) * noise)

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics of the law, by name."""
        return tuple(name for name, _ in self.terms)

    @property
    def coefficients(self) -> Floats:
        """Shape (k,), in the order of `names`."""
        return np.array([value for _, value in self.terms])

    @property
    def exact(self) -> bool:
        """Whether it holds to the last digit."""
        return self.noise == 0.0

    @property
    def is_alias(self) -> bool:
        """Whether it says that two metrics are one and the same."""
        return len(self.terms) == 2 and self.constant == 0 and self.terms[0][1] == -self.terms[1][1]

    @property
    def text(self) -> str:
        """The law as an equation, what adds on the left, what is taken away on the right.

        >>> Law.of({"idle": 1, "user": 1, "system": 1}, 100.0).text
        'idle + system + user = 100'
        """
        left = [(name, value) for name, value in self.terms if value > 0]
        right = [(name, -value) for name, value in self.terms if value < 0]
        unit = _shown_unit([value for _, value in left], [value for _, value in right])
        rest = self.constant / unit
        if not right:
            return f"{_side(left, unit)} = {self._told(rest)}"
        tail = "" if rest == 0 else f" {'-' if rest < 0 else '+'} {self._told(abs(rest))}"
        return f"{_side(left, unit)} = {_side(right, unit)}{tail}"

    def _told(self, constant: float) -> str:
        """A constant in as many digits as the law knows: all of a whole one that holds exactly."""
        return f"{constant:.0f}" if self.exact and constant == round(constant) else f"{constant:.6g}"

    @property
    def implied_pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of metrics whose dependence the law alone explains: every two of its members."""
        return tuple(combinations(self.names, 2))

    def renamed(self, old: str, new: str) -> Law:
        """The law with another metric in the place of one member."""
        named = {new if name == old else name: value for name, value in self.terms}
        return Law.of(named, self.constant, self.noise)

    def with_aliases(self, aliases: Iterable[Law]) -> Iterator[Law]:
        """The law with one member called by another name, for every alias that allows it."""
        for alias in aliases:
            for old, new in (alias.names, alias.names[::-1]):
                if old in self.names and new not in self.names:
                    yield self.renamed(old, new)

    def less(self, other: Law) -> Iterator[Law]:
        """What is left where another law cancels a member they share, if that is a law of fewer members than this.

        >>> one, other = Law.of({"in": 1, "out": -1, "held": -1}), Law.of({"in": 1, "out": -1, "gained": -1})
        >>> [left.text for left in one.less(other)]
        ['gained = held']
        """
        mine, theirs = dict(self.terms), dict(other.terms)
        seen = set()
        for name in sorted(mine.keys() & theirs.keys()):
            times = mine[name] / theirs[name]
            both = {each: mine.get(each, 0.0) - times * theirs.get(each, 0.0) for each in mine | theirs}
            left = {each: value for each, value in both.items() if abs(value) > CANCELLED * abs(mine.get(each, 1.0))}
            if 1 < len(left) < len(mine) and tuple(left) not in seen:
                seen.add(tuple(left))
                yield Law.of(left, self.constant - times * other.constant)

    def columns(self, names: Sequence[str]) -> list[int] | None:
        """Where the members stand among `names`, or None where one is absent."""
        where = {name: place for place, name in enumerate(names)}
        return [where[name] for name in self.names] if all(name in where for name in self.names) else None

    def residual(self, members: Floats) -> Floats:
        """How far each task is from the law.

        Args:
            members: shape (n, k), columns in the order of `names`.

        Returns:
            Shape (n,); NaN where a member is absent.
        """
        sums: Floats = members @ self.coefficients - self.constant
        return sums

    def turnover(self, members: Floats) -> Floats:
        """Half the sum of the absolute terms of each task: the size a residual is a share of, shape (n,)."""
        half: Floats = 0.5 * (np.abs(members) @ np.abs(self.coefficients) + abs(self.constant))
        return half

    def to_plain(self) -> dict[str, object]:
        """The law as plain data, for the history."""
        return {
            "terms": [[name, value] for name, value in self.terms],
            "constant": self.constant,
            "noise": self.noise,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, object]) -> Law:
        """The law that `to_plain` gave."""
        terms = plain["terms"]
        assert isinstance(terms, Sequence)
        pairs = tuple((str(name), float(value)) for name, value in terms)
        return cls(pairs, _number(plain["constant"]), _number(plain["noise"]))


def _sign(values: Sequence[float]) -> float:
    """Which way round the law reads best: a lone term stands on the left, in = out + dropped."""
    positive = sum(value > 0 for value in values)
    negative = len(values) - positive
    if positive == negative == 1 and abs(values[0]) != abs(values[1]):
        return 1.0 if values[int(np.argmin(np.abs(values)))] > 0 else -1.0
    if positive == negative or min(positive, negative) > 1:
        return 1.0 if values[0] > 0 else -1.0
    return 1.0 if positive and (positive == 1 or negative == 0) else -1.0


def _whole(values: Sequence[float]) -> tuple[list[float], float]:
    """Coefficients without a common divisor, and by what they were multiplied, relative to the least if need be."""
    least = min(abs(value) for value in values)
    for unit in (1.0, least):
        fractions = [_fraction(value / unit) for value in values]
        known = [fraction for fraction in fractions if fraction is not None]
        if len(known) == len(values):
            common = lcm(*(bottom for _, bottom in known))
            whole = [top * (common // bottom) for top, bottom in known]
            divisor = gcd(*whole)
            return [float(value // divisor) for value in whole], common / divisor / unit
    return [value / least for value in values], 1.0 / least


def _fraction(value: float) -> tuple[int, int] | None:
    """The value as a fraction with a denominator of at most 12, if it is one."""
    for bottom in range(1, 13):
        top = round(value * bottom)
        if abs(value * bottom - top) < 1e-9 * max(1.0, abs(value)):
            return top, bottom
    return None


def _shown_unit(left: Sequence[float], right: Sequence[float]) -> float:
    """What the shown coefficients are divided by: a lone left term loses its own if the others stay short decimals."""
    if len(left) != 1:
        return 1.0
    short = all(abs(value / left[0] * 1000 - round(value / left[0] * 1000)) < 1e-6 for value in right)
    return left[0] if short else 1.0


def _side(terms: Sequence[tuple[str, float]], unit: float) -> str:
    return " + ".join(name if value == unit else f"{value / unit:.6g} {name}" for name, value in terms)


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
