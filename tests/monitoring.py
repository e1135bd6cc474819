"""A real Alertmanager and a real Prometheus on loopback, each with a data directory of its own."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from debian import program

__all__ = ["Service", "alertmanager", "prometheus", "until"]

T = TypeVar("T")

STARTS_WITHIN_S = 30.0
COMES_WITHIN_S = 20.0
ENDS_WITHIN_S = 10.0
POLL_S = 0.05
STARTS = 3
"""A port is chosen before the service takes it; someone else may be quicker, but hardly three times."""


@dataclass
class Service:
    """A service that answers.

    Attributes:
        url: where.
        command: what runs.
        log: where it writes what it says.
        process: the process, or None once it was ended.
    """

    url: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def start(self) -> bool:
        """Start it and wait until it is ready; False where it ended before."""
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=out)
        until = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < until and self.process.poll() is None:
            if self._ready():
                return True
            time.sleep(POLL_S)
        self.stop()
        return False

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """End it, and only it."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def get(self, path: str) -> Any:
        """What it answers, as JSON values."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=10) as answer:
            return json.load(answer)


async def until(look: Callable[[], Awaitable[T]], fits: Callable[[T], bool]) -> T:
    """What is there to see, once it fits: a service tells nobody when it changes."""
    async with asyncio.timeout(COMES_WITHIN_S):
        while True:
            seen = await look()
            if fits(seen):
                return seen
            await asyncio.sleep(POLL_S)


@contextlib.contextmanager
def alertmanager(directory: Path, configuration: str) -> Iterator[Service]:
    """An Alertmanager that does not look for others.

    Args:
        directory: its own.
        configuration: the text of its file.
    """
    file = directory / "alertmanager.yml"
    file.write_text(configuration)
    options = [
        f"--config.file={file}",
        f"--storage.path={directory / 'data'}",
        "--cluster.listen-address=",
        "--log.level=debug",
    ]
    with _running("prometheus-alertmanager", options, directory) as service:
        yield service


@contextlib.contextmanager
def prometheus(directory: Path, configuration: str) -> Iterator[Service]:
    """A Prometheus.

    Args:
        directory: its own.
        configuration: the text of its file.
    """
    file = directory / "prometheus.yml"
    file.write_text(configuration)
    options = [f"--config.file={file}", f"--storage.tsdb.path={directory / 'data'}"]
    with _running("prometheus", options, directory) as service:
        yield service


@contextlib.contextmanager
def _running(name: str, options: Sequence[str], directory: Path) -> Iterator[Service]:
    executable = program(name)
    for _ in range(STARTS):
        address = f"127.0.0.1:{_free_port()}"
        command = [executable, *options, f"--web.listen-address={address}"]
        service = Service(f"http://{address}", command, directory / f"{name}.log")
        if service.start():
            break
    else:
        raise AssertionError(f"{name} does not start:\n{service.log.read_text()[-2000:]}")
    try:
        yield service
    finally:
        service.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
