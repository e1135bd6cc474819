"""What happens where nothing comes any more: the last tasks are cooled, and alerts do not stay for ever."""

from __future__ import annotations

from collections.abc import Callable

import anyio

from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.cooler import Cooler
from crackle_stream.stream.desk import Desk
from crackle_stream.stream.kiln_state import KilnState
from crackle_stream.stream.kilns import KilnId
from crackle_stream.stream.scope import Scope

__all__ = ["Quiet"]

LOOK_SHARE, LOOK_LEAST_S = 0.1, 0.01
"""A wait is looked at ten times, so that it is at most a tenth too long."""

CUT_LOOK_MOST_S, RESOLVE_LOOK_MOST_S = 1.0, 60.0


class Quiet:
    """Looks now and then whether a stream, or a kiln of it, has fallen silent.

    Args:
        cut_after_s: seconds after which tasks that wait are cooled; None for never.
        resolve_after_s: seconds after which the alerts of a kiln without tasks are over; None for never.
        scope: the kilns.
        cooler: takes windows.
        checkpoints: knows which alerts stand.
        desk: tells what is over.
        idle: whether all there is was read and handed over.
        monotonic: a clock.
    """

    def __init__(
        self,
        cut_after_s: float | None,
        resolve_after_s: float | None,
        scope: Scope,
        cooler: Cooler,
        checkpoints: Checkpoints,
        desk: Desk,
        *,
        idle: Callable[[], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._cut_after_s = cut_after_s
        self._resolve_after_s = resolve_after_s
        self._scope = scope
        self._cooler = cooler
        self._checkpoints = checkpoints
        self._desk = desk
        self._idle = idle
        self._monotonic = monotonic
        self._heard: dict[KilnId, tuple[KilnState, float]] = {}

    async def cut(self) -> None:
        """On a quiet stream, cool what has waited for long; for ever."""
        seconds = self._cut_after_s
        while seconds is not None:
            await anyio.sleep(min(max(LOOK_SHARE * seconds, LOOK_LEAST_S), CUT_LOOK_MOST_S))
            if self._idle():
                for kiln, window in self._scope.idle(seconds):
                    await self._cooler.put(kiln, window)

    async def resolve(self) -> None:
        """Take alerts for over whose kilns have had no task for long; for ever.

        A window's end would say so, and without tasks there is none. Of a stream that lags behind nobody knows whether
        it is silent, so all there is must have been read and cooled.
        """
        seconds = self._resolve_after_s
        while seconds is not None:
            await anyio.sleep(min(max(LOOK_SHARE * seconds, LOOK_LEAST_S), RESOLVE_LOOK_MOST_S))
            for kiln in self._silent(seconds):
                if self._idle() and not self._cooler.waiting and not self._scope.holds_fresh(kiln):
                    await self._desk.fall_silent(kiln)

    def _silent(self, seconds: float) -> list[KilnId]:
        """Kilns with alerts whose last window is so long ago; of a process before this one, from when it began."""
        now, known = self._monotonic(), self._heard
        standing = self._checkpoints.alerting()
        self._heard = {
            kiln: known[kiln] if kiln in known and known[kiln][0] is state else (state, now)
            for kiln, state in standing.items()
        }
        return [kiln for kiln, (_, since) in self._heard.items() if now - since >= seconds]
