"""Which kilns are known: those that cooled here or in a process before, until they are closed or their partition goes.

They share the profile's budget, count against `max_keys`, and lie in the state directory for as long, and no longer.
"""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

import pytest
from observing import QUIET
from restarting import Log, P, Reader

from crackle_stream.commit import CommitMetadata, Kept, SettledPositions, encode
from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.model import LogStart, Partition
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.sources import FileSource
from crackle_stream.stream import Event, KilnOptions, Pipeline
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.kiln_state import KilnState, Taken
from crackle_stream.stream.kilns import KilnId
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.store import FILE_NAME, Store

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from crackle_stream.protocols import Source

pytestmark = pytest.mark.usefixtures("often")

CLAIM = "0123456789abcdef"

EVERY = 20
"""Tasks of a window and of a ring: a restart reads at most eighty again."""


def taken_over(*keys: str) -> Checkpoints:
    """What a process knows that goes on where one before it had cooled these kilns."""
    checkpoints = Checkpoints(SettledPositions(), capacity=10, claim=CLAIM)
    note = encode(CommitMetadata(through=99, refill_from=90, claim=CLAIM))
    states = {KilnId(P, key): KilnState() for key in keys}
    checkpoints.take_over(P, LogStart(100, 100, note, 0, 200), Taken(Kept(99, 90, 0.0), states))
    return checkpoints


def test_kilns_of_the_process_before_share_the_budget_before_they_cool_again() -> None:
    assert taken_over("a", "b", "c").known == 3


def test_a_kiln_that_is_closed_shares_no_more_and_those_of_a_partition_that_leaves_neither() -> None:
    checkpoints = taken_over("a", "b", "c")
    checkpoints.amend(KilnId(P, "a"), None)()
    assert checkpoints.known == 2
    checkpoints.forget([P])
    assert checkpoints.known == 0


def test_a_kiln_that_changes_while_it_is_being_kept_is_kept_again() -> None:
    checkpoints = Checkpoints(SettledPositions(), capacity=10)
    kiln = KilnId(Partition("standard input"), "a")
    checkpoints.amend(kiln, first := KilnState())()
    written = checkpoints.changed()
    checkpoints.amend(kiln, second := KilnState())()
    checkpoints.kept(written)
    assert (written, checkpoints.changed()) == ({kiln: first}, {kiln: second})
    assert checkpoints.changed()[kiln] is second


def test_kilns_are_kept_in_the_order_in_which_they_changed() -> None:
    checkpoints = Checkpoints(SettledPositions(), capacity=10)
    names = [KilnId(Partition("standard input"), f"k{number}") for number in range(20)]
    for kiln in (*reversed(names), names[10]):
        checkpoints.amend(kiln, KilnState())()
    others = [each for each in reversed(names) if each != names[10]]
    assert list(checkpoints.changed()) == [*others, names[10]]


def test_what_is_kept_nowhere_is_not_remembered_to_be_kept() -> None:
    checkpoints = Checkpoints(SettledPositions(), capacity=10)
    for number in range(100):
        kiln = KilnId(Partition("standard input"), f"k{number}")
        checkpoints.amend(kiln, KilnState())()
        checkpoints.amend(kiln, None)()
    assert len(checkpoints.changed()) == 100
    checkpoints.kept(checkpoints.changed())
    assert checkpoints.changed() == {}


def lines(keys: Iterable[str], first: int = 0) -> list[bytes]:
    """A window of each key, in which it has an alarm from its third task on."""
    return [
        json.dumps(
            {
                "label": f"{key}{row}",
                "ts": 1.7e9 + first + EVERY * place + row,
                "key": key,
                "metrics": {"x": 1.0, **({f"alarm-{key}": 1.0} if row > 2 else {})},
            }
        ).encode()
        for place, key in enumerate(keys)
        for row in range(EVERY)
    ]


async def run(source: Source, directory: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """One process, to the end of its source: the alerts that came, and the keys that were closed."""
    sink, seen = MemorySink(), list[Event]()
    pipeline = Pipeline(
        source,
        [sink],
        profile=QUIET,
        schedule=CoolingSchedule(every_tasks=EVERY),
        kiln=KilnOptions(capacity=EVERY, max_keys=2),
        decoder=Decoder(DecodeOptions(key=("key",))),
        state=Store(directory, PARTS),
        on_event=seen.append,
    )
    if isinstance(source, Reader):
        source.wait_for(pipeline, seen)
    async with pipeline:
        await pipeline.run()
    alerts = [(str(alert.status), alert.pattern.metric_names[0]) for alert in sink.alerts]
    return alerts, [getattr(event, "key", "") for event in seen if event.name == "key.evicted"]


def kept(directory: Path) -> list[str]:
    """The keys of which the state directory knows something."""
    with sqlite3.connect(directory / FILE_NAME) as connection:
        found = [key for (key,) in connection.execute("SELECT key FROM kilns")]
    connection.close()
    return sorted(json.loads(key)[-1] if key.startswith("[") else key for key in found)


async def test_a_key_that_does_not_come_back_after_a_restart_is_closed_where_there_are_too_many(tmp_path: Path) -> None:
    log = Log(lines(["a", "b", "b", "b", "b", "b"]))
    alerts, closed = await run(Reader(log), tmp_path)
    assert (alerts, closed, kept(tmp_path)) == ([("raised", "alarm-a"), ("raised", "alarm-b")], [], ["a", "b"])
    log.payloads += lines(["c"], first=len(log.payloads))
    alerts, closed = await run(Reader(log), tmp_path)
    assert closed == ["a"]
    assert set(alerts) == {("resolved", "alarm-a"), ("raised", "alarm-c")}
    assert kept(tmp_path) == ["b", "c"]


async def test_a_key_of_a_file_that_was_closed_is_forgotten_on_disk_and_may_be_raised_again(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"

    async def read(*keys: str) -> tuple[list[tuple[str, str]], list[str]]:
        path.write_bytes(b"\n".join(lines(keys)) + b"\n")
        return await run(FileSource(path), tmp_path / "state")

    await read("a", "b")
    assert kept(tmp_path / "state") == ["a", "b"]
    alerts, closed = await read("b", "c")
    assert (closed, kept(tmp_path / "state")) == (["a"], ["b", "c"])
    assert ("resolved", "alarm-a") in alerts
    alerts, _ = await read("a")
    assert ("raised", "alarm-a") in alerts


async def test_of_those_that_do_not_come_back_the_least_recent_is_closed_first(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    for keys, evicted in (["b", "a"], []), (["c"], ["b"]):
        path.write_bytes(b"\n".join(lines(keys)) + b"\n")
        assert (await run(FileSource(path), tmp_path / "state"))[1] == evicted
    assert kept(tmp_path / "state") == ["a", "c"]
