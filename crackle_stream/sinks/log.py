"""Alerts as log events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import structlog

from crackle_stream.model import Alert, AlertStatus, Severity, options_from
from crackle_stream.protocols import Sink
from crackle_stream.render.sentence import sentence
from crackle_stream.sinks.options import LogOptions

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

__all__ = ["LogSink"]

SHOWN = 5
"""Tasks a log event names; the count of all of them stands beside."""

LEVELS = {Severity.INFO: logging.INFO, Severity.WARNING: logging.WARNING, Severity.CRITICAL: logging.CRITICAL}


class LogSink(Sink):
    """Logs each alert through structlog as `pattern.raised`, `pattern.repeated` or `pattern.resolved`.

    Args:
        options: a LogOptions, or the logger's name; or give the fields of LogOptions by name.
        name: how messages call it.

    Raises:
        ConfigError: an option that cannot be.
    """

    def __init__(self, options: LogOptions | str | None = None, /, *, name: str = "log", **fields: object) -> None:
        self.name = name
        self.options = options_from(LogOptions, options, fields, main="logger")
        self._logger: FilteringBoundLogger = structlog.get_logger(self.options.logger)

    async def send(self, alert: Alert) -> None:
        """Log the alert."""
        pattern = alert.pattern
        self._logger.log(
            self._level(alert),
            f"pattern.{alert.status}",
            summary=sentence(alert),
            fingerprint=alert.fingerprint,
            kind=str(pattern.kind),
            form=pattern.form,
            severity=str(alert.severity),
            confidence=pattern.confidence,
            metric_names=list(pattern.metric_names),
            tasks=list(pattern.involved_tasks[:SHOWN]),
            task_count=pattern.involved_count,
            key=pattern.key,
            position=None if alert.position is None else str(alert.position),
            alert_id=alert.id,
        )

    def _level(self, alert: Alert) -> int:
        if self.options.level != "auto":
            return logging.getLevelNamesMapping()[self.options.level.upper()]
        return logging.INFO if alert.status is AlertStatus.RESOLVED else LEVELS[alert.severity]
