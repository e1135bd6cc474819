"""A pipeline's events as log lines."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import structlog
from structlog.typing import FilteringBoundLogger

from crackle_stream.app.account import Account, examined, skipped
from crackle_stream.app.rates import RateLimit
from crackle_stream.cooling import CoolingReport
from crackle_stream.model import Alert, Reject
from crackle_stream.protocols import Clock, SystemClock
from crackle_stream.stream import events
from crackle_stream.stream.events import Event
from crackle_stream.window import Window

__all__ = ["EventLog", "logged"]


class EventLog:
    """Logs events; hand it to a `Pipeline` as `on_event`.

    Args:
        clock: for the bounds on repeated lines; the machine's by default.
        logger: where to; structlog's by default.
    """

    def __init__(self, clock: Clock | None = None, logger: FilteringBoundLogger | None = None) -> None:
        self._limit = RateLimit(SystemClock() if clock is None else clock)
        self._logger: FilteringBoundLogger = structlog.get_logger() if logger is None else logger
        self._account = Account()

    def __call__(self, event: Event) -> None:
        """Log an event; warnings and errors at a bounded rate, with the number left out."""
        style = _STYLES.get(type(event))
        if style is None:
            return
        if isinstance(event, events.PipelineStopped):
            self._tell_left_out()
            self._tell("stream.summed_up", self._account.told())
        said = _fields(event)
        sort = f"{event.name} {said.get(style.apart_by, '')}".strip()
        bounded = style.level >= logging.WARNING and style.bounded
        left_out = self._limit.admit(sort) if bounded else 0
        if left_out is not None:
            self._logger.log(style.level, event.name, **said, **({"left_out": left_out} if left_out else {}))
        if isinstance(event, events.WindowCooled):
            self._tell_examined(event.report)

    def _tell_examined(self, report: CoolingReport) -> None:
        """What the detectors did with a window, a line each: so that silence can be trusted."""
        self._account.see(report)
        for told in examined(report):
            self._tell("detector.examined", told)
        self._tell("window.skipped", skipped(report))

    def _tell(self, name: str, told: Mapping[str, Any]) -> None:
        if told:
            self._logger.log(logging.DEBUG, name, **told)

    def _tell_left_out(self) -> None:
        """What no later line of its sort can tell."""
        for sort, count in self._limit.left_out().items():
            self._logger.log(logging.WARNING, "lines.left_out", lines=sort, count=count)


@dataclass(frozen=True, slots=True)
class _Style:
    """How an event is logged.

    Attributes:
        level: how loud.
        apart_by: the field that tells sorts of a repeated line apart; its values are few.
        bounded: whether repeated lines are left out; not where the line is all that is left of something.
    """

    level: int
    apart_by: str = ""
    bounded: bool = True


_STYLES: Mapping[type[Event], _Style] = {
    events.PipelineStarted: _Style(logging.INFO),
    events.PipelineStopped: _Style(logging.INFO),
    events.PartitionsAssigned: _Style(logging.INFO),
    events.PartitionBegun: _Style(logging.INFO),
    events.PartitionsRevoked: _Style(logging.INFO),
    events.AlertsHandedOver: _Style(logging.INFO),
    events.IntakePaused: _Style(logging.WARNING),
    events.IntakeResumed: _Style(logging.INFO),
    events.KeyDivided: _Style(logging.WARNING),
    events.KeyEvicted: _Style(logging.WARNING),
    events.WindowCooled: _Style(logging.DEBUG),
    events.WindowMerged: _Style(logging.DEBUG),
    events.OffsetsCommitted: _Style(logging.DEBUG),
    events.AlertMade: _Style(logging.DEBUG),
    events.AlertHushed: _Style(logging.DEBUG),
    events.SilencesRead: _Style(logging.INFO),
    events.SilencesFailed: _Style(logging.ERROR),
    events.AlertDelivered: _Style(logging.DEBUG),
    events.SourceFailed: _Style(logging.WARNING),
    events.StreamUntimed: _Style(logging.WARNING),
    events.SourceReopened: _Style(logging.WARNING),
    events.RecordRejected: _Style(logging.WARNING),
    events.StreamTooShort: _Style(logging.WARNING),
    events.TasksDropped: _Style(logging.WARNING),
    events.DetectorFailed: _Style(logging.WARNING, "detector"),
    events.SinkUnavailableSeen: _Style(logging.WARNING, "sink"),
    events.CommitFailed: _Style(logging.WARNING),
    events.WindowGivenUp: _Style(logging.ERROR),
    events.DetectorDisabled: _Style(logging.ERROR, "detector"),
    events.DeadLetterFailed: _Style(logging.ERROR),
    events.AlertRefused: _Style(logging.ERROR, bounded=False),
    events.AlertBuried: _Style(logging.WARNING, "sink"),
    events.AlertSpooled: _Style(logging.DEBUG),
    events.BreakerChanged: _Style(logging.WARNING, "sink"),
    events.SinkDisabled: _Style(logging.ERROR, bounded=False),
    events.SinkRefusing: _Style(logging.ERROR, bounded=False),
    events.SpoolFailed: _Style(logging.ERROR, "sink"),
    events.SpoolFull: _Style(logging.WARNING, "sink"),
    events.SpoolLeft: _Style(logging.WARNING, "sink", bounded=False),
    events.AlertDropped: _Style(logging.ERROR, bounded=False),
}
"""Events that are logged; the others are only counted, because there is one for every batch."""


def logged(kind: type[Event]) -> str | None:
    """The level at which an event is logged, as lines say it; None where it is only counted."""
    style = _STYLES.get(kind)
    return None if style is None else logging.getLevelName(style.level).lower()


def _fields(event: Event) -> dict[str, Any]:
    """What a line says: the event's fields, large values by what tells them apart."""
    said: dict[str, Any] = {}
    for field in fields(event):
        said |= _said(field.name, getattr(event, field.name))
    if isinstance(event, events.AlertRefused | events.AlertDropped):
        said["body"] = dict(event.alert.to_dict())  # this line may be all that is left of it
    return said | _ADVICE.get(type(event), {})


_ADVICE: Mapping[type[Event], dict[str, Any]] = {
    events.StreamTooShort: {
        "problem": "nothing can be proven with so few tasks",
        "cure": "more tasks, or rules of thumb: --set profile.family=threshold",
    },
}
"""What a line says beside the event's own fields."""


def _said(name: str, value: object) -> dict[str, Any]:
    match value:
        case Reject():
            return {"position": str(value.position), "problem": value.problem}
        case Alert(pattern=pattern):
            who = {"alert": value.id, "status": str(value.status), "kind": str(pattern.kind)}
            return {**who, "metrics": list(pattern.metric_names), "key": pattern.key}
        case Window():
            what = {"window": value.id, "key": value.key, "closed_by": value.closed_by}
            return {**what, "tasks": len(value), "fresh": value.fresh}
        case CoolingReport():
            return {"patterns": len(value.patterns), "duration_ms": round(1000 * value.duration, 1)}
        case tuple():
            return {name: list(value)}
        case float():
            return {name: round(value, 3)}
    return {name: value}
