"""From Apache Kafka to an acknowledged webhook: `PYTHONPATH=tests python -m benchmarks.kafka_throughput`.

A topic is filled first; then `crackle-stream run` reads it at its defaults, with the evidence family and with the
threshold family, and posts what it finds. Records a second are those between the first commit and the last, which comes
when every alert from below it has a 2xx; `start` is the time from the process's start to the first commit. Broker,
receiver and process share the machine. The gates: 20,000 records/s, and 200 MiB resident at defaults.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kafka_broker import start_broker
from receiver import Receiver

from benchmarks.kafka_rig import Offsets, Run, configuration, offsets_of, producer, record, topic_of
from benchmarks.machine import describe

if TYPE_CHECKING:
    from kafka_broker import Broker

    from benchmarks.kafka_rig import Looker

FAMILIES = {
    "evidence (default)": "",
    "threshold": '\n[profile]\nfamily = "threshold"\n',
}

SHIFT_EVERY = 12_300
"""Records of a stretch after which the latency trebles, or is normal again; off the grid on which windows end, because
a change between two windows is in neither."""

LOOK_S = 0.2
WITHIN_S = 300.0
RATE, RESIDENT_MIB = 20_000.0, 200.0
CUT_EVERY = 500
"""Records from cut to cut at the defaults: fewer than this many wait for more at the end of a partition."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One run.

    Attributes:
        rate: records a second between the first commit seen and the last.
        cpu_share: processor seconds a second of the process meanwhile.
        start_s: seconds from the start of the process to the first commit.
        memory: the most that was resident, MiB.
        posts: messages acknowledged.
        windows: milliseconds that each window took to cool, where the run logged them.
        took_s: seconds between the commits.
    """

    rate: float
    cpu_share: float
    start_s: float
    memory: float
    posts: int
    windows: tuple[float, ...]
    took_s: float


async def fill(broker: Broker, topic: str, records: int, partitions: int) -> None:
    """Write the records of a run."""
    rng = random.Random(1)
    async with producer(broker) as client:
        for number in range(records):
            shifted = number // SHIFT_EVERY % 2 == 1
            value = record(number, rng, at=1.7e9 + number / 1000, shifted=shifted)
            await client.send(topic, value, partition=number % partitions)


async def measure(
    broker: Broker, look: Looker, topic: str, text: str, *, partitions: int, verbose: bool = False
) -> Measured:
    """Run to the end of the topic in a new group."""
    async with Receiver() as receiver:
        with tempfile.TemporaryDirectory(prefix="crackle-throughput-") as directory:
            group = f"group-{time.monotonic_ns()}"
            settings = configuration(broker, topic, receiver.url, text, group=group)
            run = Run(Path(directory), settings, verbose=verbose)
            try:
                began = await _until(run, look, group, lambda seen: seen.committed > 0)
                cpu = run.cpu_s()
                ended = await _until(run, look, group, lambda seen: seen.lag < CUT_EVERY * partitions)
                cpu = run.cpu_s() - cpu
                memory = run.memory()["VmHWM"]
                if await run.end():
                    raise SystemExit((Path(directory) / "run.log").read_text()[-4000:])
                windows = tuple(float(str(line["duration_ms"])) for line in run.told("window.cooled"))
            finally:
                run.kill()
        posts = len(receiver.requests)
    took = ended[0] - began[0]
    rate = (ended[1].committed - began[1].committed) / took
    return Measured(rate, cpu / took, began[0] - run.began, memory, posts, windows, took)


async def _until(run: Run, look: Looker, group: str, holds: object) -> tuple[float, Offsets]:
    """When something held of the offsets, and what they were."""
    late = time.monotonic() + WITHIN_S
    while time.monotonic() < late:
        run.check()
        seen = await look(group)
        if holds(seen):  # type: ignore[operator]
            return time.monotonic(), seen
        await asyncio.sleep(LOOK_S)
    raise SystemExit(f"not there within {WITHIN_S:g} s: {seen.committed:,} of {seen.end:,} records")


async def compare(broker: Broker, records: int, partitions: int, rounds: int) -> bool:
    """Every family once a round; whether the gates held."""
    topic = await topic_of(broker, "throughput", partitions)
    await fill(broker, topic, records, partitions)
    found: dict[str, list[Measured]] = {family: [] for family in FAMILIES}
    logged: dict[str, Measured] = {}
    async with offsets_of(broker, topic, partitions) as look:
        for _ in range(rounds):
            for family, text in FAMILIES.items():
                found[family].append(await measure(broker, look, topic, text, partitions=partitions))
        for family, text in FAMILIES.items():
            logged[family] = await measure(broker, look, topic, text, partitions=partitions, verbose=True)
    print(f"{'family':<20}{'records/s: median (least .. most)':>36}{'cpu':>7}{'start s':>9}{'MiB':>7}{'posts':>7}")
    held = True
    for family, runs in found.items():
        rates = [each.rate for each in runs]
        rate, memory = statistics.median(rates), max(each.memory for each in runs)
        missed = [f"MISSED {RATE:,.0f}/s"] * (rate < RATE) + [f"MISSED {RESIDENT_MIB:g} MiB"] * (memory > RESIDENT_MIB)
        missed += ["nothing was posted"] * any(not each.posts for each in runs)
        held = held and not missed
        print(
            f"{family:<20}{f'{rate:,.0f} ({min(rates):,.0f} .. {max(rates):,.0f})':>36}"
            f"{statistics.median(each.cpu_share for each in runs):>7.2f}"
            f"{statistics.median(each.start_s for each in runs):>9.1f}{memory:>7.0f}"
            f"{max(each.posts for each in runs):>7}  {', '.join(missed)}"
        )
    for family, run in logged.items():
        share = sum(run.windows) / 1e3 / run.took_s
        print(
            f"{family}: {len(run.windows)} windows cooled in {statistics.median(run.windows):.1f} ms each (median), "
            f"{share:.0%} of the run's {run.took_s:.1f} s"
        )
    return held


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=300_000, help="in the topic (300,000)")
    parser.add_argument("--partitions", type=int, default=2, help="of the topic (2)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over the families (3)")
    options = parser.parse_args()
    broker = start_broker()
    try:
        print(f"{describe()}\n{broker.description}; {options.records:,} records of about 190 B\n")
        held = asyncio.run(compare(broker, options.records, options.partitions, options.rounds))
    finally:
        broker.stop()
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
