"""The outbox: alerts on disk until their sink has them, in the order they came, bounded by bytes, rows and age.

Everything here is a function of a connection, for `Store.run`: the process that delivers and the command that looks
or purges share the tables, and triggers keep the counts right for both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from crackle_stream.model import Alert, Partition, Position
from crackle_stream.sinks.envelope import order_key
from crackle_stream.sinks.wire import to_json
from crackle_stream.stream.options import SpoolOptions
from crackle_stream.stream.store import Part

__all__ = ["OUTBOX", "Frozen", "Load", "Spool", "Spooled", "freeze", "loads"]

OUTBOX = Part(
    "outbox",
    (
        """
        CREATE TABLE outbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT,
            sink TEXT NOT NULL,
            id TEXT NOT NULL,
            key TEXT NOT NULL,
            body BLOB NOT NULL,
            added REAL NOT NULL,
            UNIQUE (sink, id)
        ) STRICT;
        CREATE INDEX outbox_order ON outbox (sink, seq, key);
        CREATE TABLE spools (
            sink TEXT PRIMARY KEY,
            count INTEGER NOT NULL DEFAULT 0,
            bytes INTEGER NOT NULL DEFAULT 0,
            next_try REAL,
            problem TEXT NOT NULL DEFAULT '',
            asked INTEGER NOT NULL DEFAULT 0
        ) STRICT;
        CREATE TRIGGER outbox_in AFTER INSERT ON outbox BEGIN
            INSERT INTO spools (sink, count, bytes) VALUES (NEW.sink, 1, length(NEW.body))
            ON CONFLICT (sink) DO UPDATE SET count = count + 1, bytes = bytes + length(NEW.body);
        END;
        CREATE TRIGGER outbox_out AFTER DELETE ON outbox BEGIN
            UPDATE spools SET count = count - 1, bytes = bytes - length(OLD.body) WHERE sink = OLD.sink;
        END;
        """,
        """
        ALTER TABLE outbox ADD COLUMN topic TEXT NOT NULL DEFAULT '';
        ALTER TABLE outbox ADD COLUMN number INTEGER NOT NULL DEFAULT -1;
        ALTER TABLE outbox ADD COLUMN ends_at INTEGER NOT NULL DEFAULT -1;
        """,
        "ALTER TABLE outbox ADD COLUMN repeats TEXT NOT NULL DEFAULT '';",
    ),
)
"""The tables. `asked` counts what the command did, so that the process that delivers notices. `topic`, `number` and
`ends_at` are where the window of an alert ended in a partitioned log; of others the number is -1. `repeats` names what
an alert only says again."""

UNNUMBERED = -1


@dataclass(frozen=True, slots=True)
class Spooled:
    """One alert in a spool.

    Attributes:
        seq: its place; the order of delivery within a key.
        key: what order is kept within.
        body: the alert as JSON, as it was when it came in.
        added: epoch seconds at which it came in.
    """

    seq: int
    key: str
    body: bytes
    added: float

    @property
    def alert(self) -> Alert:
        """The alert as it came in."""
        return Alert.from_dict(msgspec.json.decode(self.body))


@dataclass(frozen=True, slots=True)
class Load:
    """What one spool holds.

    Attributes:
        sink: whose it is.
        count: alerts.
        bytes: of their JSON.
        oldest: epoch seconds at which the oldest came in, or None.
        next_try: epoch seconds before which the sink is not tried, or None.
        problem: what the sink said last, "" where nothing is wrong.
        asked: how often the command has asked for something.
    """

    sink: str
    count: int = 0
    bytes: int = 0
    oldest: float | None = None
    next_try: float | None = None
    problem: str = ""
    asked: int = 0


@dataclass(frozen=True, slots=True)
class Frozen:
    """An alert as it goes to disk.

    Attributes:
        id: the notification's.
        key: what order is kept within.
        body: the alert as JSON; every delivery is made of it.
        where: the last record of its window, where that stands in a partitioned log.
        repeats: what it only says again; "" for news.
    """

    id: str
    key: str
    body: bytes
    where: Position | None = None
    repeats: str = ""


def freeze(alert: Alert, repeats: str = "") -> Frozen:
    """The alert as it is now.

    Args:
        alert: which.
        repeats: what it only says again.

    Raises:
        TypeError: something in it is no JSON value.
    """
    return Frozen(alert.id, order_key(alert), to_json(alert.to_dict()), alert.position, repeats)


class Spool:
    """The outbox of one sink.

    Args:
        sink: its name.
        options: its bounds.
    """

    def __init__(self, sink: str, options: SpoolOptions | None = None) -> None:
        self.sink = sink
        self.options = SpoolOptions() if options is None else options

    def load(self, connection: sqlite3.Connection) -> Load:
        """What it holds."""
        return next((load for load in loads(connection) if load.sink == self.sink), Load(self.sink))

    def count(self, connection: sqlite3.Connection) -> int:
        """Alerts it holds."""
        return self._counts(connection)[0]

    def put(self, connection: sqlite3.Connection, frozen: Sequence[Frozen], now: float) -> list[int] | None:
        """Add alerts, all or none; one that is there already stays as it is, and what is only said again takes the
        place of what was to be said again before.

        An empty spool takes whatever comes: a window whose alerts exceed its bounds would else wait for ever.

        Returns:
            The place of each, or None where there is no room.
        """
        older = [(self.sink, each.repeats) for each in frozen if each.repeats]
        connection.executemany("DELETE FROM outbox WHERE sink = ? AND repeats = ?", older)
        held, octets = self._counts(connection)
        size = sum(len(each.body) for each in frozen)
        fits = held + len(frozen) <= self.options.max_rows and octets + size <= self.options.max_bytes
        if held and not fits:
            return None
        rows = [(self.sink, each.id, each.key, each.body, now, *_place(each.where), each.repeats) for each in frozen]
        connection.executemany(
            "INSERT INTO outbox (sink, id, key, body, added, topic, number, ends_at, repeats) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            rows,
        )
        place = "SELECT seq FROM outbox WHERE sink = ? AND id = ?"
        return [connection.execute(place, (self.sink, each.id)).fetchone()[0] for each in frozen]

    def _counts(self, connection: sqlite3.Connection) -> tuple[int, int]:
        row = connection.execute("SELECT count, bytes FROM spools WHERE sink = ?", (self.sink,)).fetchone()
        return (0, 0) if row is None else row

    def next(
        self,
        connection: sqlite3.Connection,
        limit: int,
        *,
        passing: Collection[str] = (),
        skipping: Collection[int] = (),
    ) -> list[Spooled]:
        """The first alerts in order.

        Args:
            connection: the store's.
            limit: at most so many.
            passing: keys to leave out.
            skipping: places to leave out.
        """
        marks, places = ", ".join("?" * len(passing)), ", ".join("?" * len(skipping))
        query = (
            f"SELECT seq, key, body, added FROM outbox WHERE sink = ? AND key NOT IN ({marks}) "  # noqa: S608 - marks
            f"AND seq NOT IN ({places}) ORDER BY seq LIMIT ?"
        )
        return [Spooled(*row) for row in connection.execute(query, (self.sink, *passing, *skipping, limit))]

    def oldest(self, connection: sqlite3.Connection, limit: int) -> list[Spooled]:
        """The first alerts, whatever their keys."""
        return self.next(connection, limit)

    def beyond(self, connection: sqlite3.Connection, partition: Partition, through: int) -> set[int]:
        """The places of the alerts whose window ended in a partition, and after an offset."""
        query = "SELECT seq FROM outbox WHERE sink = ? AND topic = ? AND number = ? AND ends_at > ?"
        return {seq for (seq,) in connection.execute(query, (self.sink, partition.topic, partition.number, through))}

    def partitions(self, connection: sqlite3.Connection) -> set[Partition]:
        """The partitions in which windows of its alerts ended."""
        query = "SELECT DISTINCT topic, number FROM outbox WHERE sink = ? AND number <> ?"
        return {Partition(topic, number) for topic, number in connection.execute(query, (self.sink, UNNUMBERED))}

    def remove(self, connection: sqlite3.Connection, places: Iterable[int]) -> None:
        """Forget alerts."""
        connection.executemany("DELETE FROM outbox WHERE seq = ?", ((place,) for place in places))

    def still(self, connection: sqlite3.Connection, places: Collection[int]) -> set[int]:
        """Which of these places are there yet."""
        held = connection.execute("SELECT seq FROM outbox WHERE sink = ?", (self.sink,))
        return {place for (place,) in held} & set(places)

    def tell(self, connection: sqlite3.Connection, next_try: float | None, problem: str) -> None:
        """Leave word for the command: when the sink is tried next, and why not now."""
        connection.execute(
            "INSERT INTO spools (sink, next_try, problem) VALUES (?, ?, ?) "
            "ON CONFLICT (sink) DO UPDATE SET next_try = excluded.next_try, problem = excluded.problem",
            (self.sink, next_try, problem),
        )

    def ask(self, connection: sqlite3.Connection) -> None:
        """Ask the process that delivers to look again, and to try at once."""
        connection.execute("UPDATE spools SET asked = asked + 1, next_try = NULL WHERE sink = ?", (self.sink,))

    def asked(self, connection: sqlite3.Connection) -> int:
        """How often it was asked."""
        row = connection.execute("SELECT asked FROM spools WHERE sink = ?", (self.sink,)).fetchone()
        return 0 if row is None else int(row[0])


def _place(where: Position | None) -> tuple[str, int, int]:
    if where is None or where.partition.number is None:
        return "", UNNUMBERED, UNNUMBERED
    return where.partition.topic, where.partition.number, where.offset


def loads(connection: sqlite3.Connection) -> list[Load]:
    """What every spool of the file holds, by name."""
    query = """
        SELECT sink, count, bytes,
               (SELECT added FROM outbox WHERE outbox.sink = spools.sink ORDER BY seq LIMIT 1),
               next_try, problem, asked
        FROM spools ORDER BY sink
    """
    return [Load(*row) for row in connection.execute(query)]
