"""Correlations without those that a law, a group or a stronger pair already tells."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from crackle_stream.model import CracklePattern, PatternKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from crackle_stream.detect.evidence.ties import Ties

__all__ = ["folded_pairs"]

SHOWN_METRICS = 3
"""Metrics named that go with a pair because laws tie them to it."""


def folded_pairs(patterns: Sequence[CracklePattern], ties: Ties) -> list[CracklePattern]:
    """The patterns without the correlations that others imply.

    Terms of a balance go together because they balance, metrics that tell groups apart because tasks fall into
    groups: such pairs are counted in the wider pattern's metrics as "implied_pairs". Where laws tie several metrics,
    each of them goes with whatever one of them goes with; and two metrics may be found to go together at the same
    task, later, and along a curve. Of all these the surest pair is told, with "further_pairs" for the others.

    Args:
        patterns: those that passed the budget.
        ties: which metrics laws tie to each other.
    """
    groups = [one for one in patterns if one.kind == PatternKind.CLUSTERING and len(one.metric_names) > 1]
    laws = [one for one in patterns if one.kind == PatternKind.CONSERVATION and len(one.metric_names) > 1]
    implied: dict[int, int] = {}
    pairs: dict[frozenset[str], list[CracklePattern]] = {}
    kept = []
    for one in patterns:
        if one.kind != PatternKind.CORRELATION or len(one.metric_names) != 2:
            kept.append(one)
            continue
        a, b = one.metric_names
        if ties.tied(a, b) or _covering(one, groups) is not None:
            cover = _covering(one, laws) or _covering(one, groups) or _touching(one, laws)
            implied[id(cover)] = implied.get(id(cover), 0) + 1
            continue
        alike = pairs.setdefault(frozenset((ties.root(a), ties.root(b))), [])
        alike.append(one)
        if len(alike) == 1:
            kept.append(one)
    surest = {id(alike[0]): _surest(alike) for alike in pairs.values()}
    told = [surest.get(id(one), one) for one in kept]
    return [_counted(one, implied[id(one)]) if id(one) in implied else one for one in told]


def _counted(pattern: CracklePattern, pairs: int) -> CracklePattern:
    return replace(pattern, metrics={**pattern.metrics, "implied_pairs": float(pairs)})


def _covering(pair: CracklePattern, wider: Iterable[CracklePattern]) -> CracklePattern | None:
    names = set(pair.metric_names)
    return next((one for one in wider if names <= set(one.metric_names)), None)


def _touching(pair: CracklePattern, laws: Iterable[CracklePattern]) -> CracklePattern | None:
    names = set(pair.metric_names)
    return next((one for one in laws if names & set(one.metric_names)), None)


def _surest(alike: Sequence[CracklePattern]) -> CracklePattern:
    """The pair with the smallest p value, the others' metrics named."""
    best = min(alike, key=_doubt)
    pair = set(best.metric_names)
    others = sorted({name for one in alike for name in one.metric_names} - pair)
    best = replace(best, metrics={**best.metrics, "further_pairs": float(len(alike) - 1)}) if len(alike) > 1 else best
    if others:
        best = replace(
            best, description=f"{best.description}; the same holds for {_some(others)}, which laws tie to them"
        )
    return best


def _some(names: Sequence[str]) -> str:
    if len(names) <= SHOWN_METRICS:
        return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return f"{', '.join(names[:SHOWN_METRICS])} and {len(names) - SHOWN_METRICS} more"


def _doubt(pair: CracklePattern) -> tuple[float, float]:
    evidence = pair.evidence
    return (1.0, 0.0) if evidence is None else (evidence.p, -abs(evidence.effect))
