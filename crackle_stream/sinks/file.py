"""Alerts in a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from crackle_stream.errors import ConfigError, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, options_from
from crackle_stream.protocols import Sink
from crackle_stream.sinks.options import FileOptions
from crackle_stream.sinks.wire import to_json
from crackle_stream.sinks.worker import Worker

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["FileSink"]


class FileSink(Sink):
    """Appends each alert as a line of JSON and has it on the disk (fsync) before it counts as delivered.

    Beyond `max_bytes` the file becomes `path.1`, `path.1` becomes `path.2` and so on up to `keep`. The file is opened
    anew for each alert, so another program may move or delete it at any time. Two processes may not share it.

    Args:
        options: a FileOptions, or the path; or give the fields of FileOptions by name.
        name: how messages call it.

    Raises:
        ConfigError: an option that cannot be.
    """

    def __init__(
        self, options: FileOptions | str | Path | None = None, /, *, name: str = "file", **fields: object
    ) -> None:
        self.name = name
        self.options = options_from(FileOptions, options, fields, main="path")
        self._worker = Worker(f"crackle-stream sink {name}")

    async def __aenter__(self) -> Self:
        """See whether the file can be written.

        Raises:
            ConfigError: it cannot.
        """
        try:
            await self._worker.call(lambda: _append(self.options.path, b""))
        except OSError as error:
            self._worker.stop()
            problem = f"path {self.options.path} cannot be written: {error.strerror}"
            raise ConfigError([problem], origin=f"sink {self.name}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the thread end."""
        self._worker.stop()

    async def send(self, alert: Alert) -> None:
        """Append the alert.

        Raises:
            SinkUnavailable: the disk is full or gone; what was written of the line is taken back.
            SinkRefused: the alert is no JSON.
        """
        try:
            line = to_json(alert.to_dict(exhibit=self.options.exhibits)) + b"\n"
        except TypeError as error:
            raise SinkRefused(self.name, f"the alert {alert.id!r} is no JSON: {error}") from error
        try:
            await self._worker.call(lambda: self._write(line))
        except OSError as error:
            problem = f"{self.options.path} cannot be written: {error.strerror or error}"
            raise SinkUnavailable(self.name, problem) from error

    def _write(self, line: bytes) -> None:
        path = self.options.path
        size = path.stat().st_size if path.exists() else 0
        if size and size + len(line) > self.options.max_bytes:
            _rotate(path, self.options.keep)
        _append(path, line)


def _append(path: Path, line: bytes) -> None:
    """Append a whole line or nothing.

    A line that a crash tore is closed first: it never counted as delivered, and the next one must not be glued to it.
    """
    existed = path.exists()
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
        try:
            _write_all(file, b"\n" + line if torn and line else line)
            os.fsync(file)
        except OSError:
            os.ftruncate(file, size)
            raise
    finally:
        os.close(file)
    if not existed:
        _sync_directory(path.parent)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _rotate(path: Path, keep: int) -> None:
    """Shift the old files by one, the oldest over the edge; killed half-way, it loses none but that one."""
    kept = [path, *(path.with_name(f"{path.name}.{number}") for number in range(1, keep + 1))]
    if keep == 0:
        path.unlink()
    for older, newer in zip(reversed(kept[1:]), reversed(kept[:-1]), strict=True):
        if newer.exists():
            newer.replace(older)
    _sync_directory(path.parent)


def _sync_directory(directory: Path) -> None:
    """Make names last as the contents do."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
