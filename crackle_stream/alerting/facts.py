"""The facts that windows showed: each is told once, and a firm one that is not seen any more has dissolved."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Self

from crackle_stream.alerting.sighting import Sighting
from crackle_stream.model import CracklePattern, Nature, digest

__all__ = ["BROKEN_LAW", "DISSOLVED", "FactRecord", "Facts", "FactsStep"]

DISSOLVED = "dissolved"
"""Form of the event that a fact is not seen any more."""

BROKEN_LAW = "broken law"
"""Form of the event that a conservation law no longer holds."""

HELD = 5
"""Windows in a row that must show a strong fact before its absence is news: fewer may be one lucky stretch."""

STRONG_Q = 1e-12
"""Largest q of a strong fact. Under a budget of one false alarm a week a fact that passes in nine windows of ten
is this sure in one of ten: five such windows in a row and then three without it are an accident of 7e-9 a window, and
of 2e-8 at the strength where it is most likely."""

LONG = 100
"""Windows without a common task that must all show a fact of any strength before its absence is news. Whatever share
s of the windows shows it, s**100 * (1 - s)**3 is at most 1.3e-6."""

MOST_FACTS = 1000
"""Facts remembered, those seen last."""

WITNESS_SHARE = 0.5
"""Share of the tasks of the window that showed a fact last, below which a window's silence says nothing."""


