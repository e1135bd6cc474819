"""The environment in which peers run: their packages, pinned, outside the checkout and outside our own environment.

It is made on first use, and anew when the requirements change. Where it cannot be made the reason is one line, and a
section leaves its peers' rows out.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PeersAbsentError", "home", "python"]

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
STAMP = "requirements.sha256"

PATIENCE = ("--retries", "1", "--timeout", "20")
"""Where there is no package index, it is known after this much and not after minutes."""


class PeersAbsentError(Exception):
    """There is no environment for peers, and why, in one line."""


def home() -> Path:
    """Where benchmarks keep what they install and build.

    `$CRACKLE_BENCH_HOME`, else `crackle-stream-bench` in `$XDG_CACHE_HOME` or ~/.cache.
    """
    if there := os.environ.get("CRACKLE_BENCH_HOME"):
        return Path(there)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crackle-stream-bench"


def python(requirements: Path = REQUIREMENTS) -> Path:
    """The interpreter that has the peers' packages.

    Args:
        requirements: what it must have; another file is another environment in the same place.

    Returns:
        Path of an executable; running it does not import anything of ours.

    Raises:
        PeersAbsentError: it could not be made; the message is one line.
    """
    place = home() / "peers"
    interpreter = place / "bin" / "python"
    wanted = hashlib.sha256(f"{sys.version}\n{requirements.read_text()}".encode()).hexdigest()
    try:
        place.mkdir(parents=True, exist_ok=True)
        with _alone(place):
            stamp = place / STAMP
            if stamp.exists() and stamp.read_text() == wanted and interpreter.exists():
                return interpreter
            stamp.unlink(missing_ok=True)
            print(f"installing the peers into {place}: about a minute, once", file=sys.stderr, flush=True)
            _run(sys.executable, "-m", "venv", "--clear", str(place))
            _run(str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
                 "--only-binary", ":all:", *PATIENCE, "--requirement", str(requirements))  # fmt: skip
            stamp.write_text(wanted)
    except OSError as exc:
        raise PeersAbsentError(f"no environment for peers in {place}: {exc}") from exc
    return interpreter


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Two benchmarks may begin at once; the second finds what the first has made."""
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
        # pip says first what it did not find, then what follows from it
        reason = next((line for line in said if line.startswith("ERROR:")), said[-1])
        raise PeersAbsentError(f"peers are left out: {' '.join(words[1:3])}: {reason.removeprefix('ERROR:').strip()}")
