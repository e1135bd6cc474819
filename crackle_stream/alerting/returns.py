"""Whether a shift takes an earlier one back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from statistics import median

from crackle_stream.alerting.told import tolerance_tasks
from crackle_stream.model import CracklePattern, PatternKind

__all__ = ["RETURNED_WITHIN", "Levels", "Turn", "levels_of", "turn_of"]

Levels = Mapping[str, tuple[float, float]]
"""From where to where each metric went."""

RETURNED_WITHIN = 0.5
"""Share of a shift that may be left where the metric has returned: it stands nearer to where it was before."""

OPPOSITE = {"up": "down", "down": "up"}

WORDS = {"": ("before", "after"), "spread of ": ("spread_before", "spread_after")}
"""Names of the numbers that say from where to where a level or a spread went."""


class Turn(Enum):
    """What a later shift does to an earlier one."""

    NONE = auto()
    RETURNED = auto()
    """The metrics are where they were."""
    BEYOND = auto()
    """They went back, and farther than where they were: another event."""


def levels_of(pattern: CracklePattern) -> dict[str, tuple[float, float]]:
    """From where to where the metrics of a shift went, the leading one's first; empty where it does not say."""
    levels = {}
    for place, name in enumerate(pattern.metric_names):
        own = f"{name}: " if place else ""
        for prefix, (before, after) in WORDS.items():
            was, went = pattern.metrics.get(own + before), pattern.metrics.get(own + after)
            if was is not None and went is not None:
                levels[prefix + name] = (was, went)
    return levels


def turn_of(earlier: CracklePattern, went: Levels, later: CracklePattern, pace: float) -> Turn:
    """Whether a shift takes an earlier one back.

    Where both say from where to where the same metrics went, these decide, by the middle one: at least half of the
    way must have been gone back, and more than half of it beyond is an event of its own. Where they do not, a shift
    of the same form and the same leading metric in the other direction is taken for a return.

    Args:
        earlier: a shift that was told.
        went: from where to where its metrics went.
        later: one found now.
        pace: seconds from one task to the next.
    """
    if not earlier.kind == later.kind == PatternKind.PHASE_TRANSITION or not _follows(earlier, later, pace):
        return Turn.NONE
    goes = levels_of(later)
    left = [(goes[name][1] - was) / (now - was) for name, (was, now) in went.items() if name in goes and now != was]
    if left:
        return _by_share(median(left))
    alike = earlier.form == later.form and earlier.metric_names[:1] == later.metric_names[:1]
    return Turn.RETURNED if alike and OPPOSITE.get(earlier.direction) == later.direction else Turn.NONE


def _follows(earlier: CracklePattern, later: CracklePattern, pace: float) -> bool:
    """Whether a shift begins within the window, and after the other one."""
    if earlier.at is None or later.at is None or not later.at.index:
        return False
    return later.at.time > earlier.at.time + pace * tolerance_tasks(earlier)


def _by_share(left: float) -> Turn:
    if left > RETURNED_WITHIN:
        return Turn.NONE
    return Turn.RETURNED if left >= -RETURNED_WITHIN else Turn.BEYOND
