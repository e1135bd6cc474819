"""The silences of a process: from a file that may change, and from whoever asks while it runs."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread

from crackle_stream.alerting import Hush, Silence, SilenceBook
from crackle_stream.alerting.silence_file import read_silences
from crackle_stream.errors import ConfigError, CrackleError, StateUnusable
from crackle_stream.protocols import Clock
from crackle_stream.stream.events import Event, SilencesFailed, SilencesRead
from crackle_stream.stream.options import HushOptions
from crackle_stream.stream.store import Part, Store

__all__ = ["SILENCES", "Silencing"]

LOOK_EVERY_S = 1.0
"""How often the file is looked at, and how soon a silence that was asked for is on disk."""

MOST_BYTES = 1 << 20
"""Size of a file beyond which it is no list of silences that a person keeps."""

FOREVER_AGO = float("-inf")

SILENCES = Part(
    "silences",
    ("CREATE TABLE silences (id TEXT PRIMARY KEY, silence TEXT NOT NULL) STRICT;",),
)
"""The table of the silences that were asked for."""

Mark = tuple[int, int, int]
"""What tells one version of a file from another: inode, size and time of its last change."""


class Silencing:
    """What is silenced or muted now.

    `add`, `expire` and `silences` may be called from any thread. Silences that were added are this process's own: they
    are kept in the state directory where there is one, and other processes of a group do not know them.

    Args:
        options: the file and the mute times; none by default.
        live: whether the wall clock decides what is on; else the stream's time does.
        clock: the wall clock.
        store: the state directory, entered by the caller; None where there is none.
        emit: where events go.
    """

    def __init__(
        self,
        options: HushOptions | None,
        *,
        live: bool,
        clock: Clock,
        store: Store | None,
        emit: Callable[[Event], None],
    ) -> None:
        options = HushOptions() if options is None else options
        self._file, self._mutes = options.silences, options.mutes
        self._live = live
        self._clock = clock
        self._store = store
        self._emit = emit
        self._lock = threading.Lock()
        self._from_file = SilenceBook()
        self._asked = SilenceBook()
        self._kept = SilenceBook()
        self._mark: Mark | None = None

    # -- for everybody ---------------------------------------------------------------------------------------------

    @property
    def silences(self) -> tuple[Silence, ...]:
        """Those that are not over, of the file first."""
        with self._lock:
            return (*self._from_file.current(self._now), *self._asked.current(self._now))

    def add(self, silence: Silence) -> None:
        """Silence something from now on; the same silence twice is one.

        Raises:
            TooManySilences: there are a thousand already.
        """
        with self._lock:
            self._asked = self._asked.add(silence, self._now)

    def expire(self, id: str) -> None:  # noqa: A002 - what it is called everywhere
        """End a silence that was added; one of the file is ended in the file.

        Raises:
            KeyError: none of this id was added.
        """
        with self._lock:
            self._asked = self._asked.expire(id, self._now)

    def hush(self, stream_time: float) -> Hush:
        """What is not to be told of a window that ended at this stream time."""
        with self._lock:
            book = SilenceBook((*self._from_file, *self._asked))
        return Hush(book, self._mutes, self._clock.time() if self._live else stream_time)

    # -- for the pipeline ------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Read the file, and what an earlier process was asked for.

        Raises:
            ConfigError: the file cannot be read.
            StateUnusable: what is kept is damaged.
        """
        if self._store is not None:
            self._asked = self._kept = await self._store.run(_stored)
        if self._file is not None:
            self._mark, self._from_file = await anyio.to_thread.run_sync(_read, self._file, None, SilenceBook())
            self._emit(SilencesRead(str(self._file), len(self._from_file)))

    async def regularly(self) -> None:
        """Look at the file and keep what was asked for, for ever."""
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the file if it has changed, and keep what was asked for since; what fails leaves all as it was.

        Raises:
            StateUnusable: the state file is torn.
        """
        if self._file is not None:
            await self._look(self._file)
        asked = self._asked
        if self._store is not None and asked != self._kept:
            try:
                await self._store.run(lambda connection: _keep(connection, asked))
                self._kept = asked
            except StateUnusable:
                raise
            except CrackleError as error:
                self._emit(SilencesFailed(str(error)))

    async def _look(self, file: Path) -> None:
        before = self._mark
        try:
            self._mark, book = await anyio.to_thread.run_sync(_read, file, before, self._from_file)
        except _Unreadable as error:
            if error.mark != before:
                self._mark = error.mark
                self._emit(SilencesFailed(f"{error.problem}; those read before are kept"))
            return
        if self._mark != before:
            with self._lock:
                self._from_file = book
            self._emit(SilencesRead(str(file), len(book)))

    @property
    def _now(self) -> float:
        """What is over is forgotten by the wall clock, and never where the stream's time may be any."""
        return self._clock.time() if self._live else FOREVER_AGO


class _Unreadable(ConfigError):
    """A file that is no list of silences.

    Attributes:
        mark: of the file that was looked at.
        problem: what is wrong with it.
    """

    def __init__(self, error: ConfigError, mark: Mark | None) -> None:
        super().__init__(list(error.problems), error.origin)
        self.mark = mark
        self.problem = str(error)


def _read(file: Path, known: Mark | None, book: SilenceBook) -> tuple[Mark, SilenceBook]:
    """The file's mark and silences; those that are known where the mark is the same.

    Raises:
        _Unreadable: it is no list of silences.
    """
    mark = None
    try:
        found = file.stat()
        mark = (found.st_ino, found.st_size, found.st_mtime_ns)
        if mark == known:
            return mark, book
        if found.st_size > MOST_BYTES:
            raise ConfigError([f"is larger than {MOST_BYTES} bytes"], str(file))
        return mark, read_silences(file.read_text(encoding="utf-8"), str(file))
    except ConfigError as error:
        raise _Unreadable(error, mark) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise _Unreadable(ConfigError([f"cannot be read: {reason}"], str(file)), mark) from error


def _stored(connection: sqlite3.Connection) -> SilenceBook:
    rows = connection.execute("SELECT silence FROM silences").fetchall()
    try:
        return SilenceBook.of(Silence.from_dict(json.loads(text)) for (text,) in rows)
    except ValueError as error:
        file = connection.execute("PRAGMA database_list").fetchone()[2]
        raise StateUnusable(file, f"what it keeps of silences is damaged: {error}") from error


def _keep(connection: sqlite3.Connection, book: SilenceBook) -> None:
    connection.execute("DELETE FROM silences")
    connection.executemany(
        "INSERT INTO silences (id, silence) VALUES (?, ?)", ((one.id, json.dumps(one.to_dict())) for one in book)
    )
