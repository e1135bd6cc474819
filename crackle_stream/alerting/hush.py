"""What is not told now, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from crackle_stream.alerting.mutes import MuteTime
from crackle_stream.alerting.silences import SilenceBook
from crackle_stream.model import Alert

__all__ = ["Hush", "Hushed", "Verdict", "Why"]


class Why(StrEnum):
    """Why somebody is not told."""

    PENDING = "pending"
    """It was not seen often enough yet."""
    SILENCED = "silenced"
    """Somebody asked for that."""
    MUTED = "muted"
    """It is not the hour."""
    INHIBITED = "inhibited"
    """Another alert explains it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why an alert is not told.

    Attributes:
        why: the sort of reason.
        by: which silence, mute time or alert; how often it was seen.
    """

    why: Why
    by: str


@dataclass(frozen=True, slots=True)
class Hushed:
    """A decision not to tell of an alert now.

    Attributes:
        alert: what would have been told.
        verdict: why it is not.
    """

    alert: Alert
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Hush:
    """The silences and mute times, and what the clock says that they go by.

    Attributes:
        silences: what somebody asked not to be told of.
        mutes: hours in which alerts wait.
        now: epoch seconds; the wall clock's for a live source, the stream's for one that is replayed.
    """

    silences: SilenceBook = field(default_factory=SilenceBook)
    mutes: tuple[MuteTime, ...] = ()
    now: float = 0.0

    def verdict(self, alert: Alert) -> Verdict | None:
        """Why the alert is not to be told now, or None."""
        silence = self.silences.that_covers(alert, self.now)
        if silence is not None:
            return Verdict(Why.SILENCED, f"{silence.id} by {silence.author}: {silence.comment}")
        mute = next((one for one in self.mutes if one.is_on(self.now) and one.covers(alert)), None)
        return None if mute is None else Verdict(Why.MUTED, mute.name)
