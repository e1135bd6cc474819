"""What outlives the process: one SQLite file in the state directory, opened, migrated and guarded here.

Each part of the pipeline that keeps something brings its tables as a `Part` and works with them through `Store.run`.
All of it happens in one thread, in transactions that are on disk when `run` returns.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from crackle_stream.errors import StateError, StateUnavailable, StateUnusable

__all__ = ["APPLICATION_ID", "FILE_NAME", "Part", "Store"]

T = TypeVar("T")

FILE_NAME = "crackle-stream.sqlite"
LOCK_NAME = "crackle-stream.lock"

APPLICATION_ID = 0x63726B6C
"""Written into the file's header ("crkl"), so that a database of somebody else is never touched."""

FORMAT = 1
"""Version of what this module itself keeps; parts have versions of their own."""

BUSY_S = 5.0
"""How long another process (`crackle-stream spool`) may hold the file before a transaction fails and is tried again."""

CLOSE_WITHIN_S = 5.0
"""How long closing waits for a transaction on a disk that hangs."""

JOBS_AT_ONCE = 256
"""Most calls that share one transaction, and so one sync of the disk."""

PARTS_TABLE = "CREATE TABLE IF NOT EXISTS parts (name TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT"

PASSING = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR)
"""Primary result codes of what may pass by itself: no room, somebody else's turn, a disk that stutters."""

TORN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

NEW_ONE = "or move it away to begin with an empty one: what it held is then not delivered"


@dataclass(frozen=True, slots=True)
class Part:
    """The tables of one part of the pipeline.

    Attributes:
        name: its name in the file; never changes.
        steps: SQL scripts; the n-th takes the tables from version n - 1 to n. Only ever appended to.
    """

    name: str
    steps: tuple[str, ...]


@dataclass(slots=True)
class _Job:
    work: Callable[[sqlite3.Connection], Any]
    done: Future[Any] = field(default_factory=Future)


