"""One fact, one pattern: what one finding already says is not said again by others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from crackle_stream.detect.evidence.correlated_sets import with_sets
from crackle_stream.detect.evidence.event_memory import Event, named, recalled_events, to_remember
from crackle_stream.detect.evidence.joint import joint_shift
from crackle_stream.detect.evidence.law_patterns import BROKEN_LAW
from crackle_stream.detect.evidence.pair_folding import folded_pairs
from crackle_stream.detect.evidence.pair_memory import named_pairs, pairs_to_remember, recalled_pairs
from crackle_stream.detect.evidence.places import located, near, row_of
from crackle_stream.detect.evidence.shift_patterns import FORMS
from crackle_stream.detect.evidence.ties import Ties
from crackle_stream.history import History
from crackle_stream.model import CracklePattern, Nature, PatternKind

if TYPE_CHECKING:
    from crackle_stream.window import Window

__all__ = ["FOLDING", "Folding", "folded"]

FOLDING = "folding"
"""The name under which the history keeps the events of earlier windows."""

EXPLAINED = 2.0
"""Times a law's residual up to which a shift of one of its metrics is the break itself and no event of its own."""


@dataclass(frozen=True, slots=True)
class Folding:
    """What is left to report.

    Attributes:
        patterns: one a fact or event, in the order given, each event where its surest change stood.
        learned: what to remember for the next window, under `FOLDING`.
    """

    patterns: tuple[CracklePattern, ...]
    learned: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "learned", MappingProxyType(dict(self.learned)))


def folded(patterns: Sequence[CracklePattern], window: Window, history: History | None = None) -> Folding:
    """The patterns of a window, each fact and each event once.

    - Pairs that a law or a group implies go into it; of those that laws make one, and of two metrics found
      together in several ways, the surest stays.
    - Metrics of which every two are correlated along a line become one set.
    - The shifts of a broken law's own metrics at the place where it broke go into it.
    - Changes whose onsets cannot be told apart become one event, the metric that changed most first; a metric's
      level, spread and shape at one place are one change.

    Args:
        patterns: those that passed the budget, surest first.
        window: the window.
        history: what the kiln remembers: laws, and the names of events.
    """
    history = History() if history is None else history
    ties = Ties.of(patterns, history)
    kept = with_sets(folded_pairs(_breaks_folded(patterns, window, ties), ties))
    memory = history.of(FOLDING)
    pairs = [one for one in kept if one.kind == PatternKind.CORRELATION and len(one.metric_names) == 2]
    facts, known_pairs = named_pairs(pairs, recalled_pairs(memory), ties)
    known = recalled_events(memory)
    places = _places([one for one in kept if is_shift(one)], known, window, ties)
    events, known_events = named([joint_shift(place, window) for place in places], known, window)
    told = {id(pair): fact for pair, fact in zip(pairs, facts, strict=True)}
    told.update({id(one): event for place, event in zip(places, events, strict=True) for one in place})
    once = {id(found): found for found in (told.get(id(one), one) for one in kept)}
    return Folding(tuple(once.values()), {**to_remember(known_events), **pairs_to_remember(known_pairs)})


def is_shift(pattern: CracklePattern) -> bool:
    """Whether a pattern is a change of one metric with a place."""
    return (
        pattern.kind == PatternKind.PHASE_TRANSITION
        and pattern.nature == Nature.EVENT
        and pattern.form in FORMS
        and pattern.at is not None
        and len(pattern.metric_names) == 1
    )


def _places(
    shifts: Sequence[CracklePattern], known: Sequence[Event], window: Window, ties: Ties
) -> list[list[CracklePattern]]:
    """Changes that are one event; of those that began before the window the ones that were one event then."""
    within = located([one for one in shifts if row_of(one)], len(window), ties.tied)
    before: dict[int, list[CracklePattern]] = {}
    for one in shifts:
        if not row_of(one):
            numbers = [number for number, event in enumerate(known) if one.metric_names[0] in event.metrics]
            before.setdefault(max(numbers, default=-1), []).append(one)
    return [*before.values(), *within]


def _breaks_folded(patterns: Sequence[CracklePattern], window: Window, ties: Ties) -> list[CracklePattern]:
    """The patterns without the shifts that are a broken law seen from one of its metrics."""
    breaks = [one for one in patterns if one.form == BROKEN_LAW and one.at is not None]
    implied: dict[int, dict[str, float]] = {}
    kept = []
    for one in patterns:
        cover = next((law for law in breaks if _is_the_break(one, law, window)), None) if is_shift(one) else None
        if cover is None:
            kept.append(one)
            continue
        numbers = implied.setdefault(id(cover), {"implied_shifts": 0.0})
        numbers["implied_shifts"] += 1.0
        numbers.update({f"{one.metric_names[0]}: {key}": value for key, value in one.metrics.items()})
    return [replace(one, metrics={**one.metrics, **implied[id(one)]}) if id(one) in implied else one for one in kept]


def _is_the_break(shift: CracklePattern, law: CracklePattern, window: Window) -> bool:
    """Whether a shift lies where a law broke, in one of its metrics, and is no larger than what is missing."""
    name = shift.metric_names[0]
    if name not in law.metric_names or not near(shift, law, len(window), tied=True):
        return False
    if shift.form != "mean":
        return True
    moved = law.metrics.get(f"coefficient of {name}", 1.0) * (shift.metrics["after"] - shift.metrics["before"])
    return abs(moved) <= EXPLAINED * abs(law.metrics["residual"])
