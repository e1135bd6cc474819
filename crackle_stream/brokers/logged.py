"""Errors that a library logs in place of raising them."""

from __future__ import annotations

import contextlib
import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["logged_errors"]


class _Collector(logging.Handler):
    """Keeps the errors of one context's log records."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if _collecting.get() is self and isinstance(record.args, tuple):
            self.errors += [part for part in record.args if isinstance(part, BaseException)]


_collecting: ContextVar[_Collector | None] = ContextVar("collecting", default=None)


@contextlib.contextmanager
def logged_errors(logger: str) -> Iterator[Sequence[BaseException]]:
    """Errors that are arguments of warnings and errors logged meanwhile, by this task and those it starts.

    Args:
        logger: name of the logger; nothing is found where it is switched off.
    """
    collector, log = _Collector(), logging.getLogger(logger)
    token = _collecting.set(collector)
    log.addHandler(collector)
    try:
        yield collector.errors
    finally:
        log.removeHandler(collector)
        _collecting.reset(token)
