"""Finding the linear laws of a window: tight, simple, and not by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import betainc

from crackle_stream.detect.evidence.autocorrelations import Autocorrelations
from crackle_stream.detect.evidence.concentration import concentrate
from crackle_stream.detect.evidence.law import Law
from crackle_stream.detect.evidence.law_coefficients import Simple, simplest
from crackle_stream.detect.evidence.law_exactness import EXACT, EXACT_SHARE, kept_share, level_of
from crackle_stream.detect.evidence.law_supports import MAX_TERMS, Tight, tight_sets
from crackle_stream.detect.evidence.ranks import medians

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

__all__ = ["Found", "Search", "find_laws", "independent"]

Floats = npt.NDArray[np.float64]

BLOCKS = ((0.0, 1.0), (0.0, 0.35), (0.0, 0.2), (0.3, 0.7), (0.65, 1.0))
"""Shares of the window in which laws are looked for: a law that breaks half way is whole in one of them."""

LEAST_ROWS = 40
"""Rows a block needs beside two for every metric."""

SEARCH_ROWS = 600
"""Rows looked at in the search; more sharpen nothing that the window does not confirm afterwards."""

LARGEST_P = 1e-6
"""Chance bound over all sets tried in a window; a law of 50 independent rows is far below it."""

LEAST_P = 1e-300
"""Least tail that is reported: smaller ones are a matter of arithmetic."""

SETTLED_P = 1e-30
"""Chance under which a law is not weighed again in another part of the window."""

MOST_TRIED = 30
"""Tight sets of one batch whose coefficients are looked at, tightest first."""

RARE_ROWS = 3
"""Tasks in which a metric that is nearly always the same must make up for a law's residual to be a member."""

LOUDER = 1.4
"""A law of fewer members is dropped for one that contains it if its residual is so many times larger."""

LOOSEST = 0.6
"""Residual over the least spread of a term, both robust and in raw rows, above which a law is not confirmed."""


@dataclass(frozen=True, slots=True)
class Found:
    """A law seen in a window.

    Attributes:
        law: the law.
        p: bound on the chance that independent metrics show one as tight, over all sets tried.
        chance: chance that coefficients without a rule are as simple as these.
        looseness: residual over the smallest member's own spread.
        broken: share of the tasks that tell of a member and do not keep an exact law, of the member with most of them.
        first: first row of the block it was seen in.
        last: row after the block.
    """

    law: Law
    p: float
    chance: float
    looseness: float
    broken: float
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Search:
    """What a search gave.

    Attributes:
        found: independent laws, simplest first.
        tried: sets of metrics that were tight enough to be looked at, or 1.
        nearest: a tight set whose coefficients are no law, with its looseness.
        complete: False where it was stopped.
    """

    found: tuple[Found, ...]
    tried: int
    nearest: tuple[tuple[str, ...], float] | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class _View:
    """The window through one linear filter: levels or steps.

    Attributes:
        table: shape (k, m).
        parts: shares of the rows to look at, first and end.
    """

    table: Floats
    parts: Sequence[tuple[float, float]]

    def blocks(self) -> Iterator[tuple[int, int]]:
        """First and last row of the parts to look at."""
        rows, columns = self.table.shape
        for low, high in self.parts:
            first, last = int(low * rows), int(high * rows)
            if last - first >= LEAST_ROWS + 2 * columns:
                yield first, last


def find_laws(
    values: Floats,
    names: Sequence[str],
    rng: np.random.Generator,
    stop: Callable[[], bool] = lambda: False,
    *,
    levels_only: bool = False,
) -> Search:
    """The linear laws of a window.

    A law survives every linear filter that treats all metrics alike, so it is looked for in levels, in steps (where
    slow drifts that only seem to go together are gone), and in parts of the window, so that a law that breaks half way
    is still found.

    Args:
        values: shape (n, m), no NaN; no identifiers among them.
        names: m metric names.
        rng: draws the rows of a long window that are looked at.
        stop: the cooperative deadline.
        levels_only: look at levels alone, where steps stand among the columns already.
    """
    if len(values) < LEAST_ROWS:
        return Search((), 1)
    scale = _spread(values)
    varying = np.flatnonzero(scale > 0)
    hunt = _Hunt(values[:, varying], [names[place] for place in varying.tolist()], scale[varying], rng)
    complete = True
    if len(varying) > 1:
        centred = (hunt.values - medians(hunt.values)) / hunt.scale
        for view in _views(centred, levels_only):
            complete = complete and hunt.look(view, stop)
    return Search(independent(hunt.spelled()), max(hunt.tried, 1), hunt.nearest, complete)


