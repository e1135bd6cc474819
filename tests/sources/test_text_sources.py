"""StdinSource and FileSource, on pipes, files and what else a descriptor may be."""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import itertools
import json
import os
import pty
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from crackle_stream.errors import ConfigError, SourceError
from crackle_stream.sources import FileOptions, FileSource, StdinSource
from crackle_stream.sources import text as text_module

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from crackle_stream.model import RecordBatch
    from crackle_stream.sources.text import TextSource


class CountingClock:
    """Every look at it is a second later."""

    def __init__(self) -> None:
        self._now = itertools.count(1)

    def time(self) -> float:
        return float(next(self._now))

    def monotonic(self) -> float:
        return 0.0


class Pipe:
    """A pipe whose writing end may be closed before the test is over."""

    def __init__(self) -> None:
        self.reading, self.writing = os.pipe()
        self._open = True

    def write(self, data: bytes) -> int:
        return os.write(self.writing, data)

    def hang_up(self) -> None:
        if self._open:
            self._open = False
            os.close(self.writing)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.hang_up()
    os.close(pipe.reading)


async def all_of(source: TextSource) -> list[RecordBatch]:
    batches = []
    async with source:
        while (batch := await source.read()) is not None:
            if len(batch):
                batches.append(batch)
    return batches


async def next_of(source: TextSource) -> RecordBatch:
    while True:
        batch = await source.read()
        assert batch is not None
        if len(batch):
            return batch


def payloads(batches: list[RecordBatch]) -> list[bytes]:
    return [payload for batch in batches for payload in batch.payloads]


def numbered(count: int) -> list[bytes]:
    return [b'{"x": %d}' % number for number in range(count)]


def reading_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("crackle-stream source")]


def threads_left() -> list[threading.Thread]:
    """Reading threads that do not end by themselves; one that has said its last word may still be on its way out."""
    for thread in reading_threads():
        thread.join(timeout=5)
    return reading_threads()


# -- what is read ------------------------------------------------------------------------------------------------------


async def test_lines_of_a_file_are_records_with_line_numbers(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b'{"x": 0}\r\n\n{"x": 1}\n  \n{"x": 2}')
    source = FileSource(str(path), clock=CountingClock())
    batches = await all_of(source)
    assert payloads(batches) == [b'{"x": 0}', b'{"x": 1}', b'{"x": 2}']
    positions = [batch.positions[row] for batch in batches for row in range(len(batch))]
    assert [str(position) for position in positions] == ["tasks.jsonl:1", "tasks.jsonl:3", "tasks.jsonl:5"]
    assert [position.offset for position in positions] == [0, 2, 4]
    assert source.blank_lines == 2
    assert source.name == "tasks.jsonl"
    assert source.replayable


async def test_lines_of_a_pipe_arrive_when_they_are_written(pipe: Pipe) -> None:
    async with StdinSource(descriptor=pipe.reading, clock=CountingClock()) as source:
        pipe.write(b'{"x": 0}\n{"x"')
        first = await next_of(source)
        pipe.write(b": 1}\n")
        second = await next_of(source)
        pipe.hang_up()
        end = [await source.read(), await source.read()]
    assert (first.payloads, first.times.tolist()) == ([b'{"x": 0}'], [1.0])
    assert (second.payloads, second.times.tolist()) == ([b'{"x": 1}'], [2.0])
    assert [str(first.positions[0]), str(second.positions[0])] == ["stdin:1", "stdin:2"]
    assert end == [None, None]
    assert not source.replayable


@pytest.fixture
def full_pipe(pipe: Pipe) -> int:
    """The reading end of a pipe that holds 1,000 lines and is closed at the other end."""
    pipe.write(b"{}\n" * 1000)
    pipe.hang_up()
    return pipe.reading


async def test_reading_never_blocks_the_event_loop(full_pipe: int, no_blocking: None) -> None:
    assert sum(map(len, await all_of(StdinSource(descriptor=full_pipe)))) == 1000


