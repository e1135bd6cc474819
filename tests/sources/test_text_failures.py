"""What StdinSource and FileSource say where there is nothing to read, or not all of it."""

from __future__ import annotations

import gzip
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest
from reading import CountingClock, Pipe, all_of, threads_left

from crackle_stream.errors import ConfigError, SourceError
from crackle_stream.sources import FileOptions, FileSource, StdinSource

if TYPE_CHECKING:
    from pathlib import Path

    from crackle_stream.sources.text import TextSource


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
