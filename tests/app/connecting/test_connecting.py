"""`check --connect`: every part that leads out of the process is tried, and nothing is sent, committed or made."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest
import trustme
from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]
from kafka_cluster import Cluster
from monitoring import alertmanager
from receiver import Receiver
from typer.testing import CliRunner

from crackle_stream.app.cli import app
from crackle_stream.app.config import load
from crackle_stream.app.connecting import Tried, places, trials, try_all
from crackle_stream.brokers import trial
from crackle_stream.brokers.options import BrokerOptions
from crackle_stream.brokers.trial import try_cluster
from crackle_stream.errors import ConfigError, SinkUnavailable
from crackle_stream.sinks import WebhookSink
from crackle_stream.stream.store import FILE_NAME

if TYPE_CHECKING:
    from kafka_broker import Broker

LOOPBACK = 'allow_http = true\nallow_private = ["127.0.0.0/8"]\n'


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


async def tried(tmp_path: Path, text: str, within_s: float = 30.0) -> dict[str, Tried]:
    """By part, what came of a configuration, tried in a thread as the command does."""
    (tmp_path / "crackle.toml").write_text(text)
    configuration = load(tmp_path / "crackle.toml")
    return {each.part: each for each in await asyncio.to_thread(try_all, configuration, within_s)}


# Receivers


async def met(receiver: Receiver) -> None:
    """Once the receiver has seen the connection come and go: the other side may be done with it before that."""
    async with asyncio.timeout(10):
        while receiver._tasks or not receiver.connections:  # noqa: ASYNC110 - the receiver tells nobody
            await asyncio.sleep(0)


async def test_a_webhook_is_connected_to_and_sent_nothing(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        found = await tried(tmp_path, f'[sinks.pager]\nkind = "webhook"\nurl = "{receiver.url}"\n{LOOPBACK}')
        assert found["sink pager"] == Tried("sink pager", said=f"127.0.0.1 port {receiver.port} answers")
        await met(receiver)
    assert receiver.requests == []


async def test_a_private_address_is_not_even_connected_to(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        found = await tried(tmp_path, f'[sinks.pager]\nkind = "webhook"\nurl = "{receiver.url}"\nallow_http = true\n')
    (problem,) = found["sink pager"].problems
    assert "will not connect to 127.0.0.1" in problem
    assert "allow_private" in problem
    assert receiver.connections == 0


async def test_a_receiver_that_is_away_is_told(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}/x"
    found = await tried(tmp_path, f'[sinks.pager]\nkind = "webhook"\nurl = "{url}"\n{LOOPBACK}')
    assert found["sink pager"].problems == (f"{url}: cannot connect: connection refused",)


def a_sink(port: int, ca_file: Path | None, timeout: float = 5.0) -> WebhookSink:
    return WebhookSink(
        f"https://hooks.example:{port}/x",
        ca_file=ca_file,
        timeout=timeout,
        allow_private=["127.0.0.0/8"],
        resolve=lambda host, port: ["127.0.0.1"],
    )


async def test_a_certificate_is_verified_by_the_host_s_name(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name, trusted in (("other.example", False), ("hooks.example", True)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name).configure_cert(context)
        async with Receiver(tls=context) as receiver:
            sink = a_sink(receiver.port, tmp_path / "ca.pem")
            if trusted:
                assert await sink.try_out() == f"127.0.0.1 port {receiver.port} answers, TLSv1.3"
                await met(receiver)
                continue
            with pytest.raises(SinkUnavailable, match=r"cannot agree on TLS: .*Check its certificate, and ca_file"):
                await sink.try_out()


async def test_authorities_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ca_file .*gone\.pem cannot be used: No such file"):
        await a_sink(1, tmp_path / "gone.pem").try_out()


async def test_a_receiver_that_says_nothing_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:  # the system takes the connection, and nobody answers
        sink = a_sink(server.getsockname()[1], None, timeout=0.2)
        with pytest.raises(SinkUnavailable, match=r"no answer within 0\.2 s"):
            await sink.try_out()


async def test_a_real_alertmanager_is_asked_and_holds_nothing_afterwards(tmp_path: Path) -> None:
    with alertmanager(tmp_path, "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n") as service:
        found = await tried(tmp_path, f'[sinks.am]\nkind = "alertmanager"\nurls = ["{service.url}"]\n{LOOPBACK}')
        assert found["sink am"] == Tried("sink am", said=f"{service.url} answers")
        assert await asyncio.to_thread(service.get, "/api/v2/alerts") == []


async def test_a_server_that_is_no_alertmanager_is_told(tmp_path: Path) -> None:
    async with Receiver() as receiver:
        url = receiver.url.removesuffix("/crackle")
        found = await tried(tmp_path, f'[sinks.am]\nkind = "alertmanager"\nurls = ["{url}"]\n{LOOPBACK}')
    assert "does not answer as an Alertmanager does" in found["sink am"].problems[0]


async def test_what_cannot_be_tried_says_how_it_can(tmp_path: Path) -> None:
    (tmp_path / "doves.py").write_text(
        "from crackle_stream.protocols import Sink\n"
        "class Dove(Sink):\n    name = 'dove'\n    async def send(self, alert): pass\n"
    )
    sys.path.append(str(tmp_path))
    try:
        found = await tried(tmp_path, '[sinks.far]\nkind = "doves:Dove"\n[sinks.near]\nkind = "log"\n')
    finally:
        sys.path.remove(str(tmp_path))
    assert found["sink far"].said == "cannot be tried without sending: crackle-stream sinks test far"
    assert found["sink near"].said == "nothing to connect to"
    assert found["source"].said == "nothing to connect to before it runs"


async def test_all_of_it_has_a_time_limit_and_a_fault_of_one_part_is_told_as_its_own() -> None:
    async def hangs() -> Tried:
        await anyio.sleep_forever()
        raise AssertionError

    async def fails() -> Tried:
        raise RuntimeError("it flew away")

    async def works() -> Tried:
        return Tried("c", said="there")

    found = await trials._tried({"a": hangs, "b": fails, "c": works}, 0.05)
    assert found == [
        Tried("a", ("no answer within 0.05 s",)),
        Tried("b", ("RuntimeError: it flew away",)),
        Tried("c", said="there"),
    ]


# Places


def as_nobody(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Root may do everything: for this path the system is asked as if it were another."""
    allowed = os.access
    monkeypatch.setattr(os, "access", lambda asked, mode: Path(asked) != path and allowed(asked, mode))


