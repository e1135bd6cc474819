"""What systemd is told of the process (sd_notify): that it works, that it lives, that it ends."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping

import anyio

__all__ = ["Supervisor"]

BEATS = 2
"""Beats in the time after which systemd gives a service up: one may come late."""


class Supervisor:
    """Speaks to the service manager that started the process, in datagrams to the socket that it named.

    Telling is best effort: nobody listening is no fault of the stream's.

    Args:
        address: of the socket; one that begins with "@" is of the abstract namespace.
        watchdog_s: seconds without a beat after which the manager gives the service up; None: it does not watch.
    """

    def __init__(self, address: str, watchdog_s: float | None = None) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog_s = watchdog_s
        self._ending = False

    @classmethod
    def of(cls, environment: Mapping[str, str] | None = None) -> Supervisor | None:
        """The manager that the environment names; None where nobody asked to be told."""
        given = os.environ if environment is None else environment
        address = given.get("NOTIFY_SOCKET", "")
        if not address.startswith(("/", "@")):
            return None
        microseconds = given.get("WATCHDOG_USEC", "")
        # a process that was started by the one that is watched inherits the variables, and is not meant
        meant = given.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watched = meant and microseconds.isdecimal() and int(microseconds) > 0
        return cls(address, int(microseconds) / 1e6 if watched else None)

    def ready(self) -> None:
        """The pipeline is open: start-up is over."""
        self._tell("READY=1", "STATUS=reading")

    def stopping(self) -> None:
        """An orderly end has begun; the manager waits for it, and watches no more. Told once."""
        if not self._ending:
            self._ending = True
            self._tell("STOPPING=1", "STATUS=delivering what was read")

    async def beat(self, silent_s: Callable[[], float]) -> None:
        """Tell that the process lives for as long as it does: the loop ticks, or nothing would be told here, and the
        source is asked. Returns at once where nobody watches.

        Args:
            silent_s: seconds since the source last answered, with records or without.
        """
        within_s = self.watchdog_s
        if within_s is None:
            return
        while True:
            if silent_s() < within_s:
                self._tell("WATCHDOG=1")
            await anyio.sleep(within_s / (BEATS + 1))

    def _tell(self, *lines: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.setblocking(False)
                out.sendto("\n".join(lines).encode(), self._address)
        except OSError:  # the manager has gone, or its queue is full: the next beat says the same
            return
