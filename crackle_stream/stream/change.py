"""Something that others wait for, and that costs nothing where nobody does."""

from __future__ import annotations

import anyio

__all__ = ["Change"]


class Change:
    """Happens again and again; whoever waits is woken by the next time.

    An event of anyio is made only where somebody waits: making one for each of thousands of small windows takes longer
    than to see to them.
    """

    def __init__(self) -> None:
        self._event: anyio.Event | None = None

    def happen(self) -> None:
        """Wake whoever waits."""
        event, self._event = self._event, None
        if event is not None:
            event.set()

    async def wait(self) -> None:
        """Until it happens next."""
        if self._event is None:
            self._event = anyio.Event()
        await self._event.wait()
