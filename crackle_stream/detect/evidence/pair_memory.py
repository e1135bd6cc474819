"""Which correlation of this window is one that earlier windows showed, though laws may call its metrics otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from crackle_stream.detect.evidence.event_memory import FORGET_AFTER
from crackle_stream.model import CracklePattern, Identity

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.ties import Ties

__all__ = ["KnownPair", "named_pairs", "pairs_to_remember", "recalled_pairs"]

MOST_PAIRS = 200
"""Pairs remembered; a stream with more has its groups of metrics told as sets."""


@dataclass(frozen=True, slots=True)
class KnownPair:
    """A correlation that a window showed.

    Attributes:
        identity: what it is known by.
        missed: windows in a row that did not show it.
    """

    identity: Identity
    missed: int = 0


def named_pairs(
    found: Sequence[CracklePattern], known: Sequence[KnownPair], ties: Ties
) -> tuple[list[CracklePattern], list[KnownPair]]:
    """The pairs with the identities they keep, and what is remembered after this window.

    Of several metrics that laws tie, now one and now another goes best with a third: that is one fact. So a pair
    takes the identity of the remembered one whose metrics are tied to its own.

    Args:
        found: the window's pairs, one for any two sets of tied metrics.
        known: the pairs remembered.
        ties: which metrics laws tie to each other.
    """
    left = list(known)
    named, seen = [], []
    for pattern in found:
        own = Identity(pattern.form, pattern.metric_names, pattern.direction)
        like = [pair for pair in left if _same(pair.identity, own, ties)]
        best = min(like, key=lambda pair: (pair.identity != own, pair.missed), default=KnownPair(own))
        left = [pair for pair in left if pair is not best]
        named.append(replace(pattern, identity=best.identity, fingerprint=""))
        seen.append(replace(best, missed=0))
    missed = [replace(pair, missed=pair.missed + 1) for pair in left if pair.missed + 1 < FORGET_AFTER]
    return named, [*seen, *missed][:MOST_PAIRS]


def recalled_pairs(learned: Mapping[str, object]) -> list[KnownPair]:
    """The pairs that `pairs_to_remember` wrote down; none from an empty memory."""
    rows = learned.get("pairs", ())
    assert isinstance(rows, Sequence)
    return [_recall(row) for row in rows]


def pairs_to_remember(pairs: Iterable[KnownPair]) -> dict[str, object]:
    """Plain data for the history."""
    return {
        "pairs": [
            {
                "form": pair.identity.form,
                "named": list(pair.identity.metric_names),
                "direction": pair.identity.direction,
                "missed": pair.missed,
            }
            for pair in pairs
        ]
    }


def _same(known: Identity, own: Identity, ties: Ties) -> bool:
    """Whether two pairs are one fact; of the very same metrics only in the same form and direction."""
    if set(known.metric_names) == set(own.metric_names):
        return known == own
    return {ties.root(name) for name in known.metric_names} == {ties.root(name) for name in own.metric_names}


def _recall(row: Mapping[str, object]) -> KnownPair:
    names, missed = row["named"], row["missed"]
    assert isinstance(names, Sequence)
    assert isinstance(missed, int)
    return KnownPair(Identity(str(row["form"]), tuple(map(str, names)), str(row["direction"])), missed)
