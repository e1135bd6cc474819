"""The steady part of a reading: from a tenth of the records to the last one, by the clock and by the processor."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass

__all__ = ["Reading", "Steady"]

STARTING_SHARE = 0.1
"""What is read before this share of the records is start-up: joining, the first fetches, a schema to be learned."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading took.

    Attributes:
        records: in the steady part.
        wall_s: seconds by the clock.
        cpu_s: seconds of the process's own computing.
    """

    records: int
    wall_s: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Records a second by the clock."""
        return self.records / self.wall_s

    @property
    def cpu_rate(self) -> float:
        """Records a second of processor."""
        return self.records / self.cpu_s

    def __str__(self) -> str:
        return json.dumps(asdict(self))


class Steady:
    """Counts records and notes the times at which the steady part begins and ends.

    Args:
        records: how many there will be.
    """

    def __init__(self, records: int) -> None:
        self._records = records
        self._seen = 0
        self._began: tuple[int, float, float] | None = None
        self.reading: Reading | None = None

    def see(self, count: int) -> bool:
        """Note that so many more were read; whether that was the last of them."""
        self._seen += count
        if self._began is None and self._seen >= STARTING_SHARE * self._records:
            self._began = self._now()
        if self._seen >= self._records and self.reading is None:
            assert self._began is not None
            end = self._now()
            self.reading = Reading(*(after - before for after, before in zip(end, self._began, strict=True)))  # type: ignore[arg-type]
        return self.reading is not None

    def _now(self) -> tuple[int, float, float]:
        return self._seen, time.monotonic(), time.process_time()
