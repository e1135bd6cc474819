"""One, two and four processes in a consumer group: what a record costs all of them, and what a rebalance takes.

First the cost: so many processes share the partitions, then the topic is filled as quickly as it takes, and the
processor that all of them used by the last commit is counted for each record. Then moves: records come at a steady
rate, processes join and one leaves, and the records that are not committed are counted ten times a second. Last, what
`benchmarks.fleet` says of these points and of a thousand partitions.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from kafka_broker import start_broker
from receiver import Receiver

from benchmarks.fleet import Fleet, Worker
from benchmarks.kafka.rig import Run, configuration, offsets_of, topic_of
from benchmarks.kafka.webhook import CUT_EVERY, until
from benchmarks.kafka.writer import writing
from benchmarks.tables import Table, ratios, spread
from crackle_stream.stream.committer import COMMIT_EVERY_S

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kafka_broker import Broker

    from benchmarks.kafka.rig import Looker
    from benchmarks.kafka.writer import Writer

__all__ = ["measure"]

ROOT = Path(__file__).parents[1]

THRESHOLD, EVIDENCE = '\n[profile]\nfamily = "threshold"\n', ""
"""What a configuration says of the families; the evidence family is the default."""

PROCESSES = (1, 2, 4)
EVIDENCE_PROCESSES = (1, 2)
"""One for each core: there a process has no time to spare."""
PARTITIONS = 8
RECORDS, QUICK_RECORDS = 240_000, 40_000
ROUNDS = 2

DELIVERED_RATE = 20_000.0
"""Gate: records a second that two processes with the evidence family bring to an acknowledged webhook."""

WITHIN = 0.15
"""Gate: by so much the records a second of processor may fall below those of a single process."""

MOVING_RATE, QUICK_MOVING_RATE = 6_000.0, 1_000.0
"""Records a second while processes come and go: a part of what one takes, so that lag is the rebalance's."""

BEFORE_S, AFTER_S = 6.0, 10.0
"""Before a move, to know the usual lag, and after it, to see it come back."""

LOOK_S = 0.1
SPLIT_WITHIN_S = 60.0

REFILL = 4_000
"""Records read again for each partition that moves: four rings, as many as a commit's metadata may ask for."""

THOUSAND = {"partitions": 1_000, "rate": 1_000_000.0}
PAUSE_OF_MANY = 3.0
"""Times the pause measured here: members of a large group come together more slowly, the slowest decides."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What a topic cost so many processes.

    Attributes:
        cpu_rate: records a second of processor, of all processes together.
        rate: records a second by the clock.
        memory: of the largest process, MiB.
    """

    cpu_rate: float
    rate: float
    memory: float


@dataclass(frozen=True, slots=True)
class Moved:
    """A rebalance.

    Attributes:
        name: what happened.
        split_s: from the start of a process, or the signal to one, until every member had its partitions.
        pause_s: from the first member that let go to the last that had its partitions.
        usual: records not committed before, the most.
        most: records not committed at the worst moment.
        back_s: from then on until no more than usual were.
    """

    name: str
    split_s: float
    pause_s: float
    usual: int
    most: int
    back_s: float


def measure(quick: bool) -> list[Table]:
    """Four tables: the cost of sharing, the evidence family on two cores, moves, and the model."""
    broker = start_broker()
    try:
        return asyncio.run(_measure(broker, quick=quick))
    finally:
        broker.stop()


async def _measure(broker: Broker, *, quick: bool) -> list[Table]:
    shared: dict[int, list[Shared]] = {count: [] for count in PROCESSES}
    for number in range(1 if quick else ROUNDS):
        for count in PROCESSES:
            shared[count].append(await _share(broker, f"shared-{number}-{count}", count, THRESHOLD, quick=quick))
    evidence = {
        count: [
            await _share(broker, f"evidence-{number}-{count}", count, EVIDENCE, quick=quick)
            for number in range(1 if quick else ROUNDS)
        ]
        for count in EVIDENCE_PROCESSES
    }
    decoded = await asyncio.to_thread(_decode_cpu_s, broker, f"shared-0-{PROCESSES[0]}", quick=quick)
    moves = await _moves(broker, QUICK_MOVING_RATE if quick else MOVING_RATE)
    worker = _worker(shared, decoded)
    there = f"{broker.description.split(',')[0]}, {PARTITIONS} partitions"
    on = f"{there}, threshold family, everything on two cores."
    return [
        _sharing(shared, on),
        _evidence(evidence, f"{there}, evidence family at its defaults."),
        _moving(moves, worker, QUICK_MOVING_RATE if quick else MOVING_RATE, on),
        _thousand(worker, moves),
    ]


