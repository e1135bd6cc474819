"""`crackle-stream run` as a process: pipes, signals, exit codes, and what is on which stream."""

import json
import math
import os
import pty
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest
from command import crackle, events, json_lines, shifting, spawn, task_lines

from crackle_stream.app.schema import alert_schema
from crackle_stream.profile import EVIDENCE_DETECTORS

PROMPTLY_S = 10.0
"""What ends at once ends within this on a loaded machine."""


def closed_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_for(process: subprocess.Popen[bytes], event: str) -> list[dict[str, object]]:
    """Read the log until an event; the lines so far."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(json.loads(line))
        if seen[-1]["event"] == event:
            return seen
    raise AssertionError(f"the log ended without {event}: {seen}")


def end(process: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    """The exit code of a process that is about to end, and what is left on its streams."""
    stdout, stderr = process.communicate(timeout=30)
    return process.returncode, stdout.decode(), stderr.decode()


def test_records_in_alerts_out_and_nothing_else_on_standard_output() -> None:
    done = crackle("run", stdin=shifting())
    assert done.returncode == 0
    (alert,) = json_lines(done.stdout)
    jsonschema.Draft202012Validator(alert_schema()).validate(alert)
    assert (alert["status"], alert["pattern"]["kind"]) == ("raised", "phase transition")
    assert (alert["pattern"]["metric_names"], alert["position"]["offset"]) == (["latency"], 499)
    assert events(done.stderr) == ["pipeline.started", "pipeline.stopped"]


def test_no_records_are_no_error() -> None:
    done = crackle("run")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_same_records_give_the_same_bytes_under_any_hash_seed() -> None:
    first, second = (crackle("run", stdin=shifting(), env={"PYTHONHASHSEED": seed}).stdout for seed in "12")
    assert first == second != ""


def test_cards_are_printed_where_they_are_asked_for() -> None:
    done = crackle("run", "--format", "card", stdin=shifting())
    assert done.stdout.startswith("▲ latency rose 149.7 → 450.2")
    assert "│ phase transition (mean) · warning · confidence 0.95" in done.stdout
    assert "not calibrated yet" in done.stdout


def test_a_file_is_read_as_well(tmp_path: Path) -> None:
    (tmp_path / "tasks.jsonl").write_text(shifting())
    done = crackle("run", "--input", "tasks.jsonl", cwd=tmp_path)
    assert (done.returncode, len(json_lines(done.stdout))) == (0, 1)


def test_a_file_that_is_not_there_is_a_failure_that_says_so(tmp_path: Path) -> None:
    done = crackle("run", "--input", "nothing.jsonl", cwd=tmp_path)
    assert done.returncode == 1
    last = json_lines(done.stderr)[-1]
    assert (last["event"], last["exit_code"]) == ("process.failed", 1)
    assert "nothing.jsonl" in last["problem"]


@pytest.mark.parametrize(
    ("word", "code"), [("any", 3), ("warning", 3), ("critical", 0), ("phase transition", 3), ("clustering", 0)]
)
def test_patterns_that_fail_on_names_are_an_exit_code(word: str, code: int) -> None:
    assert crackle("run", "--fail-on", word, stdin=shifting()).returncode == code


def test_a_bad_record_is_told_with_its_line_and_stops_nothing(tmp_path: Path) -> None:
    lines = shifting().splitlines(keepends=True)
    lines.insert(16, "{broken\n")
    done = crackle("run", "--set", "dead_letters.path=letters.jsonl", stdin="".join(lines), cwd=tmp_path)
    assert (done.returncode, len(json_lines(done.stdout))) == (0, 1)
    told = next(line for line in json_lines(done.stderr) if line["event"] == "record.rejected")
    assert (told["position"], told["level"]) == ("stdin:17", "warning")
    assert told["problem"].startswith("not JSON: ")
    (letter,) = json_lines((tmp_path / "letters.jsonl").read_text())
    assert (letter["position"], letter["problem"]) == ("stdin:17", told["problem"])


def test_under_strict_a_bad_record_is_the_end() -> None:
    done = crackle("run", "--strict", stdin="{broken\n")
    last = json_lines(done.stderr)[-1]
    assert (done.returncode, done.stdout, last["event"]) == (1, "", "process.failed")
    assert last["problem"].startswith("bad record at stdin:1: not JSON: ")
    assert last["problem"].endswith("(strict: the stream stops at the first one)")


def test_a_missing_broker_is_told_at_once_and_given_up_after_the_start_timeout() -> None:
    port = closed_port()
    done = crackle("run", "--topic", "t", "--brokers", f"127.0.0.1:{port}", "--set", "run.start_timeout=1s")
    assert (done.returncode, done.stdout) == (7, "")
    failed = [line for line in json_lines(done.stderr) if line["event"] == "source.failed"]
    assert failed[0]["problem"].startswith(f"source kafka: cannot reach 127.0.0.1:{port}: connection refused")
    last = json_lines(done.stderr)[-1]
    assert (last["event"], last["exit_code"], last["problem"]) == ("process.failed", 7, failed[0]["problem"])


def hook(tmp_path: Path, url: str, more: str = "") -> str:
    """A configuration that posts to loopback."""
    path = tmp_path / "crackle.toml"
    path.write_text(
        f'[sinks.pager]\nkind = "webhook"\nurl = "{url}"\nallow_http = true\nallow_private = ["127.0.0.1/32"]\n{more}'
    )
    return str(path)


CANARY = "whsec_c3dvcmRmaXNoLXN3b3JkZmlzaA=="


def test_a_dead_webhook_is_told_with_its_name_and_leaves_the_exit_code_of_what_is_not_drained(tmp_path: Path) -> None:
    port = closed_port()
    config = hook(
        tmp_path,
        f"http://127.0.0.1:{port}/T0/{CANARY}",
        'secret = "${env:HOOK}"\nheaders = { Authorization = "Bearer ${env:HOOK}" }\n[run]\nshutdown_grace = "6s"\n',
    )
    done = crackle("run", config, "-v", stdin=shifting(), env={"HOOK": CANARY})
    assert (done.returncode, done.stdout) == (4, "")
    told = next(line for line in json_lines(done.stderr) if line["event"] == "sink.unavailable")
    assert (told["sink"], told["level"], told["queued"]) == ("pager", "warning", 1)
    assert f"127.0.0.1:{port}" in told["problem"]
    last = json_lines(done.stderr)[-1]
    assert last["problem"] == (
        "not drained within 6 s; alerts left for sink pager: 1. "
        "Check that the receivers answer, or raise shutdown_grace"
    )
    assert CANARY not in done.stderr
    assert CANARY.removeprefix("whsec_") not in done.stderr


def test_a_configuration_with_problems_runs_nothing(tmp_path: Path) -> None:
    done = crackle("run", "--set", "kiln.capcity=5", stdin=shifting(), env={"CRACKLE__KILN__SCOPE": "topic"})
    assert (done.returncode, done.stdout, done.stderr) == (
        2,
        "",
        "Error: configuration: 2 problems\n"
        "  --set kiln.capcity is unknown: did you mean --set kiln.capacity?\n"
        "  CRACKLE__KILN__SCOPE is one of auto, source, partition, key, not 'topic'\n",
    )


def test_at_a_terminal_without_anything_to_read_it_says_what_to_do() -> None:
    master, slave = pty.openpty()
    process = spawn("run", stdin=slave)
    os.close(slave)
    code, stdout, stderr = end(process)
    os.close(master)
    assert (code, stdout) == (2, "")
    assert stderr.startswith(
        "Error: there is nothing to read. Give it one of these:\n  crackle-stream run < tasks.jsonl "
    )
    assert stderr.endswith("or see what it does: crackle-stream demo\n")


def many_alerts(windows: int) -> str:
    """Tasks with news in every window: a metric of another name shifts each time."""
    return task_lines(
        {"task": f"t{row}", "ts": 1.7e9 + row, f"metric_{row // 100}": 300.0 if row % 100 >= 50 else 100.0 + row % 3}
        for row in range(100 * windows)
    )


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--fail-on", "any"), 3)])
def test_a_reader_that_goes_away_ends_it_quietly_and_a_gate_still_holds(options: tuple[str, ...], code: int) -> None:
    process = spawn("run", "--every-tasks", "100", "--set", "profile.family=threshold", *options)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(many_alerts(3).encode())
    process.stdin.flush()
    process.stdout.readline()
    process.stdout.close()
    try:
        process.stdin.write(many_alerts(50).encode())
        process.stdin.close()
    except BrokenPipeError:
        pass
    assert process.stderr is not None
    stderr = process.stderr.read().decode()
    assert process.wait(timeout=30) == code
    assert {line["level"] for line in json_lines(stderr)} == {"info"}
    process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_first_signal_drains_and_ends_with_0(number: signal.Signals) -> None:
    process = spawn("run", "--every-seconds", "never")
    assert process.stdin is not None
    process.stdin.write(shifting(400).encode())
    process.stdin.flush()
    wait_for(process, "pipeline.started")
    # a fifo is read in order: once it is empty, the reader has the records
    deadline = time.monotonic() + PROMPTLY_S
    while unread(process.stdin.fileno()) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    lines = wait_for(process, "pipeline.stopped")
    code, stdout, _ = end(process)
    assert [line["event"] for line in lines] == ["process.stopping", "pipeline.stopped"]
    assert (code, lines[0]["signal"], lines[0]["again"]) == (0, number.name, "ends at once")
    (alert,) = json_lines(stdout)
    assert alert["position"]["offset"] == 399


def unread(pipe: int) -> int:
    """Bytes that wait in a pipe."""
    import fcntl
    import struct
    import termios

    (count,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, struct.pack("i", 0)))
    return int(count)


@pytest.mark.parametrize(("second", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_second_signal_ends_it_at_once_with_128_and_its_number(
    tmp_path: Path, second: signal.Signals, code: int, record_property: Callable[[str, object], None]
) -> None:
    config = hook(tmp_path, f"http://127.0.0.1:{closed_port()}/")
    process = spawn("run", config, "-v")
    assert process.stdin is not None
    process.stdin.write(shifting().encode())
    process.stdin.flush()
    wait_for(process, "alert.made")
    process.send_signal(signal.SIGTERM)
    wait_for(process, "process.stopping")
    began = time.monotonic()
    process.send_signal(second)
    ended, _, stderr = end(process)
    took = time.monotonic() - began
    record_property("ended_s", round(took, 3))
    assert (ended, events(stderr)[-1]) == (code, "process.ended")
    assert took < PROMPTLY_S


def test_a_signal_while_the_source_cannot_be_opened_ends_it_with_0() -> None:
    process = spawn("run", "--topic", "t", "--brokers", f"127.0.0.1:{closed_port()}")
    wait_for(process, "source.failed")
    process.send_signal(signal.SIGTERM)
    code, stdout, stderr = end(process)
    assert (code, stdout) == (0, "")
    assert events(stderr)[-1] == "process.stopping"


def own_module(tmp_path: Path, code: str) -> None:
    (tmp_path / "mine.py").write_text(code)


def test_a_detector_that_never_returns_does_not_keep_a_process_that_is_asked_to_stop(tmp_path: Path) -> None:
    own_module(
        tmp_path,
        "import sys, time\n"
        "def hang(window):\n"
        '    print(\'{"event": "hanging"}\', file=sys.stderr, flush=True)\n'
        "    time.sleep(600)\n",
    )
    process = spawn("run", "--set", "profile.detectors=mine:hang", "--set", "run.shutdown_grace=0.5", cwd=tmp_path)
    assert process.stdin is not None
    process.stdin.write(shifting().encode())
    process.stdin.flush()
    wait_for(process, "hanging")
    process.send_signal(signal.SIGTERM)
    code, _, stderr = end(process)
    assert code == 4
    assert json_lines(stderr)[-1]["problem"].startswith("not drained within 0.5 s; windows not cooled: 1.")


def test_a_detector_that_raises_is_told_and_stops_nothing(tmp_path: Path) -> None:
    own_module(tmp_path, "def wrong(window):\n    raise ValueError('no idea')\n")
    done = crackle("run", "--set", "profile.detectors=mine:wrong", stdin=shifting(), cwd=tmp_path)
    assert (done.returncode, len(json_lines(done.stdout))) == (0, 1)
    failed = next(line for line in json_lines(done.stderr) if line["event"] == "detector.failed")
    assert (failed["detector"], failed["problem"]) == ("wrong", "ValueError: no idea")


def test_a_fault_nobody_expected_is_one_line_of_json_with_its_traceback(tmp_path: Path) -> None:
    own_module(
        tmp_path,
        "from crackle_stream.protocols import Source\n"
        "class Faulty(Source):\n"
        "    name = 'faulty'\n"
        "    async def read(self):\n"
        "        raise ZeroDivisionError('at read')\n",
    )
    done = crackle("run", "--set", "source.kind=mine:Faulty", cwd=tmp_path)
    last = json_lines(done.stderr)[-1]
    assert (done.returncode, last["event"], last["exit_code"]) == (1, "process.failed", 1)
    assert "ZeroDivisionError: at read" in last["exception"]


def test_it_runs_on_uvloop_with_the_same_result() -> None:
    done = crackle("run", "--uvloop", stdin=shifting())
    assert (done.returncode, done.stdout) == (0, crackle("run", stdin=shifting()).stdout)


def test_windows_and_deliveries_are_logged_when_asked_for() -> None:
    done = crackle("run", "-v", stdin=shifting())
    told = events(done.stderr)
    detectors = len(EVIDENCE_DETECTORS)
    assert told[1 : 5 + detectors] == [
        "window.cooled",
        *["detector.examined"] * detectors,
        "window.skipped",
        "alert.made",
        "alert.delivered",
    ]
    assert told[-2:] == ["stream.summed_up", "pipeline.stopped"]
    assert "offsets.committed" in told
    closed = [line["closed_by"] for line in json_lines(done.stderr) if line["event"] == "window.cooled"]
    assert closed == ["tasks", "whole"]


def test_a_demo_cut_short_is_quiet() -> None:
    process = spawn("demo", "--fast", stdin=subprocess.DEVNULL)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    assert process.wait(timeout=30) == 0
    process.stderr.close()


def test_the_console_script_is_the_module() -> None:
    script = Path(sys.executable).with_name("crackle-stream")
    printed = subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout
    assert printed == crackle("--version").stdout


def test_a_pipe_whose_records_bear_no_time_finds_a_step_that_lasts_and_says_how_it_counts() -> None:
    golden = 0.6180339887
    lines = task_lines(
        {"task": f"t{row}", "ms": 100 + 20 * math.sin(row * golden * row) + (40 if row >= 800 else 0)}
        for row in range(2000)
    )
    done = crackle("run", stdin=lines)
    assert next(line["pattern"]["metric_names"] for line in json_lines(done.stdout)) == ["ms"]
    untimed = [line for line in json_lines(done.stderr) if line["event"] == "stream.untimed"]
    assert [(line["source"], line["seconds"]) for line in untimed] == [("stdin", 30.0)]
    assert "profile.per_window" in untimed[0]["cure"]


def test_a_gate_does_not_pass_a_stream_of_which_nothing_could_be_read() -> None:
    done = crackle("run", "--fail-on", "any", stdin="no json\n" * 3)
    assert done.returncode == 6
    assert "none of 3 records could be read; the last one: stdin:3: not JSON" in done.stderr
