"""What a service manager is told, by the datagrams that a real socket gets."""

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from command import crackle, spawn

from crackle_stream.app.supervisor import Supervisor

WITHIN_S = 90.0
"""What starting or ending a process may take on a crowded machine."""


class Manager:
    """The other end: a datagram socket with a name."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.path)
        self._socket.settimeout(WITHIN_S)

    def heard(self) -> str:
        """The next datagram, waited for."""
        return self._socket.recv(4096).decode()

    def waiting(self) -> list[str]:
        """Datagrams that are there already."""
        self._socket.setblocking(False)
        found = []
        try:
            while True:
                found.append(self._socket.recv(4096).decode())
        except BlockingIOError:
            return found

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(tmp_path / "notify")
    yield listening
    listening.close()


def test_a_process_tells_that_it_is_ready_that_it_lives_and_that_it_ends(manager: Manager) -> None:
    process = spawn("run", env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "3000000"})
    assert manager.heard() == "READY=1\nSTATUS=reading"
    assert [manager.heard() for _ in range(2)] == ["WATCHDOG=1"] * 2
    process.send_signal(signal.SIGTERM)
    while (told := manager.heard()) == "WATCHDOG=1":
        pass
    assert told == "STOPPING=1\nSTATUS=delivering what was read"
    process.communicate(timeout=WITHIN_S)
    assert (process.returncode, manager.waiting()) == (0, [])


def test_a_process_that_cannot_open_its_source_is_never_ready(manager: Manager) -> None:
    done = crackle("run", "--input", "nothing.jsonl", env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "100000"})
    assert (done.returncode, manager.waiting()) == (1, [])


def test_a_process_whose_input_is_over_ends_by_saying_so(manager: Manager) -> None:
    done = crackle("run", env={"NOTIFY_SOCKET": manager.path})
    assert done.returncode == 0
    assert [told.partition("\n")[0] for told in manager.waiting()] == ["READY=1", "STOPPING=1"]


def test_a_manager_that_has_gone_is_no_failure(tmp_path: Path) -> None:
    assert crackle("run", env={"NOTIFY_SOCKET": str(tmp_path / "nobody"), "WATCHDOG_USEC": "100000"}).returncode == 0


async def test_there_is_no_beat_while_the_source_is_silent_for_as_long_as_the_manager_waits(manager: Manager) -> None:
    # silent for longer, for exactly as long, then it answers: only the third look is a sign of life
    looks = iter([0.06, 0.03, 0.029])

    def silent_s() -> float:
        try:
            return next(looks)
        except StopIteration:
            beating.cancel_scope.cancel()
            return 1.0

    async with anyio.create_task_group() as beating:
        beating.start_soon(Supervisor(manager.path, watchdog_s=0.03).beat, silent_s)
    assert manager.waiting() == ["WATCHDOG=1"]


async def test_there_are_no_beats_where_nobody_watches(manager: Manager) -> None:
    await Supervisor(manager.path).beat(lambda: 0.0)
    assert manager.waiting() == []


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        ({"NOTIFY_SOCKET": "/run/notify"}, None),
        ({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "60000000"}, 60.0),
        ({"NOTIFY_SOCKET": "@abstract", "WATCHDOG_USEC": "0"}, None),
        ({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "soon"}, None),
        ({"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),  # our parent's
    ],
)
def test_the_environment_says_who_listens_and_who_watches(
    environment: dict[str, str], watchdog_s: float | None
) -> None:
    found = Supervisor.of(environment)
    assert found is not None
    assert found.watchdog_s == watchdog_s


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_where_nobody_listens_that_we_can_reach_nothing_is_told(environment: dict[str, str]) -> None:
    assert Supervisor.of(environment) is None


def test_an_abstract_socket_is_reached_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("")  # Linux chooses a name of the abstract namespace
        listening.settimeout(WITHIN_S)
        name: bytes = listening.getsockname()
        Supervisor(f"@{name[1:].decode()}").ready()
        assert listening.recv(4096).startswith(b"READY=1")
