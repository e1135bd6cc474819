"""A canary in the place of every secret: nothing that a process leaves behind or says may hold it."""

from __future__ import annotations

import asyncio
import base64
import json
import sqlite3
from typing import TYPE_CHECKING

from command import crackle, json_lines, shifting
from receiver import Receiver, Reply

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SIGNING = base64.b64encode(b"canary-that-signs-32-bytes-long!").decode()
CANARIES = {
    "CANARY_SIGNING": f"whsec_{SIGNING}",
    "CANARY_PREVIOUS": "canary-previous-secret",
    "CANARY_HEADER": "canary-bearer-token",
    "CANARY_PATH": "canary-in-the-path",
    "CANARY_SASL": "canary-sasl-password",
}

CONFIG = """
[source]
kind = "{source}"
{kafka}
[decode]
strict = false
[kiln]
every_seconds = "1h"
[profile]
family = "threshold"
without = ["clustering", "conservation", "correlation"]
detectors = ["mine:wrong"]
[run]
start_timeout = "1s"
shutdown_grace = "2s"
[sinks.pager]
kind = "webhook"
url = "http://127.0.0.1:{port}/${{env:CANARY_PATH}}?token=${{env:CANARY_HEADER}}"
allow_http = true
allow_private = ["127.0.0.0/8"]
secret = "${{env:CANARY_SIGNING}}"
previous_secret = "${{env:CANARY_PREVIOUS}}"
headers = {{ Authorization = "Bearer ${{env:CANARY_HEADER}}" }}
[state]
directory = "state"
[dead_letters]
path = "dead.jsonl"
"""

KAFKA = """
brokers = ["127.0.0.1:{port}"]
topics = ["t"]
security_protocol = "SASL_SSL"
sasl_username = "crackle"
sasl_password = "${{env:CANARY_SASL}}"
"""


async def command(tmp_path: Path, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(crackle, *arguments, stdin=stdin, cwd=tmp_path, env=CANARIES)


def write(tmp_path: Path, port: int, *, source: str = "stdin") -> None:
    kafka = KAFKA.format(port=port) if source == "kafka" else ""
    (tmp_path / "crackle.toml").write_text(CONFIG.format(port=port, source=source, kafka=kafka))
    (tmp_path / "mine.py").write_text(
        "import os\ndef wrong(window):\n    secrets = dict(os.environ)\n    raise ValueError('wrong')\n"
    )


def found(tmp_path: Path, *done: subprocess.CompletedProcess[str]) -> list[str]:
    """Where a canary is, in everything said and every byte left."""
    said = {f"what {each.args[3:]} said": (each.stdout + each.stderr).encode() for each in done}
    left = {str(path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    names = [value.removeprefix("whsec_") for value in CANARIES.values()]
    forms = [form for name in names for form in (name.encode(), base64.b64encode(name.encode()))]
    forms.append(base64.b64decode(SIGNING))
    return [place for place, text in (said | left).items() if any(form in text for form in forms)]


async def test_no_secret_is_in_logs_files_tracebacks_or_answers(tmp_path: Path) -> None:
    told = [value for name, value in CANARIES.items() if name != "CANARY_SASL"]  # which is never sent to a webhook
    echo = " ".join(told).encode()
    async with Receiver() as gone:
        dead = gone.port
    write(tmp_path, dead)
    bad = '{"label": broken\n'
    checked = await command(tmp_path, "check", "crackle.toml")
    assert checked.returncode == 0, checked.stderr
    spooled = await command(tmp_path, "run", "crackle.toml", "-vv", stdin=bad + shifting())
    assert "spool.left" in spooled.stderr
    assert "detector.failed" in spooled.stderr
    listed = await command(tmp_path, "spool", "ls", "crackle.toml")
    file = sqlite3.connect(tmp_path / "state" / "crackle-stream.sqlite")
    assert file.execute("SELECT count(*) FROM outbox").fetchone() == (1,)
    file.close()
    # a receiver that says in its refusal what it was told
    async with Receiver([Reply(503, body=echo), Reply(400, body=echo)]) as receiver:
        write(tmp_path, receiver.port)
        refused = await command(tmp_path, "run", "crackle.toml", "-vv")
        assert receiver.requests[0].headers["authorization"] == "Bearer canary-bearer-token"
        assert "canary-in-the-path" in receiver.requests[0].target
    letters = json_lines((tmp_path / "dead.jsonl").read_text())
    assert [letter["what"] for letter in letters] == ["record", "alert"]
    write(tmp_path, dead, source="kafka")
    absent = await command(tmp_path, "run", "crackle.toml", "-vv")
    assert absent.returncode == 7
    (tmp_path / "crackle.toml").write_text((tmp_path / "crackle.toml").read_text() + "\n[nonsense]\n")
    wrong = await command(tmp_path, "check", "crackle.toml")
    assert wrong.returncode == 2
    assert found(tmp_path, checked, spooled, listed, refused, absent, wrong) == []


async def test_a_fault_nobody_expected_shows_its_traceback_and_no_secret(tmp_path: Path) -> None:
    write(tmp_path, 9)
    (tmp_path / "mine.py").write_text(
        "from crackle_stream.protocols import Source\n"
        "def wrong(window):\n    return []\n"
        "class Faulty(Source):\n"
        "    name = 'faulty'\n"
        "    async def read(self):\n"
        "        raise ZeroDivisionError('at read')\n"
    )
    done = await command(tmp_path, "run", "crackle.toml", "-vv", "--set", "source.kind=mine:Faulty")
    last = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, last["event"]) == (1, "process.failed")
    assert "ZeroDivisionError: at read" in last["exception"]
    assert found(tmp_path, done) == []
