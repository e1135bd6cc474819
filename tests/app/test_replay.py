"""`crackle-stream replay` over files: what it prints, writes, keeps and ends with."""

from __future__ import annotations

import io
import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from command import json_lines, shifting, task_lines
from typer.testing import CliRunner

from crackle_stream.app.cli import app
from crackle_stream.app.replay.playing import bar_on
from crackle_stream.model import Alert

HOSTILE = """</style><script>alert(1)</script>" onload='x' <img src=//e.example/x>"""

PAGER = """
[sinks.pager]
kind = "webhook"
url = "https://hooks.example.org/services/T02AB/x9Fq81Lm"
[sinks.file]
kind = "file"
path = "{path}"
match = {{ kind = ["correlation"] }}
[dead_letters]
path = "{path}.dead"
[state]
directory = "{path}.state"
"""


def replay(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["replay", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """Five hundred tasks whose latency triples in the middle."""
    path = tmp_path / "tasks.jsonl"
    path.write_text(shifting())
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A page, a file for something else, a state directory and dead letters."""
    path = tmp_path / "crackle.toml"
    path.write_text(PAGER.format(path=tmp_path / "alerts"))
    return path


def test_alerts_are_lines_with_who_would_have_got_them_and_nobody_gets_any(tasks: Path, config: Path) -> None:
    code, printed, told = replay(tasks, "--config", config)
    (line,) = json_lines(printed)
    assert (code, told) == (0, "")
    assert (line["sinks"], line["at"]) == (["pager"], 1.7e9 + 4.99)
    assert Alert.from_dict(line).pattern.metric_names == ("latency",)
    assert sorted(path.name for path in tasks.parent.iterdir()) == ["crackle.toml", "tasks.jsonl"]


def test_a_table_says_when_what_and_to_whom(tasks: Path, config: Path) -> None:
    code, printed, _ = replay(tasks, "--config", config, "--format", "table")
    assert code == 0
    assert printed.splitlines()[0].split() == ["11-14", "at", "stood", "severity", "to", "what"]
    assert re.search(r"22:13:24 +to the end +\w+ +pager +latency ", printed)
    assert "1 alert raised" in printed
    assert "from 500 tasks in 2 windows over 4.99 s of stream time" in " ".join(printed.split())
    assert "examined: 2 windows" in printed


def test_what_no_sink_takes_goes_to_nobody(tasks: Path, config: Path) -> None:
    config.write_text(config.read_text().replace("url =", 'match = { kind = ["correlation"] }\nurl ='))
    _, printed, _ = replay(tasks, "-c", config, "--format", "table")
    assert re.search(r"warning +nobody +latency", printed)


def test_it_gives_what_run_gives_under_the_same_ids(tasks: Path, tmp_path: Path) -> None:
    alerts = tmp_path / "alerts.jsonl"
    settings = ["--set", "sinks.file.kind=file", "--set", f"sinks.file.path={alerts}"]
    (line,) = json_lines(replay(tasks, *settings)[1])
    assert not alerts.exists()
    assert CliRunner().invoke(app, ["run", "--input", str(tasks), *settings]).exit_code == 0
    (lived,) = json_lines(alerts.read_text())
    lived.pop("exhibit")
    assert {name: value for name, value in line.items() if name not in ("at", "sinks")} == lived
    assert line["sinks"] == ["file"]


def test_without_a_configuration_alerts_go_to_standard_output(tasks: Path) -> None:
    (line,) = json_lines(replay(tasks)[1])
    assert line["sinks"] == ["stdout"]


def test_the_gates_end_with_three(tasks: Path, config: Path) -> None:
    assert replay(tasks, "-c", config, "--fail-on", "any")[0] == 3
    assert replay(tasks, "-c", config, "--fail-on", "correlation")[0] == 0
    code, _, told = replay(tasks, "--fail-on", "corelation")
    assert (code, 'did you mean "correlation"?' in told) == (2, True)


def test_a_golden_file_is_written_and_then_expected(tasks: Path, tmp_path: Path) -> None:
    golden = tmp_path / "golden.jsonl"
    code, _, told = replay(tasks, "--expect", golden)
    assert (code, "--write makes it of what this replay gives" in told) == (2, True)
    assert replay(tasks, "--expect", golden, "--write")[0] == 0
    assert replay(tasks, "--expect", golden) == (0, replay(tasks)[1], "")
    golden.write_text(golden.read_text().replace('"offset": 499', '"offset": 400'))
    code, printed, told = replay(tasks, "--expect", golden)
    assert (code, len(json_lines(printed))) == (3, 1)
    assert re.search(r"this replay gave something else.*\n  changed +raised phase .*: offset 400 -> 499\n", told)


def test_write_without_expect_is_refused(tasks: Path) -> None:
    code, _, told = replay(tasks, "--write")
    assert (code, "says to write the file of --expect: name it" in told) == (2, True)


def test_two_configurations_over_the_same_records_are_compared(tasks: Path, config: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('[kiln]\nevery_tasks = 300\n[profile]\nfamily = "threshold"\n')
    code, printed, _ = replay(tasks, "-c", config, "--against", other)
    *alerts, rates = json_lines(printed)
    assert code == 0
    assert {each["what"] for each in alerts} == {"alert"}
    assert rates["configurations"][str(config)]["tasks"] == rates["configurations"][str(other)]["tasks"] == 500
    assert rates["both"] + sum(rates["only"].values()) == len(alerts)
    shown = replay(tasks, "-c", config, "--against", other, "--format", "table")[1]
    assert f"both raised {rates['both']}," in " ".join(shown.split())


def test_a_configuration_against_itself_makes_no_difference(tasks: Path, config: Path) -> None:
    *alerts, rates = json_lines(replay(tasks, "-c", config, "--against", config)[1])
    assert [each["by"] for each in alerts] == [[str(config), f"{config} (second)"]]
    assert (rates["both"], rates["median_delay_s"]) == (1, 0.0)


def test_the_report_stands_alone_shows_everything_and_keeps_secrets(
    tasks: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, secret = tmp_path / "out.html", "sinks.pager.url=https://hooks.example.org/services/Q81kLmX0"
    with tasks.open("a") as file:
        file.write('{"broken\n')
    arguments = [tasks, "-c", config, "--set", secret, "--report", page]
    monkeypatch.setattr(sys, "argv", ["crackle-stream", "replay", *map(str, arguments)])
    assert replay(*arguments)[0] == 0
    html = page.read_text()
    assert html.count('<article class="crackle-card"') == html.count('<a href="#alert-1">') == 1
    assert all(f"<h2>{title}</h2>" in html for title in ("When", "How many", "Alerts", "Examined", "Refused records"))
    assert "tasks.jsonl:501" in html
    assert "1 alert" in html
    assert "https://hooks.example.org/services/***" in html
    assert not re.search(r"Q81kLmX0|x9Fq81Lm", html)
    assert "crackle-stream replay " in html
    assert_alone(html)


def test_the_report_of_two_shows_both_and_their_difference(tasks: Path, config: Path, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    replay(tasks, "-c", config, "--against", config, "--report", page)
    html = page.read_text()
    assert html.count('<svg class="timeline"') == 2
    assert "both raised 1, only" in html
    assert html.count('<dl class="configuration">') == 2
    assert_alone(html)


def test_a_quiet_stream_says_what_was_looked_at(tmp_path: Path) -> None:
    path, page = tmp_path / "quiet.jsonl", tmp_path / "out.html"
    path.write_text(task_lines({"ts": 1.7e9 + n, "x": 5 + (n * 0.6180339887) % 1} for n in range(80)))
    assert replay(path, "--report", page)[:2] == (0, "")
    assert "Nothing was raised. What was looked at stands below." in page.read_text()
    assert "nothing over the bar" in page.read_text()


def test_nothing_in_the_data_is_obeyed_by_the_page(tmp_path: Path) -> None:
    path, page = tmp_path / "tasks.jsonl", tmp_path / "out.html"
    lines = [json.loads(line) for line in shifting().splitlines()]
    path.write_text(task_lines({"ts": line["ts"], "task": HOSTILE, f"{HOSTILE}": line["latency"]} for line in lines))
    assert replay(path, "--report", page)[0] == 0
    assert_alone(page.read_text())


def test_records_without_times_are_told_by_their_place(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text(task_lines({"latency": json.loads(line)["latency"]} for line in shifting().splitlines()))
    code, printed, told = replay(path, "--format", "table")
    assert code == 0
    assert "tasks.jsonl:500" in printed
    assert "records bear no time" in " ".join(printed.split())
    assert "a week" not in printed
    assert [line["event"] for line in json_lines(told)] == ["stream.untimed"]


def test_a_slow_cooling_ends_no_rehearsal_before_it_is_done(tasks: Path) -> None:
    code, printed, _ = replay(tasks, "--set", "run.shutdown_grace=0.000001")
    assert (code, len(json_lines(printed))) == (0, 1)


def test_what_cannot_be_replayed_says_why_and_what_to_do(tmp_path: Path) -> None:
    empty, bad = tmp_path / "empty.jsonl", tmp_path / "bad.jsonl"
    empty.touch()
    bad.write_text("{\n" * 3)
    said = {
        replay(tmp_path / "none.jsonl")[::2],
        replay(tmp_path)[::2],
        replay(empty)[::2],
        replay("kafka://BROKERS/results")[::2],
        replay("kafka://localhost:9092/")[::2],
    }
    codes = {re.sub(r"\s+", " ", told).split("Error: ")[-1]: code for code, told in said}
    assert codes[next(each for each in codes if "there is no such file: check the path" in each)] == 2
    assert codes[next(each for each in codes if "is no file of JSON lines: a pipe is read by" in each)] == 2
    assert codes[next(each for each in codes if "there is no record in it: check that it is the file" in each)] == 1
    assert codes[next(each for each in codes if "BROKERS stands for the brokers: write HOST:PORT" in each)] == 2
    assert codes[next(each for each in codes if "names no topic but ''" in each)] == 2
    assert replay(bad)[0] == 6


def test_a_report_that_cannot_be_written_says_so(tasks: Path, tmp_path: Path) -> None:
    code, _, told = replay(tasks, "--report", tmp_path)
    assert (code, "cannot be written: Is a directory" in told) == (2, True)


def test_the_command_that_a_card_prints_finds_its_alert_again(
    tasks: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "out.html"
    (line,) = json_lines(replay(tasks, "--report", page)[1])
    found = re.search(r"<dt>Replay</dt><dd><code>(.*?)</code>", page.read_text())
    assert found is not None
    monkeypatch.chdir(tmp_path)
    (again,) = json_lines(replay(*shlex.split(found[1])[2:])[1])
    assert (again["id"], again["fingerprint"]) == (line["id"], line["fingerprint"])


class Terminal(io.StringIO):
    """A stream that says that somebody looks."""

    def isatty(self) -> bool:
        return True


def test_a_bar_moves_on_a_terminal_and_nothing_is_written_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    terminal, file = Terminal(), io.StringIO()
    for stream in (terminal, file):
        with bar_on(stream) as bar:
            bar("crackle.toml")(0.5, "1,200 tasks")
    assert "crackle.toml" in terminal.getvalue()
    assert file.getvalue() == ""


def assert_alone(html: str) -> None:
    """Nothing of the page runs, and nothing of it is fetched."""
    assert not re.search(r"<(script|link|iframe|img|object|embed|form)|\son\w+\s*=\s*[\"']|url\(|@import", html, re.I)
    targets: list[Any] = re.findall(r'(?:href|src)="([^"]*)"', html)
    assert [each for each in targets if not each.startswith("#")] == []
    assert "default-src 'none'" in html
