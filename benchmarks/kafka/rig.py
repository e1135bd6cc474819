"""A broker, a producer, `crackle-stream run` as a process, and what can be seen of it from outside.

Needs `tests` on the path (`PYTHONPATH=tests`): broker and receiver are those of the tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import aiokafka  # type: ignore[import-untyped]
import aiokafka.admin  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    GroupCoordinatorNotAvailableError,
    KafkaConnectionError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from kafka_broker import Broker

__all__ = ["TICKS", "Looker", "Offsets", "Run", "configuration", "offsets_of", "producer", "topic_of"]

ROOT = Path(__file__).parents[2]

CONFIGURATION = """\
[source]
kind = "kafka"
brokers = ["{broker}"]
topics = ["{topic}"]
group = "{group}"

[sinks.pager]
kind = "webhook"
url = "{url}"
allow_http = true
allow_private = ["127.0.0.0/8"]
secret = "${{env:BENCH_SECRET}}"
{more}
"""

TICKS = """
[sinks.ticks]
kind = "benchmarks.ticks:TickSink"
path = "ticks.jsonl"
required = false
spool = false
"""

END_WITHIN_S = 60.0
TRIES = 3
"""Of a question to the broker."""


def configuration(broker: Broker, topic: str, url: str, more: str = "", *, group: str) -> str:
    """A configuration at its defaults but for what `more` says."""
    return CONFIGURATION.format(broker=broker.address, topic=topic, group=group, url=url, more=more)


async def topic_of(broker: Broker, name: str, partitions: int) -> str:
    """Make a topic."""
    admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        await admin.create_topics([aiokafka.admin.NewTopic(name, partitions, 1)])
    finally:
        await admin.close()
    return name


@contextlib.asynccontextmanager
async def producer(broker: Broker) -> AsyncIterator[aiokafka.AIOKafkaProducer]:
    """A producer that batches."""
    client = aiokafka.AIOKafkaProducer(bootstrap_servers=broker.address, linger_ms=20, max_batch_size=2**17)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


class Offsets:
    """How far a topic goes, and how far a group has committed.

    Attributes:
        end: records in the log.
        committed: records below the committed offsets.
    """

    def __init__(self, end: int, committed: int) -> None:
        self.end = end
        self.committed = committed

    @property
    def lag(self) -> int:
        return self.end - self.committed


@contextlib.asynccontextmanager
async def offsets_of(broker: Broker, topic: str, partitions: int) -> AsyncIterator[Looker]:
    """Somebody who asks the broker."""
    client = aiokafka.AIOKafkaConsumer(bootstrap_servers=broker.address)
    admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await client.start()
    await admin.start()
    try:
        yield Looker(client, admin, [aiokafka.TopicPartition(topic, number) for number in range(partitions)])
    finally:
        await admin.close()
        await client.stop()


class Looker:
    """Asks a broker for offsets."""

    def __init__(
        self,
        client: aiokafka.AIOKafkaConsumer,
        admin: aiokafka.admin.AIOKafkaAdminClient,
        places: Sequence[aiokafka.TopicPartition],
    ) -> None:
        self._client = client
        self._admin = admin
        self._places = places

    async def __call__(self, group: str) -> Offsets:
        for _ in range(TRIES - 1):
            with contextlib.suppress(KafkaConnectionError):  # a busy broker closes one now and then
                return await self._ask(group)
        return await self._ask(group)

    async def _ask(self, group: str) -> Offsets:
        ends = await self._client.end_offsets(self._places)
        stored = {}
        with contextlib.suppress(GroupCoordinatorNotAvailableError):  # before the cluster's first group
            stored = await self._admin.list_consumer_group_offsets(group)
        known = [stored[place].offset for place in self._places if place in stored]
        return Offsets(sum(ends.values()), sum(max(offset, 0) for offset in known))


class Run:
    """`crackle-stream run` as a process of its own.

    Args:
        directory: where it runs; its configuration, log and state are there.
        text: its configuration.
        verbose: whether it logs every window and alert.
        env: further variables.
    """

    def __init__(
        self, directory: Path, text: str, *, verbose: bool = False, env: Mapping[str, str] | None = None
    ) -> None:
        self.directory = directory
        (directory / "crackle.toml").write_text(text)
        self._log = (directory / "run.log").open("wb")
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "crackle_stream", "run", "crackle.toml", *["-v"] * verbose],
            cwd=directory,
            env={**_environment(), "BENCH_SECRET": "only for this measurement", "PYTHONPATH": str(ROOT), **(env or {})},
            stdout=subprocess.DEVNULL,
            stderr=self._log,
        )

    def memory(self) -> Mapping[str, float]:
        """Resident memory now (`VmRSS`) and at its most (`VmHWM`), in MiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        fields = dict(line.split(":", 1) for line in lines)
        return {name: int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")}

    def cpu_s(self) -> float:
        """Seconds of processor it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def spooled(self) -> int:
        """Alerts in its spools."""
        path = self.directory / "state" / "crackle-stream.sqlite"
        if not path.exists():
            return 0
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as connection:
            try:
                return int(connection.execute("SELECT coalesce(sum(count), 0) FROM spools").fetchone()[0])
            except sqlite3.OperationalError:  # it is being made
                return 0

    def ticks(self) -> Sequence[Mapping[str, float]]:
        """What its `TickSink` wrote."""
        path = self.directory / "ticks.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def told(self, event: str) -> Iterator[Mapping[str, object]]:
        """Lines of its log about an event."""
        for line in (self.directory / "run.log").read_text().splitlines():
            if f'"{event}"' in line:
                found = json.loads(line)
                if found.get("event") == event:
                    yield found

    def check(self) -> None:
        """Make sure that it runs.

        Raises:
            SystemExit: it has ended, with the end of its log.
        """
        if self.process.poll() is not None:
            log = (self.directory / "run.log").read_text()
            raise SystemExit(f"the process ended with {self.process.returncode}\n{log[-4000:]}")

    async def end(self) -> int:
        """SIGTERM, and its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.to_thread(self.process.wait, END_WITHIN_S)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it if it has not ended; safe to repeat."""
        self.process.kill()
        self.process.wait()
        self._log.close()


def _environment() -> dict[str, str]:
    """Our own without settings of the command, and one thread for BLAS as the documents say."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRACKLE_")}
    return {"OPENBLAS_NUM_THREADS": "1", **kept}
