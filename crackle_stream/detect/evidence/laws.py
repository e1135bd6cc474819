"""The detector of laws: found, remembered, and reported the moment they break."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.detect.evidence.law_columns import LawColumns, law_columns, metric_of, with_steps
from crackle_stream.detect.evidence.law_exactness import EXACT_SHARE
from crackle_stream.detect.evidence.law_memory import Remembered, recalled, to_learn
from crackle_stream.detect.evidence.law_patterns import broken_pattern, law_pattern
from crackle_stream.detect.evidence.law_search import Found, Search, find_laws, independent
from crackle_stream.detect.evidence.law_supports import UNEXPLAINED
from crackle_stream.detect.evidence.law_watch import Standing, Watch, watch
from crackle_stream.detect.evidence.prepared import prepared_of
from crackle_stream.model import Candidate, Examination, NearMiss, Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from crackle_stream.detect.evidence.metric_types import TypedMetric
    from crackle_stream.protocols import Context
    from crackle_stream.window import Window

__all__ = ["LawDetector"]

BREAK_P = 1e-3
"""P value from which a break of a noisy law is proposed; the budget decides whether it is raised."""

STEPS_COLUMNS = 32
"""Columns up to which the steps of levels are tried as members too; beyond, the search would double its cost."""


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A law and what this window says of it; None where its members are absent."""

    memory: Remembered
    watch: Watch | None

    @property
    def kept(self) -> bool:
        return self.watch is not None and self.watch.broken is None


class LawDetector:
    """Linear invariants among two to six metrics.

    A law that earlier windows showed is held against every window, in time proportional to its rows; new ones are
    looked for beside it. Whether a law is one is judged by three gates: no member may be left open by the others
    (by a bound on the chance that independent metrics look so, over everything tried), its coefficients must be
    simple where chance would hardly make them so, and all ways of solving for them must agree.
    """

    name = "laws"

    def examine(self, window: Window, context: Context) -> Examination:
        """Hold the known laws against the window and look for new ones."""
        prepared = prepared_of(window, context)
        columns = law_columns(prepared)
        wider = with_steps(columns)
        known = [_held(one, wider) for one in recalled(context.history.of(self.name))]
        search = _search(columns, wider, context)
        cases = _refined(_carried_over(known, wider), _new(search.found, known, wider))
        return Examination(
            candidates=tuple(candidate for case in cases for candidate in _candidates(case, window)),
            tests=1 + len(cases),
            skipped=(*_no_members(columns, prepared.typed), *_not_stepped(columns), *_unchecked(cases)),
            learned=to_learn(_after(case, window) for case in cases),
            nearest=_nearest(search),
            complete=search.complete,
        )


def _held(one: Remembered, columns: LawColumns) -> _Case:
    """A known law held against the window."""
    places = one.law.columns(columns.names)
    if places is None:
        return _Case(one, None)
    made = watch(one.law, columns.table[:, places], one.standing, (0, len(columns.table)), BREAK_P)
    return _Case(one, made if made.rows else None)


def _new(found: Iterable[Found], known: Sequence[_Case], columns: LawColumns) -> list[_Case]:
    """The laws found that do not follow from known ones, held against the whole window."""
    cases = []
    for one in independent(found, [case.memory.law for case in known]):
        places = one.law.columns(columns.names)
        assert places is not None
        made = watch(one.law, columns.table[:, places], None, (one.first, one.last), BREAK_P)
        if made.broken is not None or len(made.violations) <= (1.0 - EXACT_SHARE) * made.rows:
            law = replace(one.law, constant=one.law.constant + made.correction)
            cases.append(_Case(Remembered(law, Standing(), one.p, one.chance), made))
    return cases


def _carried_over(known: Sequence[_Case], columns: LawColumns) -> list[_Case]:
    """The known cases; a broken law that still holds with a member's alias in its place is that law from now on.

    While nothing is dropped, produced = enqueued, and what is taken from the queue balances against either. When the
    first task is dropped only one of the two balances goes on, and nothing has happened to it.
    """
    aliases = [case.memory.law for case in known if case.memory.law.is_alias]
    carried = []
    for case in known:
        one = case.memory
        others = () if case.kept or one.law.is_alias else one.law.with_aliases(aliases)
        held = (_held(replace(one, law=other), columns) for other in others)
        carried.append(next((other for other in held if other.kept), case))
    return carried


