"""`crackle-stream sinks test`, in a process of its own and against real receivers."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest
import standardwebhooks
from monitoring import alertmanager
from receiver import Receiver, Reply

LOOPBACK = 'allow_http = true\nallow_private = ["127.0.0.0/8"]\n'


async def tried(tmp_path: Path, text: str, name: str = "pager") -> tuple[int, str, str]:
    """Exit code, standard output and standard error."""
    (tmp_path / "crackle.toml").write_text(text)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "crackle_stream", "sinks", "test", name, str(tmp_path / "crackle.toml")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"KEY": "swordfish", "ROUTING": "k" * 32},
    )
    printed, told = await process.communicate()
    assert process.returncode is not None
    return process.returncode, printed.decode(), told.decode()


def a_webhook(receiver: Receiver, more: str = "") -> str:
    return f'[sinks.pager]\nkind = "webhook"\nurl = "{receiver.url}"\n{LOOPBACK}{more}'


async def test_a_sample_is_signed_says_that_it_is_a_test_and_its_time_is_told(tmp_path: Path) -> None:
    more = 'secret = "${env:KEY}"\nmatch = { severity = ["critical"] }\n'
    async with Receiver() as receiver:
        code, printed, told = await tried(tmp_path, a_webhook(receiver, more))
    assert (code, told) == (0, "")
    assert re.fullmatch(r"pager: raised sample taken in \d+ ms\n", printed)
    (request,) = receiver.requests
    event = standardwebhooks.Webhook(b"swordfish").verify(request.body, dict(request.headers))
    assert event["data"]["pattern"]["kind"] == "test"
    assert event["data"]["pattern"]["description"] == (
        "This is a test of the sink pager, sent by `crackle-stream sinks test`; nothing has happened"
    )


async def test_what_a_receiver_objects_to_is_told_and_the_process_ends_with_1(tmp_path: Path) -> None:
    async with Receiver([Reply(401, body=b"who are you")]) as receiver:
        code, printed, told = await tried(tmp_path, a_webhook(receiver))
    assert (code, printed) == (1, "")
    expected = (
        r"pager: raised sample: not taken: sink pager: .* answered 401 Unauthorized: who are you .* \(after \d+ ms\)"
    )
    assert re.fullmatch(expected, told.strip())


async def test_a_receiver_that_is_away_is_told_as_what_may_pass(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        pass
    code, _, told = await tried(tmp_path, a_webhook(receiver))
    assert code == 1
    assert "raised sample: not taken, and may be tried again: sink pager: " in told


async def test_a_receiver_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    async with Receiver([Reply(act="hang")]) as receiver:
        code, _, told = await tried(tmp_path, a_webhook(receiver, "timeout = 0.2\n"))
    assert code == 1
    assert "no answer within 0.2 s" in told


async def test_what_would_stay_open_is_resolved_at_once(tmp_path: Path) -> None:
    more = 'format = "pagerduty"\nrouting_key = "${env:ROUTING}"\n'
    async with Receiver([Reply(202), Reply(202)]) as receiver:
        code, printed, _ = await tried(tmp_path, a_webhook(receiver, more))
    assert code == 0
    assert [line.split()[1] for line in printed.splitlines()] == ["raised", "resolved"]
    opened, closed = (json.loads(request.body) for request in receiver.requests)
    assert (opened["event_action"], closed["event_action"]) == ("trigger", "resolve")
    assert opened["dedup_key"] == closed["dedup_key"]


async def test_nothing_is_left_standing_in_a_real_alertmanager(tmp_path: Path) -> None:
    configuration = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n"
    with alertmanager(tmp_path, configuration) as service:
        text = f'[sinks.pager]\nkind = "alertmanager"\nurls = ["{service.url}"]\n{LOOPBACK}'
        code, printed, told = await tried(tmp_path, text)
        assert await asyncio.to_thread(service.get, "/api/v2/alerts") == []
    assert (code, told) == (0, "")
    assert [line.split()[1] for line in printed.splitlines()] == ["raised", "resolved"]


@pytest.mark.parametrize(("name", "cure"), [("pagr", 'did you mean "pager"?'), ("x", "known are pager")])
async def test_a_name_that_is_not_there_names_the_one_that_was_meant(tmp_path: Path, name: str, cure: str) -> None:
    async with Receiver() as receiver:
        code, _, told = await tried(tmp_path, a_webhook(receiver), name)
    assert code == 2
    assert f'there is no sink "{name}": {cure}' in told
    assert receiver.requests == []


async def test_a_third_partys_sink_that_fails_is_told_as_what_it_raised(tmp_path: Path) -> None:
    (tmp_path / "pigeons.py").write_text(
        "from crackle_stream.protocols import Sink\n"
        "class Pigeon(Sink):\n"
        "    name = 'pigeon'\n"
        "    async def send(self, alert): raise RuntimeError('it flew away')\n"
    )
    code, _, told = await tried(tmp_path, '[sinks.pager]\nkind = "pigeons:Pigeon"\n')
    assert code == 1
    assert "pager: raised sample: RuntimeError: it flew away" in told