class _Hunt:
    """A search on its way: what it looks through and the best it met."""

    def __init__(self, values: Floats, names: list[str], scale: Floats, rng: np.random.Generator) -> None:
        self.values = values
        self.names = names
        self.scale = scale
        self.rng = rng
        self.spreads: dict[tuple[int, int], Floats] = {}
        self.best: dict[tuple[int, ...], Found] = {}
        self.nearest: tuple[tuple[str, ...], float] | None = None
        self.tried = 0

    def look(self, view: _View, stop: Callable[[], bool]) -> bool:
        """Look through the parts of a view; False where it was stopped."""
        parts = list(view.blocks())
        if not parts or stop():
            return not parts
        tables = [self._drawn(view.table[first:last]) for first, last in parts]
        for part, table, block in zip(parts, tables, concentrate(tables), strict=True):
            memory = Autocorrelations(table)
            for batch in tight_sets(block):
                if stop():
                    return False
                for tight in batch[:MOST_TRIED]:
                    self.tried += 1
                    known = self.best.get(tight.members)
                    if known is None or known.p > SETTLED_P:
                        self._weigh(tight, memory, part)
        return True

    def _drawn(self, table: Floats) -> Floats:
        if len(table) <= SEARCH_ROWS:
            return table
        return table[np.sort(self.rng.choice(len(table), SEARCH_ROWS, replace=False))]

    def _weigh(self, tight: Tight, memory: Autocorrelations, part: tuple[int, int]) -> None:
        members = list(tight.members)
        p = _chance_of_tightness(tight, memory.of(members), len(self.names))
        simple = simplest(tight, self.scale[members]) if p <= LARGEST_P else None
        if simple is None or not simple.credible(tight.rivals):
            looseness = float(np.sqrt(tight.unexplained.max()))
            if self.nearest is None or looseness < self.nearest[1]:
                self.nearest = tuple(self.names[member] for member in members), looseness
            return
        found = self._confirmed(members, simple, p, part)
        known = self.best.get(tight.members)
        if found is not None and (known is None or found.p < known.p):
            self.best[tight.members] = found

    def _confirmed(self, members: list[int], simple: Simple, p: float, part: tuple[int, int]) -> Found | None:
        """The law with its constant and noise in the raw rows of the part, if it is tight there too."""
        first, last = part
        terms = self.values[:, members] * np.array(simple.coefficients)
        constant, noise = level_of(terms[first:last])
        looseness = noise / float((self._spread_in(part)[members] * np.abs(simple.coefficients)).min())
        if looseness > LOOSEST:
            return None
        named = dict(zip((self.names[member] for member in members), simple.coefficients, strict=True))
        broken = 0.0 if noise else 1.0 - kept_share(terms, constant)
        return Found(Law.of(named, constant, noise), p, simple.chance, looseness, broken, first, last)

    def _spread_in(self, part: tuple[int, int]) -> Floats:
        """Robust standard deviations of the raw rows of a part, shape (m,)."""
        if part not in self.spreads:
            self.spreads[part] = _spread(self.values[slice(*part)])
        return self.spreads[part]

    def spelled(self) -> list[Found]:
        """The laws found; those that some tasks break, as most tasks would put them.

        While hardly anything is dropped, the rows that agree are those without a drop: produced and enqueued are one
        among them, and dropped is no member.
        """
        aliases = [one.law for one in self.best.values() if one.law.exact and one.law.is_alias]
        spelled = [one if one.broken == 0 else self._spelled(one, aliases) for one in self.best.values()]
        seen = [*self.best.values(), *spelled]
        return [one for one in spelled if not self._borrows(one, seen)]

    def _borrows(self, one: Found, others: Sequence[Found]) -> bool:
        """Whether a law that some tasks break is one that holds better, and beside it a shorter one that is no law.

        Where a queue is nearly always empty, produced = dequeued + depth says no more than produced = dequeued +
        depth_delta, and depth = depth_delta, which holds while both are 0.
        """
        better = (other.law for other in others if other.law.exact and other.broken < one.broken)
        return any(self._broken(left) > 1.0 - EXACT_SHARE for law in better for left in one.law.less(law))

    def _spelled(self, one: Found, aliases: Sequence[Law]) -> Found:
        aliased = [] if one.law.is_alias else list(one.law.with_aliases(aliases))
        wider = [law for law in (one.law, *aliased) if len(law.terms) < MAX_TERMS]
        laws = [*aliased, *(larger for law in wider for larger in self._with_rare_member(law))]
        return min(
            [one, *(replace(one, law=law, broken=self._broken(law)) for law in laws)], key=lambda other: other.broken
        )

    def _with_rare_member(self, law: Law) -> Iterator[Law]:
        """The law with a metric added that is, in every task, what the law was off by."""
        residual = law.residual(self._members(law))
        wrong = np.abs(residual) > EXACT * law.turnover(self._members(law))
        if np.count_nonzero(wrong) < RARE_ROWS:
            return
        for sign in (1.0, -1.0):
            left = self.values + sign * residual[:, None]
            for place in np.flatnonzero(np.ptp(left, axis=0) <= EXACT * np.abs(self.values).max(axis=0)).tolist():
                if self.names[place] not in law.names:
                    usual = float(np.median(left[:, place]))
                    terms = {**dict(law.terms), self.names[place]: sign}
                    yield Law.of(terms, law.constant + sign * usual)

    def _broken(self, law: Law) -> float:
        return 1.0 - kept_share(self._members(law) * law.coefficients, law.constant)

    def _members(self, law: Law) -> Floats:
        return self.values[:, [self.names.index(name) for name in law.names]]


