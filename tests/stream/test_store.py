"""One file keeps what outlives the process, and says so when it cannot."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from crackle_stream.errors import StateError, StateUnavailable, StateUnusable
from crackle_stream.stream.store import APPLICATION_ID, FILE_NAME, Part, Store

NOTES = Part("notes", ("CREATE TABLE notes (text TEXT NOT NULL) STRICT;",))


def write(text: str) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes VALUES (?)", (text,))

    return work


def read(connection: sqlite3.Connection) -> list[str]:
    return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY rowid")]


async def test_what_was_written_is_there_when_the_file_is_opened_again(tmp_path: Path) -> None:
    async with Store(tmp_path / "new" / "state", [NOTES]) as store:
        await store.run(write("a"))
        await store.run(write("b"))
    async with Store(tmp_path / "new" / "state", [NOTES]) as store:
        assert await store.run(read) == ["a", "b"]


async def test_the_file_is_synced_logged_ahead_and_marked_as_ours(tmp_path: Path) -> None:
    def pragma(name: str) -> Callable[[sqlite3.Connection], object]:
        return lambda connection: connection.execute(f"PRAGMA {name}").fetchone()[0]

    async with Store(tmp_path, [NOTES]) as store:
        found = [
            await store.run(pragma(name)) for name in ("journal_mode", "synchronous", "application_id", "user_version")
        ]
    assert found == ["wal", 2, APPLICATION_ID, 1]


async def test_calls_made_together_share_a_transaction_and_a_failing_one_undoes_only_itself(tmp_path: Path) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO notes VALUES ('undone')")
        raise KeyError("mine")

    async with Store(tmp_path, [NOTES]) as store:
        outcomes = await asyncio.gather(
            store.run(write("a")), store.run(fail), store.run(write("b")), store.run(read), return_exceptions=True
        )
        assert isinstance(outcomes[1], KeyError)
        assert outcomes[3] == ["a", "b"]
        assert await store.run(read) == ["a", "b"]


async def test_a_full_disk_writes_nothing_says_so_and_passes(tmp_path: Path) -> None:
    async with Store(tmp_path, [NOTES]) as store:
        await store.run(write("before"))
        pages = await store.run(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
        await store.run(lambda connection: connection.execute(f"PRAGMA max_page_count = {pages}").fetchall())
        outcomes = await asyncio.gather(
            *[store.run(write(f"{number}" * 3000)) for number in range(3)], return_exceptions=True
        )
        failed = [outcome for outcome in outcomes if outcome is not None]
        assert failed
        assert all(isinstance(outcome, StateUnavailable) and outcome.retryable for outcome in failed)
        message = f"state file {tmp_path / FILE_NAME}: database or disk is full: make room on its disk"
        assert str(failed[0]).startswith(message)
        await store.run(lambda connection: connection.execute("PRAGMA max_page_count = 100000").fetchall())
        written = [f"{number}" * 3000 for number, outcome in enumerate(outcomes) if outcome is None]
        assert await store.run(read) == ["before", *written]
        await store.run(write("after"))
        assert (await store.run(read))[-1] == "after"


async def test_a_file_another_process_writes_to_for_too_long_may_be_free_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crackle_stream.stream.store.BUSY_S", 0.01)
    async with Store(tmp_path, [NOTES]) as store:
        other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateUnavailable, match="database is locked"):
            await store.run(write("a"))
        other.execute("ROLLBACK")
        other.close()
        await store.run(write("b"))
        assert await store.run(read) == ["b"]


async def test_two_processes_cannot_own_one_directory_but_tools_may_look(tmp_path: Path) -> None:
    async with Store(tmp_path, [NOTES]) as store:
        with pytest.raises(StateUnusable, match="another process works with it: stop that one, or give"):
            await Store(tmp_path, [NOTES]).__aenter__()
        async with Store(tmp_path, [NOTES], exclusive=False) as tool:
            await tool.run(write("seen by both"))
        assert await store.run(read) == ["seen by both"]
    async with Store(tmp_path, [NOTES]):
        pass


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to be read as one" * 20, b"SQLite"])
async def test_a_file_that_is_no_database_is_named_with_its_cure_and_left_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    with pytest.raises(StateUnusable, match=f"{FILE_NAME}: is torn or no database.*bring it back from a backup"):
        await Store(tmp_path, [NOTES]).__aenter__()
    assert (tmp_path / FILE_NAME).read_bytes() == content


async def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / FILE_NAME)
    other.execute("CREATE TABLE theirs (x)")
    other.commit()
    other.close()
    with pytest.raises(StateUnusable, match=r"is a database of another program: give \[state\] a directory of its own"):
        await Store(tmp_path, [NOTES]).__aenter__()


async def test_a_torn_page_is_found_when_the_file_is_opened(tmp_path: Path) -> None:
    async with Store(tmp_path, [NOTES]) as store:
        for number in range(300):
            await store.run(write(f"{number} " * 50))
    data = bytearray((tmp_path / FILE_NAME).read_bytes())
    data[3 * 4096 : 3 * 4096 + 64] = b"\xff" * 64
    (tmp_path / FILE_NAME).write_bytes(data)
    with pytest.raises(StateUnusable, match="is torn"):
        await Store(tmp_path, [NOTES]).__aenter__()


async def test_tables_are_brought_up_to_date_and_newer_ones_are_not_touched(tmp_path: Path) -> None:
    async with Store(tmp_path, [NOTES]) as store:
        await store.run(write("old"))
    newer = Part("notes", (*NOTES.steps, "ALTER TABLE notes ADD COLUMN at REAL NOT NULL DEFAULT 1.5;"))
    other = Part("checkpoints", ("CREATE TABLE checkpoints (kiln TEXT) STRICT;",))
    async with Store(tmp_path, [newer, other]) as store:
        assert await store.run(lambda c: c.execute("SELECT text, at FROM notes").fetchall()) == [("old", 1.5)]
        assert await store.run(lambda c: c.execute("SELECT count(*) FROM checkpoints").fetchone()) == (0,)
    cure = 'its "notes" tables are of version 2, and this program knows 1: run the version of crackle-stream that wrote'
    with pytest.raises(StateUnusable, match=cure):
        await Store(tmp_path, [NOTES]).__aenter__()


async def test_a_file_of_a_newer_format_is_not_touched(tmp_path: Path) -> None:
    async with Store(tmp_path, [NOTES]):
        pass
    other = sqlite3.connect(tmp_path / FILE_NAME)
    other.execute("PRAGMA user_version = 9")
    other.close()
    with pytest.raises(StateUnusable, match="its format is of version 9, and this program knows 1"):
        await Store(tmp_path, [NOTES]).__aenter__()


async def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateUnavailable, match="must be writable"):
        await Store(tmp_path / "file" / "state", [NOTES]).__aenter__()


async def test_a_store_that_is_not_open_says_so(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="is not open: use it inside"):
        await Store(tmp_path, [NOTES]).run(read)
