"""An event that was seen, but not often enough to be raised."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from crackle_stream.alerting.returns import Levels, levels_of
from crackle_stream.alerting.sighting import Sighting
from crackle_stream.model import CracklePattern, PatternKind

__all__ = ["MOST_VOTES", "Pending", "RaiseAfter", "located"]

MOST_VOTES = 60
"""Most coolings that may be looked back over: an alert that takes longer is no alert, and the votes fit in a number."""

_WRITTEN = re.compile(r"\s*(\d{1,3})\s+of\s+(\d{1,3})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class RaiseAfter:
    """In how many of the last coolings an event must be seen to be raised.

    Attributes:
        needed: coolings that show it.
        of: coolings looked back over.
    """

    needed: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.needed <= self.of <= MOST_VOTES:
            raise ValueError(
                f"N of M needs 1 <= N <= M <= {MOST_VOTES}, not {self.needed} of {self.of}: such as 2 of 3"
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """From text such as "2 of 3".

        Raises:
            ValueError: it is none, or cannot be; the message completes "raise_after ...".

        >>> RaiseAfter.parse("2 of 3")
        RaiseAfter(needed=2, of=3)
        """
        match = _WRITTEN.fullmatch(text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]) <= MOST_VOTES:
            raise ValueError(f'is text such as "2 of 3", coolings of at most {MOST_VOTES}, not {text!r}')
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.needed} of {self.of}"

    @property
    def at_once(self) -> bool:
        """Whether one sighting is enough."""
        return self.needed == 1


@dataclass(frozen=True, slots=True)
class Pending:
    """An event that was seen, but not often enough to be raised.

    A change is seen only in windows that hold its onset. Those that have moved past it say nothing of it, so once
    they have, the coolings that could show it decide by their share: 2 of 3 are met by 1 of 1 and by 2 of 2, and not
    by 1 of 2.

    Attributes:
        pattern: as last seen with the leading metric and form that it was first seen with.
        levels: from where to where its metrics went.
        windows: windows that showed it.
        votes: of the last conclusive coolings that could show it, whether they did, the latest at the end.
        onset: epoch seconds of its onset, where that was measured; windows that begin later cannot show it.
    """

    pattern: CracklePattern
    levels: Levels = field(default_factory=dict)
    windows: int = 1
    votes: tuple[bool, ...] = ()
    onset: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "levels", MappingProxyType(dict(self.levels)))

    @classmethod
    def of(cls, pattern: CracklePattern) -> Self:
        """One that is seen for the first time."""
        return cls(pattern, levels_of(pattern), onset=_onset(pattern))

    def seen(self, pattern: CracklePattern, *, shown: bool) -> Self:
        """Seen once more.

        Args:
            pattern: how.
            shown: whether it is to be told in these words.
        """
        return replace(
            self,
            pattern=pattern if shown else self.pattern,
            levels={**levels_of(pattern), **self.levels},
            windows=self.windows + 1,
            onset=_onset(pattern) if located(pattern) else self.onset,
        )

    def voted(self, *, shown: bool, rule: RaiseAfter) -> Self:
        """After a conclusive cooling that could show it."""
        return replace(self, votes=(*self.votes, shown)[-rule.of :])

    def could_show(self, sighting: Sighting) -> bool:
        """Whether the window would show it if it still held."""
        return self.onset is None or sighting.began is None or self.onset >= sighting.began

    def is_due(self, rule: RaiseAfter, *, passed: bool) -> bool:
        """Whether it is to be raised.

        Args:
            rule: how often it must be seen.
            passed: whether windows have moved past its onset.
        """
        shown = sum(self.votes)
        return shown >= rule.needed or (passed and 0 < rule.needed * len(self.votes) <= shown * rule.of)

    @property
    def is_lost(self) -> bool:
        """Whether none of the coolings looked back over has shown it."""
        return not any(self.votes)

    def to_dict(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "pattern": self.pattern.to_dict(),
            "levels": {name: list(levels) for name, levels in self.levels.items()},
            "windows": self.windows,
            "votes": [int(vote) for vote in self.votes],
            "onset": self.onset,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """What `to_dict` wrote down."""
        onset = stored["onset"]
        return cls(
            pattern=CracklePattern.from_dict(stored["pattern"]),
            levels={str(name): (float(was), float(went)) for name, (was, went) in stored["levels"].items()},
            windows=int(stored["windows"]),
            votes=tuple(bool(vote) for vote in stored["votes"]),
            onset=None if onset is None else float(onset),
        )


def located(pattern: CracklePattern) -> bool:
    """Whether it is a shift whose onset was measured; a threshold compares the halves of whatever window it gets."""
    return pattern.kind == PatternKind.PHASE_TRANSITION and pattern.evidence is not None and pattern.at is not None


def _onset(pattern: CracklePattern) -> float | None:
    return pattern.at.time if located(pattern) and pattern.at is not None else None
