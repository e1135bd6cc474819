"""`crackle-stream init`: an unknown stream gets a configuration that runs, and says why each key is as it is."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from command import crackle
from typer.testing import CliRunner

from crackle_stream.app.cli import app
from crackle_stream.app.config import Configuration, load
from crackle_stream.app.starting.looking import look_at
from crackle_stream.app.starting.sampling import Sample, of_file
from crackle_stream.app.starting.writing import as_toml


def odd_records(count: int = 600) -> list[dict[str, object]]:
    """A stream whose fields have names of their own, and whose metrics are nested."""
    rng = np.random.default_rng(0)
    served = np.cumsum(rng.poisson(3.0, size=count))
    return [
        {
            "finishedOn": f"2026-01-05T{row // 3600:02}:{row // 60 % 60:02}:{row % 60:02}Z",
            "req": {"trace": f"{row * 7919:08x}", "shop": ("berlin", "paris", "rome")[row % 3]},
            "stats": {"took ms": float(rng.gamma(4.0, 5.0)), "served": int(served[row]), "shard": row % 5, "v": 7},
            "build": "1.5",
            "ok": True,
        }
        for row in range(count)
    ]


def written(path: Path, records: Sequence[Mapping[str, object]]) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def initialised(*arguments: object, stdin: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["init", *map(str, arguments)], input=stdin)
    return done.exit_code, done.stdout, done.stderr


def configuration_of(records: Sequence[Mapping[str, object]], path: Path) -> tuple[str, Configuration]:
    text = as_toml(look_at(of_file(written(path / "tasks.jsonl", records))))
    (path / "made.toml").write_text(text)
    return text, load(path / "made.toml")


def test_the_fields_of_an_unknown_stream_are_found(tmp_path: Path) -> None:
    text, made = configuration_of(odd_records(), tmp_path)
    assert (made.decode.label, made.decode.time) == ("req.trace", "finishedOn")
    assert 'label = "req.trace"  # 600 different texts in 600 records' in text
    assert 'time = "finishedOn"  # every record has a time there, 100% in order' in text
    assert '# key = ["req.shop"]  # a kiln for each of 3 values: berlin, paris, rome' in text
    assert "# no metrics, for they are numbers written as text: build" in text
    assert made.profile.types == {"stats.served": "counter", "stats.shard": "id"}
    assert '"stats.served" = "counter"  # never falls' in text
    assert '"stats.shard" = "id"  # repeats exactly every 5 tasks' in text
    assert "# 1 metrics are measurements: stats.took ms" in text
    assert "# did not move, and are told when they do: stats.v (always 7)" in text


def test_windows_are_long_enough_for_the_rate_at_which_tasks_come(tmp_path: Path) -> None:
    text, made = configuration_of(odd_records(), tmp_path)
    assert "every_tasks = 500  # at 1 tasks a second, every 8.33 min" in text
    assert made.kiln.every_seconds == 300  # 60 s would have 60 tasks
    quick = [{"ts": 1.7e9 + row / 100, "ms": float(row * row % 97)} for row in range(300)]
    assert configuration_of(quick, tmp_path)[1].kiln.every_seconds == 30
    rare = [{"ts": 1.7e9 + row * 5000, "ms": float(row * row % 97)} for row in range(300)]
    assert configuration_of(rare, tmp_path)[1].kiln.every_seconds == "never"


def test_fields_that_are_looked_for_anyway_are_only_named(tmp_path: Path) -> None:
    records = [{"task": f"t{row}", "ts": 1.7e9 + row, "ms": float(row * row % 97)} for row in range(100)]
    text, made = configuration_of(records, tmp_path)
    assert (made.decode.label, made.decode.time) == (None, None)
    assert '# label: "task", looked for there anyway' in text
    assert '# time: "ts", looked for there anyway' in text


def test_what_nothing_tells_is_said_to_be_unknown(tmp_path: Path) -> None:
    text, made = configuration_of([{"ms": float(row * row % 97)} for row in range(50)], tmp_path)
    assert "# label: no field names the tasks, so they go by their position" in text
    assert "# time: no field says when a task ended, so the time of arrival serves" in text
    assert "how many come a second is not known" in text
    assert made.kiln.every_tasks == 500


def test_a_count_of_seconds_is_no_time_and_hostile_names_break_nothing(tmp_path: Path) -> None:
    name = 'a"b\n[sinks.x]\nkind = "log" # é\x7f'
    records = [{"uptime": 5.0 + row, name: row % 4, "ms": float(row * row % 97)} for row in range(60)]
    _, made = configuration_of(records, tmp_path)
    assert made.decode.time is None
    assert [sink.name for sink in made.sinks] == ["stdout"]
    assert name in made.profile.types


def test_the_command_writes_what_check_takes_and_says_what_it_found(tmp_path: Path) -> None:
    tasks = written(tmp_path / "tasks.jsonl", odd_records(200))
    out = tmp_path / "crackle.toml"
    code, said, told = initialised(tasks, "-o", out)
    assert (code, told) == (0, "")
    assert said.splitlines() == [
        "label: req.trace (200 different texts in 200 records)",
        "time: finishedOn (every record has a time there, 100% in order)",
        "metrics: 4, of 200 records",
        f"written: {out}; next: crackle-stream check {out}",
    ]
    checked = CliRunner().invoke(app, ["check", str(out)])
    assert checked.exit_code == 0
    assert f"file  path = {tasks}" in checked.stdout


def test_a_file_that_is_there_is_not_written_over_without_force(tmp_path: Path) -> None:
    tasks, out = written(tmp_path / "tasks.jsonl", odd_records(50)), tmp_path / "crackle.toml"
    out.write_text("mine")
    code, _, told = initialised(tasks, "-o", out)
    assert code == 2
    assert f"{out} is there: name another file, or --force" in " ".join(told.replace("│", " ").split())
    assert out.read_text() == "mine"
    assert initialised(tasks, "-o", out, "--force")[0] == 0
    assert out.read_text() != "mine"


def test_a_pipe_is_looked_at_and_configured_as_one(tmp_path: Path) -> None:
    text = "".join(json.dumps(record) + "\n" for record in odd_records(100))
    done = crackle("init", "-", "--records", "60", stdin=text, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "metrics: 4, of 60 records" in done.stdout
    made = load(tmp_path / "crackle.toml")
    assert made.source.plugin.name == "stdin"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no record: give some JSON lines, one object a line"),
        ("host,ms\na,1.5\nb,2.5\n", "looks like CSV (host,ms): crackle-stream reads JSON lines, one object a line. "),
        ("host,ms\na,1.5\nb,2.5\n", "Turn it into them: mlr --icsv --ojsonl cat FILE"),
        ("host\tms\na\t1\n", "looks like TSV (host\tms)"),
        ("host;ms\na;1,5\n", "mlr --icsv --ifs ';' --ojsonl cat FILE"),
        ('[{"ms": 1},\n{"ms": 2}]\n', "looks like one array: crackle-stream reads JSON lines"),
        ('{\n  "ms": 1\n}\n', "looks like JSON over several lines: "),
        ("hello\nworld\n", "none of its first 2 lines is a JSON object"),
        ('{"host": "a"}\n', "no record can be read: "),
        ('{"ms": "1.5"}\n', "ms hold numbers written as text: write them without quotes"),
    ],
)
def test_what_is_no_stream_of_json_lines_is_named_with_the_cure(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x"
    path.write_text(text)
    code, said, told = initialised(path, "-o", tmp_path / "out.toml")
    assert (code, said) == (2, "")
    assert problem in told
    assert not (tmp_path / "out.toml").exists()


def test_records_that_cannot_be_read_are_mentioned(tmp_path: Path) -> None:
    payloads = [b"oops", *(json.dumps(record).encode() for record in odd_records(30))]
    text = as_toml(look_at(Sample("some", payloads, [("kind", "stdin", "a pipe")])))
    assert "# Some records cannot be read and are left out, the first at some:1: not JSON" in text


@pytest.mark.parametrize("text", ["results", "/results", "localhost:9092/"])
def test_a_topic_is_named_with_its_brokers(text: str, tmp_path: Path) -> None:
    code, _, told = initialised("--kafka", text, "-o", tmp_path / "x.toml")
    assert code == 2
    assert "write brokers and topic, such as" in told


def test_two_places_to_look_at_are_one_too_many(tmp_path: Path) -> None:
    code, _, told = initialised("tasks.jsonl", "--kafka", "h:1/t", "-o", tmp_path / "x.toml")
    assert code == 2
    assert "in a file or in a topic, not in both" in " ".join(told.replace("│", " ").split())
