"""When to learn a stream's schema, and when to learn another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.decode.plan import Plan
from crackle_stream.decode.schema import schema_of
from crackle_stream.decode.shape import Shape

if TYPE_CHECKING:
    from crackle_stream.decode.names import MetricNames
    from crackle_stream.decode.options import DecodeOptions
    from crackle_stream.decode.reading import Reading

__all__ = ["SAMPLES", "Learner"]

SAMPLES = 32
"""Records a schema is learned from; optional fields not seen in them are learned later."""

FIRST_PERIOD = 256
LAST_PERIOD = 65_536
"""Records between two judgements of a plan: a schema costs up to 2 ms to make, so the period doubles with each."""

TOLERATED = 16
"""One record in so many may miss the plan: reading it twice then costs no more than a few per cent."""


class Learner:
    """Learns from records read singly, keeps a plan as long as it fits, and makes a new one at a bounded rate.

    Attributes:
        plan: the plan in use, or None.
    """

    def __init__(self, options: DecodeOptions, names: MetricNames) -> None:
        self._options = options
        self._names = names
        self._shape = Shape()
        self._collecting = True
        self._period = FIRST_PERIOD
        self._hits = 0
        self._misses = 0
        self.plan: Plan | None = None

    @property
    def rows_at_once(self) -> int:
        """Most records to read before `judge` is asked again."""
        if self._collecting:
            return SAMPLES
        return self.plan.rows_at_once if self.plan is not None else FIRST_PERIOD

    def observe(self, reading: Reading) -> None:
        """Learn from a record that was read singly."""
        self._misses += 1
        if self._collecting or (self.plan is not None and self._misses <= SAMPLES):
            self._shape.add(reading)

    def judge(self, hits: int) -> None:
        """Make, keep or drop the plan.

        Args:
            hits: records that fitted the plan since the last call.
        """
        self._hits += hits
        if self._collecting:
            if self._shape.records >= SAMPLES:
                self._make()
        elif self._hits + self._misses >= self._period:
            self._review()

    def _review(self) -> None:
        if self._misses * TOLERATED > self._hits + self._misses:
            self._period = min(2 * self._period, LAST_PERIOD)
            if self.plan is not None and self._hits > self._misses:
                self._make()
            else:
                self._start_again()
        self._hits = self._misses = 0

    def _make(self) -> None:
        schema = schema_of(self._shape, self._options, self._names)
        self.plan = None if schema is None else Plan(schema, self._options, self._names)
        self._collecting = False
        self._hits = self._misses = 0

    def _start_again(self) -> None:
        self.plan = None
        self._shape = Shape()
        self._collecting = True
