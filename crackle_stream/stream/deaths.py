"""Windows that end the process: cooled no more after it has died in them again and again.

A detector's crash in compiled code, or a window that takes all memory, ends the process without an error. Its
supervisor starts it again, and it meets the same window. With a state directory the window at work is on disk, so a
process that began after another had died knows in which window.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress

from crackle_stream.errors import StateUnavailable
from crackle_stream.stream.deadletter import Undertaker
from crackle_stream.stream.events import Event, WindowGivenUp
from crackle_stream.stream.store import Part, Store
from crackle_stream.window import Window

__all__ = ["DEATHS", "Deaths"]

MOST_DEATHS = 3
"""Deaths in one window after which it is given up; the first of a series is not among them, nobody watched yet."""

WATCHED = 100
"""Windows watched after a start that follows a death: what it died in comes among the first."""

DEATHS = Part(
    "deaths",
    (
        """
        CREATE TABLE working (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            running INTEGER NOT NULL,
            window TEXT NOT NULL,
            suspect TEXT NOT NULL,
            deaths INTEGER NOT NULL
        ) STRICT;
        INSERT INTO working VALUES (1, 0, '', '', 0);
        """,
    ),
)
"""One row: whether a process is at work, or died at it; the window it was in; and which one was died in how often."""


class Deaths:
    """Knows the window that processes die in.

    Args:
        store: where it is kept; None where nothing is, then no window is ever given up.
        undertaker: keeps what is given up.
        emit: where events go.
    """

    def __init__(self, store: Store | None, undertaker: Undertaker, emit: Callable[[Event], None]) -> None:
        self._store = store
        self._undertaker = undertaker
        self._emit = emit
        self._suspect = ""
        self._deaths = 0
        self._left = 0

    async def begin(self) -> None:
        """The process is at work from now on; see whether the one before ended as it should."""
        if self._store is None:
            return

        def work(connection: sqlite3.Connection) -> tuple[bool, str, int]:
            row = connection.execute("SELECT running, window, suspect, deaths FROM working").fetchone()
            running, window, suspect, deaths = row
            if running and window:
                suspect, deaths = window, deaths + 1 if window == suspect else 1
            connection.execute("UPDATE working SET running = 1, suspect = ?, deaths = ?", (suspect, deaths))
            return bool(running), suspect, deaths

        running, self._suspect, self._deaths = await self._store.run(work)
        self._left = WATCHED if running else 0

    async def end(self) -> None:
        """The process ends as it should."""
        if self._store is None:
            return
        done = "UPDATE working SET running = 0, window = '', suspect = '', deaths = 0"
        with suppress(StateUnavailable):  # then the next start watches in vain
            await self._store.run(lambda connection: connection.execute(done))

    async def may_cool(self, window: Window) -> bool:
        """Whether a window may be cooled; one that may not is in the dead letters when this returns."""
        if self._store is None or not self._left:
            return True
        if window.id == self._suspect and self._deaths >= MOST_DEATHS:
            problem = f"the process died {self._deaths} times while this window was cooled"
            await self._undertaker.bury_window(window, problem)
            self._emit(WindowGivenUp(window.id, window.span, problem))
            return False
        self._left -= 1
        at_work = window.id if self._left else ""
        with suppress(StateUnavailable):  # what cannot be written now is not watched; whoever commits says so
            await self._store.run(lambda connection: connection.execute("UPDATE working SET window = ?", (at_work,)))
        return True