@dataclass(frozen=True, slots=True)
class FactRecord:
    """How a fact fared.

    Attributes:
        pattern: as last seen, without its tasks.
        last_seen: epoch seconds at which the last window that showed it ended.
        windows: windows that showed it, since it was first seen or has dissolved.
        strong: windows in a row that showed it with a q of at most `STRONG_Q`.
        looks: windows in a row that showed it and have no task in common.
        missed: conclusive coolings in a row without it.
        missed_looks: those without a common task.
        looked_to: epoch seconds at which the last window of `looks` or `missed_looks` ended.
        tasks: tasks of the last window that showed it.
        dissolved: whether it has been told to be gone.
    """

    pattern: CracklePattern
    last_seen: float
    windows: int = 0
    strong: int = 0
    looks: int = 0
    missed: int = 0
    missed_looks: int = 0
    looked_to: float | None = None
    tasks: int = 0
    dissolved: bool = False

    def seen(self, pattern: CracklePattern, sighting: Sighting) -> FactRecord:
        """After a window that shows it."""
        unbroken = self.missed == 0 and not self.dissolved
        own_tasks = self._own_tasks(sighting)
        strong = pattern.evidence is not None and pattern.evidence.q <= STRONG_Q
        return FactRecord(
            pattern=replace(pattern, involved_tasks=(), unlisted=pattern.involved_count),
            last_seen=sighting.time,
            windows=1 if self.dissolved else self.windows + 1,
            strong=(self.strong * unbroken + 1) * strong,
            looks=self.looks * unbroken + own_tasks,
            looked_to=sighting.time if own_tasks else self.looked_to,
            tasks=sighting.tasks,
        )

    def not_seen(self, sighting: Sighting) -> FactRecord:
        """After a window that does not show it and could have."""
        if not sighting.conclusive or 0 < sighting.tasks < WITNESS_SHARE * self.tasks:
            return self
        own_tasks = self._own_tasks(sighting)
        return replace(
            self,
            missed=self.missed + 1,
            missed_looks=self.missed_looks + own_tasks,
            looked_to=sighting.time if own_tasks else self.looked_to,
        )

    def begun_anew(self) -> FactRecord:
        """Known to have been told, and with no record: something else has been said of it."""
        return FactRecord(self.pattern, self.last_seen, tasks=self.tasks)

    def is_gone(self, resolve_after: int) -> bool:
        """Whether it held firmly and has been missing for so many coolings."""
        firm = self.strong >= HELD and self.missed >= resolve_after
        lasting = self.looks >= LONG and self.missed_looks >= resolve_after
        return not self.dissolved and (firm or lasting)

    def dissolution(self, sighting: Sighting) -> CracklePattern:
        """The event that it is not seen any more."""
        fact = self.pattern
        what = fact.description.partition(";")[0].strip() or f"{fact.kind} of {', '.join(fact.metric_names)}"
        return CracklePattern(
            kind=fact.kind,
            form=DISSOLVED,
            nature=Nature.EVENT,
            description=f"held for {self.windows} windows and is not seen any more since {_moment(self.last_seen)}: "
            f"{what}",
            confidence=fact.confidence,
            metric_names=fact.metric_names,
            metrics={"windows_held": float(self.windows), "coolings_missed": float(self.missed)},
            direction=fact.direction,
            key=fact.key,
            window_id=sighting.window_id,
            fingerprint=dissolved_fingerprint(fact.fingerprint),
        )

    def _own_tasks(self, sighting: Sighting) -> bool:
        """Whether the window has no task in common with the last one that was counted."""
        if self.looked_to is None:
            return True
        return sighting.time > self.looked_to if sighting.began is None else sighting.began >= self.looked_to

    def to_dict(self) -> dict[str, object]:
        """The record as JSON values."""
        return {
            "pattern": self.pattern.to_dict(),
            "last_seen": self.last_seen,
            "windows": self.windows,
            "strong": self.strong,
            "looks": self.looks,
            "missed": self.missed,
            "missed_looks": self.missed_looks,
            "looked_to": self.looked_to,
            "tasks": self.tasks,
            "dissolved": self.dissolved,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The record that `to_dict` wrote down."""
        looked_to = stored["looked_to"]
        return cls(
            pattern=CracklePattern.from_dict(stored["pattern"]),
            last_seen=float(stored["last_seen"]),
            windows=int(stored["windows"]),
            strong=int(stored["strong"]),
            looks=int(stored["looks"]),
            missed=int(stored["missed"]),
            missed_looks=int(stored["missed_looks"]),
            looked_to=None if looked_to is None else float(looked_to),
            tasks=int(stored["tasks"]),
            dissolved=bool(stored["dissolved"]),
        )


@dataclass(frozen=True, slots=True)
class FactsStep:
    """What one window did to the facts.

    Attributes:
        facts: afterwards.
        new: facts never told before.
        dissolved: events that a fact is not seen any more.
        back: fingerprints of such events whose fact is seen again.
        superseded: fingerprints of such events whose law was found broken.
    """

    facts: Facts
    new: tuple[CracklePattern, ...] = ()
    dissolved: tuple[CracklePattern, ...] = ()
    back: frozenset[str] = frozenset()
    superseded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts known, by fingerprint, those seen last at the end; a value."""

    records: Mapping[str, FactRecord] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "records", MappingProxyType(dict(self.records)))

    def after(self, sighting: Sighting, patterns: Iterable[CracklePattern], resolve_after: int) -> FactsStep:
        """The facts after one more window, and what is to be told.

        Args:
            sighting: the window.
            patterns: what it shows that is sure enough, one a fingerprint.
            resolve_after: coolings without a firm fact after which it has dissolved.
        """
        found = list(patterns)
        facts = {one.fingerprint: one for one in found if one.nature == Nature.FACT}
        broken = [one for one in found if one.form == BROKEN_LAW]
        saying = [*facts.values(), *broken]
        kept: dict[str, FactRecord] = {}
        dissolved: list[CracklePattern] = []
        back: set[str] = set()
        superseded: set[str] = set()
        for fingerprint, record in self.records.items():
            if fingerprint in facts:
                continue
            if any(_is_law(record.pattern, law) for law in broken):
                superseded.add(dissolved_fingerprint(fingerprint))
                kept[fingerprint] = record.begun_anew()
            elif any(_tells_of(one, record.pattern) for one in saying):
                # a wider or another finding has it now: neither held as it was, nor gone
                if record.dissolved:
                    back.add(dissolved_fingerprint(fingerprint))
                    record = record.begun_anew()
                kept[fingerprint] = replace(record, missed=0, missed_looks=0)
            else:
                after = record.not_seen(sighting)
                if after.is_gone(resolve_after):
                    dissolved.append(after.dissolution(sighting))
                    after = replace(after, dissolved=True)
                kept[fingerprint] = after
        for fingerprint, pattern in facts.items():
            known = self.records.get(fingerprint)
            if known is not None and known.dissolved:
                back.add(dissolved_fingerprint(fingerprint))
            kept[fingerprint] = (known or FactRecord(pattern, sighting.time)).seen(pattern, sighting)
        return FactsStep(
            facts=Facts(dict(list(kept.items())[-MOST_FACTS:])),
            new=tuple(pattern for fingerprint, pattern in facts.items() if fingerprint not in self.records),
            dissolved=tuple(dissolved),
            back=frozenset(back),
            superseded=frozenset(superseded),
        )

    def to_list(self) -> list[object]:
        """The records as JSON values."""
        return [record.to_dict() for record in self.records.values()]

    @classmethod
    def from_list(cls, stored: Iterable[Mapping[str, Any]]) -> Self:
        """The records that `to_list` wrote down."""
        records = [FactRecord.from_dict(one) for one in stored]
        return cls({record.pattern.fingerprint: record for record in records})


def dissolved_fingerprint(fact: str) -> str:
    """Fingerprint of the event that the fact with this one has dissolved."""
    return digest([fact, DISSOLVED])


def _is_law(fact: CracklePattern, broken: CracklePattern) -> bool:
    return fact.kind == broken.kind and set(fact.metric_names) == set(broken.metric_names)


def _tells_of(found: CracklePattern, fact: CracklePattern) -> bool:
    """Whether a finding says something of the fact's metrics together, though under another name.

    Of two laws that imply each other's pairs now one and now the other is reported, a pair may be told as part of a
    set, a set as a pair: what ties two of the metrics is still seen.
    """
    shared = set(found.metric_names) & set(fact.metric_names)
    return len(shared) >= min(2, len(fact.metric_names)) > 0


def _moment(time: float) -> str:
    """A time in words, to the second."""
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"the window that ended at {time:g}"
