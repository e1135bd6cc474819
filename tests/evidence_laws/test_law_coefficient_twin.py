"""The coefficients of a law relative to all members at once beside one member at a time."""

from __future__ import annotations

from math import inf

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.detect.evidence.law_coefficients import SIGMAS, Simple, _value, simplest
from crackle_stream.detect.evidence.law_supports import Tight

Floats = npt.NDArray[np.float64]


def tight_of(seed: int, members: int, noise: float) -> tuple[Tight, Floats]:
    """A balance with noise, as a search would hand it over, and the units its members are in."""
    rng = np.random.default_rng(seed)
    parts = rng.gamma(2.0, 1.0, (300, members - 1)) * rng.choice([0.5, 1.0, 3.0], members - 1)
    table = np.column_stack([parts @ rng.choice([1.0, 2.0, 0.37], members - 1), parts])
    table += noise * rng.standard_normal(table.shape)
    precision = np.linalg.inv(np.corrcoef(table.T) + 1e-12 * np.eye(members))
    open_share = 300 / (300 - members) / np.diagonal(precision)
    scale = rng.choice([1.0, 10.0, 0.2], members)
    return Tight(tuple(range(members)), precision, open_share, table.std(axis=0), 300), scale


def one_by_one(tight: Tight, scale: Floats) -> Simple | None:
    offers = [relative_to(tight, tight.spread * scale, member) for member in range(len(scale))]
    known = [offer for offer in offers if offer is not None]
    return min(known, key=lambda offer: offer.chance) if known else None


def relative_to(tight: Tight, spread: Floats, reference: int) -> Simple | None:
    theta, size = tight.precision, len(spread)
    values, chance = [], 1.0
    for member in range(size):
        ratios = [abs(theta[row, member] / theta[row, reference]) for row in range(size)]
        inverse = max(theta[member, member] - theta[reference, member] ** 2 / theta[reference, reference], 1.0)
        error = SIGMAS * np.sqrt(tight.unexplained[reference] * inverse / tight.rows)
        unit = spread[reference] / spread[member]
        low, high = max(min(ratios) - error, 0.2 * min(ratios)) * unit, (max(ratios) + error) * unit
        sign = 1.0 if theta[reference, member] / theta[reference, reference] > 0 else -1.0
        value, share = (1.0, 1.0) if member == reference else _value(low, high, size == 2)
        values.append(sign * value)
        chance *= share
    if chance == inf:
        return None
    plain = size == 2 or all(abs(value) == 1.0 for value in values)
    return Simple(tuple(values), min(1.0, chance * (1 if plain else size)))


@given(st.integers(0, 10_000), st.integers(2, 6), st.sampled_from([0.0, 1e-6, 0.01, 0.1]))
@settings(max_examples=80, deadline=None)
def test_coefficients_relative_to_all_members_at_once_are_those_of_one_at_a_time(
    seed: int, members: int, noise: float
) -> None:
    tight, scale = tight_of(seed, members, noise)
    found, plain = simplest(tight, scale), one_by_one(tight, scale)
    assert (found is None) == (plain is None)
    if found is not None and plain is not None:
        assert found.coefficients == plain.coefficients
        # widths of intervals around nearly equal ratios: processors differ in their last digits
        assert found.chance == pytest.approx(plain.chance, rel=1e-4)
