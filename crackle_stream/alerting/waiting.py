"""The events of a window that are seen, but not often enough to be raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from crackle_stream.alerting.active import ActiveAlert
from crackle_stream.alerting.around import Around
from crackle_stream.alerting.faces import other_face, same_face
from crackle_stream.alerting.hush import Hushed, Verdict, Why
from crackle_stream.alerting.pending import Pending
from crackle_stream.alerting.returns import Turn, turn_of
from crackle_stream.alerting.severity import severity_of
from crackle_stream.model import AlertStatus, CracklePattern

__all__ = ["WaitingRoom"]


class WaitingRoom:
    """The pending events on their way through a window.

    Args:
        before: pending before the window, by fingerprint.
        around: the window.

    Attributes:
        pending: by fingerprint.
        hushed: those that this window was the first to show, and that are not told for that.
    """

    def __init__(self, before: Mapping[str, Pending], around: Around) -> None:
        self.pending = dict(before)
        self.hushed: list[Hushed] = []
        self._sighting, self._rule = around.sighting, around.policy.raise_after
        self._seen: set[str] = set()

    def take(self, pattern: CracklePattern) -> None:
        """An event that is neither active nor told; a cooling that counts neither way shows none."""
        if not self._sighting.conclusive:
            return
        known = self.pending.get(pattern.fingerprint) or other_face(pattern, self.pending.values(), self._sighting.pace)
        if known is None:
            name, one = pattern.fingerprint, Pending.of(pattern)
        elif (name := known.pattern.fingerprint) in self._seen:
            return
        else:
            one = known.seen(pattern, shown=same_face(known.pattern, pattern))
            del self.pending[name]
            name = one.pattern.fingerprint
        self.pending[name] = one
        self._seen.add(name)

    def returned(self, pattern: CracklePattern) -> list[CracklePattern]:
        """Let go of those that a later shift takes back: they were over before they were to be raised.

        Returns:
            What they were.
        """
        pace = self._sighting.pace
        over = [
            name
            for name, one in self.pending.items()
            if turn_of(one.pattern, one.levels, pattern, pace) is Turn.RETURNED
        ]
        return [self.pending.pop(name).pattern for name in over]

    def due(self) -> list[Pending]:
        """End the window: those to be raised now leave, and so do those that were not seen again."""
        raised = []
        for name, before in list(self.pending.items()):
            seen, passed = name in self._seen, not before.could_show(self._sighting)
            one = before
            if self._sighting.conclusive and (seen or not passed):
                one = before.voted(shown=seen, rule=self._rule)
            if one.is_due(self._rule, passed=passed and not seen):
                raised.append(one)
                del self.pending[name]
            elif one.is_lost or (passed and not seen):
                del self.pending[name]
            else:
                self.pending[name] = one
                if not before.votes:
                    self._tell(one)
        return raised

    def _tell(self, one: Pending) -> None:
        """Somebody may want to know that it was seen."""
        alert = ActiveAlert.raised(one.pattern, severity_of(one.pattern), self._sighting.time)
        notice = replace(alert.notice(AlertStatus.RAISED, self._sighting))
        self.hushed.append(Hushed(notice, Verdict(Why.PENDING, f"seen once; raised after {self._rule}")))
