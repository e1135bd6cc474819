"""Multiplicity, and the false-alarm budget in human units."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crackle_stream.model import Candidate, CracklePattern, Evidence, Examination, NearMiss

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SHARES", "Budget", "Judgement", "judge"]

SHARES: Mapping[str, float] = {
    "shift": 0.70,
    "dependence": 0.11,
    "groups": 0.08,
    "lagged": 0.06,
    "laws": 0.02,
    "constants": 0.01,
}
"""Share of a window's chance of a false pattern that each detector may use; what is left is for others.

Shifts have most: they are what alarms, and one window says least about them. Laws need almost nothing: where they
hold, they hold by many orders of magnitude; nor do constants, whose first move after n tasks is no rarer than 1 in
n + 1 and whose many moves are as rare as one likes."""

OTHERS_SHARE = 0.02
"""Share for all detectors that are not named above, together."""

PER_WINDOW_LIMIT = 0.05
"""A budget never allows a single window more than this chance, however long it waited."""

UNCALIBRATED_CONFIDENCE = 0.95
"""Most confidence that a finding may have before the stream's memory is long enough."""

_SECONDS = {"hour": 3600.0, "day": 86400.0, "week": 604800.0, "month": 2629800.0}
_RATE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*/\s*(hour|day|week|month)\s*")


@dataclass(frozen=True, slots=True)
class Budget:
    """How many false alarms are allowed.

    Attributes:
        per_window: chance of any false pattern in one window, over all detectors; None where a rate is given.
        per_second: false alarms a second of stream time; 0 where a chance per window is given.
        least: chance that a window may take under a rate, however little stream time it earned.
    """

    per_window: float | None = PER_WINDOW_LIMIT
    per_second: float = 0.0
    least: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Budget:
        """A budget in human units.

        Args:
            text: such as "1/week", "2/day" or "0.5/hour".

        Raises:
            ValueError: the text is none.

        >>> Budget.parse("2/day").per_second * 86400
        2.0
        """
        found = _RATE.fullmatch(text)
        if found is None or float(found[1]) <= 0:
            raise ValueError(f'a budget reads "1/week", "2/day", "3/hour" or "1/month", not {text!r}')
        return cls(None, float(found[1]) / _SECONDS[found[2]])

    def allowance(self, elapsed_s: float, kilns: int = 1) -> float:
        """The chance of any false pattern that this window may take.

        Under a rate it is what the stream time since the kiln's last cooling earned, shared between the kilns known:
        overlapping windows spend the same rows' budget once.

        Args:
            elapsed_s: stream time since the kiln was last cooled; the window's own span for the first.
            kilns: kilns that share the budget.
        """
        if self.per_window is not None:
            return self.per_window
        earned = self.per_second * max(elapsed_s, 0.0) / max(kilns, 1)
        return min(max(earned, self.least), PER_WINDOW_LIMIT)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the budget made of a window's candidates.

    Attributes:
        patterns: those that pass, most confident and then largest effect first.
        examined: the examinations, each with its best candidate that did not pass.
    """

    patterns: tuple[CracklePattern, ...]
    examined: Mapping[str, Examination]


def judge(examined: Mapping[str, Examination], allowance: float) -> Judgement:
    """Spend a window's allowance over what its detectors propose.

    A candidate's q is its p value times the detector's number of tests, over the detector's share (weighted
    Bonferroni): the chance that a window without patterns shows any candidate with a q this small is at most q. It
    passes where q is within the allowance. Its confidence is 1 - q: among windows in which nothing happens, at most
    a share 1 - c shows a pattern of confidence c or more. Findings that are not calibrated stay at .95 or under.
    Candidates without a p value are left to their detector's own threshold.

    Args:
        examined: by detector name.
        allowance: chance of any false pattern this window may take.
    """
    strangers = sum(1 for name in examined if name not in SHARES)
    passed: list[CracklePattern] = []
    after: dict[str, Examination] = {}
    for name, made in examined.items():
        share = SHARES.get(name, OTHERS_SHARE / max(strangers, 1))
        kept, nearest = _judged(made, share, allowance)
        passed.extend(kept)
        after[name] = replace(made, nearest=nearest)
    return Judgement(tuple(sorted(passed, key=_rank)), after)


def _judged(made: Examination, share: float, allowance: float) -> tuple[list[CracklePattern], NearMiss | None]:
    kept: list[CracklePattern] = []
    missed: list[tuple[float, Candidate]] = []
    for candidate in made.candidates:
        if candidate.p is None:
            kept.append(candidate.pattern)
            continue
        q = min(candidate.p * max(made.tests, 1) / share, 1.0)
        if q <= allowance:
            kept.append(_confident(candidate.pattern, q))
        else:
            missed.append((q, candidate))
    if not missed:
        return kept, made.nearest
    q, best = min(missed, key=lambda one: one[0])
    what = " ~ ".join(best.pattern.metric_names) or best.pattern.kind
    return kept, NearMiss(what, -math.log10(max(q, 1e-300)), -math.log10(allowance or 1e-300), "-log10 of q")


def _confident(pattern: CracklePattern, q: float) -> CracklePattern:
    evidence = pattern.evidence
    confidence = 1.0 - q
    if evidence is not None:
        evidence = Evidence(evidence.p, q, evidence.effect, evidence.effective_n, evidence.calibrated)
        if not evidence.calibrated:
            confidence = min(confidence, UNCALIBRATED_CONFIDENCE)
    return replace(pattern, confidence=confidence, evidence=evidence)


def _rank(pattern: CracklePattern) -> tuple[float, float, str, str]:
    effect = abs(pattern.evidence.effect) if pattern.evidence is not None else 0.0
    return -pattern.confidence, -effect, pattern.kind, " ".join(pattern.metric_names)
