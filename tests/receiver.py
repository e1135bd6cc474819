"""A real HTTP server on loopback that answers as scripted and keeps what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

LOOPBACK: dict[str, Any] = {"allow_http": True, "allow_private": ("127.0.0.0/8",)}
"""Options that let a webhook reach a receiver."""


@dataclass(frozen=True, slots=True)
class Reply:
    """How one request is answered.

    Attributes:
        status: the status code.
        headers: beside Content-Length.
        body: sent at once.
        delay_s: seconds before the answer.
        act: "answer"; "hang" takes the request and never answers; "cut" closes the connection without an answer;
            "drip" sends status and headers and never ends the body.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_s: float = 0.0
    act: str = "answer"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came.

    Attributes:
        method: such as POST.
        target: path and query.
        headers: by lower-case name.
        body: its bytes.
        at: when it had come, epoch seconds.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float = field(default_factory=time.time)


class Receiver:
    """Answers by a script, one reply a request; after the last one, 204 for ever.

    async with Receiver([Reply(503), Reply(200)]) as receiver:
        ...  # POST to receiver.url
        assert len(receiver.requests) == 2

    Attributes:
        requests: what came, in order.
        connections: how many were opened.
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self, script: Iterable[Reply] = (), *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.connections = 0
        self.port = 0
        self._script = iter(script)
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._arrived = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}/crackle"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # a task that is cancelled before its first step has closed nothing
        for writer in tuple(self._writers):
            await self._close(writer)
        await self._server.wait_closed()

    async def wait_for(self, count: int) -> list[Received]:
        """The first `count` requests, once they have come; fails after ten seconds."""
        async with asyncio.timeout(10), self._arrived:
            await self._arrived.wait_for(lambda: len(self.requests) >= count)
        return self.requests[:count]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Called as the connection is made: no task of asyncio's stands between it and the end of the block."""
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._answer(await self._read(reader), writer):
                    pass
        finally:
            await self._close(writer)

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        writer.close()
        with contextlib.suppress(OSError):
            # shielded: who is cancelled while it waits would cancel what everybody waits for
            await asyncio.shield(writer.wait_closed())
        self._writers.discard(writer)

    async def _read(self, reader: asyncio.StreamReader) -> Received:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return Received(method, target, headers, body)

    async def _answer(self, request: Received, writer: asyncio.StreamWriter) -> bool:
        """Answer one request; whether another may follow on the connection."""
        reply = next(self._script, Reply())
        async with self._arrived:
            self.requests.append(request)
            self._arrived.notify_all()
        await asyncio.sleep(reply.delay_s)
        if reply.act == "hang":
            await asyncio.Event().wait()
        if reply.act == "cut":
            return False
        length = len(reply.body) + (1 if reply.act == "drip" else 0)
        headers = {"Content-Length": str(length), **reply.headers}
        if reply.status == 204:
            del headers["Content-Length"]
        lines = [f"HTTP/1.1 {reply.status} Scripted", *(f"{name}: {text}" for name, text in headers.items())]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + reply.body)
        await writer.drain()
        if reply.act == "drip":
            await asyncio.Event().wait()
        return True
