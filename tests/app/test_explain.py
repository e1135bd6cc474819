"""`crackle-stream explain`: an alert again, from a file, from a state directory, from a process that runs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import anyio
import pytest
from command import crackle, shifting
from sample_alerts import a_pattern, an_alert
from sample_figures import HOSTILE, a_figure, an_exhibit
from typer.testing import CliRunner

from crackle_stream.app.cli import app
from crackle_stream.model import Alert, AlertStatus
from crackle_stream.render import card, chat_text, html_card, svg
from crackle_stream.stream.gallery import GALLERY, Gallery
from crackle_stream.stream.store import Store


def numbered(fingerprint: str, **fields: Any) -> Alert:
    pattern = a_pattern(fingerprint=fingerprint.ljust(16, "0"), description=f"finding {fingerprint}")
    return an_alert(**{"pattern": pattern, "exhibit": an_exhibit(), **fields})


def line(alert: Alert) -> str:
    return f"{json.dumps(alert.to_dict(exhibit=True))}\n"


def invoke(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["explain", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three findings, two of which begin alike."""
    path = tmp_path / "alerts.jsonl"
    path.write_text("".join(line(numbered(one)) for one in ("abc1", "abd2", "77aa")))
    return path


def keep(directory: Path, *alerts: Alert) -> None:
    async def put() -> None:
        async with Store(directory, [GALLERY]) as store:
            await Gallery(store).keep(alerts)

    anyio.run(put)


def test_a_prefix_is_enough_and_the_plot_is_there(file: Path) -> None:
    assert invoke("77", "--input", file) == (0, f"{card(numbered('77aa'), plot_rows=12)}\n", "")
    assert "170 ┤" in invoke("77", "--input", file)[1]
    assert invoke("ABC1", "--input", file)[0] == 0


def test_an_ambiguous_prefix_lists_what_it_could_be(file: Path) -> None:
    code, printed, told = invoke("ab", "--input", file)
    assert (code, printed) == (2, "")
    assert told.split("Error: ")[1].splitlines() == [
        "Invalid value for FINGERPRINT: 2 findings have a fingerprint that begins with 'ab':",
        "  abd2000000000000  finding abd2 [checkout]",
        "  abc1000000000000  finding abc1 [checkout]",
    ]


def test_an_unknown_one_names_the_nearest(file: Path) -> None:
    code, _, told = invoke("abc7000000000000", "--input", file)
    assert code == 2
    assert "no finding has a fingerprint that begins with 'abc7000000000000'; the nearest:\n  " in told
    assert "  abc1000000000000  finding abc1" in told


def test_one_that_is_like_none_names_the_latest(file: Path) -> None:
    told = invoke("zzz", "--input", file)[2]
    assert "no finding has a fingerprint that begins with 'zzz'; the latest:\n  77aa000000000000  finding 77aa" in told


def test_without_a_fingerprint_what_there_is_is_listed_latest_first_and_has_an_end(tmp_path: Path, file: Path) -> None:
    assert invoke("--input", file)[1].splitlines() == [
        "77aa000000000000  finding 77aa [checkout]",
        "abd2000000000000  finding abd2 [checkout]",
        "abc1000000000000  finding abc1 [checkout]",
    ]
    many = tmp_path / "many.jsonl"
    many.write_text("".join(line(numbered(f"{number:04x}")) for number in range(14)))
    assert invoke("--input", many)[1].splitlines()[-1] == "and 4 more"


def test_the_last_notification_counts_with_the_last_exhibit_there_was(file: Path) -> None:
    over = numbered("77aa", status=AlertStatus.RESOLVED, reason="it returned", exhibit=None)
    with file.open("a") as lines:
        lines.write(line(over))
    printed = invoke("77", "--input", file)[1]
    assert printed.startswith("✓ resolved: finding 77aa [checkout] (it returned)")
    assert "170 ┤" in printed


def test_lines_that_are_no_alerts_are_passed(file: Path) -> None:
    odd = [b'{"torn": ', b"[]", b"[" * 100_000, b"{}", b'"x"', b"\xff\xfe", file.read_bytes()]
    file.write_bytes(b"\n".join(odd))
    assert invoke("77", "--input", file)[0] == 0


@pytest.mark.parametrize(
    ("skin", "expected"),
    [
        ("html", html_card(numbered("77aa"))),
        ("chat", chat_text(numbered("77aa"))),
        ("svg", svg(a_figure())),
    ],
)
def test_it_is_written_for_pages_and_chats_as_well(file: Path, skin: str, expected: str) -> None:
    assert invoke("77", "--input", file, "--format", skin) == (0, f"{expected}\n", "")


def test_an_alert_without_a_plot_says_so_where_the_plot_alone_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "bare.jsonl"
    path.write_text(line(numbered("77aa", exhibit=None)))
    code, _, told = invoke("77", "--input", path, "--format", "svg")
    assert (code, "77aa000000000000 has no plot with it" in told) == (2, True)
    assert invoke("77", "--input", path)[0] == 0


