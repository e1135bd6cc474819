"""A pipe, end to end: a section of `make bench`.

The same NDJSON records of 8 metrics go through a pipe into each contender, which takes the mean and the correlation of
the metrics of every 1,000; who does other work is named with it. The steady part is measured from the first window's
end to the last one's, by the clock and by the processor seconds of all threads; ratios are of the latter, because a
machine that others use too gives a process less of the clock than it worked. Starting each interpreter stands apart.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.peers import environment
from benchmarks.peers.marks import METRICS, WINDOW
from benchmarks.pipe.contender import Run, piped
from benchmarks.tables import Table, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Iterable

ROUNDS = 5
OURS, THRESHOLDS, EVIDENCE = "crackle_stream", "crackle_stream, threshold family", "crackle_stream, evidence family"


@dataclass(frozen=True, slots=True)
class Contender:
    """A program.

    Attributes:
        name: what the table calls it.
        work: what it does.
        program: how it is run.
        records: how many it gets; fewer for the slow, whose rate is the same.
        gate: how many times as quick ours is, at least.
    """

    name: str
    work: str
    program: tuple[str, ...]
    records: int = 200_000
    gate: float | None = None


def measure(quick: bool) -> list[Table]:
    """Every contender once a round."""
    with ExitStack() as stack:
        contenders = [*_ours(), *_peers(stack)]
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="crackle-pipe-")))
        count = {each.name: min(each.records, 6_000) if quick else each.records for each in contenders}
        files = {size: written(directory / f"{size}.ndjson", size) for size in set(count.values())}
        runs: dict[str, list[Run]] = {each.name: [] for each in contenders}
        for _ in range(1 if quick else ROUNDS):
            for each in contenders:
                runs[each.name].append(piped(each.program, files[count[each.name]]))
    return [_speeds(contenders, runs), _defaults(runs[EVIDENCE])]


def _ours() -> Iterable[Contender]:
    here = (sys.executable, "-m", "benchmarks.pipe.ours")
    work = "mean and correlation, in a detector of one's own"
    yield Contender(OURS, work, (*here, "mean"))
    if (taskset := shutil.which("taskset")) is not None:
        one = str(min(os.sched_getaffinity(0)))
        yield Contender(f"{OURS}, on one core", work, (taskset, "-c", one, *here, "mean"))
    yield Contender(THRESHOLDS, "all four detectors", (*here, "threshold"))
    yield Contender(EVIDENCE, "all detectors at the defaults", (*here, "evidence"), 30_000)
    module = (sys.executable, "-m", "benchmarks.peers.plain_windows")
    yield Contender("json.loads, numpy", "mean and correlation", module, gate=3.0)
    yield Contender("msgspec, numpy", "mean and correlation", (*module, "--msgspec"))


def _peers(stack: ExitStack) -> Iterable[Contender]:
    try:
        python = str(environment.python())
    except environment.PeersAbsentError as reason:
        print(reason, file=sys.stderr)
        return
    yield Contender("bytewax", "mean and correlation", (python, "-m", "benchmarks.peers.bytewax_windows"), gate=3.0)
    for detector, records in (("ADWIN", 60_000), ("PageHinkley", 60_000), ("KSWIN", 4_000)):
        program = (python, "-m", "benchmarks.peers.river_drift", detector)
        yield Contender(f"river, {detector}", "a drift detector on each metric of each record", program, records, 30.0)
    broker = _broker(stack)
    if broker is not None:
        program = (python, "-m", "benchmarks.peers.quix_windows", broker)
        yield Contender("quix-streams", "mean and correlation, from a broker", program, 40_000, 10.0)


def _broker(stack: ExitStack) -> str | None:
    """Where quix-streams reads, which needs one: the tests' Kafka."""
    from kafka_broker import BrokerFailed, start_broker  # not at the top: our own contender is a module of this package

    try:
        broker = start_broker()
    except BrokerFailed as reason:
        print(f"quix-streams is left out: {reason}", file=sys.stderr)
        return None
    stack.callback(broker.stop)
    return broker.address


def written(path: Path, count: int) -> Path:
    """A file of so many records, a millisecond apart."""
    rng = random.Random(1)
    with path.open("w") as file:
        for number in range(count):
            metrics = {name: round(rng.gauss(100, 15), 6) for name in METRICS}
            record = {"label": f"task-{number % 50}", "ts": round(1.7e9 + number / 1000, 3), "metrics": metrics}
            file.write(json.dumps(record, separators=(",", ":")) + "\n")
    return path


def _speeds(contenders: list[Contender], runs: dict[str, list[Run]]) -> Table:
    rows, missed = [], []
    ours = [run.cpu_rate for run in runs[OURS]]
    for each in contenders:
        theirs = [run.cpu_rate for run in runs[each.name]]
        times = ratios(ours, theirs)
        gate = "" if each.gate is None else f"{each.gate:g}"
        first = median(run.first_s for run in runs[each.name])
        rows.append(
            (each.name, each.work, spread([run.rate / 1e3 for run in runs[each.name]], 1),
             spread([rate / 1e3 for rate in theirs], 1), "" if each.name == OURS else spread(times, 1), gate,
             f"{first:.2f}", f"{median(run.whole_cpu_s - run.steady_cpu_s for run in runs[each.name]):.2f}")
        )  # fmt: skip
        if each.gate is not None and median(times) < each.gate:
            missed.append(f"{median(times):.1f} times {each.name}, not {each.gate:g}")
    missed += _disagreement(runs) + _thresholds(runs)
    note = (
        f"NDJSON of {len(METRICS)} metrics through a pipe, windows of {WINDOW:,}; medians of {len(runs[OURS])} rounds "
        "in turn (least .. most), thousands of records a second from the first window's end to the last one's; ours "
        "times: by the processor. quix-streams reads a broker, from the moment its records are there."
    )
    head = ("who", "work", "by the clock", "by the processor", "ours times", "at least", "first window after s",
            "processor s before and after")  # fmt: skip
    return Table("pipe", head, tuple(rows), note, tuple(missed))


def _thresholds(runs: dict[str, list[Run]], gate: float = 1.1) -> list[str]:
    """All threshold detectors beside what bytewax needs for mean and correlation alone."""
    if "bytewax" not in runs:
        return []
    times = ratios([run.cpu_rate for run in runs[THRESHOLDS]], [run.cpu_rate for run in runs["bytewax"]])
    return [f"all threshold detectors {median(times):.2f} times bytewax, not {gate:g}"] if median(times) < gate else []


def _disagreement(runs: dict[str, list[Run]]) -> list[str]:
    """Who takes mean and correlation of the same records must come to the same numbers."""
    expected = runs["json.loads, numpy"][0].said
    return [
        f"{name} came to other numbers"
        for name in (OURS, "msgspec, numpy", "bytewax")
        for run in runs.get(name, [])
        if any(abs(run.said[key] - expected[key]) > 1e-9 * abs(expected[key]) for key in ("windows", "level", "bond"))
    ]


def _defaults(runs: list[Run]) -> Table:
    """The sustained rate of the evidence family."""
    rows = (
        ("records/s by the clock", spread([run.rate for run in runs])),
        ("records/s by the processor", spread([run.cpu_rate for run in runs])),
        ("windows cooled", spread([run.said["windows"] for run in runs])),
        ("windows merged into the next", spread([run.said.get("merged", 0) for run in runs])),
    )
    note = "The evidence family at the defaults: windows of 1,000 records of which 500 are new."
    return Table("pipe-evidence", ("", "median (least .. most)"), rows, note)
