"""Kill a process at a named place, start it again, and compare what arrived with what a run without kills brings.

Runs of one batch share a topic: records with known alarms and some that cannot be decoded. A first process, never
killed, says which notifications there are. Each run is a group of its own; its process is killed once to three times
at places drawn from the seed, and a last one reads to the end. Then every notification must have arrived under the
very id it had in the first run, none under another, every bad record must be in the dead letters, and no offset may
ever have been committed above a notification that had not arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiokafka  # type: ignore[import-untyped]
import aiokafka.admin  # type: ignore[import-untyped]
from aiokafka.errors import GroupCoordinatorNotAvailableError  # type: ignore[import-untyped]
from kafka_cluster import Cluster
from receiver import Receiver

from crackle_stream.brokers.deadline import GaveUp, in_own_task
from crackle_stream.stream.failpoints import PLACES, VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kafka_broker import Broker

__all__ = ["Batch", "Outcome", "Variant"]

PARTITIONS = 2
RECORDS = 600
"""Records of a partition: six windows, none of which holds a task of another, so that none may be merged away."""

ALARMS = 12
POISON = 9
ELSEWHERE = ("revoking", "revoked", "stopping")
"""Places that only a process comes by that leaves its group."""

DONE_WITHIN_S = 60.0 * float(os.environ.get("CRACKLE_CHAOS_PATIENCE", "1"))
"""Most that one process may need; on a machine that does nothing else it needs two seconds. On one where it does not
even start in a minute, CRACKLE_CHAOS_PATIENCE makes it more."""

ASK_WITHIN_S = 10.0
"""Most for one question to the broker."""

CONFIG = """\
[source]
kind = "kafka"
brokers = ["{address}"]
topics = ["{topic}"]
group = "{group}"
group_instance_id = "one"
session_timeout = 6
heartbeat_interval = 1
rebalance_timeout = 6
request_timeout = 10

[kiln]
capacity = 100
every_tasks = 100
every_seconds = "1h"

[profile]
family = "threshold"
without = ["clustering", "phase_transition", "conservation", "correlation"]
detectors = ["observing:alarms"]

[alerts]
resolve_after = 2

[dead_letters]
path = "dead-letters.jsonl"