# -- what sharing costs ------------------------------------------------------------------------------------------------


async def _share(broker: Broker, topic: str, count: int, text: str, *, quick: bool) -> Shared:
    records = QUICK_RECORDS if quick else RECORDS
    await topic_of(broker, topic, PARTITIONS)
    async with (
        Receiver() as receiver,
        writing(broker, topic, PARTITIONS) as writer,
        offsets_of(broker, topic, PARTITIONS) as look,
    ):
        with _group(broker, topic, receiver.url, text) as group:
            group.start(count)
            await group.split()
            cpu, began = group.cpu_s(), time.monotonic()
            await writer.write(records, lambda number: 1.7e9 + number / 1000)
            await writer.flush()
            ended, _ = await until(group.runs, look, topic, lambda seen: seen.lag < CUT_EVERY * PARTITIONS)
            cpu = group.cpu_s() - cpu
            memory = max(run.memory()["VmHWM"] for run in group.runs)
            await group.end()
    return Shared(records / cpu, records / (ended - began), memory)


def _decode_cpu_s(broker: Broker, topic: str, *, quick: bool) -> float:
    """Of processor for a record that is read and decoded, and no more."""
    words = "-m", "benchmarks.kafka.ladder", "columns", broker.address, topic, str(QUICK_RECORDS if quick else RECORDS)
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout)
    return float(said["cpu_s"] / said["records"])


def _worker(shared: dict[int, list[Shared]], decoded: float) -> Worker:
    """What one process costs, from the least and the most partitions a process had."""
    alone, many = shared[min(PROCESSES)], shared[max(PROCESSES)]
    most, few = PARTITIONS / min(PROCESSES), PARTITIONS / max(PROCESSES)
    memory = median(each.memory for each in alone), median(each.memory for each in many)
    partition_mib = max(0.0, (memory[0] - memory[1]) / (most - few))
    return Worker(
        cpu_s=1 / median(each.cpu_rate for each in alone),
        refill_cpu_s=decoded,
        base_mib=memory[0] - most * partition_mib,
        partition_kib=1024 * partition_mib,
    )


# -- moves -------------------------------------------------------------------------------------------------------------


async def _moves(broker: Broker, rate: float) -> list[Moved]:
    topic = await topic_of(broker, "moves", PARTITIONS)
    async with (
        Receiver() as receiver,
        writing(broker, topic, PARTITIONS) as writer,
        offsets_of(broker, topic, PARTITIONS) as look,
    ):
        with _group(broker, topic, receiver.url, THRESHOLD) as group:
            group.start()
            await group.split()
            watch = _Watch(look, topic, writer)
            steady = asyncio.create_task(writer.steadily(rate, 3600.0))
            looking = asyncio.create_task(watch.run())
            try:
                moves = [
                    await watch.move("1 process, a second joins", group, group.start),
                    await watch.move("2 processes, two more join", group, lambda: group.start(2)),
                    await watch.move("4 processes, one leaves (SIGTERM)", group, group.dismiss),
                ]
            finally:
                steady.cancel()
                looking.cancel()
                await asyncio.wait({steady, looking})
            await group.end()
    return moves


