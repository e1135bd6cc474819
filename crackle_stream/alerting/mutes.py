"""Mute times: hours of the week in which alerts wait."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

from crackle_stream.alerting.routes import Match
from crackle_stream.model import Alert

__all__ = ["WEEKDAYS", "DayTimes", "MuteTime", "weekdays", "zone_of"]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DAY = 24 * 60
"""Minutes."""

_WRITTEN = re.compile(r"([01]\d|2[0-4]):([0-5]\d)\s*-\s*([01]\d|2[0-4]):([0-5]\d)", re.ASCII)


@dataclass(frozen=True, slots=True)
class DayTimes:
    """A stretch of a day.

    Attributes:
        begins: minutes after midnight.
        ends: minutes after midnight, itself left out; one that is not later than `begins` is on the next day.
    """

    begins: int = 0
    ends: int = DAY

    @classmethod
    def parse(cls, text: str) -> Self:
        """From text such as "22:00-06:00".

        Raises:
            ValueError: it is none; the message completes "times ...".

        >>> DayTimes.parse("22:00-06:30")
        DayTimes(begins=1320, ends=390)
        """
        match = _WRITTEN.fullmatch(text.strip())
        hours = [] if match is None else [60 * int(match[n]) + int(match[n + 1]) for n in (1, 3)]
        if not hours or max(hours) > DAY or hours[0] in (hours[1], DAY):
            raise ValueError(f'holds stretches of a day such as "22:00-06:00" or "00:00-24:00", not {text!r}')
        return cls(*hours)

    def __str__(self) -> str:
        return f"{self.begins // 60:02}:{self.begins % 60:02}-{self.ends // 60:02}:{self.ends % 60:02}"


@dataclass(frozen=True, slots=True)
class MuteTime:
    """Hours of the week in which alerts wait.

    Attributes:
        name: its own.
        days: of the week, 0 for Monday, on which a stretch begins.
        times: stretches of these days, by the clocks of the zone.
        zone: whose clocks.
        match: what waits; every event and fact by default.
    """

    name: str
    days: frozenset[int] = frozenset(range(7))
    times: tuple[DayTimes, ...] = (DayTimes(),)
    zone: tzinfo = UTC
    match: Match = field(default_factory=Match)

    def is_on(self, now: float) -> bool:
        """Whether it holds at this time, as the zone's clocks show it.

        A stretch that goes past midnight belongs to the day on which it begins. Where clocks are set back an hour is
        twice in a stretch, and where they are set forward one is in none.
        """
        try:
            local = datetime.fromtimestamp(now, self.zone)
        except (OverflowError, ValueError, OSError):
            return False  # a broken clock's time is on no calendar
        day, minute = local.weekday(), 60 * local.hour + local.minute
        return any(self._holds(stretch, day, minute) for stretch in self.times)

    def covers(self, alert: Alert) -> bool:
        """Whether the alert is one that waits."""
        return self.match.takes(alert, natures=())

    def _holds(self, stretch: DayTimes, day: int, minute: int) -> bool:
        if stretch.begins < stretch.ends:
            return day in self.days and stretch.begins <= minute < stretch.ends
        today = day in self.days and minute >= stretch.begins
        return today or ((day - 1) % 7 in self.days and minute < stretch.ends)


def weekdays(words: tuple[str, ...]) -> frozenset[int]:
    """Days of the week from words such as "sat" or "mon-fri".

    Raises:
        ValueError: a word is neither; the message completes "weekdays ...".

    >>> sorted(weekdays(("fri-mon", "wed")))
    [0, 2, 4, 5, 6]
    """
    found: set[int] = set()
    for word in words:
        first, _, last = word.strip().lower().partition("-")
        last = last or first
        if first not in WEEKDAYS or last not in WEEKDAYS:
            raise ValueError(f'holds {", ".join(WEEKDAYS)} or stretches of them such as "mon-fri", not {word!r}')
        begin, length = WEEKDAYS.index(first), (WEEKDAYS.index(last) - WEEKDAYS.index(first)) % 7
        found |= {(begin + day) % 7 for day in range(length + 1)}
    return frozenset(found)


def zone_of(name: str) -> tzinfo:
    """A time zone by its name in the IANA database; UTC needs none.

    Raises:
        ValueError: there is none of this name here; the message completes "zone ...".
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError) as error:  # ZoneInfoNotFoundError is a KeyError, and a directory's name an OSError
        raise ValueError(_no_zone(name)) from error
    except KeyError as error:
        raise ValueError(_no_zone(name)) from error


def _no_zone(name: str) -> str:
    return (
        f'is the name of a time zone such as "Europe/Berlin", and none called {name!r} is known here '
        "(a system without the database needs the package tzdata)"
    )