@pytest.fixture
def some_file(tmp_path: Path) -> Path:
    path = tmp_path / "tasks.jsonl.gz"
    path.write_bytes(gzip.compress(b"{}\n" * 1000))
    return path


async def test_opening_a_file_never_blocks_the_event_loop(some_file: Path, no_blocking: None) -> None:
    assert sum(map(len, await all_of(FileSource(some_file)))) == 1000


async def test_a_long_file_comes_whole_in_batches_of_at_most_512(tmp_path: Path) -> None:
    lines = numbered(100_000)
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"\n".join(lines))
    batches = await all_of(FileSource(path))
    assert payloads(batches) == lines
    assert max(map(len, batches)) == 512
    assert [offset for batch in batches for offset in batch.positions.offsets.tolist()] == list(range(100_000))


async def test_a_line_longer_than_the_limit_is_cut_and_the_next_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "wide.jsonl"
    path.write_bytes(b"[" + b"1," * 1_000_000 + b"1]\n{}\n")
    source = FileSource(path, max_line_bytes="1KiB")
    (batch,) = await all_of(source)
    assert [len(payload) for payload in batch.payloads] == [1025, 2]


async def test_gzip_is_recognised_by_its_first_bytes_whatever_its_name(tmp_path: Path) -> None:
    lines = numbered(5000)
    path = tmp_path / "tasks.log"
    path.write_bytes(gzip.compress(b"\n".join(lines[:2000]) + b"\n") + gzip.compress(b"\n".join(lines[2000:])))
    assert payloads(await all_of(FileSource(path))) == lines


async def test_gzip_through_a_pipe_is_recognised_byte_by_byte(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "WAIT_S", 0.01)
    packed = gzip.compress(b"{}\n{}\n")
    async with StdinSource(descriptor=pipe.reading) as source:
        pipe.write(packed[:1])
        await source.read()
        pipe.write(packed[1:])
        assert (await next_of(source)).payloads == [b"{}", b"{}"]


