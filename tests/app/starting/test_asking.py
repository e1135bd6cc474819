"""On a terminal, with nothing named, `init` asks; on a real one, which a pseudo-terminal is."""

import json
import os
import pty
import sys
from pathlib import Path

import pytest


def on_a_terminal(typed: str, cwd: Path, *arguments: str) -> tuple[int, str]:
    """Run `init` where a person would sit; its exit code and what the terminal shows."""
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - another process
        os.chdir(cwd)
        os.execv(sys.executable, [sys.executable, "-m", "crackle_stream", "init", *arguments])
    os.write(terminal, typed.encode())
    shown = b""
    try:
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:  # Linux says so at the end
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode()


@pytest.fixture
def here(tmp_path: Path) -> Path:
    lines = (json.dumps({"task": f"t{row}", "ms": row * row % 97}) for row in range(50))
    (tmp_path / "tasks.jsonl").write_text("\n".join(lines))
    return tmp_path


def test_a_file_that_is_typed_is_looked_at(here: Path) -> None:
    code, shown = on_a_terminal("tasks.jsonl\n", here)
    assert "A file of JSON lines, or HOST:PORT/TOPIC of Kafka: " in shown
    assert code == 0, shown
    assert (here / "crackle.toml").exists()


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_nothing_typed_shows_what_can_be_looked_at(here: Path, arguments: tuple[str, ...]) -> None:
    code, shown = on_a_terminal("\n", here, *arguments)
    assert code == 2
    assert "there is nothing to look at. Give it one of these:" in shown
    assert not (here / "crackle.toml").exists()
