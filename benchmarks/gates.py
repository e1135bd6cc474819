"""What every family has to reach, and whether it did, within two standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from benchmarks.planted import FORMS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.scoring import Score

__all__ = ["BESIDE", "FALSE_SHARE", "RECALL", "Gate", "Verdict", "at_least", "at_most", "false_share_allowed", "judged"]

FALSE_SHARE = 0.05
"""Largest share of windows with any false pattern, for every family without events and for all of them together."""

BESIDE = frozenset({"seasonal, 3 harmonics", "ar .3 to .95", "trend", "ma .8", "counts, ar .9 rate"})
"""Families beside those that the gate was set for: each has the same gate, and they are pooled apart."""

STATED_POLICY = {"garch": None, "garch, known": 0.10}
"""Families with a bound of their own. A first window of a series whose volatility comes in spells cannot be told from
one whose spread changed: it is reported as such, and the figure is stated; once the history knows the metric, spells
are what it expects."""


class Verdict(StrEnum):
    """How a figure stands to its gate."""

    MET = "met"
    WITHIN = "within 2 se"
    MISSED = "MISSED"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """What a planted family has to reach.

    Attributes:
        found: least share of windows in which it was found, right kind and right metrics.
        error: largest median of the rows between the change and where it was put, over those found.
        exact: least share, of those found, that is exact.
        right: least share of all windows in which it was found and is exact.
    """

    found: float
    error: float | None = None
    exact: float | None = None
    right: float | None = None

    def __str__(self) -> str:
        parts = [f">= {self.found:g}"]
        parts += [] if self.error is None else [f"error <= {self.error:g}"]
        parts += [] if self.exact is None else [f"exact >= {self.exact:g}"]
        parts += [] if self.right is None else [f"right >= {self.right:g}"]
        return ", ".join(parts)


_CURVES = {
    f"{form} at noise {noise:g}": Gate(0.85 if (form, noise) == ("multiplicative", 0.6) else least)
    for form in FORMS
    for noise, least in ((0.3, 0.98), (0.6, 0.9))
}

RECALL: dict[str, Gate] = {
    "mean 0.6 sd": Gate(0.95),
    "mean 1 sd": Gate(0.98, error=3),
    "mean 3 sd in ar .9": Gate(0.95),
    "mean 2 sd in ar .9, known": Gate(0.9),
    "mean 1 sd in ar .9, known": Gate(0.5),
    "two changes of 2 sd": Gate(0.9),
    "variance x1.7": Gate(0.95),
    "shape bimodal": Gate(0.95),
    "shape exponential": Gate(0.95),
    "shape tails": Gate(0.35),
    "shape uniform": Gate(0.2),
    "linear r 0.3": Gate(0.9),
    "linear r 0.4": Gate(0.98),
    **_CURVES,
    **{f"lag {lag}": Gate(0.98, exact=0.95) for lag in (1, 5, 20)},
    "lag 7, r .3": Gate(0.9, exact=0.95),
    **{f"law at noise {noise:g}": Gate(0.95) for noise in (0.0, 0.001, 0.01, 0.02)},
    "law of 4 terms": Gate(0.95),
    "fixed sum, noise .5 %": Gate(0.95),
    "fixed sum, noise 5 %": Gate(0.95),
    "leak of 8 %": Gate(0.95, error=3, right=0.95),
    "leak of 2 %, noise 1 %": Gate(0.9),
    **{f"{count} groups": Gate(0.9, right=0.9) for count in (2, 3, 5)},
    "odd group of 20": Gate(0.9),
}
"""By family; families that are not named here are measured and have no gate. The metrics are part of being found: a
law names exactly its terms, groups name every metric in which their centres are a standard deviation apart."""


def at_least(share: float, gate: float, windows: int) -> Verdict:
    """Whether a share reaches its gate, or could by chance have missed it although the truth reaches it."""
    if share >= gate:
        return Verdict.MET
    return Verdict.WITHIN if share >= gate - 2 * _standard_error(gate, windows) else Verdict.MISSED


def at_most(share: float, gate: float, windows: int) -> Verdict:
    """Whether a share stays under its gate, or could by chance have passed it although the truth does not."""
    if share <= gate:
        return Verdict.MET
    return Verdict.WITHIN if share <= gate + 2 * _standard_error(gate, windows) else Verdict.MISSED


def false_share_allowed(family: str) -> float | None:
    """The gate of a family without events; None where only the figure is stated."""
    return STATED_POLICY.get(family, FALSE_SHARE)


def judged(gate: Gate | None, made: Sequence[Score]) -> Verdict:
    """The worst verdict over the parts of a gate."""
    if gate is None or not made:
        return Verdict.NONE
    found = [one for one in made if one.found]
    verdicts = [at_least(len(found) / len(made), gate.found, len(made))]
    if gate.error is not None:
        verdicts.append(Verdict.MET if median_error(found) <= gate.error else Verdict.MISSED)
    if gate.exact is not None:
        exact = sum(one.exact for one in found)
        verdicts.append(at_least(exact / max(len(found), 1), gate.exact, max(len(found), 1)))
    if gate.right is not None:
        verdicts.append(at_least(sum(one.exact for one in found) / len(made), gate.right, len(made)))
    return max(verdicts, key=[Verdict.MET, Verdict.WITHIN, Verdict.MISSED].index)


def median_error(found: Sequence[Score]) -> float:
    """Median of the rows between the change and where it was put; NaN where nothing was found or nothing is located."""
    errors = sorted(one.error for one in found if not math.isnan(one.error))
    if not errors:
        return math.nan
    middle = len(errors) // 2
    return errors[middle] if len(errors) % 2 else (errors[middle - 1] + errors[middle]) / 2


def _standard_error(share: float, windows: int) -> float:
    return math.sqrt(share * (1 - share) / max(windows, 1))
