"""`crackle-stream` as users run it: a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

__all__ = ["crackle", "events", "json_lines", "shifting", "spawn", "task_lines"]

WITHIN_S = 60


def crackle(
    *arguments: str, stdin: str | bytes = "", env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        _command(arguments),
        input=data,
        capture_output=True,
        env=_environment(env),
        cwd=cwd,
        timeout=WITHIN_S,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def spawn(
    *arguments: str, env: Mapping[str, str] | None = None, cwd: Path | None = None, **streams: Any
) -> subprocess.Popen[bytes]:
    """Start a command whose streams the test holds; pipes by default."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
    return subprocess.Popen(_command(arguments), env=_environment(env), cwd=cwd, **pipes)


def json_lines(text: str) -> list[dict[str, Any]]:
    """JSON lines; anything else among them fails."""
    return [json.loads(line) for line in text.splitlines()]


def events(stderr: str) -> list[str]:
    """The events of a log, in order."""
    return [line["event"] for line in json_lines(stderr)]


def task_lines(tasks: Iterable[Mapping[str, object]]) -> str:
    """Tasks as JSON lines."""
    return "".join(f"{json.dumps(task)}\n" for task in tasks)


def shifting(count: int = 500) -> str:
    """Tasks whose latency triples in the middle, as JSON lines: one piece of news, and nothing else to find."""
    golden = 0.6180339887
    return task_lines(
        {
            "task": f"t{number}",
            "ts": 1.7e9 + number / 100,
            "latency": 100 + 100 * (number * golden % 1) + (300 if number >= count // 2 else 0),
        }
        for number in range(count)
    )


def _command(arguments: Iterable[str]) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "crackle_stream", *arguments]


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    """The test's own environment without its settings, plus what is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CRACKLE_", "NO_COLOR"))}
    return {**kept, **(extra or {})}
