"""Memory and start-up: a section of `make bench`.

Fresh processes each time. Memory is what is resident beyond the process that has begun and read nothing, beside the
bytes it must hold: 8 for each metric of each task, its time, its label and the reference to it. Start-up is what the
command takes of the processor, and how soon `crackle-stream run` on a pipe has cooled its first window.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.tables import Table, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HELP_S, FIRST_S = 0.25, 1.5
"""Most that root `--help` may take of the processor, and the first cooling of a pipe, from the process's start."""

CASES = (
    (1_000, 8, 1), (10_000, 8, 1), (100_000, 8, 1),
    (1_000, 64, 1), (1_000, 256, 1),
    (20, 8, 100), (20, 8, 1_000), (20, 8, 10_000),
)  # fmt: skip
"""Tasks of a ring, metrics of a task, kilns."""

MIB = 2**20
WINDOW = 1_000
CONFIGURATION = '[source]\nkind = "stdin"\n\n[kiln]\nevery_tasks = 500\n\n[sinks.out]\nkind = "stdout"\n'
COMMAND = (sys.executable, "-m", "crackle_stream")
ROOT = Path(__file__).parents[2]
TICK_S = 1 / os.sysconf("SC_CLK_TCK")


def measure(quick: bool) -> list[Table]:
    """Memory of every case, then every start, in turn."""
    return [_memory(CASES[:2] if quick else CASES), _starts(2 if quick else 5)]


def _memory(cases: Sequence[tuple[int, int, int]]) -> Table:
    rows = []
    for tasks, metrics, kilns in cases:
        program = (sys.executable, "-m", "benchmarks.footprint.held", str(tasks), str(metrics), str(kilns))
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(program)}: exit {done.returncode}\n{done.stderr[-2000:]}")
        said = json.loads(done.stdout)
        grown, held = said["after"] - said["before"], said["held"]
        rows.append(
            (f"{kilns:,}", f"{tasks:,}", f"{metrics}", f"{said['after'] / MIB:.0f}", f"{grown / MIB:.1f}",
             f"{held / MIB:.1f}", f"{grown / held:.1f}", f"{(grown - held) / kilns / 1024:,.0f}")
        )  # fmt: skip
    head = ("kilns", "tasks each", "metrics", "resident MiB", "more than at the start", "must hold MiB", "times",
            "KiB a kiln beyond")  # fmt: skip
    return Table("memory", head, tuple(rows), "Rings that are full, no detectors; tasks of a key come ten at a time.")


def _starts(rounds: int) -> Table:
    with tempfile.TemporaryDirectory(prefix="crackle-start-") as directory:
        configuration = Path(directory) / "crackle.toml"
        configuration.write_text(CONFIGURATION)
        starts: dict[str, Callable[[], tuple[float, float]]] = {
            "`crackle-stream --help`": lambda: _command("--help"),
            "`crackle-stream check CONFIG`": lambda: _command("check", str(configuration)),
            "a pipe, to its first cooling": lambda: _first_cooling(Path(directory)),
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in starts}
        for start in starts.values():
            start()  # from the disk, the first time
        for _ in range(rounds):
            for name, start in starts.items():
                taken[name].append(start())
    rows, missed = [], []
    gates = {"`crackle-stream --help`": HELP_S, "a pipe, to its first cooling": FIRST_S}
    for name, seconds in taken.items():
        cpu, wall = ([each[which] for each in seconds] for which in (0, 1))
        gate = gates.get(name)
        rows.append((name, spread(cpu, 2), spread(wall, 2), "" if gate is None else f"{gate:g}"))
        if gate is not None and median(cpu) > gate:
            missed.append(f"{name}: {median(cpu):.2f} s of the processor, not {gate:g}")
    note = f"Seconds, medians of {rounds} rounds in turn (least .. most); the gates are of the processor."
    return Table("start", ("what", "processor s", "by the clock s", "at most"), tuple(rows), note, tuple(missed))


def _command(*words: str) -> tuple[float, float]:
    """Seconds of processor and of the clock that a command takes."""
    began = time.monotonic()
    process = subprocess.Popen((*COMMAND, *words), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"crackle-stream {' '.join(words)}: exit {process.returncode}")
    return used.ru_utime + used.ru_stime, time.monotonic() - began


def _first_cooling(directory: Path) -> tuple[float, float]:
    """Of `crackle-stream run` with a window's records on standard input, until it says that the window is cooled."""
    records = b"".join(
        b'{"label":"t%d","ts":%d,"metrics":{"ms":%d,"n":%d}}\n' % (n, 1_700_000_000 + n // 100, n * 7919 % 1009, n % 13)
        for n in range(WINDOW)
    )
    began = time.monotonic()
    with subprocess.Popen(
        (*COMMAND, "run", "-v"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=directory
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(records)
        process.stdin.flush()
        for line in process.stderr:
            if b"window.cooled" in line:
                took = time.monotonic() - began
                fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
                process.stdin.close()
                process.stderr.read()
                return (int(fields[11]) + int(fields[12])) * TICK_S, took
    raise SystemExit(f"a pipe of {WINDOW:,} records cooled no window: exit {process.returncode}")
