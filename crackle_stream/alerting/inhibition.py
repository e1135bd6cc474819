"""Which alert explains another: a metric that is known to follow a second one changes when that one has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crackle_stream.alerting.active import ActiveAlert
from crackle_stream.alerting.facts import Facts
from crackle_stream.alerting.told import subjects, tolerance_tasks
from crackle_stream.model import CracklePattern, PatternKind

__all__ = ["Lag", "explanation", "lags_of"]

LAGGED = "lagged"
"""Form of the fact that one metric follows another."""

MEAN = "mean"

TURNED = {"up": "down", "down": "up"}


@dataclass(frozen=True, slots=True)
class Lag:
    """That a metric is known to follow another.

    Attributes:
        leader: the metric that changes first.
        follower: the metric that changes later.
        seconds: how much later.
        reversed: whether it goes the other way.
    """

    leader: str
    follower: str
    seconds: float
    reversed: bool = False


def lags_of(facts: Facts) -> tuple[Lag, ...]:
    """The lags that the known facts tell of, those that dissolved left out."""
    found = []
    for record in facts.records.values():
        pattern = record.pattern
        seconds = pattern.metrics.get("lag_seconds")
        if pattern.form == LAGGED and len(pattern.metric_names) == 2 and seconds is not None and not record.dissolved:
            leader, follower = pattern.metric_names
            found.append(Lag(leader, follower, seconds, pattern.metrics.get("r", 1.0) < 0))
    return tuple(found)


def explanation(
    pattern: CracklePattern, active: Iterable[ActiveAlert], lags: Iterable[Lag], pace: float
) -> ActiveAlert | None:
    """The active alert that explains a shift, or None.

    It does where each metric of the shift is known to follow one of its metrics, by as much as lies between their
    onsets, within the errors of both; and where levels moved, in the direction that the lag says. One metric that is
    not explained is enough for the whole shift to be told.

    Args:
        pattern: an event.
        active: what might explain it.
        lags: which metric follows which.
        pace: seconds from one task to the next.
    """
    if not _placed(pattern):
        return None
    known = list(lags)
    for alert in active:
        if not alert.over and _placed(alert.pattern) and _explains(alert.pattern, pattern, known, pace):
            return alert
    return None


def _explains(cause: CracklePattern, effect: CracklePattern, lags: list[Lag], pace: float) -> bool:
    if cause.at is None or effect.at is None or effect.at.time < cause.at.time:
        return False
    between = effect.at.time - cause.at.time
    doubt = pace * max(tolerance_tasks(cause), tolerance_tasks(effect))
    leaders = set(subjects(cause))
    fitting = {
        lag.follower
        for lag in lags
        if lag.leader in leaders and abs(between - lag.seconds) <= doubt and _same_way(cause, effect, lag)
    }
    return fitting.issuperset(subjects(effect)) and leaders.isdisjoint(subjects(effect))


def _same_way(cause: CracklePattern, effect: CracklePattern, lag: Lag) -> bool:
    """Whether levels moved as the lag says; it says nothing of spreads and shapes."""
    if not cause.form == effect.form == MEAN or cause.direction not in TURNED:
        return True
    return effect.direction == (TURNED[cause.direction] if lag.reversed else cause.direction)


def _placed(pattern: CracklePattern) -> bool:
    """Whether it is a shift that begins within its window."""
    return pattern.kind == PatternKind.PHASE_TRANSITION and pattern.at is not None and pattern.at.index > 0
