from __future__ import annotations

import asyncio
import errno
import json
import os
import shutil
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sample_alerts import a_pattern, an_alert
from sample_figures import an_exhibit

from crackle_stream.errors import ConfigError, SinkRefused, SinkUnavailable
from crackle_stream.sinks import FileOptions, FileSink

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_blocking")

LINE = len(json.dumps(an_alert().to_dict(), separators=(",", ":"))) + 1
"""Bytes that a sample alert takes in the file."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alerts.jsonl"


async def write(path: Path, *ids: str, **fields: Any) -> None:
    async with FileSink(path, **fields) as sink:
        for each in ids:
            await sink.send(an_alert(id=each.rjust(16, "0")))


async def ids(path: Path) -> list[str]:
    """The ids of the alerts in a file."""
    return [json.loads(line)["id"].lstrip("0") for line in (await content(path)).splitlines()]


async def content(path: Path) -> bytes:
    return await asyncio.to_thread(path.read_bytes)


async def names(directory: Path) -> list[str]:
    return await asyncio.to_thread(lambda: sorted(each.name for each in directory.iterdir()))


def old(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


async def test_each_alert_is_a_line_of_json(path: Path) -> None:
    async with FileSink(path) as sink:
        await sink.send(an_alert())
    assert (await content(path)).endswith(b"\n")
    assert json.loads(await content(path)) == an_alert().to_dict()


async def test_a_file_that_is_there_is_appended_to(path: Path) -> None:
    await write(path, "a")
    await write(path, "b", "c")
    assert await ids(path) == ["a", "b", "c"]


async def test_beyond_its_size_the_file_is_rotated_and_so_many_old_ones_are_kept(path: Path) -> None:
    await write(path, *"abcdefghi", max_bytes=2 * LINE, keep=2)
    assert await names(path.parent) == ["alerts.jsonl", "alerts.jsonl.1", "alerts.jsonl.2"]
    assert await ids(path) == ["i"]
    assert await ids(old(path, 1)) == ["g", "h"]
    assert await ids(old(path, 2)) == ["e", "f"]


async def test_a_file_is_full_only_when_the_next_line_does_not_fit(path: Path) -> None:
    await write(path, "a", "b", max_bytes=2 * LINE)
    assert await ids(path) == ["a", "b"]
    await write(path, "c", max_bytes=2 * LINE)
    assert (await ids(path), await ids(old(path, 1))) == (["c"], ["a", "b"])


async def test_with_nothing_to_keep_the_old_file_goes(path: Path) -> None:
    await write(path, "a", "b", "c", max_bytes=LINE, keep=0)
    assert await names(path.parent) == ["alerts.jsonl"]
    assert await ids(path) == ["c"]


async def test_an_alert_larger_than_a_file_has_one_for_itself(path: Path) -> None:
    await write(path, "a", "b", max_bytes=1)
    assert (await ids(path), await ids(old(path, 1))) == (["b"], ["a"])


async def test_a_gap_in_the_old_files_is_closed_without_loss(path: Path) -> None:
    """As a kill between two renames leaves it."""
    await write(path, "c")
    await asyncio.to_thread(old(path, 2).write_bytes, b'{"id":"a"}\n')
    await write(path, "d", max_bytes=LINE, keep=3)
    assert await names(path.parent) == ["alerts.jsonl", "alerts.jsonl.1", "alerts.jsonl.3"]
    assert [await ids(each) for each in (path, old(path, 1), old(path, 3))] == [["d"], ["c"], ["a"]]


async def test_a_file_that_another_program_moved_is_made_anew(path: Path) -> None:
    async with FileSink(path) as sink:
        await sink.send(an_alert(id="a"))
        await asyncio.to_thread(path.rename, path.with_name("elsewhere"))
        await sink.send(an_alert(id="b"))
    assert (await ids(path), await ids(path.with_name("elsewhere"))) == (["b"], ["a"])


async def test_a_line_that_a_crash_tore_is_not_glued_to_the_next(path: Path) -> None:
    await asyncio.to_thread(path.write_bytes, b'{"id":"a"}\n{"id":"torn')
    await write(path, "b")
    assert [line[:10] for line in (await content(path)).splitlines()] == [b'{"id":"a"}', b'{"id":"tor', b'{"id":"000']


async def test_an_alert_is_on_the_disk_before_it_counts_as_delivered(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[bytes] = []
    fsync = os.fsync

    def note(file: int) -> None:
        fsync(file)
        synced.append(path.read_bytes())

    monkeypatch.setattr("os.fsync", note)
    async with FileSink(path) as sink:
        synced.clear()
        await sink.send(an_alert())
        assert synced == [await content(path)]


async def test_a_full_disk_is_tried_again_and_leaves_no_half_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_part, room = os.write, 100

    def write_until_full(file: int, data: memoryview) -> int:
        nonlocal room
        if room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write_part(file, data[:room])
        room -= written
        return written

    await write(path, "a")
    async with FileSink(path) as sink:
        with monkeypatch.context() as full:
            full.setattr("os.write", write_until_full)
            with pytest.raises(SinkUnavailable) as caught:
                await sink.send(an_alert(id="b"))
        assert str(caught.value) == f"sink file: {path} cannot be written: No space left on device"
        assert await ids(path) == ["a"]
        await sink.send(an_alert(id="b"))
    assert await ids(path) == ["a", "b"]


async def test_a_directory_that_went_away_is_tried_again(tmp_path: Path) -> None:
    directory = tmp_path / "mount"
    await asyncio.to_thread(directory.mkdir)
    async with FileSink(directory / "alerts.jsonl", name="archive") as sink:
        await asyncio.to_thread(shutil.rmtree, directory)
        with pytest.raises(SinkUnavailable, match=r"sink archive: .* cannot be written: No such file or directory"):
            await sink.send(an_alert())
        await asyncio.to_thread(directory.mkdir)
        await sink.send(an_alert())
    assert len(await ids(directory / "alerts.jsonl")) == 1


async def test_a_path_that_cannot_be_written_is_a_configuration_error_at_the_start(tmp_path: Path) -> None:
    wrong = tmp_path / "none" / "alerts.jsonl"
    with pytest.raises(ConfigError) as caught:
        async with FileSink(wrong, name="archive"):
            pass
    assert caught.value.problems == (f"path {wrong} cannot be written: No such file or directory",)
    assert caught.value.origin == "sink archive"
    await asyncio.to_thread(_wait_for_threads, "sink archive")


async def test_a_directory_as_path_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        async with FileSink(tmp_path):
            pass


async def test_an_alert_that_is_no_json_is_refused_and_nothing_is_written(path: Path) -> None:
    async with FileSink(path) as sink:
        with pytest.raises(SinkRefused, match="the alert '7' is no JSON: a object cannot be written as JSON"):
            await sink.send(an_alert(id="7", pattern=a_pattern(metrics={"x": object()})))
    assert await content(path) == b""


def test_the_path_may_come_bare_by_name_or_in_options(path: Path) -> None:
    expected = FileOptions(path, keep=1)
    assert expected == FileSink(str(path), keep=1).options
    assert expected == FileSink(path=path, keep=1).options
    assert expected == FileSink(FileOptions(path, keep=1)).options


def _wait_for_threads(name: str) -> None:
    """Fails by the test's timeout if a thread of that name never ends."""
    for thread in threading.enumerate():
        if name in thread.name:
            thread.join()


@pytest.mark.parametrize("exhibits", [True, False])
async def test_lines_have_exhibits_unless_they_are_not_wanted(path: Path, exhibits: bool) -> None:
    async with FileSink(path, exhibits=exhibits) as sink:
        await sink.send(an_alert(exhibit=an_exhibit()))
    assert ("exhibit" in json.loads(await content(path))) is exhibits
