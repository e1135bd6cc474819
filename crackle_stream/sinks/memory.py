"""Alerts in a list, for tests and for apps that look at them themselves."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from crackle_stream.model import Alert, options_from
from crackle_stream.protocols import Sink
from crackle_stream.sinks.options import MemoryOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MemorySink"]


class MemorySink(Sink):
    """Holds the last alerts.

    Args:
        options: a MemoryOptions, or the limit; or give the fields of MemoryOptions by name.
        name: how messages call it.

    Attributes:
        dropped: alerts let go because the limit was reached.

    Raises:
        ConfigError: an option that cannot be.
    """

    def __init__(
        self, options: MemoryOptions | int | None = None, /, *, name: str = "memory", **fields: object
    ) -> None:
        self.name = name
        self.options = options_from(MemoryOptions, options, fields, main="limit")
        self.dropped = 0
        self._alerts: deque[Alert] = deque(maxlen=self.options.limit)

    @property
    def alerts(self) -> list[Alert]:
        """The alerts held, oldest first; a new list each time."""
        return list(self._alerts)

    def __len__(self) -> int:
        return len(self._alerts)

    def __iter__(self) -> Iterator[Alert]:
        return iter(self.alerts)

    def clear(self) -> None:
        """Let go of all alerts; the count of dropped ones stays."""
        self._alerts.clear()

    async def send(self, alert: Alert) -> None:
        """Hold the alert, in place of the oldest where the limit is reached."""
        self.dropped += len(self._alerts) == self.options.limit
        self._alerts.append(alert)