def test_hostile_text_reaches_the_terminal_written_out(tmp_path: Path) -> None:
    path = tmp_path / "hostile.jsonl"
    alert = an_alert(pattern=a_pattern(description=HOSTILE, fingerprint=f"77{HOSTILE}"))
    path.write_text(line(alert))
    for arguments in (("77",), ("x",), ()):
        _, printed, told = invoke(*arguments, "--input", path)
        assert "\x1b" not in printed + told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("77",), "say where it is, by one of --input FILE, --state DIR and --url URL"),
        (("77", "--input", "x", "--state", "y"), "say where it is, by one of --input FILE, --state DIR and --url URL"),
        (("77", "--input", "nowhere.jsonl"), "nowhere.jsonl cannot be read: No such file or directory"),
        (("77", "--state", "nowhere"), "nowhere holds no crackle-stream.sqlite: no process kept its state there"),
    ],
)
def test_what_cannot_be_asked_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, printed, errors = invoke(*arguments)
    assert (code, printed) == (2, "")
    assert told in errors


def test_a_process_that_is_not_there_is_said_to_be_none() -> None:
    code, printed, errors = invoke("77", "--url", "http://127.0.0.1:1")
    assert (code, printed) == (1, "")
    assert "does a process run with [status] listen there?" in errors


def test_a_file_without_alerts_says_what_it_should_be(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text('{"task": "a", "ms": 3}\n')
    assert (
        "tasks.jsonl holds no alert: give a file as `crackle-stream run` writes it" in invoke("7", "--input", path)[2]
    )


def test_the_state_of_a_process_is_read_while_it_runs(tmp_path: Path) -> None:
    keep(tmp_path, numbered("77aa"), numbered("abc1"))

    async def running() -> tuple[int, str, str]:
        async with Store(tmp_path, [GALLERY]):
            return await anyio.to_thread.run_sync(lambda: invoke("77", "--state", tmp_path))

    assert anyio.run(running) == (0, f"{card(numbered('77aa'), plot_rows=12)}\n", "")


def test_a_state_without_alerts_says_so(tmp_path: Path) -> None:
    keep(tmp_path)
    assert "holds no alert yet" in invoke("77", "--state", tmp_path)[2]


@contextmanager
def answering(*answers: tuple[int, object]) -> Iterator[tuple[str, list[str]]]:
    """A server that gives these answers one after the other; its address, and what it was asked for."""
    asked: list[str] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(f"{self.path} {self.headers.get('authorization', '')}".strip())
            status, told = left.pop(0)
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            return None

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


LISTED = {"alerts": [numbered(one, exhibit=None).to_dict() for one in ("77aa", "abc1")], "total": 2, "next": None}


def test_a_running_process_is_asked_what_it_shows_and_then_for_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRACKLE_STATUS_TOKEN", "s3cret")
    alone = {"fingerprint": "77aa", "alerts": [numbered("77aa").to_dict(exhibit=True)], "facts": []}
    with answering((200, LISTED), (200, alone)) as (url, asked):
        assert invoke("77", "--url", url) == (0, f"{card(numbered('77aa'), plot_rows=12)}\n", "")
    assert asked == [
        "/api/alerts?show=all&limit=500 Bearer s3cret",
        "/api/patterns/77aa000000000000 Bearer s3cret",
    ]


def test_of_a_running_process_as_well_all_are_listed_and_prefixes_are_enough() -> None:
    with answering((200, LISTED)) as (url, _):
        assert invoke("--url", url)[1].splitlines()[1] == "abc1000000000000  finding abc1 [checkout]"
    with answering((200, LISTED)) as (url, _):
        assert "no finding has a fingerprint that begins with 'zz'" in invoke("zz", "--url", url)[2]


def test_a_picture_that_is_held_no_longer_leaves_the_alert() -> None:
    with answering((200, LISTED), (200, {"alerts": [LISTED["alerts"][0], 7, {}]})) as (url, _):  # type: ignore[index]
        assert invoke("77", "--url", url)[1] == f"{card(numbered('77aa', exhibit=None))}\n"


@pytest.mark.parametrize(
    ("answer", "code", "told"),
    [
        ((401, {}), 1, "it wants its token: export CRACKLE_STATUS_TOKEN"),
        ((200, {"alerts": []}), 2, "the process shows no alert"),
        ((200, {"alerts": 3}), 2, "the process shows no alert"),
        ((200, [1]), 1, "it answers 200 and not as a status server does"),
    ],
)
def test_what_a_process_answers_instead_is_said(answer: tuple[int, object], code: int, told: str) -> None:
    with answering(answer) as (url, _):
        ended, _, errors = invoke("77aa", "--url", url)
    assert (ended, told in errors) == (code, True)


def test_from_a_pipe_to_a_plot(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    done = crackle("run", "--set", f"state.directory={tmp_path / 'state'}", stdin=shifting())
    path.write_text(done.stdout)
    (alert,) = map(json.loads, done.stdout.splitlines())
    for place in (("--input", str(path)), ("--state", str(tmp_path / "state"))):
        told = crackle("explain", alert["fingerprint"][:4], *place)
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.count("│") > 12
        assert "latency rose" in told.stdout.splitlines()[0]
