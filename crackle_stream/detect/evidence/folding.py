"""One fact, one pattern: what a law or a group already says is not said again pair by pair."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from crackle_stream.model import CracklePattern, PatternKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["folded"]

_WIDER = (PatternKind.CONSERVATION, PatternKind.CLUSTERING)


def folded(patterns: Sequence[CracklePattern]) -> tuple[CracklePattern, ...]:
    """The patterns without the correlations that a law or a group of the same window implies.

    Terms of a balance go together because they balance, metrics that tell groups apart because tasks fall into
    groups. Such pairs are counted in the wider pattern's metrics as "implied_pairs". A pair with a metric from
    outside is a fact of its own and stays.

    Args:
        patterns: those that passed the budget.
    """
    wider = [pattern for pattern in patterns if pattern.kind in _WIDER and len(pattern.metric_names) > 1]
    implied: dict[int, int] = {}
    kept: list[CracklePattern] = []
    for pattern in patterns:
        cover = _covering(pattern, wider) if pattern.kind == PatternKind.CORRELATION else None
        if cover is None:
            kept.append(pattern)
        else:
            implied[id(cover)] = implied.get(id(cover), 0) + 1
    return tuple(
        replace(pattern, metrics={**pattern.metrics, "implied_pairs": float(implied[id(pattern)])})
        if id(pattern) in implied
        else pattern
        for pattern in kept
    )


def _covering(pair: CracklePattern, wider: Iterable[CracklePattern]) -> CracklePattern | None:
    names = set(pair.metric_names)
    return next((pattern for pattern in wider if names <= set(pattern.metric_names)), None)