[sinks.pager]
kind = "webhook"
url = "{url}"
allow_http = true
allow_private = ["127.0.0.0/8"]
"""


@dataclass(frozen=True, slots=True)
class Variant:
    """How the process is set up.

    Attributes:
        name: for the summary.
        more: lines added to its configuration.
        spooled: whether a notification counts as acknowledged when it is in the spool.
    """

    name: str
    more: str = ""
    spooled: bool = False

    @property
    def places(self) -> tuple[str, ...]:
        """Places that a process comes by while it reads one topic alone to its end."""
        left_out = {*ELSEWHERE, *(() if "[state]" in self.more else ("kept", "spooled"))}
        return tuple(place for place in PLACES if place not in left_out)


@dataclass
class Outcome:
    """What became of one run.

    Attributes:
        seed: of the run.
        kills: places at which the process was killed.
        missed: places that were armed and never reached.
        lost: notifications that never came.
        strange: notifications that came under an id no run without kills gives.
        early: notifications that had not come although an offset above theirs was committed.
        letters: positions of bad records that are in no dead letter.
        repeats: notifications that came more than once.
        windows: windows of the partition that had most of which something came more than once.
        problem: what else went wrong.
    """

    seed: int
    kills: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    early: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    repeats: int = 0
    windows: int = 0
    problem: str = ""

    @property
    def clean(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.strange or self.early or self.letters or self.problem)


class Batch:
    """Runs over one topic.

    Args:
        broker: a real one; committed offsets must outlive a client.
        variant: how processes are set up.
        seed: of the records.
    """

    def __init__(self, broker: Broker, variant: Variant, seed: int) -> None:
        self._cluster = Cluster(broker)
        self._variant = variant
        self._seed = seed
        self._topic = ""
        self._bad: set[str] = set()
        self._expected: Mapping[str, Mapping[str, Any]] = {}

    async def prepare(self) -> None:
        """Write the records, and see what a process that is never killed makes of them."""
        self._topic = await self._cluster.topic(partitions=PARTITIONS)
        rng = random.Random(self._seed)
        for number in range(PARTITIONS):
            records, bad = _records(rng, number)
            self._bad |= {f"{self._topic}[{number}]:{offset}" for offset in bad}
            await self._cluster.produce(self._topic, records, partition=number)
        outcome, posts = await self._run(Outcome(self._seed), [])
        if outcome.problem or outcome.letters:
            raise AssertionError(f"the run without kills failed: {outcome}")
        self._expected = {_id(post): post for post in posts}
        if not self._expected:
            raise AssertionError("the run without kills brought no notification: nothing can be learned from others")

    async def run(self, seed: int, places: Sequence[str] = ()) -> Outcome:
        """One run, killed at places drawn from the seed."""
        rng = random.Random(seed)
        kills = [f"{rng.choice(places or self._variant.places)}:{rng.randint(1, 4)}" for _ in range(rng.randint(1, 3))]
        outcome, posts = await self._run(Outcome(seed), kills)
        count = Counter(map(_id, posts))
        outcome.repeats = sum(times - 1 for times in count.values())
        again = {_window(post) for post in posts if count[_id(post)] > 1}
        outcome.windows = max(Counter(partition for partition, _ in again).values(), default=0)
        outcome.lost = sorted(_named(self._expected[each]) for each in self._expected.keys() - count.keys())
        strange = {_id(post): post for post in posts if _id(post) not in self._expected}
        outcome.strange = sorted(map(_named, strange.values()))
        return outcome

    async def _run(self, outcome: Outcome, kills: Iterable[str]) -> tuple[Outcome, list[Mapping[str, Any]]]:
        group = f"group-{self._topic}-{outcome.seed}-{'-'.join(kills)}".replace(":", ".")
        with tempfile.TemporaryDirectory(prefix="crackle-chaos-") as name:
            directory = Path(name)
            async with Receiver() as receiver:
                text = CONFIG.format(
                    address=self._cluster.broker.address, topic=self._topic, group=group, url=receiver.url
                )
                (directory / "chaos.toml").write_text(text + self._variant.more)
                for kill in kills:
                    (outcome.kills if await self._until_killed(directory, group, kill) else outcome.missed).append(kill)
                    await self._check_committed(outcome, group, receiver)
                outcome.problem = await self._to_the_end(directory, group, receiver)
                posts = [json.loads(request.body)["data"] for request in receiver.requests]
            letters = {line["position"] for line in _lines(directory / "dead-letters.jsonl") if "position" in line}
            outcome.letters = sorted(self._bad - letters)
        return outcome, posts

    async def _until_killed(self, directory: Path, group: str, place: str) -> bool:
        """Whether the process was killed there; otherwise it is stopped once everything is committed."""
        begun = len(_lines(directory / "log.jsonl"))
        process = await _start(directory, {VARIABLE: place})

        async def finished() -> None:
            await _started(directory, begun)
            await self._all_committed(group)

        try:
            done = asyncio.create_task(finished())
            ended = asyncio.create_task(process.wait())
            await asyncio.wait({done, ended}, return_when=asyncio.FIRST_COMPLETED, timeout=DONE_WITHIN_S)
            done.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await done
            if not ended.done():
                process.terminate()
            return await asyncio.wait_for(ended, DONE_WITHIN_S) == -signal.SIGKILL
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _to_the_end(self, directory: Path, group: str, receiver: Receiver) -> str:
        """Let a process read everything and stop it; returns what went wrong."""
        begun = len(_lines(directory / "log.jsonl"))
        process = await _start(directory, {})
        try:
            try:
                await asyncio.wait_for(_started(directory, begun), DONE_WITHIN_S)
                await asyncio.wait_for(self._all_committed(group), DONE_WITHIN_S)
                await asyncio.wait_for(self._all_received(receiver), DONE_WITHIN_S)
            except TimeoutError:
                committed = await self._committed(group)
                return f"not done within {DONE_WITHIN_S:g} s: committed {committed}: {_log(directory)}"
            process.terminate()
            code = await asyncio.wait_for(process.wait(), DONE_WITHIN_S)
            return "" if code == 0 else f"exit code {code}: {_log(directory)}"
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def _all_committed(self, group: str) -> None:
        while await self._committed(group) != dict.fromkeys(range(PARTITIONS), RECORDS):  # noqa: ASYNC110 - a broker
            await asyncio.sleep(0.1)

    async def _all_received(self, receiver: Receiver) -> None:
        """What is expected is there; a spool may still be at work when everything is committed."""
        while not self._expected.keys() <= self._arrived(receiver):  # noqa: ASYNC110 - another process is at work
            await asyncio.sleep(0.05)

    def _arrived(self, receiver: Receiver) -> set[str]:
        return {_id(json.loads(request.body)["data"]) for request in receiver.requests}

    async def _committed(self, group: str) -> dict[int, int]:
        """What the group has committed; nothing where the client does not come back, as aiokafka's may not.

        The question has a task of its own: aiokafka may swallow a cancellation, and a time limit would wait for it.
        """
        try:
            return await in_own_task(self._ask_committed(group), ASK_WITHIN_S)
        except GaveUp:
            return {}

    async def _ask_committed(self, group: str) -> dict[int, int]:
        admin = aiokafka.admin.AIOKafkaAdminClient(bootstrap_servers=self._cluster.broker.address)
        await admin.start()
        try:
            found = await admin.list_consumer_group_offsets(group)
        except GroupCoordinatorNotAvailableError:  # the broker's first group: it makes the topic for offsets just now
            return {}
        finally:
            await admin.close()
        return {each.partition: stored.offset for each, stored in found.items() if stored.offset >= 0}

    async def _check_committed(self, outcome: Outcome, group: str, receiver: Receiver) -> None:
        """After a kill, what stands below a committed offset must have arrived."""
        if self._variant.spooled:
            return
        committed = await self._committed(group)
        arrived = self._arrived(receiver)
        for each, alert in self._expected.items():
            position = alert["position"]
            if position["offset"] < committed.get(position["partition"], 0) and each not in arrived:
                outcome.early.append(_named(alert))


async def _start(directory: Path, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    with (directory / "log.jsonl").open("ab") as log:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "crackle_stream",
            "run",
            "chaos.toml",
            cwd=directory,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path]), **env},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=log,
        )


async def _started(directory: Path, begun: int) -> None:
    """Wait until the process has said so in a line after the first `begun`: before, a signal just ends it."""
    path = directory / "log.jsonl"
    while not _has_started(path, begun):  # noqa: ASYNC110 - another process is at work
        await asyncio.sleep(0.05)


def _has_started(path: Path, begun: int) -> bool:
    return any(line["event"] == "pipeline.started" for line in _lines(path)[begun:])


def _records(rng: random.Random, number: int) -> tuple[list[bytes], set[int]]:
    """A partition's records, and the offsets of the bad ones."""
    alarms: dict[int, list[str]] = {}
    for alarm in range(ALARMS):
        begin = rng.randrange(RECORDS)
        for row in range(begin, min(begin + rng.choice([1, 30, 150, 350]), RECORDS)):
            alarms.setdefault(row, []).append(f"alarm-{number}-{alarm}")
    bad = set(rng.sample(range(RECORDS - 1), POISON))
    begun = 1_700_000_000
    records = [
        b'{"label": broken'
        if row in bad
        else json.dumps(
            {"label": f"r{row}", "ts": begun + row, "metrics": {"x": 1.0, **dict.fromkeys(alarms.get(row, ()), 1.0)}}
        ).encode()
        for row in range(RECORDS)
    ]
    return records, bad


def _id(alert: Mapping[str, Any]) -> str:
    return str(alert["id"])


def _window(alert: Mapping[str, Any]) -> tuple[int, int]:
    """The window it was made from: its partition, and the offset that it ends at."""
    return alert["position"]["partition"], alert["position"]["offset"]


def _named(alert: Mapping[str, Any]) -> str:
    position = alert["position"]
    return f"{alert['status']} {alert['pattern']['metric_names'][0]} at {position['partition']}:{position['offset']}"


def _lines(path: Path) -> list[dict[str, Any]]:
    """A file of JSON lines; a line that a kill has cut is no line."""
    found = []
    for line in path.read_text().splitlines() if path.exists() else []:
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(line))
    return found


def _log(directory: Path) -> str:
    return (directory / "log.jsonl").read_text()[-2000:]
