"""The Rust crate that this project succeeds, asked from here: built once, then a process that answers line by line.

The program (`benchmarks/peers/crate`) is copied out of the checkout and built there in release mode against the crate's
public release. It measures itself, so that nothing of what stands between the two processes is in its figures.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.environment import home

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from crackle_stream import Window

__all__ = ["Crate", "CrateAbsentError", "crate_of"]

SOURCE = Path(__file__).with_name("peers") / "crate"
PROGRAM = "crate-cooling"


class CrateAbsentError(Exception):
    """The crate cannot be had here, and why, in one line."""


class Crate:
    """The crate's side.

    Args:
        process: the program, with its windows read.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def cool(self, window: int) -> tuple[float, float]:
        """Seconds that a cooling of a window took: by the clock, and of processor."""
        return self._taken(f"cool {window}")

    def inform(self, window: int) -> tuple[float, float]:
        """Likewise of the four information functions."""
        return self._taken(f"information {window}")

    def patterns(self, window: int) -> list[tuple[str, float]]:
        """Kind and confidence of what the last cooling of a window found."""
        count = int(self._asked(f"patterns {window}"))
        pairs = [self._line().rsplit("\t", 1) for _ in range(count)]
        return [(kind, float(confidence)) for kind, confidence in pairs]

    def figures(self, window: int) -> list[float]:
        """Mutual informations of all pairs of metrics, both ways, then permutation entropies, each sorted."""
        return [float(word) for word in self._asked(f"figures {window}").split()]

    def _taken(self, what: str) -> tuple[float, float]:
        wall, processor = self._asked(what).split()
        return int(wall) / 1e9, int(processor) / 1e9

    def _asked(self, what: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{PROGRAM} has ended with {self._process.wait()}: what it said stands above")
        return line.rstrip("\n")


@contextmanager
def crate_of(windows: Sequence[Window]) -> Iterator[Crate]:
    """The crate with a kiln for each window, until the end of the block.

    Raises:
        CrateAbsentError: no cargo, or no registry to take the crate from.
    """
    program = _built()
    with tempfile.NamedTemporaryFile() as file:
        for window in windows:
            file.write(f"{len(window)} {' '.join(window.names)}\n".encode())
            file.write(np.ascontiguousarray(window.values, dtype="<f8").tobytes())
        file.flush()
        with subprocess.Popen(
            [program, file.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                yield Crate(process)
            finally:
                process.kill()


def _built() -> Path:
    """The program, built anew where its source has changed: cargo sees to that."""
    cargo = shutil.which("cargo")
    if cargo is None:
        raise CrateAbsentError("the crate's columns are left out: no cargo on the path (https://rustup.rs)")
    place = home() / "crate"
    target = place / "target"
    shutil.copytree(SOURCE, place / "source", dirs_exist_ok=True)
    if not (target / "release" / PROGRAM).exists():
        print(f"building the crate in {place}: half a minute, once", file=sys.stderr, flush=True)
    done = subprocess.run(
        [cargo, "build", "--release", "--quiet"],
        cwd=place / "source",
        env={**os.environ, "CARGO_TARGET_DIR": str(target), "CARGO_NET_RETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("error")] or [f"exit {done.returncode}"]
        raise CrateAbsentError(f"the crate's columns are left out: cargo build: {said[0]}")
    return target / "release" / PROGRAM
