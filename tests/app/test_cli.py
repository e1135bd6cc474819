"""Commands in this process: help, lists, schemas, checks, and wrong usage."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crackle_stream import __version__
from crackle_stream.app.cli import app
from crackle_stream.app.exits import Exit
from crackle_stream.app.schema import alert_schema, configuration_schema

ROOT = Path(__file__).parents[2]


def invoke(*arguments: str, **env: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(arguments), env=env)
    return result.exit_code, result.stdout, result.stderr


def test_help_names_every_command_and_every_exit_code() -> None:
    code, printed, _ = invoke("--help")
    assert code == 0
    for command in ("run", "check", "demo", "schema", "detectors", "sources", "sinks"):
        assert f"\n  {command} " in printed
    for exit_code in Exit:
        assert f"\n    {exit_code.value}  {exit_code.meaning}\n" in printed
    assert "128+n  a second signal n: ended at once" in printed


def test_without_a_command_there_is_help_and_the_code_of_wrong_usage() -> None:
    code, printed, told = invoke()
    assert code == 2
    assert "Usage: crackle-stream" in printed + told


def test_the_version_is_told() -> None:
    assert invoke("--version") == (0, f"crackle-stream {__version__}\n", "")


@pytest.mark.parametrize("command", ["run", "check", "demo", "schema", "detectors", "sources", "sinks"])
def test_every_command_explains_itself_without_markup(command: str) -> None:
    code, printed, _ = invoke(command, "--help")
    assert code == 0
    assert printed.startswith(f"Usage: crackle-stream {command}")
    assert not set(printed) & set("│╭╰\x1b")


def test_lists_show_name_publisher_and_one_line() -> None:
    assert invoke("sources", "list") == (
        0,
        "stdin   built in  JSON lines from standard input\n"
        "file    built in  JSON lines from a file, also .gz\n"
        "kafka   built in  JSON records from Kafka topics, as a member of a consumer group\n"
        "memory  built in  a queue that an asyncio program fires into (QueueSource)\n",
        "",
    )
    code, printed, _ = invoke("detectors", "list")
    assert (code, [line.split()[0] for line in printed.splitlines()]) == (
        0,
        ["clustering", "phase_transition", "conservation", "correlation"],
    )
    code, printed, _ = invoke("sinks", "list")
    assert (code, [line.split()[0] for line in printed.splitlines()]) == (
        0,
        ["stdout", "file", "log", "webhook", "alertmanager", "apprise", "kafka", "memory"],
    )


def test_schemas_are_printed_as_json() -> None:
    assert json.loads(invoke("schema", "config")[1]) == configuration_schema()
    assert json.loads(invoke("schema", "alert")[1]) == alert_schema()
    code, _, told = invoke("schema", "metrics")
    assert code == 2
    assert "'metrics' is not one of 'config', 'alert'" in told


def test_a_configuration_without_problems_is_shown_as_it_would_run() -> None:
    path = ROOT / "examples" / "kafka_to_webhook.toml"
    code, printed, told = invoke("check", str(path), CRACKLE_WEBHOOK_SECRET="swordfish", CRACKLE__KILN__CAPACITY="2000")
    assert (code, told) == (0, "")
    assert printed.splitlines() == [
        f"{path}: no problems",
        "  source        kafka  brokers = localhost:9092  topics = task-results  group = crackle-stream",
        "  decode        a bad record is counted and left out",
        "  kiln          2000 tasks, a window every 500 tasks or 30 s, scope auto, overflow block, 64 MiB at most",
        "  profile       evidence, budget 1/week: shift, dependence, lagged, laws, groups, constants",
        "  alerts        whatever the budget lets through, said again after 4 h, resolved after 3 coolings without",
        "  sink pager    webhook  url = https://hooks.example.org/crackle  secret = ${env:CRACKLE_WEBHOOK_SECRET}; "
        "gets nature event",
        "  sink record   file  path = alerts.jsonl; gets every event; may lose alerts",
        "  dead letters  dead-letters.jsonl",
    ]


def test_other_choices_are_shown_as_well(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text(
        """
        [decode]
        label = "name"
        key = ["service", "zone"]
        strict = true
        [glaze]
        ratio = "errors / requests"
        [kiln]
        every_tasks = "never"
        every_seconds = "never"
        max_bytes = 1000
        [profile]
        family = "threshold"
        without = ["clustering", "correlation"]
        [sinks.out]
        kind = "stdout"
        match = { metric = ["a*", "b"], confidence = 0.99 }
        """
    )
    code, printed, _ = invoke("check", str(path), "--set", "run.name=x", "--set", "alerts.repeat_interval=90")
    assert (code, printed.splitlines()[1:]) == (
        0,
        [
            "  source        stdin",
            "  decode        label = name  key = service, zone  a bad record stops it",
            "  glaze         ratio = errors / requests",
            "  kiln          1000 tasks, a window when it is full, scope auto, overflow block, 1000 bytes at most",
            "  profile       threshold, rate normal: phase_transition, conservation",
            "  alerts        from confidence 0.9, said again after 90 s, resolved after 3 coolings without",
            "  sink out      stdout; gets metric a*, b and confidence 0.99",
            "  dead letters  only counted and logged",
        ],
    )


def test_a_window_longer_than_the_ring_is_shown_as_what_it_will_be(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text("[kiln]\ncapacity = 100\n")
    assert (
        "  kiln          100 tasks, a window every 100 tasks (the ring holds no more) or 30 s, "
        in (invoke("check", str(path))[1])
    )


def test_a_configuration_with_problems_is_told_on_standard_error(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text("[kiln]\ncapcity = 5\nscope = 'topic'\n")
    assert invoke("check", str(path)) == (
        2,
        "",
        f"Error: {path}: 2 problems\n"
        "  kiln.capcity is unknown: did you mean kiln.capacity?\n"
        "  kiln.scope is one of auto, source, partition, key, not 'topic'\n",
    )


def test_modules_beside_the_configuration_can_be_named_in_it(tmp_path: Path) -> None:
    (tmp_path / "sinks_beside_it.py").write_text(
        "from crackle_stream.protocols import Sink\n"
        "class Mine(Sink):\n"
        "    name = 'mine'\n"
        "    async def send(self, alert): ...\n"
    )
    path = tmp_path / "crackle.toml"
    path.write_text("[sinks.x]\nkind = 'sinks_beside_it:Mine'\n")
    code, printed, _ = invoke("check", str(path))
    assert code == 0
    assert "  sink x        sinks_beside_it:Mine; gets every event\n" in printed


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["run", "--fail-on", "clusterin"], '"clusterin" is no kind and no severity: did you mean "clustering"?'),
        (["run", "--set", "capacity=5"], "is no setting: write SECTION.KEY=VALUE, such as kiln.capacity=5000"),
        (["run", "--set", "kiln.capacity"], "'kiln.capacity' is no setting: write SECTION.KEY=VALUE"),
        (["run", "--set", "kiln.capacity=x"], "--set kiln.capacity is a whole number of at least 1, not 'x'"),
        (["run", "--every-tasks", "0"], "--every-tasks is a whole number of at least 1, not 0"),
        (["run", "--every-seconds", "soon"], '--every-seconds is a number of seconds or text such as "15s"'),
        (["run", "--rate", "fats"], "'fats' is not one of 'fast', 'normal', 'slow'"),
        (["run", "--input", "a", "--topic", "b"], "records come from a file or from Kafka, not from both"),
        (["run", "--topic", "a b"], "--topic holds 'a b': names of topics are 1 to 249 letters, digits, dots, _ and -"),
        (["run", "--topic", "t", "--brokers", "x"], "--brokers holds 'x': write \"host:port\""),
        (["run", "tasks.jsonl"], "tasks.jsonl holds records: crackle-stream run --input tasks.jsonl"),
        (["run", "nowhere.toml"], "nowhere.toml: 1 problem\n  cannot be read: No such file or directory"),
        (["run", "--fromat", "json"], "No such option: --fromat"),
        (["check"], "Missing argument 'config'"),
        (["rum"], "No such command 'rum'"),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_with_its_cure(arguments: list[str], problem: str) -> None:
    code, printed, told = invoke(*arguments)
    assert (code, printed) == (2, "")
    assert problem in told


def test_a_format_needs_a_sink_that_prints(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text("[sinks.x]\nkind = 'log'\n")
    code, _, told = invoke("run", str(path), "--format", "card")
    assert code == 2
    assert "no sink of kind stdout is configured" in told


def test_uvloop_must_be_installed_to_run_on_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.app.cli.run.find_spec", lambda name: None)
    code, _, told = invoke("run", "--uvloop")
    assert code == 2
    assert "it is not installed: pip install uvloop" in told