def independent(found: Iterable[Found], known: Sequence[Law] = ()) -> tuple[Found, ...]:
    """The simplest laws from which all others follow.

    A law is left out if a combination of known or simpler ones implies it, or if a law that contains all its members
    is tighter: it was only the larger law with a small member forgotten.

    Args:
        found: laws of one window.
        known: laws that stand already.
    """
    laws = sorted(found, key=_rank)
    forgetful = [any(_forgets_a_member_of(one, other) for other in laws) for one in laws]
    names = sorted({name for law in (*known, *(one.law for one in laws)) for name in law.names})
    basis = _widened([], known, names)
    chosen = []
    for one, forgets in zip(laws, forgetful, strict=True):
        if forgets and not one.law.exact:
            continue
        # An exact law that forgets a member implies others that forget it too: they must not stand for themselves.
        wider = _widened(basis, [one.law], names)
        chosen += [one] if len(wider) > len(basis) and not forgets else []
        basis = wider
    return tuple(chosen)


def _widened(basis: list[Floats], laws: Sequence[Law], names: Sequence[str]) -> list[Floats]:
    """The basis and those of the laws that do not follow from it."""
    for law in laws:
        wider = [*basis, _direction(law, names)]
        basis = wider if np.linalg.matrix_rank(np.array(wider)) == len(wider) else basis
    return basis


def _direction(law: Law, names: Sequence[str]) -> Floats:
    row = np.zeros(len(names))
    row[[names.index(name) for name in law.names]] = law.coefficients
    scaled: Floats = row / np.abs(row).max()
    return scaled


def _rank(one: Found) -> tuple[bool, int, float, float, float]:
    size = float(np.abs(one.law.coefficients).sum())
    return not one.law.exact, len(one.law.terms), one.broken, size, one.looseness


def _forgets_a_member_of(one: Found, other: Found) -> bool:
    mine, theirs = dict(one.law.terms), dict(other.law.terms)
    if not mine.keys() < theirs.keys():
        return False
    shared = one.law.names[0]
    scale = abs(mine[shared] / theirs[shared])
    if one.law.exact and other.law.exact:
        return one.broken > other.broken
    return one.law.noise > LOUDER * scale * other.law.noise


def _views(table: Floats, levels_only: bool) -> Iterator[_View]:
    yield _View(table, BLOCKS[:2] if levels_only else BLOCKS)
    if levels_only:
        return
    yield _View(np.diff(table, axis=0), BLOCKS)


def _spread(table: Floats) -> Floats:
    """Robust standard deviations; the plain ones where most values are equal, shape (m,)."""
    deviation = 1.4826 * medians(np.abs(table - medians(table)))
    spread: Floats = np.where(deviation > 0, deviation, table.std(axis=0))
    return spread


def _chance_of_tightness(tight: Tight, memory: Floats, columns: int) -> float:
    """Bound on the chance that independent metrics leave so little of each other open.

    The open share of a normal variable regressed on k independent ones is Beta((n - k - 1) / 2, k / 2). For n stands
    the number of independent rows that the two slowest members' autocorrelations leave [1]_. Multiplied by the number
    of sets of this size and of the views and parts they are looked for in.

    References:
        .. [1] Pyper, B. J., Peterman, R. M. (1998). Comparison of methods to account for autocorrelation in
           correlation analyses of fish data. Can. J. Fish. Aquat. Sci. 55, 2127-2140. doi:10.1139/f98-104
    """
    size = len(tight.members)
    slowest = np.sort(np.abs(memory), axis=1)[1:, -2:].prod(axis=1)
    # Two independent rows' correlations have a product of about 1 / n by chance alone.
    rows = tight.rows / (1.0 + 2.0 * float(slowest[slowest > 3.0 / tight.rows].sum()))
    if rows <= size + 1:
        return 1.0
    tail = float(betainc((rows - size) / 2, (size - 1) / 2, min(float(tight.unexplained.max()), 1.0)))
    return min(1.0, max(tail, LEAST_P) * comb(columns, size) * (2 * len(BLOCKS) + 1))
