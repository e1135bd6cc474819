from __future__ import annotations

import asyncio
import errno
import fcntl
import io
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import pytest
from sample_alerts import a_pattern, an_alert
from sample_figures import an_exhibit

from crackle_stream.errors import ReaderGone, SinkRefused, SinkUnavailable
from crackle_stream.render.card import card
from crackle_stream.sinks import StdoutSink

if TYPE_CHECKING:
    from collections.abc import Iterator

PIPE = 65536
"""Bytes a pipe of Linux holds at least until a writer waits."""


class Pipe:
    """A pipe whose ends are closed with it."""

    def __init__(self) -> None:
        self.read_end, write_end = os.pipe()
        self.stream: TextIO = os.fdopen(write_end, "w", encoding="utf-8")

    def close_reader(self) -> None:
        os.close(self.read_end)
        self.read_end = -1

    def close(self) -> None:
        self.stream.close()
        if self.read_end >= 0:
            os.close(self.read_end)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.close()


@pytest.fixture
def terminal() -> Iterator[tuple[int, TextIO]]:
    """A pseudo-terminal of 60 columns: its master side, and the stream a program writes to."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    stream = os.fdopen(slave, "w", encoding="utf-8")
    yield master, stream
    stream.close()
    os.close(master)


def read_all(file: int, end: str) -> str:
    """Everything up to an ending; a terminal's line breaks become plain ones."""
    data = b""
    while not data.endswith(end.encode()):
        data = (data + os.read(file, 65536)).replace(b"\r\n", b"\n")
    return data.decode()


@pytest.mark.usefixtures("no_blocking")
async def test_into_a_pipe_each_alert_is_a_line_of_json(pipe: Pipe) -> None:
    async with StdoutSink(stream=pipe.stream) as sink:
        await sink.send(an_alert(id="a"))
        await sink.send(an_alert(id="b"))
    lines = (await asyncio.to_thread(os.read, pipe.read_end, PIPE)).splitlines(keepends=True)
    assert [json.loads(line) for line in lines] == [an_alert(id="a").to_dict(), an_alert(id="b").to_dict()]
    assert lines[0].startswith(b'{"id":"a","status":"raised","severity":"critical","fingerprint":')


