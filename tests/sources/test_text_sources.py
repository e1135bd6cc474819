"""StdinSource and FileSource, on pipes, files and what else a descriptor may be."""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import os
import pty
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from reading import CountingClock, Pipe, all_of, next_of, payloads, reading_threads, threads_left

from crackle_stream.errors import SourceError
from crackle_stream.sources import FileSource, StdinSource
from crackle_stream.sources import text as text_module

if TYPE_CHECKING:
    from pathlib import Path


def numbered(count: int) -> list[bytes]:
    return [b'{"x": %d}' % number for number in range(count)]


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


async def test_a_long_file_comes_whole_in_batches_of_about_1024(tmp_path: Path) -> None:
    lines = numbered(100_000)
    path = tmp_path / "long.jsonl"
    path.write_bytes(b"\n".join(lines))
    batches = await all_of(FileSource(path))
    assert payloads(batches) == lines
    *sizes, last = map(len, batches)
    assert 683 <= min(sizes) <= max([*sizes, last]) <= 1535
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
