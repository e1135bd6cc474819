"""A long run: `PYTHONPATH=tests python -m benchmarks.soak [--minutes 10] [--rate 1000] [--partitions 2]`.

`crackle-stream run` reads a topic that is written to at a steady rate, finds a shift every twenty seconds, and posts to
a receiver that is away now and then; its state directory is on. Every two seconds: resident memory, records behind the
log's end, alerts in the spool, and how late the event loop ticked. The process fails the soak if its memory is not
flat within 20 MiB after the warm-up, if the lag does not end small, or if an alert it made did not arrive.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kafka_broker import start_broker
from receiver import Receiver, Reply

from benchmarks.kafka.rig import TICKS, Run, configuration, offsets_of, producer, topic_of
from benchmarks.kafka.writer import record
from benchmarks.machine import describe
from crackle_stream.render.blocks import sparkline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kafka_broker import Broker

    from benchmarks.kafka.rig import Offsets

EVERY_S = 2.0
SLICE_S = 0.05
"""The producer writes what is due this often."""

SHIFT_S = 20.0
OUTAGE_EVERY_S, OUTAGE_S = 60.0, 15.0
"""The receiver is away in the last quarter of each minute: first it cuts connections, then it answers 503."""

WARM_UP_SHARE, WARM_UP_S = 0.2, 60.0
"""Until then memory may grow: rings, histories and the allocator's arenas fill."""

FLAT_MIB = 20.0
STRETCHES = 10
"""Memory is compared by the medians of so many stretches after the warm-up: a window being cooled adds some 20 MiB for
as long as it takes, which is no growth."""

CATCH_UP_S = 90.0
"""Most that is waited for the spool to empty and the lag to close, once nothing more is written."""

GROUP = "soak"

MORE = """
[state]
directory = "state"
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen at one time.

    Attributes:
        at: seconds since the process was started.
        memory: resident, MiB.
        lag: records written and not committed.
        spooled: alerts in the spool.
    """

    at: float
    memory: float
    lag: int
    spooled: int


class Outages:
    """When the receiver is away, and how."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.over = False

    def replies(self) -> Iterator[Reply]:
        """What it answers, for ever."""
        while True:
            into = (time.monotonic() - self._began) % OUTAGE_EVERY_S - (OUTAGE_EVERY_S - OUTAGE_S)
            if self.over or into < 0:
                yield Reply(204)
            else:
                yield Reply(act="cut") if into < OUTAGE_S / 2 else Reply(503)


async def soak(broker: Broker, directory: Path, minutes: float, rate: float, partitions: int) -> bool:
    """Run it; whether it held."""
    topic = await topic_of(broker, "soak", partitions)
    outages = Outages()
    async with (
        Receiver(outages.replies()) as receiver,
        producer(broker) as client,
        offsets_of(broker, topic, partitions) as look,
    ):
        run = Run(directory, configuration(broker, topic, receiver.url, MORE + TICKS, group=GROUP), verbose=True)
        try:
            writing = asyncio.create_task(_write(client, topic, rate, partitions, 60 * minutes))
            samples = []
            while not writing.done():
                await asyncio.wait({writing}, timeout=EVERY_S)
                samples.append(_sample(run, await look(GROUP)))
            written = await writing
            outages.over = True
            late = time.monotonic() + CATCH_UP_S
            while time.monotonic() < late:
                await asyncio.sleep(EVERY_S)
                last = _sample(run, await look(GROUP))
                if not last.spooled and last.lag <= _open_rows(partitions):
                    break
            code = await run.end()
        finally:
            run.kill()
        arrived = [each.headers["webhook-id"] for each in receiver.requests]
    return _told(run, samples, last, written, arrived, code, partitions)


def _open_rows(partitions: int) -> int:
    """Records that may wait for the next cut when nothing more comes; a quiet stream is cut after thirty seconds."""
    return 500 * partitions


def _sample(run: Run, offsets: Offsets) -> Sample:
    run.check()
    return Sample(time.monotonic() - run.began, run.memory()["VmRSS"], offsets.lag, run.spooled())


async def _write(client: object, topic: str, rate: float, partitions: int, seconds: float) -> int:
    """Records at a steady rate; how many."""
    rng = random.Random(1)
    began, number = time.monotonic(), 0
    while (into := time.monotonic() - began) < seconds:
        while number < rate * into:
            shifted = into % (2 * SHIFT_S) >= SHIFT_S
            value = record(number, rng, at=time.time(), shifted=shifted)
            await client.send(topic, value, partition=number % partitions)  # type: ignore[attr-defined]
            number += 1
        await asyncio.sleep(SLICE_S)
    await client.flush()  # type: ignore[attr-defined]
    return number


def _told(
    run: Run,
    samples: Sequence[Sample],
    last: Sample,
    written: int,
    arrived: Sequence[str],
    code: int,
    partitions: int,
) -> bool:
    end = samples[-1].at
    warm = max(WARM_UP_SHARE * end, min(WARM_UP_S, end / 2))
    after = [each.memory for each in samples if each.at >= warm]
    ticks = run.ticks()
    made = {str(line["alert"]) for line in run.told("alert.made")}
    missing = made - set(arrived)
    print(f"{end:.0f} s, {written:,} records, {len(made)} alerts made, {len(arrived)} requests, exit {code}\n")
    print(f"{'':<22}{'least':>8}{'median':>9}{'most':>9}")
    for name, values in {
        "resident memory, MiB": [each.memory for each in samples],
        "lag, records": [float(each.lag) for each in samples],
        "spool, alerts": [float(each.spooled) for each in samples],
        "tick p50, ms": [each["p50"] for each in ticks],
        "tick p99, ms": [each["p99"] for each in ticks],
        "tick latest, ms": [each["max"] for each in ticks],
    }.items():
        shown = f"{min(values):>8.1f}{statistics.median(values):>9.1f}{max(values):>9.1f}"
        print(f"{name:<22}{shown}  {sparkline(values)}")
    levels = [statistics.median(stretch) for stretch in _stretches(after)]
    spread = max(levels) - min(levels)
    print(
        f"\nmemory after {warm:.0f} s of warm-up: {min(after):.1f} to {max(after):.1f} MiB; medians of its "
        f"{len(levels)} stretches: {' '.join(f'{level:.0f}' for level in levels)}"
    )
    verdicts = {
        f"memory flat within {FLAT_MIB:g} MiB after the warm-up ({spread:.1f})": spread <= FLAT_MIB,
        f"every alert arrived ({len(missing)} missing)": not missing,
        f"the spool emptied ({last.spooled} left)": last.spooled == 0,
        f"the lag closed ({last.lag} records)": last.lag <= _open_rows(partitions),
        f"it ended with 0 ({code})": code == 0,
    }
    for verdict, holds in verdicts.items():
        print(f"{'held  ' if holds else 'FAILED'} {verdict}")
    return all(verdicts.values())


def _stretches(values: Sequence[float]) -> list[Sequence[float]]:
    count = min(STRETCHES, len(values))
    edges = [len(values) * number // count for number in range(count + 1)]
    return [values[start:end] for start, end in itertools.pairwise(edges)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long records are written (10)")
    parser.add_argument("--rate", type=float, default=1000.0, help="records a second (1,000)")
    parser.add_argument("--partitions", type=int, default=2, help="of the topic (2)")
    options = parser.parse_args()
    broker = start_broker()
    try:
        print(f"{describe()}\n{broker.description}")
        with tempfile.TemporaryDirectory(prefix="crackle-soak-") as directory:
            held = asyncio.run(soak(broker, Path(directory), options.minutes, options.rate, options.partitions))
    finally:
        broker.stop()
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
