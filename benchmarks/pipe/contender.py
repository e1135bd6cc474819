"""One run of one program on the records of a pipe, and what it took."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.peers.marks import BEGAN

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Run", "piped"]

ROOT = Path(__file__).parents[2]
WITHIN_S = 240.0


@dataclass(frozen=True, slots=True)
class Run:
    """What a program took.

    Attributes:
        records: those of the steady part, which is from the first window's end to the last one's.
        steady_s: its seconds by the clock.
        steady_cpu_s: its seconds of processor, all threads.
        first_s: from the process's start to the first window's end.
        whole_s: from its start to its end.
        whole_cpu_s: processor of the whole process.
        said: the line it printed.
    """

    records: float
    steady_s: float
    steady_cpu_s: float
    first_s: float
    whole_s: float
    whole_cpu_s: float
    said: dict[str, float]

    @property
    def rate(self) -> float:
        """Records a second by the clock."""
        return self.records / self.steady_s

    @property
    def cpu_rate(self) -> float:
        """Records a second of processor."""
        return self.records / self.steady_cpu_s


def piped(program: Sequence[str], records: Path) -> Run:
    """Run a program with the records on its standard input, from another process through a pipe.

    Raises:
        SystemExit: it failed; what it said is in the message.
    """
    with subprocess.Popen(["cat", str(records)], stdout=subprocess.PIPE) as writer:
        began = time.monotonic()
        environment = {**os.environ, BEGAN: repr(began), "PYTHONWARNINGS": "ignore"}
        with subprocess.Popen(
            program, stdin=writer.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, env=environment
        ) as child:
            assert writer.stdout is not None
            writer.stdout.close()  # ours: the writer must see when the program has gone
            out, err = child.communicate(timeout=WITHIN_S)
            took = time.monotonic() - began
    if child.returncode:
        raise SystemExit(f"{' '.join(program)}: exit {child.returncode}\n{err.decode()[-2000:]}")
    said = json.loads(out.decode().splitlines()[-1])
    return Run(
        said["records"], said["steady_s"], said["steady_cpu_s"], said["first_s"], took, said["whole_cpu_s"], said
    )
