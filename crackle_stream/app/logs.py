"""Logs on standard error: lines to read at a terminal, JSON for everything else."""

from __future__ import annotations

import logging
from typing import TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from crackle_stream.app.rates import RateLimit
from crackle_stream.app.terminal import wants_colour
from crackle_stream.protocols import SystemClock
from crackle_stream.render.text import plain

__all__ = ["configure"]

LEVELS = (logging.INFO, logging.DEBUG)
"""What is shown by the number of -v."""


def configure(stream: TextIO, *, verbosity: int = 0, quiet: bool = False) -> None:
    """Send structlog, and what libraries log through the standard library, to a stream.

    Args:
        stream: standard error.
        verbosity: 0 for what an operator wants to know, 1 for every window and delivery as well.
        quiet: whether only what may be wrong is shown.
    """
    terminal = stream.isatty()
    level = logging.WARNING if quiet else LEVELS[min(verbosity, len(LEVELS) - 1)]
    stamped: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False) if terminal else _ISO,
        structlog.processors.format_exc_info,
    ]
    rendered = _for_people(stream) if terminal else [_in_order, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*stamped, *rendered],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *stamped],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *rendered],
        )
    )
    handler.addFilter(_Bounded(RateLimit(SystemClock())))
    # below warning, libraries log every request with its address, which may hold a token
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


class _Bounded(logging.Filter):
    """Keeps a library that says the same again and again from filling the disk."""

    def __init__(self, limit: RateLimit) -> None:
        super().__init__()
        self._limit = limit

    def filter(self, record: logging.LogRecord) -> bool:
        return self._limit.admit(f"{record.name}:{record.lineno}") is not None


_ISO = structlog.processors.TimeStamper(fmt="iso", utc=True)


def _for_people(stream: TextIO) -> list[Processor]:
    console = structlog.dev.ConsoleRenderer(
        colors=wants_colour(stream), sort_keys=False, exception_formatter=structlog.dev.plain_traceback
    )
    return [_harmless, console]


def _in_order(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """When, how loud and what first, for whoever reads it without a tool."""
    first = {key: line.pop(key) for key in ("timestamp", "level", "event") if key in line}
    return {**first, **line}


def _harmless(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
    """Texts may come from the data: a terminal shows them and never obeys them."""
    return {
        key: plain(value) if isinstance(value, str) and key != "exception" else value for key, value in line.items()
    }