async def test_on_a_terminal_it_is_a_card_of_its_width_in_colour(
    terminal: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    master, stream = terminal
    async with StdoutSink(stream=stream) as sink:
        await sink.send(an_alert())
    expected = card(an_alert(), width=60, colour=True) + "\n\n"
    assert expected == await asyncio.to_thread(read_all, master, "\n\n")
    assert "\x1b[" in expected


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
async def test_no_colour_where_none_is_wanted(
    terminal: tuple[int, TextIO], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    master, stream = terminal
    async with StdoutSink(stream=stream) as sink:
        await sink.send(an_alert())
    assert await asyncio.to_thread(read_all, master, "\n\n") == card(an_alert(), width=60) + "\n\n"


async def test_json_may_be_asked_for_on_a_terminal(terminal: tuple[int, TextIO]) -> None:
    master, stream = terminal
    async with StdoutSink("json", stream=stream) as sink:
        await sink.send(an_alert())
    assert json.loads(await asyncio.to_thread(read_all, master, "}\n")) == an_alert().to_dict()


async def test_a_card_in_a_pipe_is_eighty_columns_wide_and_plain(pipe: Pipe) -> None:
    async with StdoutSink(format="card", stream=pipe.stream) as sink:
        await sink.send(an_alert())
    assert os.read(pipe.read_end, PIPE).decode() == card(an_alert(), width=80) + "\n\n"


async def test_a_closed_pipe_means_that_the_reader_is_gone(pipe: Pipe) -> None:
    async with StdoutSink(stream=pipe.stream) as sink:
        pipe.close_reader()
        for _ in range(2):
            with pytest.raises(ReaderGone, match="sink stdout: the reader of its output is gone"):
                await sink.send(an_alert())
    assert issubclass(ReaderGone, SinkRefused)


async def test_a_stream_that_this_process_closed_has_no_reader_either() -> None:
    stream = io.StringIO()
    async with StdoutSink(stream=stream) as sink:
        stream.close()
        with pytest.raises(ReaderGone):
            await sink.send(an_alert())


@pytest.mark.usefixtures("no_blocking")
async def test_a_reader_that_stops_reading_holds_the_writer_and_never_the_loop(pipe: Pipe) -> None:
    large = an_alert(pattern=a_pattern(description="x" * 2 * PIPE))
    async with StdoutSink(stream=pipe.stream) as sink:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await sink.send(large)
        with pytest.raises(SinkUnavailable, match="sink stdout: cannot be written: the write before still hangs"):
            await sink.send(an_alert())
        text = await asyncio.to_thread(read_all, pipe.read_end, "}\n")
    assert json.loads(text) == large.to_dict()


async def test_a_pipe_that_another_process_made_non_blocking_loses_nothing(pipe: Pipe) -> None:
    os.set_blocking(pipe.stream.fileno(), False)
    large = an_alert(pattern=a_pattern(description="x" * 4 * PIPE))
    async with StdoutSink(stream=pipe.stream) as sink:
        sending = asyncio.create_task(sink.send(large))
        text = await asyncio.to_thread(read_all, pipe.read_end, "}\n")
        await sending
    assert json.loads(text) == large.to_dict()


async def test_what_others_left_in_the_buffer_comes_first(pipe: Pipe) -> None:
    pipe.stream.write("before\n")
    async with StdoutSink(stream=pipe.stream) as sink:
        await sink.send(an_alert())
    assert os.read(pipe.read_end, PIPE).startswith(b'before\n{"id"')


async def test_a_stream_without_a_file_is_written_to_as_it_is() -> None:
    stream = io.StringIO()
    async with StdoutSink(stream=stream) as sink:
        await sink.send(an_alert())
    assert json.loads(stream.getvalue()) == an_alert().to_dict()


async def test_the_standard_output_is_the_one_at_the_time_of_entering(monkeypatch: pytest.MonkeyPatch) -> None:
    sink, stream = StdoutSink(), io.StringIO()
    monkeypatch.setattr("sys.stdout", stream)
    async with sink:
        await sink.send(an_alert())
    assert json.loads(stream.getvalue()) == an_alert().to_dict()


async def test_characters_that_the_streams_encoding_lacks_are_replaced() -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w", encoding="latin-1") as stream, os.fdopen(read_end, "rb") as reader:
        async with StdoutSink("card", stream=stream) as sink:
            await sink.send(an_alert())
        stream.close()
        assert reader.read().decode("latin-1").startswith("? latency_ms rose from 100 to 160 [checkout]\n")


async def test_a_full_disk_behind_a_redirection_is_tried_again(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(file: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    async with StdoutSink(stream=pipe.stream) as sink:
        with monkeypatch.context() as full:
            full.setattr("os.write", fail)
            with pytest.raises(SinkUnavailable, match="sink stdout: cannot be written: No space left on device"):
                await sink.send(an_alert())
        await sink.send(an_alert())


async def test_an_alert_that_is_no_json_is_refused(pipe: Pipe) -> None:
    async with StdoutSink(stream=pipe.stream) as sink:
        with pytest.raises(SinkRefused, match="the alert '7' is no JSON: a object cannot be written as JSON"):
            await sink.send(an_alert(id="7", pattern=a_pattern(metrics={"x": object()})))


PROGRAM = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from sample_alerts import a_pattern, an_alert
from sample_figures import an_exhibit
from crackle_stream.sinks import StdoutSink

async def main():
    async with StdoutSink() as sink:
        try:
            async with asyncio.timeout(0.05):
                await sink.send(an_alert(pattern=a_pattern(description="x" * 300_000)))
        except TimeoutError:
            print("left", file=sys.stderr)

asyncio.run(main())
"""


def test_a_process_whose_reader_hangs_still_exits() -> None:
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", PROGRAM, tests]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.wait(timeout=30) == 0
            assert process.stderr is not None
            assert process.stderr.read() == "left\n"
        finally:
            process.kill()


@pytest.mark.parametrize("exhibits", [True, False])
async def test_json_has_the_exhibit_unless_it_is_not_wanted(exhibits: bool) -> None:
    stream = io.StringIO()
    async with StdoutSink(format="json", exhibits=exhibits, stream=stream) as sink:
        await sink.send(an_alert(exhibit=an_exhibit()))
    line = json.loads(stream.getvalue())
    assert line.pop("exhibit", None) == (json.loads(json.dumps(an_exhibit().to_dict())) if exhibits else None)
    assert line == json.loads(json.dumps(an_alert().to_dict()))


async def test_a_card_is_drawn_with_its_plot() -> None:
    stream = io.StringIO()
    async with StdoutSink(format="card", stream=stream) as sink:
        await sink.send(an_alert(exhibit=an_exhibit()))
    assert stream.getvalue() == card(an_alert(exhibit=an_exhibit())) + "\n\n"
    assert "170 ┤" in stream.getvalue()
