"""A TCP proxy on loopback that treats connections as bad networks do."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PASS", "ChaosProxy", "Network"]

CHUNK = 16_384

NO_LINGER = struct.pack("ii", 1, 0)
"""SO_LINGER: on, for no time; closing then resets the connection."""


@dataclass(frozen=True, slots=True)
class Network:
    """How connections are treated.

    Attributes:
        latency_s: seconds that each chunk needs, one way.
        jitter_s: evenly spread around it.
        bytes_per_s: of each direction of a connection; None for no limit.
        act: "pass"; "swallow" takes bytes and hands none on (a black hole); "half_close" ends the way back to the
            client at its first byte; "reset" resets at once; "refuse" closes the listening port.
        cut_after: bytes from the client after which a connection is reset; None for never.
    """

    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    act: str = "pass"
    cut_after: int | None = None


PASS = Network()


class ChaosProxy:
    """Hands connections on to a port of loopback, as well as its network lets it.

    async with ChaosProxy(broker.behind, listen=broker.proxy) as proxy:
        await proxy.become(Network(act="swallow"))

    Attributes:
        port: where it listens.
        connections: how many were opened.
        carried: bytes handed on, from clients and to them.
    """

    def __init__(self, target: int, *, listen: int = 0, network: Network = PASS, seed: int = 0) -> None:
        self.port = listen
        self.connections = 0
        self.carried = [0, 0]
        self._target = target
        self._network = network
        self._rng = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.become(self._network)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def become(self, network: Network, *, drop: bool = False) -> None:
        """Treat all connections so from now on, those that are open as well.

        Args:
            network: how.
            drop: whether to reset those that are open first.
        """
        self._network = network
        if drop or network.act in ("reset", "refuse"):
            for writer in tuple(self._writers):
                _reset(writer)
        if network.act == "refuse":
            await self._close()
        elif self._server is None:
            self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._writers.add(writer)
        try:
            if self._network.act == "reset":
                _reset(writer)
                return
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # either side has gone, or the test is over
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers.add(forth)
        try:
            ways = (self._carry(reader, forth, writer, 0), self._carry(back, writer, writer, 1))
            both = [asyncio.create_task(way) for way in ways]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in both:
                    way.cancel()
                await asyncio.gather(*both, return_exceptions=True)
        finally:
            self._writers.discard(forth)
            forth.close()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, client: asyncio.StreamWriter, way: int
    ) -> None:
        """One direction of a connection, until an end closes or the network does."""
        passed = 0
        while chunk := await reader.read(CHUNK):
            network = self._network
            if network.act == "swallow":
                continue
            if network.act == "half_close" and way == 1:
                client.write_eof()
                await asyncio.Event().wait()
            passed += len(chunk)
            if network.cut_after is not None and way == 0 and passed > network.cut_after:
                _reset(client)
                return
            await asyncio.sleep(self._takes(network, len(chunk)))
            self.carried[way] += len(chunk)
            writer.write(chunk)
            with contextlib.suppress(ConnectionError):
                await writer.drain()

    def _takes(self, network: Network, count: int) -> float:
        jitter: Callable[[float, float], float] = self._rng.uniform
        latency = network.latency_s + jitter(-network.jitter_s, network.jitter_s)
        return max(0.0, latency) + (count / network.bytes_per_s if network.bytes_per_s else 0.0)


def _reset(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
    writer.transport.abort()
