"""Silences come from a file that may change and from whoever asks, and survive in the state directory."""

import json
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from crackle_stream.alerting import MuteTime, Silence, TooManySilences
from crackle_stream.alerting.silences import MOST_SILENCES
from crackle_stream.errors import ConfigError, StateUnusable
from crackle_stream.stream.events import Event, SilencesFailed, SilencesRead
from crackle_stream.stream.options import HushOptions
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.silencing import MOST_BYTES, Silencing
from crackle_stream.stream.store import FILE_NAME, Store
from crackle_stream.testing import FakeClock

NOON = 1_795_780_800.0
DEPTH = Silence(NOON, NOON + 3600, "kim", "load test", metric=("depth",))

TABLE = """
[[silences]]
metric = "{}"
starts = 2026-11-27T12:00:00Z
ends = 2026-11-27T13:00:00Z
author = "kim"
comment = "load test"
"""


def silencing(
    file: Path | None = None, *, live: bool = True, store: Store | None = None, seen: list[Event] | None = None
) -> tuple[Silencing, FakeClock]:
    clock = FakeClock()
    clock.set_time(NOON)
    emit = (lambda event: None) if seen is None else seen.append
    options = HushOptions(file, (MuteTime("always"),))
    return Silencing(options, live=live, clock=clock, store=store, emit=emit), clock


def metrics(one: Silencing) -> list[str]:
    return [silence.metric[0] for silence in one.silences]


async def test_a_live_source_goes_by_the_wall_clock_and_a_replayed_one_by_the_streams() -> None:
    for live, now in ((True, NOON), (False, 5.0)):
        one, _ = silencing(live=live)
        one.add(DEPTH)
        hush = one.hush(5.0)
        assert (hush.now, list(hush.silences), [mute.name for mute in hush.mutes]) == (now, [DEPTH], ["always"])


def test_what_is_over_is_forgotten_by_the_wall_clock_and_not_where_the_stream_may_be_at_any_time() -> None:
    live, clock = silencing()
    live.add(DEPTH)
    clock.advance(3600)
    assert live.silences == ()
    replayed, clock = silencing(live=False)
    replayed.add(DEPTH)
    clock.advance(3600)
    assert replayed.silences == (DEPTH,)


def test_silences_are_added_and_ended_from_any_thread_and_are_bounded() -> None:
    one, _ = silencing()

    def add(first: int) -> None:
        for number in range(first, first + MOST_SILENCES // 4):
            one.add(replace(DEPTH, comment=f"{number}"))

    threads = [threading.Thread(target=add, args=(first,)) for first in range(0, MOST_SILENCES, MOST_SILENCES // 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({silence.id for silence in one.silences}) == MOST_SILENCES
    with pytest.raises(TooManySilences, match="at most 1000 silences"):
        one.add(DEPTH)
    one.expire(one.silences[0].id)
    one.add(DEPTH)
    with pytest.raises(KeyError):
        one.expire("nobody")


async def test_a_file_is_read_again_when_it_changes_and_kept_when_it_is_wrong(tmp_path: Path) -> None:
    file, seen = tmp_path / "silences.toml", list[Event]()
    file.write_text(TABLE.format("depth"))
    one, _ = silencing(file, seen=seen)
    await one.open()
    await one.refresh()
    assert metrics(one) == ["depth"]
    file.write_text(TABLE.format("depth") + TABLE.format("latency"))
    await one.refresh()
    assert metrics(one) == ["depth", "latency"]
    assert [event for event in seen if isinstance(event, SilencesRead)] == seen
    file.write_text("[[silence]]")
    for _ in range(3):
        await one.refresh()
    file.unlink()
    for _ in range(3):
        await one.refresh()
    assert metrics(one) == ["depth", "latency"]
    failed = [event.problem for event in seen if isinstance(event, SilencesFailed)]
    assert [problem.splitlines()[-1].strip() for problem in failed] == [
        '"silence" is unknown: silences stand in tables [[silences]]; those read before are kept',
        "cannot be read: No such file or directory; those read before are kept",
    ]
    file.write_text("")
    await one.refresh()
    assert one.silences == ()


async def test_a_silence_of_the_file_is_ended_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "silences.toml").write_text(TABLE.format("depth"))
    one, _ = silencing(tmp_path / "silences.toml")
    await one.open()
    with pytest.raises(KeyError):
        one.expire(one.silences[0].id)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff", "cannot be read: 'utf-8' codec"),
        (b"#" * (MOST_BYTES + 1), "is larger than 1048576 bytes"),
        (b"silences = 3", "silences is a list of tables"),
    ],
)
async def test_a_file_that_cannot_be_read_at_the_start_is_an_error(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "silences.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        await silencing(file)[0].open()


async def test_what_was_asked_for_is_known_after_a_restart(tmp_path: Path) -> None:
    for known, added in ((0, DEPTH), (1, replace(DEPTH, comment="more")), (2, None)):
        store = Store(tmp_path, PARTS)
        async with store:
            one, _ = silencing(store=store)
            await one.open()
            assert len(one.silences) == known
            if added is not None:
                one.add(added)
            await one.refresh()


async def test_what_is_kept_is_damaged(tmp_path: Path) -> None:
    async with Store(tmp_path, PARTS):
        pass
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("INSERT INTO silences (id, silence) VALUES ('x', ?)", (json.dumps({}),))
    connection.close()
    store = Store(tmp_path, PARTS)
    async with store:
        with pytest.raises(StateUnusable, match="what it keeps of silences is damaged: this is no stored silence"):
            await silencing(store=store)[0].open()


async def test_a_disk_that_fails_is_told_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.stream.store.BUSY_S", 0.01)
    seen = list[Event]()
    store = Store(tmp_path, PARTS)
    async with store:
        one, _ = silencing(store=store, seen=seen)
        await one.open()
        one.add(DEPTH)
        other = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            await one.refresh()
        finally:
            other.execute("ROLLBACK")
            other.close()
        assert [type(event) for event in seen] == [SilencesFailed]
        await one.refresh()
        rows = await store.run(lambda connection: connection.execute("SELECT id FROM silences").fetchall())
    assert rows == [(DEPTH.id,)]


async def test_it_looks_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.stream.silencing.LOOK_EVERY_S", 0.001)
    file = tmp_path / "silences.toml"
    file.write_text("")
    seen, read_twice = list[Event](), anyio.Event()
    one, _ = silencing(file, seen=seen)
    await one.open()

    def see(event: Event) -> None:
        seen.append(event)
        read_twice.set()

    one._emit = see
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(one.regularly)
        file.write_text(TABLE.format("depth"))
        await read_twice.wait()
        tasks.cancel_scope.cancel()
    assert metrics(one) == ["depth"]
