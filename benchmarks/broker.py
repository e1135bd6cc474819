"""From Apache Kafka: how near our reading is to a loop that does nothing, to an acknowledged webhook, and beside peers.

One topic of records of eight metrics, read by one program after the other in rounds, each in a group of its own. The
broker and what is measured share the machine, so both the clock and the processor are shown: while others want it, only
the second means something.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from kafka_broker import start_broker

from benchmarks.kafka.rig import offsets_of, topic_of
from benchmarks.kafka.steady import Reading
from benchmarks.kafka.webhook import FAMILIES, Delivered, deliver
from benchmarks.kafka.writer import writing
from benchmarks.peers.environment import PeersAbsentError, python
from benchmarks.tables import Table, ratios, spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kafka_broker import Broker

__all__ = ["measure"]

ROOT = Path(__file__).parents[1]
PEERS = "benchmarks.peers"

PARTITIONS = 2
RECORDS, QUICK_RECORDS = 300_000, 20_000
ROUNDS, DELIVERY_ROUNDS = 3, 2

RING_SHARE = 0.6
"""Gate: broker to ring against a bare loop."""

DELIVERED_RATE, RESIDENT_MIB = 20_000.0, 200.0
"""Gates: records a second to an acknowledged webhook, and resident memory, at defaults."""

RUNGS = {
    "bare": "aiokafka `getmany`, nothing done",
    "source": "our source: batches of payloads, positions, times",
    "columns": "... decoded",
    "ring": "... in rings",
    "copies": "... with positions, and windows of 1,000 copied out for every 500 new records",
    "pipeline": "... the whole stream without detectors: settled positions, commits, a thread for each window",
    "windows": "... with the mean and correlation of each 1,000",
}
COMPRESSED = {"bare lz4": "bare", "ring lz4": "ring"}
"""The two ends again, from a topic compressed with lz4."""

Readings = dict[str, list[Reading]]


def measure(quick: bool) -> list[Table]:
    """Three tables: to the ring, beside peers, to a webhook."""
    broker = start_broker()
    try:
        return asyncio.run(_measure(broker, quick=quick))
    finally:
        broker.stop()


async def _measure(broker: Broker, *, quick: bool) -> list[Table]:
    records = QUICK_RECORDS if quick else RECORDS
    plain, packed = await topic_of(broker, "plain", PARTITIONS), await topic_of(broker, "packed", PARTITIONS)
    for topic, compression in ((plain, None), (packed, "lz4")):
        async with writing(broker, topic, PARTITIONS, compression=compression) as writer:
            await writer.write(records, lambda number: 1.7e9 + number / 1000)
    programs = {
        **{name: _ladder(name, broker, plain, records) for name in RUNGS},
        **{name: _ladder(rung, broker, packed, records) for name, rung in COMPRESSED.items()},
        **dict(_peers(broker, plain, records)),
    }
    found: Readings = {name: [] for name in programs}
    for _ in range(1 if quick else ROUNDS):
        for name, words in programs.items():
            found[name].append(await asyncio.to_thread(_run, words))
    delivered: dict[str, list[Delivered]] = {family: [] for family in FAMILIES}
    async with offsets_of(broker, plain, PARTITIONS) as look:
        for _ in range(1 if quick else DELIVERY_ROUNDS):
            for family, text in FAMILIES.items():
                delivered[family].append(await deliver(broker, look, plain, text, partitions=PARTITIONS))
    on = f"{broker.description.split(',')[0]}, {records:,} records of about 190 B in {PARTITIONS} partitions;"
    return [_to_the_ring(found, on), _beside_peers(found, on), _to_a_webhook(delivered, on)]


def _ladder(rung: str, broker: Broker, topic: str, records: int) -> Sequence[str]:
    return sys.executable, "-m", "benchmarks.kafka.ladder", rung, broker.address, topic, str(records)


def _peers(broker: Broker, topic: str, records: int) -> Iterator[tuple[str, Sequence[str]]]:
    """Programs of peers, where their environment can be had."""
    try:
        interpreter = str(python())
    except PeersAbsentError as reason:
        print(reason, file=sys.stderr)
        return
    where = broker.address, topic, str(records)
    yield "confluent-kafka, json.loads", (interpreter, "-m", f"{PEERS}.kafka_confluent", "json", *where)
    yield "confluent-kafka, msgspec", (interpreter, "-m", f"{PEERS}.kafka_confluent", "msgspec", *where)
    yield "quix-streams", (interpreter, "-m", f"{PEERS}.kafka_quix", *where)


def _run(words: Sequence[str]) -> Reading:
    """What a program printed."""
    done = subprocess.run(
        words,
        cwd=ROOT,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or not done.stdout.strip():
        raise SystemExit(f"{' '.join(words)} ended with {done.returncode}\n{done.stderr[-4000:]}")
    said = json.loads(done.stdout.strip().splitlines()[-1])
    return Reading(said["records"], said["wall_s"], said["cpu_s"])


def _to_the_ring(found: Readings, on: str) -> Table:
    rows = []
    shares: dict[str, Sequence[float]] = {}
    for name in (*RUNGS, *COMPRESSED):
        if name == "windows":
            continue
        base = found["bare lz4" if name in COMPRESSED else "bare"]
        by_clock, by_processor = _shares(found[name], base)
        shares[name] = by_processor
        rows.append(
            (
                RUNGS.get(name) or f"{RUNGS[COMPRESSED[name]]}, from lz4",
                spread([each.rate for each in found[name]]),
                f"{1e6 / median(each.cpu_rate for each in found[name]):.2f}",
                spread(by_processor, 2),
                spread(by_clock, 2),
            )
        )
    share = median(shares["ring"])
    missed = () if share >= RING_SHARE else (f"broker to ring is {share:.2f} of a bare loop, not {RING_SHARE:g}",)
    return Table(
        "broker-ring",
        ("rung", "records/s", "µs of processor a record", "share of bare, processor", "share of bare, clock"),
        tuple(rows),
        f"{on} medians of {len(found['bare'])} interleaved rounds (least .. most), the last nine tenths of the "
        "records. The same settings of aiokafka in all rows: 500 records a poll.",
        missed,
    )


def _shares(ours: Sequence[Reading], base: Sequence[Reading]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Rates as parts of another's, round by round: by the clock and by the processor."""
    by_clock = ratios([each.rate for each in ours], [each.rate for each in base])
    return by_clock, ratios([each.cpu_rate for each in ours], [each.cpu_rate for each in base])


