"""How long a pipeline that is to end may still work."""

from __future__ import annotations

import anyio

__all__ = ["Grace"]


class Grace:
    """A time limit that begins when a pipeline is asked to stop, or anew with each step after its source's end.

    Args:
        seconds: how long.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._scope: anyio.CancelScope | None = None
        self._natural = False

    def limit(self) -> anyio.CancelScope:
        """The scope whose work is limited; to be entered."""
        self._scope = anyio.CancelScope()
        return self._scope

    async def after(self, stopping: anyio.Event) -> None:
        """Once asked to stop, everything that is left has the grace."""
        await stopping.wait()
        if not self._natural:
            self._begin()

    def source_ended(self) -> None:
        """The source has ended by itself: as long as there is progress nobody is in a hurry."""
        self._natural = True
        self._begin()

    def progressed(self) -> None:
        """A step was made."""
        if self._natural:
            self._begin()

    def _begin(self) -> None:
        if self._scope is not None:
            self._scope.deadline = anyio.current_time() + self.seconds
