"""The last notification of each finding with what it shows, on disk, for whoever asks for it later.

Nothing depends on it: what cannot be kept is not, and no alert waits for it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import msgspec

from crackle_stream.errors import StateUnavailable
from crackle_stream.model import Alert
from crackle_stream.sinks.wire import to_json
from crackle_stream.stream.store import Part, Store

__all__ = ["GALLERY", "MOST_SHOWN", "Gallery", "shown"]

MOST_SHOWN = 500
"""Findings kept, the latest: some 5 kB each."""

GALLERY = Part(
    "gallery",
    (
        """
        CREATE TABLE shown (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            fingerprint TEXT NOT NULL UNIQUE,
            body BLOB NOT NULL
        ) STRICT;
        """,
    ),
)


class Gallery:
    """Keeps alerts with their exhibits.

    Args:
        store: where; None where nothing is kept.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store

    async def keep(self, alerts: Sequence[Alert]) -> None:
        """Keep the latest notification of each finding; a full or locked disk keeps none.

        Raises:
            StateUnusable: the state file is torn.
        """
        if self._store is None or not alerts:
            return
        rows = [row for alert in alerts[-MOST_SHOWN:] if (row := _row(alert)) is not None]
        try:
            await self._store.run(lambda connection: _keep(connection, rows))
        except StateUnavailable:
            return


def shown(connection: sqlite3.Connection) -> list[Alert]:
    """What is kept, the latest first.

    Raises:
        ValueError: a row is damaged.
    """
    rows = connection.execute("SELECT body FROM shown ORDER BY seq DESC")
    return [Alert.from_dict(msgspec.json.decode(body)) for (body,) in rows]


def _row(alert: Alert) -> tuple[str, bytes] | None:
    """None for what is no JSON: its sinks refuse it, and nobody asks for it."""
    try:
        return alert.fingerprint, to_json(alert.to_dict(exhibit=True))
    except TypeError:
        return None


def _keep(connection: sqlite3.Connection, rows: Sequence[tuple[str, bytes]]) -> None:
    """Put rows in, the earlier ones of the same findings out; one without an exhibit keeps the earlier one's."""
    for fingerprint, body in rows:
        before = connection.execute("SELECT body FROM shown WHERE fingerprint = ?", (fingerprint,)).fetchone()
        connection.execute("DELETE FROM shown WHERE fingerprint = ?", (fingerprint,))
        merged = body if before is None else _merged(before[0], body)
        connection.execute("INSERT INTO shown (fingerprint, body) VALUES (?, ?)", (fingerprint, merged))
    connection.execute(
        "DELETE FROM shown WHERE seq <= (SELECT seq FROM shown ORDER BY seq DESC LIMIT 1 OFFSET ?)", (MOST_SHOWN,)
    )


def _merged(before: bytes, now: bytes) -> bytes:
    """What is told last, with the last picture there was: what is over is not in the window that says so."""
    old, new = msgspec.json.decode(before), msgspec.json.decode(now)
    if "exhibit" in new or "exhibit" not in old:
        return now
    return to_json({**new, "exhibit": old["exhibit"]})
