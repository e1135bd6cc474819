"""The settings of who is told and when nobody is: routes, mute times and the file of silences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from crackle_stream.alerting import DayTimes, Match, MuteTime, Route
from crackle_stream.alerting.mutes import WEEKDAYS, weekdays, zone_of
from crackle_stream.alerting.silence_file import read_silences
from crackle_stream.app.config.layers import Address, Table, file_text, parsed
from crackle_stream.app.config.parameters import build
from crackle_stream.app.config.problems import Problems
from crackle_stream.app.config.sections import MatchSection, read_texts
from crackle_stream.errors import ConfigError
from crackle_stream.model import Severity, did_you_mean
from crackle_stream.model.options import (
    one_of,
    optional,
    positive_seconds,
    read_fields,
    read_flag,
    read_path,
    read_text,
)

__all__ = ["MuteSection", "RouteSection", "SilencesSection", "read_match", "read_mutes", "read_routes"]


@dataclass(frozen=True, slots=True)
class RouteSection:
    """Where alerts of one sort go. The first route that fits decides, and those below it where it says `continue`.

    Attributes:
        sinks: names of sinks; an empty list for alerts that nobody is to get.
        continue_: whether the routes below are looked at as well.
        severity: how severe these alerts are, whatever they are by themselves: "info", "warning" or "critical".
        repeat_interval: seconds, or text such as "1h", after which they are said again; by default the one of [alerts].
    """

    sinks: tuple[str, ...]
    continue_: bool = False
    severity: Literal["info", "warning", "critical"] | None = None
    repeat_interval: float | None = None

    def __post_init__(self) -> None:
        read_fields(
            self,
            sinks=read_texts,
            continue_=read_flag,
            severity=optional(one_of(*Severity)),
            repeat_interval=optional(positive_seconds),
        )

    def route(self, match: Match) -> Route:
        """What the pipeline takes."""
        severity = None if self.severity is None else Severity(self.severity)
        return Route(self.sinks, match, self.continue_, severity, self.repeat_interval)


@dataclass(frozen=True, slots=True)
class MuteSection:
    """Hours of the week in which alerts wait; those that are still active are told when the hours are over.

    Attributes:
        weekdays: days on which the hours begin, such as ["mon-fri", "sun"]; every day by default.
        times: stretches of a day such as "22:00-06:00", which ends on the next day; the whole day by default.
        zone: whose clocks, by a name of the IANA database such as "Europe/Berlin".
    """

    weekdays: tuple[str, ...] = WEEKDAYS
    times: tuple[str, ...] = ("00:00-24:00",)
    zone: str = "UTC"

    def __post_init__(self) -> None:
        read_fields(self, weekdays=_judged(weekdays), times=_judged(_stretches), zone=_zone)

    def mute(self, name: str, match: Match) -> MuteTime:
        """What the pipeline takes."""
        return MuteTime(name, weekdays(self.weekdays), _stretches(self.times), zone_of(self.zone), match)


@dataclass(frozen=True, slots=True)
class SilencesSection:
    """What is not to be told of for a while.

    Attributes:
        file: a TOML file with a table [[silences]] each; it is read again when it changes.
    """

    file: Path | None = None

    def __post_init__(self) -> None:
        read_fields(self, file=optional(read_path))

    def check(self, problems: Problems) -> None:
        """Object to a file that cannot be read."""
        if self.file is not None:
            try:
                read_silences(file_text(self.file), str(self.file))
            except ConfigError as error:
                for problem in error.problems:
                    problems.tell(("silences", "file"), f"{self.file}: {problem}")


def read_match(table: object, address: Address, problems: Problems) -> Match | None:
    """The `match` of a sink, a route or a mute time; None after an objection."""
    if not isinstance(table, dict):
        problems.add(address, 'is a table, such as { kind = ["correlation"] }')
        return None
    section = build(MatchSection, table, address, problems)
    return None if section is None else section.match


def read_routes(given: object, sinks: Sequence[str], problems: Problems) -> tuple[Route, ...]:
    """The routes of `[[routes]]`, those without a problem.

    Args:
        given: the list of their tables, or a text of it.
        sinks: names of the sinks.
        problems: told of every objection.
    """
    found = []
    for number, table in enumerate(_tables(given, problems), 1):
        address = ("routes", str(number))
        match = read_match(table.pop("match", {}), (*address, "match"), problems)
        section = build(RouteSection, table, address, problems)
        if section is None or match is None:
            continue
        for name in section.sinks:
            if name not in sinks:
                cure = did_you_mean(name, sinks)
                problems.add((*address, "sinks"), f'names "{name}", which is no sink: {cure}')
        found.append(section.route(match))
    return tuple(found)


def read_mutes(tables: Mapping[str, object], problems: Problems) -> tuple[MuteTime, ...]:
    """The mute times of `[mutes.NAME]`, those without a problem."""
    found = []
    for name, table in tables.items():
        address = ("mutes", name)
        if not isinstance(table, dict):
            problems.add(address, f"is a table, not {table!r}: write [mutes.NAME] and its keys below it")
            continue
        match = read_match(table.get("match", {}), (*address, "match"), problems)
        own = {key: value for key, value in table.items() if key != "match"}
        section = build(MuteSection, own, address, problems)
        if section is not None and match is not None:
            found.append(section.mute(name, match))
    return tuple(found)


def _tables(given: object, problems: Problems) -> list[Table]:
    """Copies of the routes' tables; a variable or an option gives them as text."""
    if isinstance(given, str):
        try:
            given = parsed(f"value = {given}")["value"]
        except ValueError as error:
            problems.add(("routes",), f'is no TOML, such as [{{sinks = ["pager"]}}]: {error}')
            return []
    if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
        problems.add(("routes",), "is a list of tables: write [[routes]], in two brackets, and its keys below it")
        return []
    return [dict(one) for one in given]


def _stretches(texts: tuple[str, ...]) -> tuple[DayTimes, ...]:
    return tuple(DayTimes.parse(text) for text in texts)


def _judged(read: Callable[[tuple[str, ...]], object]) -> Callable[[Any], tuple[str, ...]]:
    """A reader that keeps the texts, and objects where they mean nothing."""

    def judge(value: object) -> tuple[str, ...]:
        texts = read_texts(value)
        read(texts)
        return texts

    return judge


def _zone(value: object) -> str:
    name = read_text(value)
    zone_of(name)
    return name
