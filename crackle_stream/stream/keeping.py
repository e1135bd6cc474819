"""The checkpoints' tables in the state file: how far each partition had come, and what its kilns knew then."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

from crackle_stream.alerting import Lifecycle
from crackle_stream.commit import Kept
from crackle_stream.errors import StateUnusable
from crackle_stream.history import History
from crackle_stream.model import Partition
from crackle_stream.stream.kiln_state import Checkpoint, KilnState, Taken
from crackle_stream.stream.kilns import Count, KilnId
from crackle_stream.stream.store import Part

__all__ = ["CHECKPOINTS", "claim_of", "keep", "keep_loose", "loose", "take", "void"]

CLAIM_BYTES = 8

NO_NUMBER = -1
"""Stands for a partition without a number; SQLite's NULLs are never equal."""

LOOSE = ""
"""Stands for the topic of kilns that have no ledger."""

CHECKPOINTS = Part(
    "checkpoints",
    (
        """
        CREATE TABLE claim (id TEXT NOT NULL) STRICT;
        CREATE TABLE partitions (
            topic TEXT NOT NULL,
            number INTEGER NOT NULL,
            through INTEGER NOT NULL,
            refill_from INTEGER NOT NULL,
            stream_time REAL NOT NULL,
            PRIMARY KEY (topic, number)
        ) STRICT;
        CREATE TABLE kilns (
            topic TEXT NOT NULL,
            number INTEGER NOT NULL,
            key TEXT NOT NULL,
            state TEXT NOT NULL,
            PRIMARY KEY (topic, number, key)
        ) STRICT;
        """,
    ),
)
"""The tables. `claim` has one row: whoever finds it in a commit's metadata knows that this file continues there."""


def claim_of(connection: sqlite3.Connection) -> str:
    """The file's own id, made when it is asked for first."""
    row = connection.execute("SELECT id FROM claim").fetchone()
    if row is not None:
        return str(row[0])
    made = os.urandom(CLAIM_BYTES).hex()
    connection.execute("INSERT INTO claim (id) VALUES (?)", (made,))
    return made


def take(connection: sqlite3.Connection, partition: Partition) -> Taken:
    """What was kept of a partition.

    Raises:
        StateUnusable: a row is damaged, or of a version that this program does not know.
    """
    where = _place(partition)
    row = connection.execute(
        "SELECT through, refill_from, stream_time FROM partitions WHERE topic = ? AND number = ?", where
    ).fetchone()
    return Taken(None if row is None else Kept(*row), _states(connection, where, partition))


def loose(connection: sqlite3.Connection) -> Mapping[KilnId, KilnState]:
    """What was kept of kilns that have no ledger.

    Raises:
        StateUnusable: a row is damaged, or of a version that this program does not know.
    """
    return _states(connection, (LOOSE, NO_NUMBER), None)


def keep(connection: sqlite3.Connection, checkpoint: Checkpoint) -> None:
    """Keep a partition as of a position."""
    where = _place(checkpoint.partition)
    as_of = checkpoint.as_of
    if checkpoint.first:
        void(connection, checkpoint.partition)
    connection.execute(
        "INSERT OR REPLACE INTO partitions (topic, number, through, refill_from, stream_time) VALUES (?, ?, ?, ?, ?)",
        (*where, as_of.through, as_of.refill_from, as_of.stream_time),
    )
    _forget(connection, where, checkpoint.gone)
    _write(connection, where, checkpoint.changed)


def keep_loose(connection: sqlite3.Connection, states: Mapping[KilnId, KilnState | None]) -> None:
    """Keep kilns that have no ledger, and forget those that are gone."""
    where = (LOOSE, NO_NUMBER)
    _forget(connection, where, (kiln for kiln, state in states.items() if state is None))
    _write(connection, where, {kiln: state for kiln, state in states.items() if state is not None})


def void(connection: sqlite3.Connection, partition: Partition) -> None:
    """Forget a partition: somebody else went on with it, or its offset was set by hand."""
    connection.execute("DELETE FROM partitions WHERE topic = ? AND number = ?", _place(partition))
    connection.execute("DELETE FROM kilns WHERE topic = ? AND number = ?", _place(partition))


def _place(partition: Partition) -> tuple[str, int]:
    return partition.topic, NO_NUMBER if partition.number is None else partition.number


def _write(connection: sqlite3.Connection, where: tuple[str, int], states: Mapping[KilnId, KilnState]) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO kilns (topic, number, key, state) VALUES (?, ?, ?, ?)",
        ((*where, _stored_key(where, kiln), _text(state)) for kiln, state in states.items()),
    )


def _forget(connection: sqlite3.Connection, where: tuple[str, int], kilns: Iterable[KilnId]) -> None:
    connection.executemany(
        "DELETE FROM kilns WHERE topic = ? AND number = ? AND key = ?",
        ((*where, _stored_key(where, kiln)) for kiln in kilns),
    )


def _stored_key(where: tuple[str, int], kiln: KilnId) -> str:
    """The key; a kiln without a ledger may still have a partition, which a pipe's name is part of."""
    if where[0] != LOOSE:
        return kiln.key
    partition = kiln.partition
    return json.dumps([*([] if partition is None else [partition.topic, partition.number]), kiln.key])


def _text(state: KilnState) -> str:
    return json.dumps(
        {
            "lifecycle": state.lifecycle.to_dict(),
            "history": state.history.to_dict(),
            "count": [state.count.rows, state.count.through],
        },
        separators=(",", ":"),
    )


def _states(
    connection: sqlite3.Connection, where: tuple[str, int], partition: Partition | None
) -> dict[KilnId, KilnState]:
    # a kiln is written anew after each of its windows, and so stands behind those that were cooled before it
    rows = connection.execute("SELECT key, state FROM kilns WHERE topic = ? AND number = ? ORDER BY rowid", where)
    found = {}
    for key, text in rows:
        try:
            kiln = _loose_kiln(key) if where[0] == LOOSE else KilnId(partition, key)
            found[kiln] = _state(json.loads(text))
        except (KeyError, TypeError, ValueError) as error:
            file = connection.execute("PRAGMA database_list").fetchone()[2]
            raise StateUnusable(file, f"what it keeps of kiln {key!r} is damaged: {error}") from error
    return found


def _loose_kiln(key: str) -> KilnId:
    *partition, name = json.loads(key)
    return KilnId(Partition(*partition) if partition else None, name)


def _state(stored: Mapping[str, Any]) -> KilnState:
    return KilnState(
        Lifecycle.from_dict(stored["lifecycle"]),
        History.from_dict(stored["history"]),
        Count(*map(int, stored["count"])),
    )
