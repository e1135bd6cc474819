"""Two configurations over the same records: which alerts only one of them raised, and who was first."""

from __future__ import annotations

import math
from dataclasses import dataclass

from crackle_stream.app.replay.lives import Life
from crackle_stream.app.replay.rehearsal import Rehearsal

__all__ = ["Comparison", "Pair", "compared"]


@dataclass(frozen=True, slots=True)
class Pair:
    """An alert, as each of the two configurations raised it.

    Attributes:
        first: by the first; None where it did not.
        second: by the second; None where it did not.
    """

    first: Life | None
    second: Life | None

    @property
    def life(self) -> Life:
        """The first's, or else the second's."""
        life = self.first or self.second
        assert life is not None, "a pair has one of them"
        return life

    @property
    def delay(self) -> float | None:
        """Seconds of stream time by which the second raised it later; None where only one did."""
        if self.first is None or self.second is None:
            return None
        return self.second.raised.at - self.first.raised.at


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two rehearsals over the same records.

    Attributes:
        names: of the configurations.
        rehearsals: what came of each.
        pairs: the alerts, by when they were raised: by the first, or where it did not, by the second.
    """

    names: tuple[str, str]
    rehearsals: tuple[Rehearsal, Rehearsal]
    pairs: tuple[Pair, ...]

    @property
    def both(self) -> tuple[Pair, ...]:
        """What both raised."""
        return tuple(pair for pair in self.pairs if pair.delay is not None)

    @property
    def only_first(self) -> tuple[Pair, ...]:
        """What only the first raised."""
        return tuple(pair for pair in self.pairs if pair.second is None)

    @property
    def only_second(self) -> tuple[Pair, ...]:
        """What only the second raised."""
        return tuple(pair for pair in self.pairs if pair.first is None)

    @property
    def median_delay(self) -> float | None:
        """Median of the delays of what both raised; None where there is nothing."""
        delays = sorted(pair.delay for pair in self.both if pair.delay is not None)
        if not delays:
            return None
        middle = len(delays) // 2
        return delays[middle] if len(delays) % 2 else (delays[middle - 1] + delays[middle]) / 2


def compared(names: tuple[str, str], first: Rehearsal, second: Rehearsal) -> Comparison:
    """Find for each alert of one rehearsal the other's.

    Two alerts of one fingerprint are one where their onsets are no further apart than a window is long, or where one
    still stood when the other was raised; the nearest go together.
    """
    reach = max(first.longest, second.longest)
    ours, theirs = list(first.lives), list(second.lives)
    near = sorted(
        (abs(one.onset - other.onset), here, there)
        for here, one in enumerate(ours)
        for there, other in enumerate(theirs)
        if _same(one, other, reach)
    )
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for _, here, there in near:
        if here not in matched and there not in taken:
            matched[here] = there
            taken.add(there)
    pairs = [Pair(life, theirs[matched[here]] if here in matched else None) for here, life in enumerate(ours)]
    pairs += [Pair(None, life) for there, life in enumerate(theirs) if there not in taken]
    return Comparison(names, (first, second), tuple(sorted(pairs, key=lambda pair: pair.life.raised.at)))


def _same(one: Life, other: Life, reach: float) -> bool:
    if (one.alert.fingerprint, _place(one)) != (other.alert.fingerprint, _place(other)):
        return False
    return abs(one.onset - other.onset) <= reach or _overlap(one, other)


def _overlap(one: Life, other: Life) -> bool:
    ends = [math.inf if life.over_at is None else life.over_at for life in (one, other)]
    return max(one.raised.at, other.raised.at) <= min(ends)


def _place(life: Life) -> object:
    return None if life.alert.position is None else life.alert.position.partition