class _Watch:
    """Looks at how much is not committed, all the time."""

    def __init__(self, look: Looker, group: str, writer: Writer) -> None:
        self._look = look
        self._group = group
        self._writer = writer
        self._seen: list[tuple[float, int]] = []

    async def run(self) -> None:
        while True:
            offsets = await self._look(self._group)
            self._seen.append((time.time(), self._writer.acknowledged.records - offsets.committed))
            await asyncio.sleep(LOOK_S)

    async def move(self, name: str, group: _Group, act: object) -> Moved:
        """Do something to the group, and see what comes of it."""
        await asyncio.sleep(BEFORE_S)
        began = time.time()
        act()  # type: ignore[operator]
        await group.split(since=began)
        await asyncio.sleep(AFTER_S)
        usual = max(lag for at, lag in self._seen if began - BEFORE_S / 2 < at < began)
        after = [(at, lag) for at, lag in self._seen if at >= began]
        worst_at, most = max(after, key=lambda sample: sample[1])
        back = next((at for at, lag in after if at > worst_at and lag <= usual), float("inf"))
        let_go, took = group.moved(since=began)
        return Moved(name, took - began, took - let_go, usual, most, back - worst_at)


class _Group:
    """Processes of one group, each with a directory of its own."""

    def __init__(self, directory: Path, text: str) -> None:
        self._directory = directory
        self._text = text
        self.runs: list[Run] = []
        self._gone: list[Run] = []

    def start(self, count: int = 1) -> None:
        """So many more."""
        for _ in range(count):
            directory = self._directory / str(len(self.runs) + len(self._gone))
            directory.mkdir()
            self.runs.append(Run(directory, self._text, verbose=True))

    def dismiss(self) -> None:
        """One less; it is told to end."""
        run = self.runs.pop()
        self._gone.append(run)
        run.process.terminate()

    async def split(self, since: float = 0.0) -> None:
        """Wait until every member has partitions, and together they have all."""
        late = time.monotonic() + SPLIT_WITHIN_S
        while not self._is_split(since):
            if time.monotonic() > late:
                raise SystemExit(f"partitions were not shared by {len(self.runs)} within {SPLIT_WITHIN_S:g} s")
            await asyncio.sleep(LOOK_S)

    def moved(self, since: float) -> tuple[float, float]:
        """When the first member let go since then, and when the last one had its partitions."""
        every = (*self.runs, *self._gone)
        let_go = [at for run in every for at, _ in _told(run, "partitions.revoked") if at >= since]
        return min(let_go), max(list(_told(run, "partitions.assigned"))[-1][0] for run in self.runs)

    def cpu_s(self) -> float:
        return sum(run.cpu_s() for run in self.runs)

    async def end(self) -> None:
        for run in (*self.runs, *self._gone):
            if await run.end():
                raise SystemExit((run.directory / "run.log").read_text()[-4000:])

    def kill(self) -> None:
        for run in (*self.runs, *self._gone):
            run.kill()

    def _is_split(self, since: float) -> bool:
        shares = []
        for run in self.runs:
            run.check()
            assigned = [parts for at, parts in _told(run, "partitions.assigned") if at >= since]
            shares.append(assigned[-1] if assigned else 0)
        return all(shares) and sum(shares) == PARTITIONS


@contextlib.contextmanager
def _group(broker: Broker, topic: str, url: str, text: str) -> Iterator[_Group]:
    with tempfile.TemporaryDirectory(prefix="crackle-scaling-") as directory:
        group = _Group(Path(directory), configuration(broker, topic, url, text, group=topic))
        try:
            yield group
        finally:
            group.kill()


def _told(run: Run, event: str) -> Iterator[tuple[float, int]]:
    """When a process said so, and of how many partitions."""
    for line in run.told(event):
        partitions = line["partitions"]
        yield datetime.fromisoformat(str(line["timestamp"])).timestamp(), len(partitions)  # type: ignore[arg-type]


# -- tables ------------------------------------------------------------------------------------------------------------


def _sharing(shared: dict[int, list[Shared]], on: str) -> Table:
    alone = [each.cpu_rate for each in shared[1]]
    rows, missed = [], []
    for count, runs in shared.items():
        shares = ratios([each.cpu_rate for each in runs], alone)
        rows.append(
            (
                f"{count}",
                spread([each.cpu_rate for each in runs]),
                spread(shares, 2),
                spread([each.rate for each in runs]),
                f"{max(each.memory for each in runs):.0f}",
            )
        )
        if median(shares) < 1 - WITHIN:
            missed.append(f"{count} processes do {median(shares):.2f} of the work of one in a second of processor")
    return Table(
        "scaling",
        ("processes", "records/s of processor, all together", "share of one process", "records/s", "MiB each"),
        tuple(rows),
        f"{on} Start-up and sharing are over before the first record; the model says 1 in the third column.",
        tuple(missed),
    )


