"""How a process ends when what it stands on is gone: its broker, its consumer, or both its broker and its receiver."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.to_thread
import pytest
from command import crackle, json_lines, spawn
from kafka_cluster import Cluster
from observing import numbered
from receiver import Receiver, Reply

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from kafka_broker import Broker

GRACE_S = 3.0

CONFIG = """\
[source]
kind = "kafka"
brokers = ["{address}"]
topics = ["{topic}"]
group = "{group}"
stop_timeout = 3
[kiln]
capacity = 100
every_tasks = 100
every_seconds = "1h"
[profile]
family = "threshold"
without = ["clustering", "phase_transition", "conservation", "correlation"]
detectors = ["observing:alarms"]
[run]
shutdown_grace = "{grace}s"
[sinks.pager]
kind = "webhook"
url = "{url}"
allow_http = true
allow_private = ["127.0.0.0/8"]
"""


def test_an_absent_broker_is_told_within_a_moment(record_property: Callable[[str, object], None]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    began = time.monotonic()
    process = spawn("run", "--topic", "t", "--brokers", address, "--set", "run.start_timeout=1s")
    assert process.stderr is not None
    said = [json.loads(process.stderr.readline())["event"]]
    took, used = time.monotonic() - began, processor_s(process.pid)
    # the client's own words come before ours about it, one line
    said += [json.loads(process.stderr.readline())["event"] for _ in range(2)]
    reached = time.monotonic() - began
    process.communicate(timeout=30)
    assert (said[0], said[-1], process.returncode) == ("process.started", "source.failed", 7)
    record_property("first_log_s", round(took, 2))
    record_property("first_log_processor_s", used)
    record_property("broker_missed_s", round(reached, 2))
    # what a process with a core of its own needs; how long others keep it waiting is theirs
    assert used < 1
    assert took < 10


def processor_s(process: int) -> float:
    """Seconds of processor that a process has used so far."""
    stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def test_a_consumer_that_stays_stuck_ends_the_process_with_5(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "from crackle_stream.errors import SourceUnavailable\n"
        "from crackle_stream.protocols import Source\n"
        "class Stuck(Source):\n"
        "    name, replayable, live = 'stuck', True, True\n"
        "    async def read(self):\n"
        "        raise SourceUnavailable('stuck', 'no fetch was answered within 30 s: the client is stuck')\n"
    )
    done = crackle("run", "--set", "source.kind=mine:Stuck", cwd=tmp_path)
    last = json_lines(done.stderr)[-1]
    assert (done.returncode, last["event"], last["exit_code"]) == (5, "process.failed", 5)


@pytest.mark.broker
async def test_asked_to_stop_while_broker_and_receiver_are_dead_it_ends_within_the_grace_with_4(
    own: Broker, tmp_path: Path, pythonpath: dict[str, str], record_property: Callable[[str, object], None]
) -> None:
    async with Receiver([Reply(act="hang")] * 1000) as receiver:
        code, lines, took = await stopped(own, tmp_path, pythonpath, receiver)
    record_property("ended_s", round(took, 1))
    assert code == 4
    assert lines[-1]["problem"].startswith("not drained within 3 s; alerts left for sink pager: ")
    # the grace, and what leaving a dead broker may take
    assert took < GRACE_S + 3 + 10


async def stopped(
    own: Broker, tmp_path: Path, env: dict[str, str], receiver: Receiver
) -> tuple[int, list[dict[str, Any]], float]:
    """Kill the broker under a process, then ask it to stop: its exit code, log, and how long that took."""
    cluster = Cluster(own)
    topic = await cluster.topic()
    await cluster.produce(topic, numbered(300))
    text = CONFIG.format(address=own.address, topic=topic, group=cluster.group, url=receiver.url, grace=GRACE_S)
    (tmp_path / "crackle.toml").write_text(text)
    process: subprocess.Popen[bytes] = spawn("run", "crackle.toml", env=env, cwd=tmp_path)
    try:
        await receiver.wait_for(1)
        own.kill()
        began = time.monotonic()
        process.terminate()
        _, stderr = await asyncio.to_thread(process.communicate, timeout=60)
        took = time.monotonic() - began
    finally:
        process.kill()
        await anyio.to_thread.run_sync(own.start_again)
    assert "CancelledError" not in stderr.decode()
    assert "Traceback" not in stderr.decode()
    return process.returncode, json_lines(stderr.decode()), took
