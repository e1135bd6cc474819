"""Whether there is room for more: how much may be cut and cooled ahead of a sink that does not take its alerts."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from crackle_stream.commit import SettledPositions, Unsettled
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.dispatch import Dispatcher
from crackle_stream.stream.events import Event, IntakePaused, IntakeResumed

__all__ = ["Headroom"]

LOOK_EVERY_S = 0.05
"""Between two looks while there is none; what makes room is a commit, at most one a second."""


class Headroom:
    """Makes the feeder wait while too much is unsettled; once its inbox is full the source is paused, and still polled.

    Only while a required sink has something to take: a position that tasks of a rare key hold back moves on by reading.

    Args:
        bound: how much that is.
        settled: windows that are not settled.
        checkpoints: windows that no commit has passed, and what they weigh.
        dispatcher: alerts in memory.
        emit: where events go.

    Attributes:
        lacking: why reading waits; "" while it does not.
    """

    def __init__(
        self,
        bound: Unsettled,
        settled: SettledPositions,
        checkpoints: Checkpoints,
        dispatcher: Dispatcher,
        emit: Callable[[Event], None],
    ) -> None:
        self._bound = bound
        self._settled = settled
        self._checkpoints = checkpoints
        self._dispatcher = dispatcher
        self._emit = emit
        self.lacking = ""

    async def wait(self) -> None:
        """Until there is room."""
        self.lacking = self._see()
        if not self.lacking:
            return
        self._emit(IntakePaused(self.lacking))
        while self.lacking:
            await anyio.sleep(LOOK_EVERY_S)
            self.lacking = self._see()
        self._emit(IntakeResumed())

    def _see(self) -> str:
        if not self._dispatcher.holding:
            return ""
        windows = max(self._settled.unsettled, self._checkpoints.held)
        return self._bound.see(windows, self._checkpoints.nbytes + self._dispatcher.nbytes)