def _evidence(shared: dict[int, list[Shared]], on: str) -> Table:
    rows, missed = [], []
    for count, runs in shared.items():
        rate = median(each.rate for each in runs)
        rows.append(
            (
                f"{count}",
                spread([each.rate for each in runs]),
                spread([each.cpu_rate for each in runs]),
                f"{max(each.memory for each in runs):.0f}",
            )
        )
        if count == max(shared) and rate < DELIVERED_RATE:
            missed.append(f"{count} processes bring {rate:,.0f} records/s to a webhook, not {DELIVERED_RATE:,.0f}")
    return Table(
        "scaling-evidence",
        ("processes", "records/s", "records/s of processor, all together", "MiB each"),
        tuple(rows),
        f"{on} From the first record written to the last commit, when every alert has a 2xx; the producer, the broker "
        "and the receiver run on the same two cores.",
        tuple(missed),
    )


def _moving(moves: Sequence[Moved], worker: Worker, rate: float, on: str) -> Table:
    rows = []
    for move in moves:
        foreseen = Fleet(worker, PARTITIONS, rate).move(move.pause_s, CUT_EVERY * 2)
        late_s = foreseen.still_s + COMMIT_EVERY_S
        rows.append(
            (
                move.name,
                f"{move.split_s:.1f}",
                f"{move.pause_s:.2f}",
                f"{move.usual:,}",
                f"{move.most:,}",
                f"{move.usual + rate * foreseen.still_s:,.0f} to {move.usual + rate * late_s:,.0f}",
                f"{move.back_s:.1f}",
            )
        )
    return Table(
        "scaling-moves",
        ("move", "s until all have their share", "s nobody reads", "lag before, most", "lag at the worst",
         "by the model", "s until it is as before"),
        tuple(rows),
        f"{on} {rate:,.0f} records/s come; lag is what is not committed, and commits come once a second. The model: "
        "lag before, and what comes while nobody reads and while the ring of each partition is filled again; up to a "
        "second more until its next owner's first commit.",
    )  # fmt: skip


def _thousand(worker: Worker, moves: Sequence[Moved]) -> Table:
    pause = PAUSE_OF_MANY * max(move.pause_s for move in moves)
    rows = []
    for name, each in {"threshold, as measured": worker, "... at ten times the cost": _dearer(worker, 10.0)}.items():
        fleet = Fleet(each, **THOUSAND)  # type: ignore[arg-type]
        found = fleet.window_waits(np.random.default_rng(1))
        move = fleet.move(pause, REFILL)
        rows.append(
            (
                name,
                f"{1e6 * each.cpu_s:.0f}",
                f"{fleet.processes}",
                f"{fleet.machines}",
                f"{fleet.process_mib:.0f}",
                f"{fleet.processes * fleet.process_mib / 1024:.1f}",
                f"{1e3 * float(np.percentile(found, 50)):.0f}, {1e3 * float(np.percentile(found, 99)):.0f}",
                f"{fleet.processes * move.lag:,.0f}",
                f"{move.recovered_s:.0f}",
            )
        )
    return Table(
        "scaling-model",
        ("each process", "µs of processor a record", "processes", "machines of 8 cores", "MiB each", "GiB in all",
         "a window waits, ms: p50, p99", "lag at a rebalance, records", "s until it is made up for"),
        tuple(rows),
        f"Not measured: `benchmarks/fleet.py` for 1,000 partitions and 1,000,000 records/s, from the cost and "
        f"memory of a process above; a pause of {pause:.1f} s ({PAUSE_OF_MANY:g} times the longest above), "
        f"then {REFILL:,} records read again for each partition.",
    )  # fmt: skip


def _dearer(worker: Worker, times: float) -> Worker:
    return Worker(
        cpu_s=times * worker.cpu_s,
        refill_cpu_s=worker.refill_cpu_s,
        base_mib=worker.base_mib,
        partition_kib=worker.partition_kib,
    )