def test_a_file_to_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "tasks.jsonl"
    assert list(places.readable_problems(path)) == [
        f"{path} is not there: check the path, which is taken from the directory the program is started in"
    ]
    assert list(places.readable_problems(tmp_path)) == [f"{tmp_path} is a directory: name one file in it"]
    path.touch()
    assert list(places.readable_problems(path)) == []
    as_nobody(monkeypatch, path)
    assert list(places.readable_problems(path)) == [
        f"this user may not read {path}: change its permissions or run as its owner"
    ]


def test_a_file_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "alerts.jsonl"
    assert list(places.file_problems(path)) == []
    assert not path.exists()
    assert list(places.file_problems(tmp_path)) == [f"{tmp_path} is a directory: name a file in it"]
    away = tmp_path / "away" / "alerts.jsonl"
    assert list(places.file_problems(away)) == [f"the directory {away.parent} is not there: create it"]
    as_nobody(monkeypatch, tmp_path)
    assert list(places.file_problems(path)) == [
        f"this user may not write {path}: change the permissions of it and of its directory"
    ]


def test_a_state_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory = tmp_path / "deep" / "state"
    assert list(places.state_problems(directory, [])) == []
    assert not directory.exists()
    (room,) = places.state_problems(directory, [2**60])
    assert room.startswith(f"{tmp_path} has ")
    assert room.endswith("make room, or lower spool_bytes")
    (tmp_path / "file").touch()
    assert list(places.state_problems(tmp_path / "file" / "state", [])) == [
        f"{tmp_path / 'file'} is a file: name a directory"
    ]
    as_nobody(monkeypatch, tmp_path)
    assert list(places.state_problems(directory, [])) == [
        f"this user may not write in {tmp_path}, so {directory} cannot be made: change its permissions or its owner"
    ]


def test_a_state_file_of_another_program_or_none_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / FILE_NAME
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA application_id = 7")
    connection.close()
    assert list(places.state_problems(tmp_path, [])) == [f"{file} belongs to another program: name another directory"]
    file.write_bytes(b"no database at all" * 100)
    (torn,) = places.state_problems(tmp_path, [])
    assert torn.startswith(f"{file} is no state file that can be read: ")
    as_nobody(monkeypatch, file)
    assert list(places.state_problems(tmp_path, [])) == [
        f"this user may not read and write {file}: change its permissions or its owner"
    ]


async def test_the_status_address_is_free_or_not(tmp_path: Path) -> None:
    port = free_port()
    text = f'[status]\nlisten = "127.0.0.1:{port}"\n'
    assert (await tried(tmp_path, text))["status"] == Tried("status", said=f"127.0.0.1:{port} is free")
    with socket.create_server(("127.0.0.1", port)):
        (problem,) = (await tried(tmp_path, text))["status"].problems
    assert problem.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert problem.endswith("stop what listens there (a pipeline that runs already does), or take another port")


# The command


