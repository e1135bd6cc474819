"""The sections of a configuration whose keys are known beforehand; each reads itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from crackle_stream.alerting import AlertPolicy, Match, RaiseAfter
from crackle_stream.budget import Budget
from crackle_stream.decode.options import DecodeOptions
from crackle_stream.errors import ConfigError
from crackle_stream.model import seconds
from crackle_stream.model.options import (
    one_of,
    optional,
    positive_octets,
    positive_seconds,
    read_fields,
    read_flag,
    read_text,
    share,
    whole_number,
)
from crackle_stream.profile import DEFAULT_BUDGET, METRIC_TYPES, CoolingRate, Family
from crackle_stream.stream.options import KilnOptions, RunOptions

__all__ = [
    "NEVER",
    "AlertsSection",
    "DecodeSection",
    "KilnSection",
    "MatchSection",
    "ProfileSection",
    "RunSection",
    "read_texts",
]

NEVER = "never"
"""How a schedule is switched off: TOML has no null."""


@dataclass(frozen=True, slots=True)
class KilnSection:
    """How many tasks are held, and when they are looked over.

    Attributes:
        capacity: tasks that a kiln's ring holds, and so the most that a window has.
        every_tasks: tasks after which a window ends; "never" for no such end.
        every_seconds: seconds of the stream's own time after which a window ends, and of waiting on a quiet stream;
            a number or text such as "5m"; "never" for no such end.
        scope: what has a kiln of its own: the source, a partition, or a key; "auto" is key where [decode] names key
            fields, else partition for a source with partitions, else the source.
        overflow: "block" makes the source wait for the coolings, so that every task is cooled; "drop_oldest" lets go
            of the oldest window that waits, and counts its tasks.
        max_bytes: memory of all rings together; a number or text such as "64MiB".
        max_keys: kilns at most; the least recent is cooled and closed beyond it.
    """

    capacity: int = 1000
    every_tasks: int | Literal["never"] = 500
    every_seconds: float | Literal["never"] = 30.0
    scope: Literal["auto", "source", "partition", "key"] = "auto"
    overflow: Literal["block", "drop_oldest"] = "block"
    max_bytes: int = 64 * 2**20
    max_keys: int = 10_000

    def __post_init__(self) -> None:
        read_fields(
            self,
            capacity=whole_number(1),
            every_tasks=_or_never(whole_number(1)),
            every_seconds=_or_never(positive_seconds),
            scope=one_of("auto", "source", "partition", "key"),
            overflow=one_of("block", "drop_oldest"),
            max_bytes=positive_octets,
            max_keys=whole_number(1),
        )

    @property
    def options(self) -> KilnOptions:
        """What the pipeline takes; the schedule stands beside it."""
        return KilnOptions(
            capacity=self.capacity,
            scope=self.scope,
            overflow=self.overflow,
            max_bytes=self.max_bytes,
            max_keys=self.max_keys,
        )


@dataclass(frozen=True, slots=True)
class DecodeSection(DecodeOptions):
    """Where things are in a record, how large it may be, and what a bad one does.

    Attributes:
        strict: stop at the first record that cannot be read, instead of counting it and going on.
    """

    strict: bool = False

    def __post_init__(self) -> None:
        problems: list[str] = []
        for read in (DecodeOptions.__post_init__, _read_strict):
            try:
                read(self)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems, origin="decode")


@dataclass(frozen=True, slots=True)
class ProfileSection:
    """Which detectors look for patterns, and how sensitive they are.

    Attributes:
        family: "evidence" for findings with p values under a budget of false alarms; "threshold" for four rules of
            thumb, right for a handful of tasks.
        rate: sensitivity of the threshold family: "fast" reports fine cracks, "slow" only strong ones.
        budget: false alarms the evidence family may make in a stretch of stream time, such as "1/week" or "2/day".
        per_window: instead of a budget, the chance of any false pattern in one window, such as 0.05.
        types: by metric name, its type where it is not to be inferred: gauge, counter, id, constant, code, timestamp.
        without: names of detectors to leave out.
        detectors: further detectors: names that installed packages publish, or "package.module:Class".
    """

    family: Literal["evidence", "threshold"] = "evidence"
    rate: Literal["fast", "normal", "slow"] = "normal"
    budget: str = DEFAULT_BUDGET
    per_window: float | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    detectors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        read_fields(
            self,
            family=one_of(*Family),
            rate=one_of(*CoolingRate),
            budget=_budget,
            per_window=_chance,
            types=_types,
            without=read_texts,
            detectors=read_texts,
        )


@dataclass(frozen=True, slots=True)
class AlertsSection:
    """When a pattern becomes an alert, and how often it is said again.

    Attributes:
        min_confidence: patterns less sure than this raise nothing; by default 0.9 for the threshold family, and 0 for
            the evidence family, whose budget has judged already.
        repeat_interval: seconds, or text such as "4h", after which an alert that is still there is said again.
        resolve_after: coolings without the pattern that resolve its alert.
        accept_after: coolings after which a shift that did not return is the new normal, and its alert resolved.
        raise_after: in how many of the last coolings an event must be seen to be raised, such as "2 of 3".
        exit_confidence: an active alert counts as seen down to this confidence; by default down to min_confidence.
        hold: seconds, or text such as "10m", that an alert stays raised before it may be resolved.
        inhibit: whether a shift that another explains by a known lag is held back as long as that one is active.
        stale_after: seconds, or text such as "24h", without a task of its kiln after which an alert is over, for want
            of data; "never" for no such end.
    """

    min_confidence: float | None = None
    repeat_interval: float = 4 * 3600.0
    resolve_after: int = 3
    accept_after: int = 20
    raise_after: str = "1 of 1"
    exit_confidence: float | None = None
    hold: float = 0.0
    inhibit: bool = True
    stale_after: float | Literal["never"] = 24 * 3600.0

    def __post_init__(self) -> None:
        read_fields(
            self,
            min_confidence=optional(share),
            repeat_interval=positive_seconds,
            resolve_after=whole_number(1),
            accept_after=whole_number(1),
            raise_after=_rule,
            exit_confidence=optional(share),
            hold=seconds,
            inhibit=read_flag,
            stale_after=_or_never(positive_seconds),
        )
        least = self.min_confidence
        if least is not None and self.exit_confidence is not None and self.exit_confidence > least:
            problem = f"exit_confidence is at most min_confidence, {least:g}, not {self.exit_confidence:g}"
            raise ConfigError([problem], origin="alerts")

    @property
    def policy(self) -> AlertPolicy:
        """What the pipeline takes."""
        return AlertPolicy(
            self.min_confidence,
            self.repeat_interval,
            self.resolve_after,
            self.accept_after,
            RaiseAfter.parse(self.raise_after),
            self.exit_confidence,
            self.hold,
            self.inhibit,
            None if isinstance(self.stale_after, str) else self.stale_after,
        )


@dataclass(frozen=True, slots=True)
class MatchSection:
    """Which alerts a sink gets. Every key that is given must fit; of a list, one entry is enough.

    Attributes:
        kind: globs over the pattern's kind, such as "phase transition".
        form: globs over its form, such as "broken *".
        metric: globs over its metric names.
        key: globs over the kiln's key.
        nature: "fact" for what holds, "event" for what happened; only events where nothing is given.
        severity: "info", "warning" or "critical".
        confidence: least confidence.
    """

    kind: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    metric: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    nature: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    confidence: float = 0.0

    def __post_init__(self) -> None:
        globs = dict.fromkeys(("kind", "form", "metric", "key"), read_texts)
        natures, severities = _words("fact", "event"), _words("info", "warning", "critical")
        read_fields(self, **globs, nature=natures, severity=severities, confidence=share)

    @property
    def match(self) -> Match:
        """What a subscription takes."""
        return Match(self.kind, self.form, self.metric, self.key, self.nature, self.severity, self.confidence)


@dataclass(frozen=True, slots=True)
class RunSection:
    """How the process runs.

    Attributes:
        name: names the pipeline in the identities of windows and alerts; two pipelines over one topic need two names.
        shutdown_grace: seconds that stopping may take; a number or text such as "25s".
        start_timeout: seconds to try opening the source; a number or text such as "1m".
        max_unsettled: windows cooled ahead of a sink that does not take its alerts, beyond which reading waits.
        max_unsettled_bytes: bytes of what they left behind and of their alerts in memory, roughly, beyond which it
            waits too; a number or text such as "64MiB".
    """

    name: str = "crackle-stream"
    shutdown_grace: float = 25.0
    start_timeout: float = 60.0
    max_unsettled: int = 10_000
    max_unsettled_bytes: int = 64 * 2**20

    def __post_init__(self) -> None:
        read_fields(
            self,
            name=read_text,
            shutdown_grace=seconds,
            start_timeout=seconds,
            max_unsettled=whole_number(1),
            max_unsettled_bytes=positive_octets,
        )

    def options(self, *, strict: bool) -> RunOptions:
        """What the pipeline takes."""
        return RunOptions(
            name=self.name,
            strict=strict,
            shutdown_grace=self.shutdown_grace,
            start_timeout=self.start_timeout,
            max_unsettled=self.max_unsettled,
            max_unsettled_bytes=self.max_unsettled_bytes,
        )


def _read_strict(section: DecodeSection) -> None:
    read_fields(section, strict=read_flag)


def _or_never(read: Callable[[Any], object]) -> Callable[[Any], object]:
    """A reader that lets "never" pass."""
    return lambda value: value if value == NEVER else read(value)


def _chance(value: object) -> float | None:
    if value is not None and share(value) in (0.0, 1.0):
        raise ValueError(f"is a chance between 0 and 1, not {value!r}")
    return None if value is None else share(value)


def _rule(value: object) -> str:
    text = read_text(value)
    RaiseAfter.parse(text)
    return text


def _budget(value: object) -> str:
    text = read_text(value)
    Budget.parse(text)
    return text


def _types(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(f"is a table of metric names and types, not {value!r}")
    read = one_of(*METRIC_TYPES)
    return {str(name): read(type_) for name, type_ in value.items()}


def read_texts(value: object) -> tuple[str, ...]:
    """A list of texts, or one."""
    if isinstance(value, str):
        return (read_text(value),)
    if not isinstance(value, list | tuple):
        raise ValueError(f"is a list of texts, not {value!r}")
    return tuple(read_text(each) for each in value)


def _words(*words: str) -> Callable[[object], tuple[str, ...]]:
    """A reader of lists of a few words."""
    read = one_of(*words)
    return lambda value: tuple(read(each) for each in read_texts(value))