class Store:
    """One SQLite file and the one thread that works with it.

    Args:
        directory: where the file is; made if it is not there.
        parts: whose tables it holds.
        exclusive: whether no other process may do so at the same time; the file's tools say no.
    """

    def __init__(self, directory: str | Path, parts: Sequence[Part], *, exclusive: bool = True) -> None:
        self._directory = Path(directory)
        self._parts = tuple(parts)
        self._exclusive = exclusive
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None

    @property
    def path(self) -> Path:
        """The file."""
        return self._directory / FILE_NAME

    async def __aenter__(self) -> Self:
        """Open the file and bring its tables up to date.

        Raises:
            StateUnusable: it is torn, not ours, newer than this program, or another process works with it.
            StateUnavailable: the disk does not let it be opened now.
        """
        self._jobs = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="crackle-state", daemon=True)
        self._thread.start()
        try:
            await self._call(_Job(self._opened))
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish what is under way and close; bounded in time."""
        await self._end()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run a function on the connection, in a transaction that is on disk when this returns.

        Calls made at the same time share one transaction; each sees those before it, and one that fails undoes
        nothing but its own. When cancelled, the function still runs and its result is dropped.

        Args:
            work: called in the store's thread; begins and ends no transaction itself.

        Raises:
            StateUnavailable: nothing was written: the disk is full, or the file is locked. Try again later.
            StateUnusable: the file is torn.
        """
        if self._connection is None:
            raise StateError(str(self.path), "is not open: use it inside `async with`")
        result: T = await self._call(_Job(work))
        return result

    async def _call(self, job: _Job) -> Any:
        job.done.set_running_or_notify_cancel()
        self._jobs.put(job)
        try:
            return await asyncio.wrap_future(job.done)
        except (sqlite3.Error, OSError) as error:
            raise _explained(self.path, error) from error

    async def _end(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._jobs.put(None)
            await asyncio.to_thread(thread.join, CLOSE_WITHIN_S)

    # -- in the thread ---------------------------------------------------------------------------------------------

    def _work(self) -> None:
        ended = False
        while not ended:
            jobs, ended = self._waiting_jobs()
            if self._connection is None:
                for job in jobs:
                    _settle(job, _outcome(job.work, None))
            elif jobs:
                self._transact(self._connection, jobs)
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _waiting_jobs(self) -> tuple[list[_Job], bool]:
        """All calls that wait, at least one; and whether the end was asked for."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == JOBS_AT_ONCE or self._jobs.empty():
                return jobs, False
            job = self._jobs.get()
        return jobs, True

    def _transact(self, connection: sqlite3.Connection, jobs: Sequence[_Job]) -> None:
        outcomes: list[_Outcome] = []
        try:
            with _transaction(connection):
                for job in jobs:
                    outcomes.append(_outcome(_undoing(job.work), connection))
                    # a full disk may end the transaction under us, and what came next would be in none
                    if not connection.in_transaction and isinstance(outcomes[-1].error, sqlite3.Error):
                        raise outcomes[-1].error
        except sqlite3.Error as error:
            outcomes = [_Outcome(error=error)] * len(jobs)
        for job, outcome in zip(jobs, outcomes, strict=True):
            _settle(job, outcome)

    def _opened(self, _: object) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        if self._exclusive:
            self._lock = _locked(self._directory / LOCK_NAME, self.path)
        connection = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _check(connection, self.path)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            with _transaction(connection):
                self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _migrate(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        connection.execute(PARTS_TABLE)
        versions = dict(connection.execute("SELECT name, version FROM parts"))
        for part in self._parts:
            version = versions.get(part.name, 0)
            if version > len(part.steps):
                raise StateUnusable(str(self.path), _newer(f'its "{part.name}" tables are', version, len(part.steps)))
            for step in part.steps[version:]:
                for statement in _statements(step):
                    connection.execute(statement)
            connection.execute("INSERT OR REPLACE INTO parts VALUES (?, ?)", (part.name, len(part.steps)))


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    error: BaseException | None = None


def _outcome(work: Callable[[Any], Any], connection: sqlite3.Connection | None) -> _Outcome:
    """What comes of a call, whatever that is: whoever awaits it decides."""
    try:
        return _Outcome(work(connection))
    except BaseException as error:  # noqa: BLE001 - it is raised again where the call is awaited
        return _Outcome(error=error)


def _settle(job: _Job, outcome: _Outcome) -> None:
    if outcome.error is None:
        job.done.set_result(outcome.value)
    else:
        job.done.set_exception(outcome.error)


def _undoing(work: Callable[[sqlite3.Connection], T]) -> Callable[[sqlite3.Connection], T]:
    """The call, undone alone where it fails."""

    def undoing(connection: sqlite3.Connection) -> T:
        connection.execute("SAVEPOINT call")
        try:
            value = work(connection)
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK TO call")
                connection.execute("RELEASE call")
            raise
        connection.execute("RELEASE call")
        return value

    return undoing


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _check(connection: sqlite3.Connection, path: Path) -> None:
    """Object to a file that must not be written to."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (application or tables):
        raise StateUnusable(str(path), "is a database of another program: give [state] a directory of its own")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise StateUnusable(str(path), _newer("its format is", version, FORMAT))
    for (said,) in connection.execute("PRAGMA quick_check(1)"):
        if said != "ok":
            raise StateUnusable(str(path), f"is torn ({said}): bring it back from a backup, {NEW_ONE}")


def _locked(lock: Path, path: Path) -> int:
    """A lock that is ours until the process ends, however it ends."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        problem = "another process works with it: stop that one, or give [state] a directory of its own"
        raise StateUnusable(str(path), problem) from error
    return descriptor


def _statements(script: str) -> Iterator[str]:
    """The statements of a script: `executescript` would end the transaction they belong to."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _newer(what: str, theirs: int, ours: int) -> str:
    return (
        f"{what} of version {theirs}, and this program knows {ours}: run the version of crackle-stream that "
        f"wrote it, {NEW_ONE}"
    )


def _explained(path: Path, error: sqlite3.Error | OSError) -> StateError:
    """One of our errors for what SQLite or the disk says."""
    if isinstance(error, OSError):
        return StateUnavailable(str(path), f"{error.strerror or error}: the directory must be writable")
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in TORN:
        return StateUnusable(str(path), f"is torn or no database ({error}): bring it back from a backup, {NEW_ONE}")
    if code == sqlite3.SQLITE_FULL:
        return StateUnavailable(str(path), f"{error}: make room on its disk; nothing is lost meanwhile")
    if code in PASSING or code in (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StateUnavailable(str(path), f"{error}: see its disk and its permissions")
    return StateError(str(path), f"{error}")