def test_all_problems_are_told_at_once_and_the_command_ends_with_1(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    away = tmp_path / "away"
    path.write_text(
        f'[source]\nkind = "file"\npath = "{away}"\n[sinks.log]\nkind = "file"\npath = "{away}/a.jsonl"\n'
        f'[dead_letters]\npath = "{away}/d.jsonl"\n[state]\ndirectory = "{tmp_path}/state"\n'
    )
    done = CliRunner().invoke(app, ["check", str(path), "--connect"])
    assert done.exit_code == 1
    assert "  source        not there\n" in done.stdout
    assert f"  state         {tmp_path}/state can be used\n" in done.stdout
    assert done.stderr.splitlines()[0] == f"Error: {path}: 3 problems"
    assert [line.split(":")[0].strip() for line in done.stderr.splitlines()[1:]] == [
        "source",
        "sink log",
        "dead letters",
    ]
    assert not (tmp_path / "state").exists()


def test_with_everything_there_it_ends_with_0_and_without_the_option_nothing_is_tried(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text(f'[sinks.log]\nkind = "file"\npath = "{tmp_path}/a.jsonl"\n')
    done = CliRunner().invoke(app, ["check", str(path), "--connect"])
    assert (done.exit_code, done.stderr) == (0, "")
    assert "  sink log  can be written\n" in done.stdout
    assert "connections" not in CliRunner().invoke(app, ["check", str(path)]).stdout


# Brokers


async def test_brokers_that_are_away_are_told_with_what_to_check() -> None:
    found = await try_cluster(BrokerOptions(brokers=(f"127.0.0.1:{free_port()}",), connect_timeout=5.0))
    (problem,) = found.problems
    assert "cannot reach 127.0.0.1" in problem
    assert "Check that a broker runs there" in problem


async def test_a_certificate_file_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    options = BrokerOptions(brokers=("127.0.0.1:1",), security_protocol="SSL", ca_file=tmp_path / "gone.pem")
    assert "is no usable PEM file" in (await try_cluster(options)).problems[0]


@pytest.mark.broker
async def test_a_cluster_says_which_topics_are_there_and_creates_none(kafka: Broker, tmp_path: Path) -> None:
    topic = await Cluster(kafka).topic()
    options = BrokerOptions(brokers=(kafka.address,))
    fine = await try_cluster(options, topics=(topic,), pattern="topic-.*", group="nobody")
    assert fine.problems == ()
    assert topic in fine.topics
    wrong = await try_cluster(options, topics=(f"{topic}x", "zzz"), pattern="nothing-.*")
    assert wrong.problems == (
        f"there is no topic '{topic}x', or this user may not see it: did you mean {topic!r}? Otherwise create it",
        "there is no topic 'zzz', or this user may not see it: create it",
        "no topic matches pattern 'nothing-.*' yet: check it against the topics there are",
    )
    assert (await try_cluster(options, topics=("zzz",))).problems == wrong.problems[1:2]  # still not there
    text = (
        f'[source]\nkind = "kafka"\nbrokers = ["{kafka.address}"]\ntopics = ["{topic}"]\n'
        f'[sinks.out]\nkind = "kafka"\nbrokers = ["{kafka.address}"]\ntopic = "zzz"\n'
        f'[dead_letters]\nkind = "kafka"\ntopic = "{topic}"\n'
    )
    found = await tried(tmp_path, text)
    assert found["source"] == Tried("source", said=f"{topic} at {kafka.address}, group crackle-stream")
    assert found["dead letters"] == Tried("dead letters", said=f"{topic} at {kafka.address}")
    assert found["sink out"].problems == wrong.problems[1:2]


class Admin:
    """Answers as a cluster would whose group cannot be asked now, or never."""

    def __init__(self, *answers: Exception | None, topics: tuple[str, ...] = (trial.OFFSETS_TOPIC,)) -> None:
        self.answers = list(answers)
        self.topics = topics

    async def list_topics(self) -> list[str]:
        return list(self.topics)

    async def list_consumer_group_offsets(self, group: str) -> None:
        answer = self.answers.pop(0)
        if answer is not None:
            raise answer


LATER = kafka_errors.GroupCoordinatorNotAvailableError


async def test_a_group_whose_coordinator_is_being_chosen_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "COORDINATOR_WAIT_S", 0.0)
    admin = Admin(LATER(), LATER(), None)
    assert (await trial._asked(admin, (), None, "g")).problems == ()
    assert admin.answers == []
    never = Admin(*[LATER() for _ in range(trial.COORDINATOR_TRIES)])
    (problem,) = (await trial._asked(never, (), None, "g")).problems
    assert problem.startswith("the offsets of group 'g' cannot be read: ")
    assert never.answers == []


async def test_a_group_that_may_not_be_read_is_told_and_a_new_cluster_is_not_asked() -> None:
    admin = Admin(kafka_errors.GroupAuthorizationFailedError())
    assert (await trial._asked(admin, (), None, "g")).problems == (
        "this user may not read group 'g': allow READ on it",
    )
    assert (await trial._asked(Admin(topics=()), (), None, "g")).problems == ()
