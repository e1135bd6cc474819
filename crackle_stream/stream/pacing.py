"""What a window of records without times may spend of a budget that is meant by stream time."""

from __future__ import annotations

from collections.abc import Callable

from crackle_stream.profile import Family, ThermalProfile
from crackle_stream.protocols import Source
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream.cooler import Cooler
from crackle_stream.stream.events import Event, StreamUntimed

__all__ = ["Pacing"]

UNTIMED_WINDOW_S = 30.0
"""What a window of records without times counts for, where no schedule says."""


class Pacing:
    """Of a pipe whose records bear no time, the time of reading is no stream time to spend a budget by.

    Args:
        source: whose records they are.
        profile: whose budget it is.
        schedule: says how long a window counts for.
        cooler: is told.
        emit: where events go.
    """

    def __init__(
        self,
        source: Source,
        profile: ThermalProfile,
        schedule: CoolingSchedule,
        cooler: Cooler,
        emit: Callable[[Event], None],
    ) -> None:
        self._source = source
        # what a broker logged has a time of its own, also where it is read again
        timed = source.live or getattr(source, "dated", False)
        self._budget = profile.budget if profile.family is Family.EVIDENCE and not timed else None
        self._seconds = schedule.every_seconds or UNTIMED_WINDOW_S
        self._cooler = cooler
        self._emit = emit
        self._seen = False

    def see(self, *, untimed: bool | None) -> None:
        """Whether the first records bore no time; None while there were none."""
        if self._seen or untimed is None:
            return
        self._seen = True
        if untimed and self._budget is not None:
            self._cooler.pace(self._seconds)
            if self._budget.per_window is None:
                self._emit(StreamUntimed(self._source.name, self._seconds))
