"""Metrics of which every two are correlated, told as one set."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from crackle_stream.model import CracklePattern, Identity, PatternKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["LINEAR", "with_sets"]

LINEAR = "linear"

LEAST_MEMBERS = 3
"""Metrics that make a set; two are a pair."""

SHOWN_METRICS = 5
"""Metrics of a set that a sentence names; the pattern names all."""


def with_sets(patterns: Sequence[CracklePattern]) -> list[CracklePattern]:
    """The patterns, linear pairs joined to sets wherever every two metrics of a set are such a pair.

    Only what was found is said: a set needs all its pairs. Sets share no metric; a pair that does not fit into one
    stays. A set stands where its surest pair stood and is known by its first metric by name, because which others
    belong to it varies from window to window.

    Args:
        patterns: what is left of a window's patterns, surest first.
    """
    pairs = {frozenset(one.metric_names): one for one in patterns if _is_line(one)}
    sets = _sets(pairs)
    told: dict[int, CracklePattern] = {}
    for members in sets:
        inner = [pair for names, pair in pairs.items() if names <= set(members)]
        pattern = _set_pattern(members, inner)
        told.update({id(pair): pattern for pair in inner})
    once = {id(told.get(id(one), one)): told.get(id(one), one) for one in patterns}
    return list(once.values())


def _is_line(pattern: CracklePattern) -> bool:
    return pattern.kind == PatternKind.CORRELATION and pattern.form == LINEAR and len(pattern.metric_names) == 2


def _sets(pairs: Mapping[frozenset[str], CracklePattern]) -> list[list[str]]:
    """Disjoint sets of at least three metrics all of whose pairs are there, grown from the surest pair on."""
    sets: list[list[str]] = []
    free = {name for names in pairs for name in names}
    for start in sorted(pairs, key=lambda names: (_doubt(pairs[names]), sorted(names))):
        if not start <= free:
            continue
        members = sorted(start)
        while joining := [name for name in free.difference(members) if _joins(name, members, pairs)]:
            members.append(min(joining, key=lambda name: (_worst(name, members, pairs), name)))
        if len(members) >= LEAST_MEMBERS:
            sets.append(members)
            free.difference_update(members)
    return sets


def _joins(name: str, members: Iterable[str], pairs: Mapping[frozenset[str], CracklePattern]) -> bool:
    return all(frozenset((name, member)) in pairs for member in members)


def _worst(name: str, members: Iterable[str], pairs: Mapping[frozenset[str], CracklePattern]) -> float:
    return max(_doubt(pairs[frozenset((name, member))]) for member in members)


def _set_pattern(members: Sequence[str], pairs: Sequence[CracklePattern]) -> CracklePattern:
    """One pattern for a set: as doubtful, and as easily undone, as the weakest of its pairs."""
    surest, weakest = min(pairs, key=_doubt), max(pairs, key=_doubt)
    sizes = sorted(abs(pair.metrics["r"]) for pair in pairs)
    apart = any(pair.direction == "negative" for pair in pairs)
    how = "go together, some the other way round" if apart else "rise and fall together"
    return replace(
        weakest,
        description=f"{_listed(members)} {how}, every two of them (|r| from {sizes[0]:.2f} to {sizes[-1]:.2f}); "
        f"the weakest pair, {' and '.join(weakest.metric_names)}, vanishes without "
        f"{weakest.metrics['fragility']:.0f} of {weakest.metrics['tasks']:.0f} tasks",
        involved_tasks=surest.involved_tasks,
        metric_names=tuple(members),
        metrics={
            "pairs": float(len(pairs)),
            "least_r": sizes[0],
            "most_r": sizes[-1],
            "fragility": weakest.metrics["fragility"],
            "tasks": weakest.metrics["tasks"],
        },
        direction="mixed" if apart else "positive",
        identity=Identity(LINEAR, (min(members), "set"), ""),
        fingerprint="",
    )


def _listed(members: Sequence[str]) -> str:
    if len(members) > SHOWN_METRICS:
        return f"{', '.join(members[:SHOWN_METRICS])} and {len(members) - SHOWN_METRICS} more metrics"
    return f"{', '.join(members[:-1])} and {members[-1]}"


def _doubt(pair: CracklePattern) -> float:
    return 1.0 if pair.evidence is None else pair.evidence.p