def _beside_peers(found: Readings, on: str) -> Table:
    ours = found["windows"]
    rows = [("crackle-stream", *_figures(ours), "1")]
    for name, readings in found.items():
        if name not in RUNGS and name not in COMPRESSED:
            by_clock, by_processor = _shares(ours, readings)
            rows.append(
                (name, *_figures(readings), f"{median(by_processor):.2f} ({median(by_clock):.2f} by the clock)")
            )
    return Table(
        "broker-peers",
        ("who", "records/s", "records/s of processor", "crackle-stream is times as fast"),
        tuple(rows),
        f"{on} windows of 1,000 records of a partition, mean and correlation of their eight metrics. Threads of "
        "librdkafka count as processor. crackle-stream commits what it has cooled, the others commit nothing.",
    )


def _figures(readings: Sequence[Reading]) -> tuple[str, str]:
    return spread([each.rate for each in readings]), spread([each.cpu_rate for each in readings])


def _to_a_webhook(delivered: Mapping[str, Sequence[Delivered]], on: str) -> Table:
    rows, missed = [], []
    for family, runs in delivered.items():
        rate, memory = median(each.rate for each in runs), max(each.memory for each in runs)
        rows.append(
            (
                family,
                spread([each.rate for each in runs]),
                f"{median(each.cpu_us for each in runs):.0f}",
                f"{median(each.cpu_share for each in runs):.2f}",
                f"{median(median(each.windows) for each in runs):.1f}",
                f"{median(each.cooling_share for each in runs):.0%}",
                f"{memory:.0f}",
                f"{median(each.start_s for each in runs):.1f}",
                f"{max(each.posts for each in runs)}",
            )
        )
        if rate < DELIVERED_RATE:
            missed.append(f"{family}: {rate:,.0f} records/s to a webhook, not {DELIVERED_RATE:,.0f}")
        if memory > RESIDENT_MIB:
            missed.append(f"{family}: {memory:.0f} MiB resident, not {RESIDENT_MIB:g}")
        if not all(each.posts for each in runs):
            missed.append(f"{family}: nothing was posted")
    return Table(
        "broker-webhook",
        ("family", "records/s", "µs of processor a record", "of a core", "a window took, ms", "of the time cooling",
         "MiB", "s to the first commit", "posts"),
        tuple(rows),
        f"{on} from the first commit to the last, which comes when every alert from below it has a 2xx. Broker and "
        "receiver run beside it.",
        tuple(missed),
    )  # fmt: skip
