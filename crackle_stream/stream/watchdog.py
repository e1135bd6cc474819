"""How often a source may fail in a row before somebody outside has to help."""

from __future__ import annotations

from crackle_stream.errors import SourceStuck, SourceUnavailable

__all__ = ["Watchdog"]

MOST_FAILURES = 3
"""Failures in a row, each after a source was opened anew and before it gave a record; the next supervisor is asked."""


class Watchdog:
    """Counts the failures of a source since it last gave a record."""

    def __init__(self) -> None:
        self.failures = 0

    def progressed(self) -> None:
        """The source gave a record: it works."""
        self.failures = 0

    def failed(self, failure: SourceUnavailable) -> None:
        """The source failed while it was being read.

        Raises:
            SourceStuck: it has failed too often in a row.
        """
        self.failures += 1
        if self.failures >= MOST_FAILURES:
            raise SourceStuck(failure.source, self.failures, str(failure)) from failure
