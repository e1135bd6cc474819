"""`crackle-stream spool` shows, retries and purges what waits on disk."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from sample_alerts import a_pattern, an_alert
from typer.testing import CliRunner

from crackle_stream.app.building import build_pipeline
from crackle_stream.app.cli import app
from crackle_stream.app.config import load
from crackle_stream.app.keeping import dead_letters_of
from crackle_stream.model import Alert
from crackle_stream.stream.deadletter import DeadLetterTopic
from crackle_stream.stream.spool import OUTBOX, Load, Spool, freeze, loads
from crackle_stream.stream.store import Store

CONFIG = """
[state]
directory = "{directory}"
[sinks.pager]
kind = "webhook"
url = "https://hooks.example.org/crackle"
[sinks.bus]
kind = "kafka"
brokers = ["localhost:9092"]
topic = "alerts"
{more}
"""


def alerts(count: int) -> list[Alert]:
    return [an_alert(id=f"id-{number}", pattern=a_pattern(key=f"k{number}")) for number in range(count)]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "crackle.toml"
    path.write_text(CONFIG.format(directory=tmp_path / "state", more=""))
    return path


@pytest.fixture
def keeping(tmp_path: Path) -> Path:
    path = tmp_path / "keeping.toml"
    path.write_text(
        CONFIG.format(directory=tmp_path / "state", more=f'[dead_letters]\npath = "{tmp_path / "dead.jsonl"}"')
    )
    return path


def fill(directory: Path, sink: str, count: int, *, problem: str = "", now: float | None = None) -> None:
    async def put() -> None:
        spool, at = Spool(sink), time.time() if now is None else now
        async with Store(directory, [OUTBOX]) as store:
            await store.run(lambda connection: spool.put(connection, [freeze(each) for each in alerts(count)], at))
            if problem:
                await store.run(lambda connection: spool.tell(connection, time.time() + 299.5, problem))

    anyio.run(put)


def held(directory: Path) -> dict[str, Load]:
    async def read() -> dict[str, Load]:
        async with Store(directory, [OUTBOX], exclusive=False) as store:
            return {load.sink: load for load in await store.run(loads)}

    return anyio.run(read)


def invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["spool", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_ls_shows_what_waits_since_when_until_when_and_why(tmp_path: Path, config: Path) -> None:
    fill(tmp_path / "state", "pager", 3, problem="sink pager: 503 Service Unavailable", now=time.time() - 7200)
    fill(tmp_path / "state", "bus", 1, now=time.time() - 7200)
    size = sum(len(freeze(each).body) for each in alerts(3))
    code, printed, _ = invoke("ls", config)
    assert code == 0
    header, bus, pager = printed.splitlines()
    assert header.split() == ["sink", "alerts", "bytes", "oldest", "next", "try", "problem"]
    assert bus.split() == ["bus", "1", str(len(freeze(alerts(1)[0]).body)), "2", "h", "now"]
    assert pager.split("  ")[-1] == "sink pager: 503 Service Unavailable"
    assert pager.split()[:9] == ["pager", "3", str(size), "2", "h", "in", "5", "min", "sink"]
    assert len(invoke("ls", "--sink", "bus", config)[1].splitlines()) == 2


def test_retry_asks_the_process_that_runs(tmp_path: Path, config: Path) -> None:
    fill(tmp_path / "state", "pager", 2, problem="503")
    assert invoke("retry", config) == (
        0,
        "pager: 2 alerts will be tried at once, or as the first ones of the next start\n",
        "",
    )
    assert (held(tmp_path / "state")["pager"].asked, held(tmp_path / "state")["pager"].next_try) == (1, None)


def test_purge_moves_alerts_to_the_dead_letters(tmp_path: Path, keeping: Path) -> None:
    fill(tmp_path / "state", "pager", 300)
    fill(tmp_path / "state", "bus", 2)
    assert invoke("purge", "--sink", "pager", keeping)[:2] == (0, "pager: 300 alerts moved to the dead letters\n")
    left = held(tmp_path / "state")
    assert (left["pager"].count, left["pager"].bytes, left["bus"].count) == (0, 0, 2)
    letters = [json.loads(line) for line in (tmp_path / "dead.jsonl").read_text().splitlines()]
    assert [letter["alert"] for letter in letters] == [json.loads(freeze(each).body) for each in alerts(300)]
    assert {letter["problem"] for letter in letters} == {"purged from its spool"}


def test_purge_without_dead_letters_wants_it_said(tmp_path: Path, config: Path) -> None:
    fill(tmp_path / "state", "pager", 2)
    code, _, told = invoke("purge", config)
    assert code == 2
    assert "nothing would keep them: set [dead_letters] path, or pass --discard" in told
    assert held(tmp_path / "state")["pager"].count == 2
    assert invoke("purge", "--discard", config)[:2] == (0, "pager: 2 alerts forgotten\n")
    assert held(tmp_path / "state")["pager"].count == 0


def test_it_works_while_a_process_holds_the_directory(tmp_path: Path, config: Path) -> None:
    fill(tmp_path / "state", "pager", 2)

    async def running(look: Callable[[], tuple[int, str, str]]) -> tuple[int, str, str]:
        async with Store(tmp_path / "state", [OUTBOX]):
            return await anyio.to_thread.run_sync(look)

    code, printed, _ = anyio.run(running, lambda: invoke("ls", config))
    assert (code, len(printed.splitlines())) == (0, 2)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "kiln.capacity=5"], "state.directory holds no crackle-stream.sqlite yet: nothing was spooled"),
        (["--sink", "pagr"], "state.directory holds no crackle-stream.sqlite yet"),
    ],
)
def test_where_nothing_was_spooled_it_says_so(config: Path, arguments: list[str], told: str) -> None:
    code, _, message = invoke("ls", *arguments, config)
    assert (code, told in message) == (2, True)


def test_without_a_state_directory_and_with_a_wrong_name_it_says_so(tmp_path: Path, config: Path) -> None:
    (tmp_path / "bare.toml").write_text("")
    code, _, message = invoke("ls", tmp_path / "bare.toml")
    assert (code, "state.directory is not set: there is no spool to look at" in message) == (2, True)
    fill(tmp_path / "state", "pager", 1)
    code, _, message = invoke("ls", "--sink", "pagr", config)
    assert code == 2
    assert 'there is no spool "pagr"; spools: pager' in " ".join(message.replace("│", " ").split())


def test_a_torn_file_ends_the_command_with_its_cure(tmp_path: Path, config: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "crackle-stream.sqlite").write_bytes(random.Random(0).randbytes(5000))
    code, _, message = invoke("ls", config)
    assert code == 2
    assert "is torn or no database" in message


def test_sinks_that_may_be_out_of_reach_have_a_spool_once_there_is_a_directory(tmp_path: Path, config: Path) -> None:
    configuration = load(config, overrides=[])
    assert [(sink.name, sink.spools(stateful=True)) for sink in configuration.sinks] == [("pager", True), ("bus", True)]
    near = load(tmp_path / "near.toml") if (tmp_path / "near.toml").write_text("[sinks.a]\nkind = 'stdout'") else None
    assert near is not None
    assert not near.sinks[0].spools(stateful=True)
    pipeline = build_pipeline(configuration, lambda event: None)
    assert pipeline.statistics().backlog == {}


def test_dead_letters_in_a_topic_use_the_cluster_of_the_sink_they_name(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    more = '[dead_letters]\nkind = "kafka"\ntopic = "dead"\nsink = "bus"'
    path.write_text(CONFIG.format(directory=tmp_path / "state", more=more))
    letters = dead_letters_of(load(path))
    assert isinstance(letters, DeadLetterTopic)
    assert letters.where == "topic dead"
