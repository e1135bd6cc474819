"""The status server as a process has it: begun with it, ended with it, and clear about what it lacks."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from command import crackle, events, shifting, spawn

LISTEN = {"CRACKLE__STATUS__LISTEN": "127.0.0.1:0"}


@contextmanager
def running(env: dict[str, str]) -> Iterator[tuple["subprocess.Popen[bytes]", str]]:
    """A process with a server, whose input stays open; and where the server is."""
    process = spawn("run", env=env)
    try:
        assert process.stderr is not None
        line = json.loads(process.stderr.readline())
        assert line["event"] == "status.started"
        yield process, line["url"]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def test_a_stream_shows_what_it_finds_and_ends_with_its_server() -> None:
    with running(LISTEN) as (process, url):
        assert process.stdin is not None
        assert process.stdout is not None
        with httpx2.Client(base_url=url, trust_env=False) as client:
            process.stdin.write(shifting().encode())
            process.stdin.flush()
            alert = json.loads(process.stdout.readline())  # the window of 500 ends with its last task
            listed = client.get("/api/alerts").json()["alerts"]
            assert [each["id"] for each in listed] == [alert["id"]]
            assert client.get("/readyz").status_code == 200
            assert "tasks" in client.get("/").text
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate()
        assert process.returncode == 0
        assert events(log.decode())[-1] == "stream.summed_up" or "pipeline.stopped" in events(log.decode())
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(url.rpartition(":")[2]))) != 0


def test_a_taken_port_ends_the_process_before_it_reads_anything() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = crackle("run", stdin=shifting(), env={"CRACKLE__STATUS__LISTEN": f":{port}"})
    assert (done.returncode, done.stdout) == (2, "")
    assert f"Error: status: 1 problem\n  listen: 127.0.0.1:{port} cannot be listened on: Address already in use" in (
        done.stderr
    )


def test_without_the_extra_the_error_names_it() -> None:
    code = (
        "import sys\n"
        "sys.modules['starlette'] = None\n"
        "from crackle_stream.app.cli import main\n"
        "sys.argv = ['crackle-stream', 'run', '--set', 'status.listen=:0']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input="", capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 2
    assert done.stderr.endswith(
        "Error: status: 1 problem\n  listen: a status server needs starlette, which is not installed: "
        'pip install "crackle-stream[web]"\n'
    )


def test_the_process_says_what_it_exits_with_as_without_a_server() -> None:
    done = crackle("run", "--fail-on", "any", stdin=shifting(), env=LISTEN)
    assert done.returncode == 3
    assert len(done.stdout.splitlines()) == 1
    strict = crackle("run", "--strict", stdin="{bad\n", env=LISTEN)
    assert strict.returncode == 1
    assert "bad record at stdin:1" in strict.stderr
