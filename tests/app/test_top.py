"""`crackle-stream top` over a real status server: one frame, many frames, and what it says where nobody answers."""

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from command import crackle
from rich.console import Console
from serving import FakePipeline, feed_busy, serving

from crackle_stream.app.top.asking import Answers, NoAnswer, Process
from crackle_stream.app.top.frame import frame
from crackle_stream.model import Secret
from crackle_stream.stream import events

TOKEN = "correct-horse-battery"


@contextmanager
def busy(alerts: int = 30, **more: Any) -> Iterator[tuple[str, FakePipeline]]:
    """Where a server of a busy pipeline is."""
    pipeline = FakePipeline(tasks=1_234_567, windows=1240, cooling_p95_s=0.21, failing={"pager": "answers 503"})
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving(pipeline, **more)) as (server, _):
        portal.call(lambda: feed_busy(server, alerts=alerts, windows=3))
        yield server.url, pipeline


def drawn(answers: Answers, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, record=True, file=open(os.devnull, "w"), color_system=None)  # noqa: PTH123, SIM115
    with console.capture() as capture:
        console.print(frame(answers, url="http://127.0.0.1:8080", width=width, height=height))
    console.file.close()
    return [line.rstrip() for line in capture.get().splitlines()]


def test_one_frame_says_what_the_page_says() -> None:
    with busy() as (url, _):
        done = crackle("top", "--once", "--url", url, env={"COLUMNS": "80", "LINES": "25"})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].rstrip() == f"checkout  {url}"
    assert any(re.match(r"state +sink failing  sink pager: answers 503", line) for line in lines)
    assert any(re.match(r"window +312/500", line) for line in lines)
    assert any("latency_ms of service-29 rose from" in line for line in lines)
    assert lines[-1].strip() == "+ 20 more"  # of thirty there is room for ten


def test_a_wide_frame_has_three_figures_beside_each_other_and_none_is_longer_than_the_screen() -> None:
    with busy(alerts=100) as (url, _), Process(url, None) as process:
        answers = process.ask()
    for width, height in ((60, 24), (80, 24), (140, 40)):
        lines = drawn(answers, width, height)
        assert max(map(len, lines)) <= width
        assert len(lines) <= height
    wide = drawn(answers, 140, 40)
    assert re.match(r"state .*tasks/s .*window ", wide[2])


def test_silence_says_what_was_examined() -> None:
    with busy(alerts=0) as (url, _), Process(url, None) as process:
        answers = process.ask()
    text = " ".join(drawn(answers, 80, 24))
    assert "No alert is active. Examined: 3 windows; most tests in one: shift 66;" in text


def test_text_from_the_data_cannot_move_the_cursor() -> None:
    with busy(alerts=1) as (url, _), Process(url, None) as process:
        answers = process.ask()
    alert = {**answers.alerts["alerts"][0], "said": "\x1b[2J[bold]gone[/bold]"}
    text = "\n".join(drawn(Answers(answers.statistics, {**answers.alerts, "alerts": [alert]}), 80, 24))
    assert "\\x1b[2J[bold]gone[/bold]" in text
    assert "\x1b" not in text


def test_a_token_comes_from_the_environment() -> None:
    with busy(section={"token": TOKEN}) as (url, _):
        without = crackle("top", "--once", "--url", url)
        assert (without.returncode, without.stderr) == (
            1,
            f"Error: {url}: it wants its token: export CRACKLE_STATUS_TOKEN\n",
        )
        done = crackle("top", "--once", "--url", url, env={"CRACKLE_STATUS_TOKEN": TOKEN})
        assert done.returncode == 0
        assert TOKEN not in done.stdout + done.stderr


def test_where_nobody_listens_the_error_says_what_to_look_at() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        done = crackle("top", "--once", "--url", url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {url}: no answer (")
    assert done.stderr.endswith("): does a process run with [status] listen there?\n")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nowhere", "nowhere: no answer ("),
        ("http://[::1", "***: this is no URL: "),  # what cannot be read may hold a password anywhere
        ("ftp://127.0.0.1:1", "ftp://127.0.0.1:1: no answer ("),
    ],
)
def test_what_is_no_address_is_told(url: str, said: str) -> None:
    done = crackle("top", "--once", "--url", url)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {said}")


def test_an_answer_of_something_else_is_told() -> None:
    with busy() as (url, _), Process(f"{url}/api", Secret(TOKEN)) as process, pytest.raises(NoAnswer) as caught:
        process.ask()
    assert str(caught.value) == (
        f"{url}/api: it answers 404 and not as a status server does: there is nothing here: "
        "see /api/openapi.json for what there is"
    )


def read_until(terminal: int, wanted: bytes, within_s: float = 30.0) -> bytes:
    seen, ends = b"", time.monotonic() + within_s
    while wanted not in seen:
        ready, _, _ = select.select([terminal], [], [], max(ends - time.monotonic(), 0))
        assert ready, seen[-2000:]
        seen += os.read(terminal, 65536)
    return seen


def test_on_a_terminal_it_goes_on_until_ctrl_c() -> None:
    with busy(alerts=1) as (url, pipeline):
        terminal, inside = pty.openpty()
        command = [sys.executable, "-m", "crackle_stream", "top", "--url", url, "--interval", "0.1"]
        process = subprocess.Popen(
            command, stdin=inside, stdout=inside, stderr=inside, env={**os.environ, "TERM": "xterm"}
        )
        os.close(inside)
        try:
            read_until(terminal, b"312/500")
            pipeline.counts["fresh"] = 431
            read_until(terminal, b"431/500")
            process.send_signal(signal.SIGINT)
            read_until(terminal, b"\x1b[?1049l")  # the screen is given back
            assert process.wait(30) == 0
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            os.close(terminal)


def test_a_process_that_has_not_begun_has_a_frame_too() -> None:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serving()) as (server, _):
        with Process(server.url, None) as process:
            first = process.ask()
        portal.call(server, events.PipelineStarted("stdin", ("pager",)))
    text = " ".join(drawn(first, 80, 24))
    assert re.search(r"state +starting", text)
    assert "No alert is active. no window has been cooled yet, so nothing was examined." in text
