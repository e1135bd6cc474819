"""Reads the p values of all tests of a cooling, also of those that came to nothing.

The witness is a detector that finds nothing: it runs after the built-in ones on the preparation they share, and asks
the same pure statistics as they do. The product pays nothing for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.budget import SHARES, judge
from crackle_stream.cooling import CoolingReport, cool
from crackle_stream.detect.evidence import prepared_of
from crackle_stream.detect.evidence.dependence import CURVED_SHARE, CURVED_TESTS, LINEAR_SHARE
from crackle_stream.detect.evidence.lagged import lags_for
from crackle_stream.detect.evidence.pairs import binned_p, correlations_at, curved_p, own_memory
from crackle_stream.detect.evidence.ranks import legendre_scores
from crackle_stream.detect.evidence.shift import LEVEL_SHARE, SHAPE_SHARE, SPREAD_SHARE
from crackle_stream.model import Examination

if TYPE_CHECKING:
    from crackle_stream.history import History
    from crackle_stream.profile import ThermalProfile
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["CHANCES", "SORTS", "Exceedances", "Witness", "cool_watched"]

Floats = npt.NDArray[np.float64]

SORTS = ("level", "spread", "shape", "line", "curve", "lag")
"""Sorts of test whose p values are read."""

CHANCES = 10.0 ** -np.arange(0.5, 7.01, 0.5)
"""Chances at which the p values are held against the diagonal."""


class Exceedances:
    """How many p values of each sort were at most each of `CHANCES`."""

    def __init__(self) -> None:
        self.tests = dict.fromkeys(SORTS, 0)
        self.below = {sort: np.zeros(len(CHANCES), dtype=np.int64) for sort in SORTS}

    def count(self, p: dict[str, Floats]) -> None:
        """Add the p values of a window."""
        for sort, values in p.items():
            self.tests[sort] += len(values)
            self.below[sort] += np.count_nonzero(values[:, None] <= CHANCES, axis=0)

    def add(self, other: Exceedances) -> None:
        """Add another stream's."""
        for sort in SORTS:
            self.tests[sort] += other.tests[sort]
            self.below[sort] += other.below[sort]


class Witness:
    """Sees one window.

    Attributes:
        p: by sort, the p values of all tests of the window.
        q: smallest p value of the window after multiplicity, as the budget would spend it.
    """

    name = "witness"

    def __init__(self) -> None:
        self.p: dict[str, Floats] = {}
        self.q = 1.0

    def examine(self, window: Window, context: Context) -> Examination:
        """Read the p values; finds nothing and tests nothing of its own."""
        prepared = prepared_of(window, context)
        whites = [block.white for block in prepared.whitened.blocks]
        level, spread, shape = (
            np.concatenate([np.empty(0), *parts])
            for parts in (
                [white.levels.p for white in whites],
                [white.spreads.p for white in whites],
                [white.shapes.p for white in whites],
            )
        )
        z = prepared.whitened.scores
        pairs = np.triu_indices(z.shape[1], 1)
        line = correlations_at(z, 0, own_memory(z)).p[pairs]
        curve = _curves(z)[pairs] if len(line) else line
        lag = _lags(z)
        self.p = {"level": level, "spread": spread, "shape": shape, "line": line, "curve": curve, "lag": lag}
        self.q = min(
            _least([level / LEVEL_SHARE, spread / SPREAD_SHARE, shape / SHAPE_SHARE], len(level), "shift"),
            _least([line / LINEAR_SHARE, curve / CURVED_SHARE], len(line), "dependence"),
            _least([lag], len(lag), "lagged"),
        )
        return Examination()


def _least(parts: list[Floats], tests: int, detector: str) -> float:
    return min(float(np.min(np.concatenate(parts), initial=1.0)) * tests / SHARES[detector], 1.0)


def _curves(z: Floats) -> Floats:
    """The p value of any form but a line, over its four tests."""
    squares = own_memory(legendre_scores(special.ndtr(z), 2))
    tests = (binned_p(z, 4, squares), binned_p(z, 8, squares), *curved_p(z))
    return np.asarray(np.minimum(CURVED_TESTS * np.minimum.reduce(tests), 1.0))


def _lags(z: Floats) -> Floats:
    ordered = ~np.eye(z.shape[1], dtype=bool)
    widening = own_memory(z)
    lags = range(1, lags_for(len(z)) + 1)
    return np.concatenate([np.empty(0), *(correlations_at(z, lag, widening).p[ordered] for lag in lags)])


def cool_watched(
    window: Window, profile: ThermalProfile, history: History | None = None, seed: int = 0
) -> tuple[CoolingReport, Witness]:
    """Cool a window and read its p values; `q` takes in what laws and groups propose."""
    witness = Witness()
    report = cool(window, profile.with_detector(witness), history, seed=seed)
    proposed = judge(report.examined, 1.0).patterns
    witness.q = min([witness.q, *(one.evidence.q for one in proposed if one.evidence is not None)])
    return report, witness
