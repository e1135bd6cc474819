"""`crackle-stream run` as a process: what outlives it, what it refuses, and how that ends it."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
from typing import TYPE_CHECKING

from command import crackle, events, json_lines, shifting
from receiver import Receiver, Reply

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

CONFIG = """
[profile]
family = "threshold"
without = ["clustering", "conservation", "correlation"]
[sinks.pager]
kind = "webhook"
url = "http://127.0.0.1:{port}/crackle"
allow_http = true
allow_private = ["127.0.0.0/8"]
{more}
"""

STATE = '[state]\ndirectory = "state"'


async def run(
    tmp_path: Path, port: int, *, more: str = "", stdin: str | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    (tmp_path / "crackle.toml").write_text(CONFIG.format(port=port, more=more))
    arguments = ("run", "crackle.toml")
    text = shifting() if stdin is None else stdin
    return await asyncio.to_thread(crackle, *arguments, stdin=text, cwd=tmp_path, env=env)


async def test_alerts_wait_on_disk_for_a_receiver_that_is_down_and_go_out_with_the_next_start(tmp_path: Path) -> None:
    async with Receiver() as gone:
        port = gone.port
    first = await run(tmp_path, port, more=STATE)
    assert first.returncode == 0
    (left,) = [line for line in json_lines(first.stderr) if line["event"] == "spool.left"]
    assert (left["sink"], left["spooled"], left["problem"]) == ("pager", 1, "the next start delivers them first")
    listed = await asyncio.to_thread(crackle, "spool", "ls", "crackle.toml", cwd=tmp_path)
    assert (listed.returncode, listed.stdout.splitlines()[1].split()[:2]) == (0, ["pager", "1"])
    file = sqlite3.connect(tmp_path / "state" / "crackle-stream.sqlite")
    held = json.loads(file.execute("SELECT body FROM outbox").fetchone()[0])
    file.close()
    async with Receiver() as receiver:
        again = await run(tmp_path, receiver.port, more=STATE, stdin="")
        assert again.returncode == 0
        (request,) = receiver.requests
        assert request.headers["webhook-id"] == held["id"]
        assert json.loads(request.body)["data"] == held
        last = await run(tmp_path, receiver.port, more=STATE, stdin="")
        assert (last.returncode, len(receiver.requests)) == (0, 1)


async def test_a_kill_between_the_spool_and_the_receiver_loses_nothing_and_doubles_under_one_id(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        for place in ("spooled", "sent", "unspooled"):
            killed = await run(tmp_path, receiver.port, more=STATE, env={"CRACKLE_FAILPOINT": f"{place}:1"})
            assert killed.returncode == -signal.SIGKILL, killed.stderr
        done = await run(tmp_path, receiver.port, more=STATE)
        assert done.returncode == 0
        ids = [request.headers["webhook-id"] for request in receiver.requests]
        assert (len(set(ids)), 3 <= len(ids) <= 5) == (1, True)


async def test_the_first_refusal_is_told_and_refused_alerts_without_dead_letters_end_with_1(tmp_path: Path) -> None:
    async with Receiver([Reply(401)]) as receiver:
        done = await run(tmp_path, receiver.port)
    assert done.returncode == 1
    lines = {line["event"]: line for line in json_lines(done.stderr)}
    assert lines["sink.refused"]["kept"] == "only in this log"
    assert "401 Unauthorized (check secret and headers)" in lines["sink.refused"]["problem"]
    assert lines["alert.refused"]["body"]["pattern"]["kind"] == "phase transition"
    assert lines["pipeline.stopped"]["refused"] == 1
    assert "set [dead_letters] path to keep the next ones" in lines["process.failed"]["problem"]
    assert events(done.stderr)[-1] == "process.failed"


async def test_refused_alerts_in_the_dead_letters_are_no_failure(tmp_path: Path) -> None:
    async with Receiver([Reply(410)]) as receiver:
        done = await run(tmp_path, receiver.port, more='[dead_letters]\npath = "dead.jsonl"')
    assert done.returncode == 0
    assert {"sink.refused", "sink.disabled", "alert.refused", "alert.buried"} <= set(events(done.stderr))
    (letter,) = json_lines((tmp_path / "dead.jsonl").read_text())
    assert (letter["what"], letter["sink"], letter["offset"]) == ("alert", "pager", 499)


async def test_more_bad_records_than_the_ceiling_allows_end_the_process_with_6(tmp_path: Path) -> None:
    bad = "not json\n" * 2000
    async with Receiver() as receiver:
        done = await run(tmp_path, receiver.port, stdin=bad, more='[dead_letters]\npath = "dead.jsonl"')
        assert done.returncode == 6
        failed = json_lines(done.stderr)[-1]
        assert (failed["event"], failed["exit_code"]) == ("process.failed", 6)
        assert "could not be read, more than the 50% that dead_letters.max_share allows" in failed["problem"]
        assert len((tmp_path / "dead.jsonl").read_text().splitlines()) < 1100
        some = bad + '{"task": "t", "x": 1}\n'
        assert (await run(tmp_path, receiver.port, stdin=some)).returncode == 0, "nothing is kept: read to its end"
        own = '[dead_letters]\npath = "dead.jsonl"\nmax_share = 1'
        assert (await run(tmp_path, receiver.port, stdin=bad, more=own)).returncode == 0


async def test_a_state_file_that_is_torn_ends_the_start_with_2_and_its_cure(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "crackle-stream.sqlite").write_bytes(b"torn" * 4000)
    done = await run(tmp_path, 9, more=STATE)
    assert done.returncode == 2
    assert "is torn or no database" in done.stderr
    assert "bring it back from a backup" in done.stderr
