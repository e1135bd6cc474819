"""From a record's acknowledgement to the alert at the receiver, at parts of the rate that can be sustained.

An alert is about a window. Its latency is counted from when the broker acknowledged the record whose arrival ended the
window (the payload bears its offset) to when the receiver had the whole POST. How long the window's first new record
had waited for that is another matter, which the rate decides, and is shown apart.

Detectors find nothing in most windows, so a detector of the public API (`benchmarks.kafka.beat`) finds something in
some that their ids choose; the family runs at its defaults beside it. The rate that can be sustained is measured first:
a writer keeps the process supplied and what is committed is counted. Writer, broker, process and receiver share the
machine, and one clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from kafka_broker import start_broker
from receiver import Receiver

from benchmarks.kafka.beat import KIND, ONE_IN
from benchmarks.kafka.rig import TICKS, Run, configuration, offsets_of, topic_of
from benchmarks.kafka.webhook import CUT_EVERY, until
from benchmarks.kafka.writer import writing
from benchmarks.tables import Table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from kafka_broker import Broker
    from receiver import Received

    from benchmarks.kafka.rig import Looker
    from benchmarks.kafka.writer import Acknowledged, Writer

__all__ = ["measure"]

FAMILIES = {"threshold": 'family = "threshold"\n', "evidence": ""}
DETECTOR = '\n[profile]\ndetectors = ["benchmarks.kafka.beat:beat"]\n'

PARTITIONS = 2
SHARES = (0.1, 0.5, 0.9)
BEATS_A_SECOND = 10.0
"""Alerts wanted: enough of them for a 99th percentile, and too few for the posts to be what is measured."""

ONE_IN_SUSTAINED = {"threshold": 10, "evidence": 2}
"""Windows of which one raises an alert while the sustained rate is measured: about as many a second as later."""

SECONDS, LONG_SECONDS, QUICK_SECONDS = 20.0, 40.0, 4.0
"""How long records are written; longer where windows are few."""

FEW_WINDOWS_A_SECOND = 5.0

AHEAD = 100_000
"""Records the writer keeps ahead of the commits while the sustained rate is measured: those come once a second."""

ENDS = 2
"""A rate is measured from one commit to another."""

SUSTAINED_S, QUICK_SUSTAINED_S = 8.0, 3.0
LOOK_S = 0.1
WARM_RECORDS = 10_000
"""Before anything is counted: the schema is learned, the kilns know their metrics, code and connections are warm."""

SETTLE_S = 2.0
"""What is still on its way after the last record."""

TICK_P50_MS, TICK_P99_MS = 1.0, 10.0
"""Gates: how late the event loop of the process ticks."""


@dataclass(frozen=True, slots=True)
class Point:
    """What was measured at one rate.

    Attributes:
        rate: records a second written.
        latencies: milliseconds, one an alert.
        fill: milliseconds in which a window's new records come, the median.
        lag: records not committed at the end.
        ticks: of each second, how late the event loop ticked: p50 and p99 in ms.
    """

    rate: float
    latencies: tuple[float, ...]
    fill: float
    lag: int
    ticks: tuple[tuple[float, float], ...]


def measure(quick: bool) -> list[Table]:
    """One table: both families at three rates."""
    broker = start_broker()
    try:
        found = {family: asyncio.run(_family(broker, family, quick=quick)) for family in FAMILIES}
        return [_table(found, broker.description.split(",")[0])]
    finally:
        broker.stop()


async def _family(broker: Broker, family: str, *, quick: bool) -> tuple[float, list[Point]]:
    """The rate that can be sustained, and what is measured at parts of it."""
    async with _at_work(broker, family, "sustained", one_in=ONE_IN_SUSTAINED[family]) as work:
        sustained = await work.sustained(QUICK_SUSTAINED_S if quick else SUSTAINED_S)
    points = []
    for share in SHARES:
        windows = share * sustained / CUT_EVERY
        seconds = QUICK_SECONDS if quick else LONG_SECONDS if windows < FEW_WINDOWS_A_SECOND else SECONDS
        one_in = max(1, round(windows / BEATS_A_SECOND))
        async with _at_work(broker, family, f"at-{share:g}", one_in=one_in) as work:
            points.append(await work.at(share * sustained, seconds))
    return sustained, points


@contextlib.asynccontextmanager
async def _at_work(broker: Broker, family: str, name: str, *, one_in: int) -> AsyncIterator[_Work]:
    """A process that reads a topic of its own and has cooled its first windows."""
    topic = await topic_of(broker, f"{family}-{name}", PARTITIONS)
    async with (
        Receiver() as receiver,
        writing(broker, topic, PARTITIONS) as writer,
        offsets_of(broker, topic, PARTITIONS) as look,
    ):
        with tempfile.TemporaryDirectory(prefix="crackle-latency-") as directory:
            text = configuration(broker, topic, receiver.url, DETECTOR + FAMILIES[family] + TICKS, group=topic)
            run = Run(Path(directory), text, env={ONE_IN: str(one_in)})
            try:
                work = _Work(run, writer, look, topic, receiver.requests)
                await work.warm()
                yield work
                if await run.end():
                    raise SystemExit((Path(directory) / "run.log").read_text()[-4000:])
            finally:
                run.kill()


class _Work:
    """A process, who writes for it, and what the receiver had of it."""

    def __init__(self, run: Run, writer: Writer, look: Looker, group: str, requests: Sequence[Received]) -> None:
        self._run = run
        self._writer = writer
        self._look = look
        self._group = group
        self._requests = requests

    async def warm(self) -> None:
        await self._writer.write(WARM_RECORDS, lambda _: time.time())
        await self._writer.flush()
        await until([self._run], self._look, self._group, lambda seen: seen.lag < CUT_EVERY * PARTITIONS)

    async def sustained(self, seconds: float) -> float:
        """Records a second committed while there are always some waiting."""
        late = time.monotonic() + seconds
        commits: list[tuple[float, int]] = []
        seen = await self._look(self._group)
        while len(commits) < ENDS or time.monotonic() < late:
            missing = AHEAD - (self._writer.acknowledged.records - seen.committed)
            if missing > 0:
                await self._writer.write(missing, lambda _: time.time())
                await self._writer.flush()
            await asyncio.sleep(LOOK_S)
            before, seen = seen, await self._look(self._group)
            if seen.committed > before.committed:
                commits.append((time.monotonic(), seen.committed))
        (began, first), *_, (ended, last) = commits
        return (last - first) / (ended - began)

    async def at(self, rate: float, seconds: float) -> Point:
        """What alerts take while records come at a steady rate."""
        began = time.time()
        await self._writer.steadily(rate, seconds)
        ended = time.time()
        lag = (await self._look(self._group)).lag
        await asyncio.sleep(SETTLE_S)
        acknowledged = self._writer.acknowledged
        found = [each for each in map(_beat, self._requests) if each is not None]
        took = [(at - acknowledged.at(*where), where) for at, where in found if acknowledged.at(*where) >= began]
        ticks = [(line["p50"], line["p99"]) for line in self._run.ticks() if began + 1 < line["at"] < ended]
        fills = [_fill_s(acknowledged, *where) for _, where in took]
        return Point(rate, tuple(1e3 * late for late, _ in took), 1e3 * median(fills), lag, tuple(ticks))


def _beat(request: Received) -> tuple[float, tuple[int, int]] | None:
    """When an alert of the detector came, and the partition and offset of the record that ended its window."""
    alert = json.loads(request.body)["data"]
    if alert["status"] != "raised" or alert["pattern"]["kind"] != KIND:
        return None
    return request.at, (alert["position"]["partition"], alert["position"]["offset"])


def _fill_s(acknowledged: Acknowledged, partition: int, offset: int) -> float:
    """Between the acknowledgements of the first and the last of the records from one cut to the next."""
    return acknowledged.at(partition, offset) - acknowledged.at(partition, offset - CUT_EVERY + 1)


def _table(found: dict[str, tuple[float, list[Point]]], broker: str) -> Table:
    rows, missed = [], []
    for family, (sustained, points) in found.items():
        for share, point in zip(SHARES, points, strict=True):
            p50, p99 = np.percentile(point.latencies, [50, 99]) if point.latencies else (np.nan, np.nan)
            tick_p50, tick_p99 = (median(column) for column in zip(*point.ticks, strict=True))
            worst = max(late for _, late in point.ticks)
            rows.append(
                (
                    f"{family}, {share:.0%} of {sustained:,.0f}",
                    f"{point.rate:,.0f}",
                    f"{len(point.latencies)}",
                    f"{p50:,.0f}",
                    f"{p99:,.0f}",
                    f"{point.fill:,.0f}",
                    f"{point.lag:,}",
                    f"{tick_p50:.2f}",
                    f"{tick_p99:.1f} ({worst:.1f})",
                )
            )
            if tick_p50 > TICK_P50_MS or tick_p99 > TICK_P99_MS:
                missed.append(f"{family} at {share:.0%}: the loop ticked {tick_p50:.2f} ms late, p99 {tick_p99:.1f} ms")
            if not point.latencies:
                missed.append(f"{family} at {share:.0%}: no alert came")
    return Table(
        "latency",
        ("of the sustained rate", "records/s", "alerts", "p50, ms", "p99, ms", "a window fills in, ms", "lag, records",
         "tick p50, ms", "tick p99, ms (worst second)"),
        tuple(rows),
        f"{broker}, {PARTITIONS} partitions, windows at their defaults. From the acknowledgement of the record that "
        "ended a window to the whole POST at the receiver; with fewer than a hundred alerts p99 is the worst of them. "
        "Ticks: medians over the seconds of a run. Writer, broker, process and receiver share two cores.",
        tuple(missed),
    )  # fmt: skip
