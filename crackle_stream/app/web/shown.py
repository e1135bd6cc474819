"""The alerts and facts that are shown, as many as a person or a program may ask for and no more."""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

from crackle_stream.cooling import CoolingReport
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature
from crackle_stream.window import Window

__all__ = ["Fact", "Shelf", "Shown"]

MOST_ACTIVE = 2000
"""Active alerts held; older ones are only counted. Nobody reads five hundred, and a program may want all of them."""

MOST_PICTURES = 200
"""Active alerts whose pictures are held, the latest ones: each is some ten kilobytes."""

MOST_RESOLVED = 100
"""Resolved alerts held, the latest ones."""

MOST_KILNS = 64
"""Kilns whose facts are held, the latest ones."""

MOST_FACTS = 50
"""Facts held of a kiln, the surest ones."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An alert as it stands.

    Attributes:
        alert: its last notification.
        sinks: which sinks that went to.
        revision: grows with every change of any alert; says whether a copy is stale.
        history: status and time of its notifications, oldest first, at most 20.
    """

    alert: Alert
    sinks: tuple[str, ...]
    revision: int
    history: tuple[tuple[str, float], ...] = ()

    @property
    def place(self) -> str:
        """Identity on the page: two partitions may raise alerts of one fingerprint."""
        partition = _partition(self.alert)
        return f"{self.alert.fingerprint}-{partition}" if partition else self.alert.fingerprint


@dataclass(frozen=True, slots=True)
class Fact:
    """What holds in a kiln.

    Attributes:
        pattern: as last seen.
        first_seen: end of the first window that showed it, epoch seconds.
        last_seen: end of the last one.
        windows: how many showed it.
    """

    pattern: CracklePattern
    first_seen: float
    last_seen: float
    windows: int = 1


class Shelf:
    """Alerts and facts by what happens.

    Attributes:
        revision: grows with every change.
        not_held: active alerts that there was no room for, since the process began.
    """

    def __init__(self) -> None:
        self._active: OrderedDict[str, Shown] = OrderedDict()
        self._resolved: deque[Shown] = deque(maxlen=MOST_RESOLVED)
        self._facts: OrderedDict[str, dict[str, Fact]] = OrderedDict()
        self.revision = 0
        self.not_held = 0

    @property
    def active(self) -> tuple[Shown, ...]:
        """Raised and not resolved, the latest first."""
        return tuple(reversed(self._active.values()))

    @property
    def resolved(self) -> tuple[Shown, ...]:
        """Over, the latest first."""
        return tuple(reversed(self._resolved))

    @property
    def facts(self) -> tuple[Fact, ...]:
        """What holds, by kiln, the latest kilns first."""
        return tuple(fact for facts in reversed(self._facts.values()) for fact in facts.values())

    def see_alert(self, alert: Alert, sinks: tuple[str, ...]) -> None:
        """An alert was raised, repeated or resolved; one that tells a fact is no state, the fact itself is shown."""
        if alert.pattern.nature is Nature.FACT:
            return
        self.revision += 1
        shown = Shown(alert, sinks, self.revision)
        self._active.pop(alert.fingerprint, None)  # known from before, and not from which partition
        before = self._active.pop(shown.place, None)
        past = before.history if before is not None else ()
        if before is not None and alert.exhibit is None:
            shown = replace(shown, alert=replace(alert, exhibit=before.alert.exhibit))
        shown = replace(shown, history=(*past, (str(alert.status), alert.last_seen))[-20:])
        if alert.status is AlertStatus.RESOLVED:
            self._resolved.append(shown)
            return
        self._active[shown.place] = shown
        self._put_pictures_away()
        while len(self._active) > MOST_ACTIVE:
            self._active.popitem(last=False)
            self.not_held += 1

    def _put_pictures_away(self) -> None:
        """Let go of the picture of the latest alert that may not have one any more."""
        if len(self._active) > MOST_PICTURES:
            place = next(itertools.islice(reversed(self._active), MOST_PICTURES, None))
            shown = self._active[place]
            if shown.alert.exhibit is not None:
                self._active[place] = replace(shown, alert=replace(shown.alert, exhibit=None))

    def seed(self, standing: Iterable[Alert]) -> None:
        """Alerts that stand, perhaps since a process before this one: shown until a notification says more."""
        for place in [place for place, shown in self._active.items() if not shown.alert.id]:
            del self._active[place]
        heard = {shown.alert.fingerprint for shown in self._active.values()}
        self.revision += 1
        for alert in standing:
            if alert.fingerprint not in heard and len(self._active) < MOST_ACTIVE:
                self._active[alert.fingerprint] = Shown(alert, (), self.revision)

    def see_report(self, kiln: str, window: Window, report: CoolingReport) -> None:
        """A window was cooled: its facts hold; what a conclusive cooling did not find holds no more."""
        known = self._facts.pop(kiln, {})
        time = window.end_time
        found: dict[str, Fact] = {} if report.conclusive else dict(known)
        for pattern in report.patterns:
            if pattern.nature is Nature.FACT and len(found) < MOST_FACTS:
                old = known.get(pattern.fingerprint)
                fact = Fact(pattern, time, time)
                found[pattern.fingerprint] = (
                    fact if old is None else replace(fact, first_seen=old.first_seen, windows=old.windows + 1)
                )
        if found:
            self._facts[kiln] = found
        if found.keys() != known.keys():
            self.revision += 1
        while len(self._facts) > MOST_KILNS:
            self._facts.popitem(last=False)

    def forget(self, partitions: Iterable[str]) -> None:
        """Partitions left this process: their alerts are another's now."""
        gone = set(partitions)
        left = [place for place, shown in self._active.items() if _partition(shown.alert) in gone]
        for place in left:
            del self._active[place]
        for kiln in [kiln for kiln in self._facts if kiln.partition(" ")[0] in gone]:
            del self._facts[kiln]
        self.revision += 1

    def find(self, fingerprint: str) -> tuple[tuple[Shown, ...], tuple[Fact, ...]]:
        """Alerts and facts of a fingerprint, active ones first."""
        alerts = tuple(each for each in (*self.active, *self.resolved) if each.alert.fingerprint == fingerprint)
        return alerts, tuple(fact for fact in self.facts if fact.pattern.fingerprint == fingerprint)


def _partition(alert: Alert) -> str:
    return "" if alert.position is None else str(alert.position.partition)
