"""Which alerts go where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from types import MappingProxyType

from crackle_stream.alerting.severity import severity_of
from crackle_stream.model import Alert, Nature, Severity

__all__ = ["Decision", "Match", "Route", "Routes"]

EVENTS = (Nature.EVENT,)
"""What a route takes that does not say: something happened. What merely holds is for those who ask."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a sink takes. Every part that is given must fit; within a part one of its globs is enough.

    Facts are taken only where `nature` asks for them.

    Attributes:
        kind: globs over the pattern's kind, such as "phase transition".
        form: globs over its form, such as "broken *".
        metric: globs over its metric names; one metric that fits is enough.
        key: globs over the kiln's key.
        nature: "fact", "event"; only events where nothing is given.
        severity: "info", "warning", "critical".
        confidence: least confidence.
    """

    kind: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    metric: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    nature: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    confidence: float = 0.0

    def takes(self, alert: Alert, natures: tuple[str, ...] = EVENTS) -> bool:
        """Whether the alert fits.

        Args:
            alert: which.
            natures: what it takes where it names no nature; () for both.
        """
        pattern = alert.pattern
        # what was told once is told to its end, however sure later windows were
        confidence = pattern.confidence if alert.raised_confidence is None else alert.raised_confidence
        return (
            confidence >= self.confidence
            and _fits(self.kind, [pattern.kind])
            and _fits(self.form, [pattern.form])
            and _fits(self.metric, pattern.metric_names)
            and _fits(self.key, [pattern.key])
            and _fits(self.nature or natures, [pattern.nature])
            and _fits(self.severity, [alert.severity])
        )


@dataclass(frozen=True, slots=True)
class Route:
    """Where alerts of one sort go.

    Attributes:
        sinks: names of the sinks; none for alerts that nobody is to get.
        match: which alerts; its `severity` is the one they have by themselves, before any route.
        proceed: whether the routes below are looked at as well.
        severity: how severe these alerts are; None for as they are.
        repeat_interval: seconds of stream time after which they are said again; None for the policy's.
    """

    sinks: tuple[str, ...] = ()
    match: Match = field(default_factory=Match)
    proceed: bool = False
    severity: Severity | None = None
    repeat_interval: float | None = None

    def __post_init__(self) -> None:
        if self.repeat_interval is not None and not self.repeat_interval > 0:
            raise ValueError(f"repeat_interval must be more than 0 seconds, not {self.repeat_interval}")


@dataclass(frozen=True, slots=True)
class Decision:
    """What the routes say of one alert.

    Attributes:
        sinks: names of the sinks that get it.
        severity: how severe it is.
        repeat_interval: seconds after which it is said again; None for the policy's.
    """

    sinks: tuple[str, ...]
    severity: Severity
    repeat_interval: float | None = None


@dataclass(frozen=True, slots=True)
class Routes:
    """Where alerts go: the first route that fits, and those below it as long as one says so.

    Without routes every sink gets what its own match takes. With them a sink gets what a route sends it and its own
    match takes, facts included where the route asks for them.

    Attributes:
        sinks: what each sink takes by itself, by its name.
        routes: from the top.
    """

    sinks: Mapping[str, Match] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "sinks", MappingProxyType(dict(self.sinks)))
        unknown = {name for route in self.routes for name in route.sinks} - self.sinks.keys()
        if unknown:
            known = ", ".join(sorted(self.sinks)) or "none"
            raise ValueError(f"routes name sinks that there are not: {', '.join(sorted(unknown))}; known are {known}")

    def decide(self, alert: Alert) -> Decision:
        """What becomes of an alert; the same for the whole of its life."""
        own = severity_of(alert.pattern)
        if not self.routes:
            return Decision(tuple(name for name, match in self.sinks.items() if match.takes(alert)), alert.severity)
        fitting = self._fitting(replace(alert, severity=own))
        severity = next((route.severity for route in fitting if route.severity is not None), own)
        interval = next((route.repeat_interval for route in fitting if route.repeat_interval is not None), None)
        named = {name for route in fitting for name in route.sinks}
        told = replace(alert, severity=severity)
        takers = (name for name, match in self.sinks.items() if name in named and match.takes(told, natures=()))
        return Decision(tuple(takers), severity, interval)

    def _fitting(self, alert: Alert) -> list[Route]:
        fitting = []
        for route in self.routes:
            if route.match.takes(alert):
                fitting.append(route)
                if not route.proceed:
                    break
        return fitting


def _fits(globs: tuple[str, ...], words: tuple[str, ...] | list[str]) -> bool:
    return not globs or any(fnmatchcase(str(word), glob) for word in words for glob in globs)