def _refined(known: Sequence[_Case], new: Sequence[_Case]) -> list[_Case]:
    """The cases without those that only lack a member which a law that is kept has.

    A known law is given up for a larger one only where it is broken; a new one wherever a larger one is known.
    """
    larger = [set(case.memory.law.names) for case in (*known, *new) if case.kept]
    settled = [set(case.memory.law.names) for case in known if case.kept]
    once = {case.memory.law.terms: case for case in reversed(known)}.values()
    return [
        *(case for case in reversed(once) if case.kept or not _lacks_a_member(case, larger)),
        *(case for case in new if not _lacks_a_member(case, settled if case.kept else larger)),
    ]


def _lacks_a_member(case: _Case, others: Iterable[set[str]]) -> bool:
    mine = set(case.memory.law.names)
    return any(mine < other for other in others)


def _search(columns: LawColumns, wider: LawColumns, context: Context) -> Search:
    """New laws among the columns, and between levels and what flows into them."""
    made = [
        _looked(columns, context, lambda names: _distinct(names) and not names <= columns.totals, levels_only=False)
    ]
    if len(columns.varying) <= STEPS_COLUMNS:
        steps = set(wider.names) - set(columns.names)
        made.append(
            _looked(
                wider,
                context,
                lambda names: _distinct(names) and bool(names & steps) and not _all_steps(names),
                levels_only=True,
            )
        )
    nearest = [one.nearest for one in made if one.nearest is not None]
    return Search(
        tuple(found for one in made for found in one.found),
        sum(one.tried for one in made),
        min(nearest, key=lambda near: near[1], default=None),
        all(one.complete for one in made),
    )


def _looked(columns: LawColumns, context: Context, wanted: Callable[[set[str]], bool], *, levels_only: bool) -> Search:
    """The wanted laws of each group of columns, their parts in rows of the window."""
    found: list[Found] = []
    nearest, tried, complete = None, 0, True
    for places, rows in columns.groups():
        names = [columns.names[place] for place in places]
        made = find_laws(columns.table[rows][:, places], names, context.rng, context.stop, levels_only=levels_only)
        found += [
            replace(one, first=int(rows[one.first]), last=int(rows[one.last - 1]) + 1)
            for one in made.found
            if wanted(set(one.law.names))
        ]
        tried, complete, nearest = tried + made.tried, complete and made.complete, nearest or made.nearest
    return Search(tuple(found), tried, nearest, complete)


def _distinct(names: set[str]) -> bool:
    """Whether no metric stands beside its own steps: a level less its step is the level before, which is no news."""
    return len({metric_of(name) for name in names}) == len(names)


def _all_steps(names: set[str]) -> bool:
    return all(metric_of(name) != name for name in names)


def _candidates(case: _Case, window: Window) -> list[Candidate]:
    one, made = case.memory, case.watch
    if made is None:
        return []
    if made.broken is None:
        return [Candidate(law_pattern(one, made, window), one.p)]
    return [Candidate(broken_pattern(one, made, made.broken, window), max(one.p, made.broken.p))]


def _after(case: _Case, window: Window) -> Remembered:
    """What is remembered after this window; overlapping windows count a task once."""
    one, made = case.memory, case.watch
    if made is None or made.broken is not None:
        standing = one.standing if made is None or one.windows else made.standing
        return replace(one, standing=standing, absent=one.absent + 1)
    fresh = min(window.fresh, made.rows) if one.windows else made.rows
    late = int(np.count_nonzero(made.violations >= len(window) - window.fresh))
    standing = replace(made.standing, rows=one.standing.rows + fresh, violations=one.standing.violations + late)
    return replace(one, standing=standing, windows=one.windows + 1, absent=0)


def _no_members(columns: LawColumns, typed: Sequence[TypedMetric]) -> list[Skip]:
    used = {metric_of(columns.names[place]) for place in columns.varying}
    return [Skip(metric.name, f"{metric.type}: {metric.why}") for metric in typed if metric.name not in used]


def _not_stepped(columns: LawColumns) -> list[Skip]:
    if len(columns.varying) <= STEPS_COLUMNS:
        return []
    return [Skip("levels against what flows into them", f"more than {STEPS_COLUMNS} metrics vary")]


def _unchecked(cases: Iterable[_Case]) -> list[Skip]:
    return [Skip(case.memory.law.text, "a member is absent from this window") for case in cases if case.watch is None]


def _nearest(search: Search) -> NearMiss | None:
    if search.nearest is None:
        return None
    members, looseness = search.nearest
    return NearMiss(", ".join(members), looseness, UNEXPLAINED**0.5, "residual over the least spread of a member")
