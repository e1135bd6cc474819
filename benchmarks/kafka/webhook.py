"""From Apache Kafka to an acknowledged webhook: `crackle-stream run` at its defaults, over a topic that is full.

Records a second are those between the first commit and the last, which comes when every alert from below it has a 2xx.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from receiver import Receiver

from benchmarks.kafka.rig import Run, configuration

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka_broker import Broker

    from benchmarks.kafka.rig import Looker, Offsets

__all__ = ["CUT_EVERY", "FAMILIES", "Delivered", "deliver", "until"]

FAMILIES = {"evidence (default)": "", "threshold": '\n[profile]\nfamily = "threshold"\n'}
"""What a configuration says of them."""

LOOK_S = 0.1
WITHIN_S = 300.0
CUT_EVERY = 500
"""Records from cut to cut at the defaults: fewer than this many wait for more at the end of a partition."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """One run.

    Attributes:
        rate: records a second between the first commit seen and the last.
        cpu_share: processor seconds a second of the process meanwhile.
        start_s: seconds from the start of the process to the first commit.
        memory: the most that was resident, MiB.
        posts: messages acknowledged.
        windows: milliseconds that each window took to cool.
        took_s: seconds between the commits.
        cpu_us: microseconds of processor for a record.
    """

    rate: float
    cpu_share: float
    start_s: float
    memory: float
    posts: int
    windows: tuple[float, ...]
    took_s: float
    cpu_us: float

    @property
    def cooling_share(self) -> float:
        """The part of the time in which a window was being cooled."""
        return sum(self.windows) / 1e3 / self.took_s


async def deliver(broker: Broker, look: Looker, topic: str, text: str, *, partitions: int) -> Delivered:
    """Run to the end of the topic in a new group; the log of its windows costs it about a hundredth.

    Raises:
        SystemExit: it ended by itself, or did not come to the end of the topic.
    """
    async with Receiver() as receiver:
        with tempfile.TemporaryDirectory(prefix="crackle-broker-") as directory:
            group = f"group-{time.monotonic_ns()}"
            settings = configuration(broker, topic, receiver.url, text, group=group)
            run = Run(Path(directory), settings, verbose=True)
            try:
                began = await until([run], look, group, lambda seen: seen.committed > 0)
                cpu = run.cpu_s()
                ended = await until([run], look, group, lambda seen: seen.lag < CUT_EVERY * partitions)
                cpu = run.cpu_s() - cpu
                memory = run.memory()["VmHWM"]
                if await run.end():
                    raise SystemExit((Path(directory) / "run.log").read_text()[-4000:])
                windows = tuple(float(str(line["duration_ms"])) for line in run.told("window.cooled"))
            finally:
                run.kill()
        posts = len(receiver.requests)
    took, records = ended[0] - began[0], ended[1].committed - began[1].committed
    return Delivered(
        rate=records / took,
        cpu_share=cpu / took,
        start_s=began[0] - run.began,
        memory=memory,
        posts=posts,
        windows=windows,
        took_s=took,
        cpu_us=1e6 * cpu / records,
    )


async def until(
    runs: list[Run], look: Looker, group: str, holds: Callable[[Offsets], bool], *, within_s: float = WITHIN_S
) -> tuple[float, Offsets]:
    """When something held of the group's offsets, and what they were.

    Raises:
        SystemExit: it did not within the time, or a process has ended.
    """
    late = time.monotonic() + within_s
    while True:
        for run in runs:
            run.check()
        seen = await look(group)
        if holds(seen):
            return time.monotonic(), seen
        if time.monotonic() > late:
            raise SystemExit(f"not there within {within_s:g} s: {seen.committed:,} of {seen.end:,} records")
        await asyncio.sleep(LOOK_S)