async def test_a_named_pipe_is_read_as_soon_as_somebody_writes_and_cannot_be_replayed(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    async with FileSource(path) as source:
        with path.open("wb") as writer:
            writer.write(b"{}\n")
        assert (await next_of(source)).payloads == [b"{}"]
        assert await source.read() is None
    assert not source.replayable


async def test_a_redirected_regular_file_is_read_from_standard_input(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b"{}\n{}\n")
    with path.open("rb") as file:
        batches = await all_of(StdinSource(descriptor=file.fileno()))
        assert os.fstat(file.fileno()).st_size == 6
    assert payloads(batches) == [b"{}", b"{}"]


async def test_the_empty_device_is_at_its_end_at_once() -> None:
    with open(os.devnull, "rb") as nothing:  # noqa: ASYNC230, PTH123 - a device, not a file
        assert await all_of(StdinSource(descriptor=nothing.fileno())) == []


async def test_lines_typed_at_a_terminal_are_read_until_its_end_is_typed() -> None:
    keyboard, terminal = pty.openpty()
    try:
        async with StdinSource(descriptor=terminal) as source:
            os.write(keyboard, b"{}\n")
            assert (await next_of(source)).payloads == [b"{}"]
            os.write(keyboard, b"\x04")
            assert await source.read() is None
    finally:
        os.close(keyboard)
        os.close(terminal)


async def test_a_descriptor_that_does_not_block_is_waited_for(pipe: Pipe) -> None:
    os.set_blocking(pipe.reading, False)
    async with StdinSource(descriptor=pipe.reading) as source:
        pipe.write(b"{}\n")
        assert (await next_of(source)).payloads == [b"{}"]


# -- pausing, stopping, bounds -----------------------------------------------------------------------------------------


async def test_a_quiet_input_gives_empty_batches(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_module, "WAIT_S", 0.001)
    async with StdinSource(descriptor=pipe.reading) as source:
        batch = await source.read()
    assert batch is not None
    assert len(batch) == 0


async def test_a_paused_source_returns_nothing_and_loses_nothing(pipe: Pipe) -> None:
    async with StdinSource(descriptor=pipe.reading) as source:
        pipe.write(b"{}\n")
        source.pause()
        paused = await source.read()
        assert paused is not None
        assert len(paused) == 0
        source.resume()
        assert (await next_of(source)).payloads == [b"{}"]


async def test_a_slow_reader_stops_the_writer(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    chunk = (b"x" * 1023 + b"\n") * 64
    written = 0
    async with StdinSource(descriptor=pipe.reading) as source:
        full_for = 0
        while full_for < 50:  # the reading thread has had its time and the pipe is still full
            try:
                written += pipe.write(chunk)
                full_for = 0
            except BlockingIOError:
                full_for += 1
                await asyncio.sleep(0.001)
        # The pipe itself, four chunks ahead, and one in the thread's hands.
        capacity = fcntl.fcntl(pipe.writing, fcntl.F_GETPIPE_SZ)
        assert capacity <= written <= capacity + 5 * 2**18 + len(chunk)
        pipe.hang_up()
        lines = 0
        while (batch := await source.read()) is not None:
            lines += len(batch)
    assert lines == -(-written // 1024)


async def test_leaving_ends_the_thread_also_while_nothing_comes(pipe: Pipe) -> None:
    async with StdinSource(descriptor=pipe.reading) as source:
        assert [thread.name for thread in reading_threads()] == ["crackle-stream source stdin"]
    assert threads_left() == []
    with pytest.raises(SourceError, match="source stdin: is not open: read it inside `async with`"):
        await source.read()


async def test_leaving_ends_the_thread_also_while_it_waits_for_room(pipe: Pipe) -> None:
    os.set_blocking(pipe.writing, False)
    async with StdinSource(descriptor=pipe.reading):
        blocked = 0
        while blocked < 20:
            try:
                pipe.write(b"{}\n" * 20_000)
            except BlockingIOError:
                blocked += 1
                await asyncio.sleep(0.001)
    assert threads_left() == []


async def test_a_cancelled_read_loses_nothing(pipe: Pipe) -> None:
    async with StdinSource(descriptor=pipe.reading) as source:
        waiting = asyncio.create_task(source.read())
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        pipe.write(b"{}\n")
        assert (await next_of(source)).payloads == [b"{}"]


async def test_a_file_may_be_opened_again_and_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b"{}\n" * 2000)
    source = FileSource(path)
    async with source:
        await next_of(source)
    again = await all_of(source)
    assert sum(map(len, again)) == 2000
    assert again[0].positions.offsets[0] == 0


def test_a_process_with_a_quiet_standard_input_can_end() -> None:
    program = (
        "import asyncio\n"
        "from crackle_stream.sources import StdinSource\n"
        "async def main():\n"
        "    async with StdinSource() as source:\n"
        "        while not len(batch := await source.read()): pass\n"
        "        print(batch.payloads, flush=True)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"{}\n")
    process.stdin.flush()  # and stays open: nothing more comes, nor does the end
    assert process.wait(timeout=30) == 0
    assert process.stdout is not None
    assert process.stdout.read() == b"[b'{}']\n"
    process.stdin.close()
    process.stdout.close()


# -- what goes wrong ---------------------------------------------------------------------------------------------------


async def problem_of(source: TextSource) -> str:
    with pytest.raises(SourceError) as caught:
        await all_of(source)
    assert threads_left() == []
    return str(caught.value)


async def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "nowhere.jsonl"
    assert await problem_of(FileSource(path)) == (
        f"source nowhere.jsonl: cannot open {str(path)!r}: there is no such file; check the path, which is taken from "
        "the directory the program was started in"
    )


async def test_a_directory_is_no_file(tmp_path: Path) -> None:
    assert await problem_of(FileSource(tmp_path)) == (
        f"source {tmp_path.name}: {str(tmp_path)!r} is a directory: name one file in it"
    )


async def test_a_file_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")  # file modes do not stop a superuser

    monkeypatch.setattr(os, "open", refuse)
    assert await problem_of(FileSource(tmp_path / "secret.jsonl")) == (
        f"source secret.jsonl: cannot open {str(tmp_path / 'secret.jsonl')!r}: this user may not read it; change its "
        "permissions or run as its owner"
    )


async def test_truncated_gzip_gives_what_came_before_and_names_the_place(tmp_path: Path) -> None:
    plain = b"".join(json.dumps({"x": number, "y": number**3}).encode() + b"\n" for number in range(5000))
    packed = gzip.compress(plain)
    path = tmp_path / "tasks.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    found: list[bytes] = []

    async def read_all() -> None:
        async with FileSource(path) as source:
            while (batch := await source.read()) is not None:
                found.extend(batch.payloads)

    with pytest.raises(SourceError) as caught:
        await read_all()
    assert 1000 < len(found) < 5000
    assert found == plain.splitlines()[: len(found)]
    assert str(caught.value) == (
        f"source tasks.jsonl.gz: gzip data is cut off at byte {len(packed) // 2}, after {len(found)} whole lines: what "
        "came before was read; fetch the rest again"
    )


async def test_damaged_gzip_names_the_place(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b"{}\n" * 10))
    packed[-8] ^= 1
    path = tmp_path / "tasks.jsonl.gz"
    path.write_bytes(bytes(packed))
    assert "gzip data is damaged (Error -3 while decompressing data: incorrect data check)" in await problem_of(
        FileSource(path)
    )


@pytest.mark.parametrize("content", [b"", b"\x1f", b'{"x": 1}\n'])
async def test_a_name_that_promises_gzip_must_keep_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tasks.jsonl.gz"
    path.write_bytes(content)
    assert await problem_of(FileSource(path)) == (
        "source tasks.jsonl.gz: is named like gzip data but holds none: rename it, or compress it again"
    )


async def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.touch()
    assert await all_of(FileSource(path)) == []


async def test_a_closed_standard_input_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    advice = "is closed: pipe records in (`... | crackle-stream run`) or redirect a file (`< tasks.jsonl`)"
    assert await problem_of(StdinSource()) == f"source stdin: {advice}"
    reading, writing = os.pipe()
    os.close(writing)
    os.close(reading)
    assert await problem_of(StdinSource(descriptor=reading)) == f"source stdin: {advice}"


async def test_a_descriptor_that_cannot_be_read_fails_the_read(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "out", os.O_WRONLY | os.O_CREAT)
    try:
        message = await problem_of(StdinSource(descriptor=descriptor))
    finally:
        os.close(descriptor)
    assert message == "source stdin: cannot be read on: Bad file descriptor"


async def test_a_failure_in_the_thread_does_not_pass_for_the_end(pipe: Pipe) -> None:
    class BrokenClock(CountingClock):
        def time(self) -> float:
            raise RuntimeError("no time")

    pipe.write(b"{}\n")
    with pytest.raises(RuntimeError, match="no time"):
        await all_of(StdinSource(descriptor=pipe.reading, clock=BrokenClock()))


def test_options_may_be_given_in_any_form(tmp_path: Path) -> None:
    assert FileSource(tmp_path / "a").name == FileSource(path=str(tmp_path / "a")).name == "a"
    assert FileSource(FileOptions(tmp_path / "b"), max_line_bytes=5).name == "b"
    with pytest.raises(ConfigError, match='option "path" is missing'):
        FileSource()
    with pytest.raises(ConfigError, match="max_line_bytes must be at least 1 byte"):
        StdinSource(max_line_bytes=0)
