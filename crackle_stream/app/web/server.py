"""The server: uvicorn on the pipeline's own event loop, begun before the pipeline and ended with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import anyio
import anyio.to_thread
import structlog
import uvicorn
from starlette.routing import BaseRoute
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from crackle_stream.app.config.status import StatusSection
from crackle_stream.app.web.board import Board
from crackle_stream.app.web.feed import Feed
from crackle_stream.app.web.gathering import FRESH_S, Gathering, Moment, Watched
from crackle_stream.app.web.guard import MOST_HEAD
from crackle_stream.app.web.routes import Site
from crackle_stream.app.web.setup import Setup
from crackle_stream.errors import ConfigError
from crackle_stream.protocols import Clock, SystemClock
from crackle_stream.stream.events import AlertMade, Event
from crackle_stream.stream.unwrapping import single_error

__all__ = ["StatusServer"]

INTERVAL_S = 0.25
"""Between two updates of a page: four a second look alive, and cost less than a percent of a core."""

HEAD_WITHIN_S = 5.0
"""What sending them may take, and what a client may take to read what waits for it."""

MOST_CONNECTIONS = 128
"""Open at once; more are closed as they come."""

END_WITHIN_S = 2.0
"""What ending may take: nobody waits for a page."""

HEARTBEAT_S = 0.5
LATENESSES = 120
"""Heartbeats looked back over: a minute."""


class StatusServer:
    """Serves what is known of a pipeline.

    Args:
        section: where it listens and who may ask.
        setup: what the figures are held against.
        clock: the machine's by default.
        interval_s: seconds between two updates of a page at least.
    """

    def __init__(
        self, section: StatusSection, setup: Setup, *, clock: Clock | None = None, interval_s: float = INTERVAL_S
    ) -> None:
        clock = SystemClock() if clock is None else clock
        self._section = section
        self._board = Board(clock)
        self._gathering = Gathering(self._board, setup, clock, min(FRESH_S, interval_s / 2))
        self._site = Site(self._board, self._gathering, section, interval_s, clock)
        self._charting = asyncio.Event()
        self._socket: socket.socket | None = None
        self._faults = 0

    def __call__(self, event: Event) -> None:
        """Hear of an event; whatever goes wrong here is no business of the pipeline's."""
        try:
            self._board(event)
            if isinstance(event, AlertMade):
                self._site.tell(event.alert)
        except Exception as error:  # noqa: BLE001 - a fault of the page must not end the stream
            self._faults += 1
            if self._faults == 1:
                _log(error, "board", more="further ones are not logged")
        if self._board.uncharted:
            self._charting.set()

    def bind(self) -> None:
        """Take the port, before anything else is begun.

        Raises:
            ConfigError: it is taken, or may not be listened on.
        """
        section = self._section
        try:
            places = socket.getaddrinfo(section.host, section.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            family, kind, protocol, _, address = places[0]
            self._socket = socket.socket(family, kind, protocol)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(address)
            self._socket.listen()
            self._socket.setblocking(False)
        except OSError as error:
            self.close()
            why = error.strerror or str(error)
            cure = "stop what listens there, or set another port (port 0 takes a free one)"
            raise ConfigError(
                [f"listen: {section.authority} cannot be listened on: {why}: {cure}"], "status"
            ) from error

    def close(self) -> None:
        """Let go of the port."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    @property
    def board(self) -> Board:
        """What was heard."""
        return self._board

    @property
    def moment(self) -> Moment:
        """What stands."""
        return self._gathering.now()

    @property
    def routes(self) -> Sequence[BaseRoute]:
        """What is served."""
        return self._site.routes

    @property
    def feed(self) -> Feed:
        """What open pages are told."""
        return self._site.feed

    @property
    def url(self) -> str:
        """Where it listens; only once the port is taken."""
        assert self._socket is not None, "bind() comes first"
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @asynccontextmanager
    async def serving(self, pipeline: Watched) -> AsyncIterator[None]:
        """Serve for as long as the block lasts.

        Raises:
            ConfigError: the port is taken.
        """
        if self._socket is None:
            self.bind()
        assert self._socket is not None
        structlog.get_logger().info("status.started", url=self.url)
        self._gathering.pipeline = pipeline
        server = _Server(_configured(self._site))
        with single_error():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._site.feed.run)
                tasks.start_soon(self._chart)
                tasks.start_soon(self._beat)
                tasks.start_soon(self._site.work)
                ended = anyio.Event()
                tasks.start_soon(self._serve, server, self._socket, ended)
                try:
                    yield
                finally:
                    self._site.feed.close()
                    server.should_exit = True
                    with anyio.move_on_after(END_WITHIN_S, shield=True):
                        await ended.wait()
                    self.close()
                    tasks.cancel_scope.cancel()

    async def _serve(self, server: uvicorn.Server, listening: socket.socket, ended: anyio.Event) -> None:
        try:
            await server.serve([listening])
        except Exception as error:  # noqa: BLE001 - the stream goes on without its page
            _log(error, "server")
        finally:
            ended.set()

    async def _chart(self) -> None:
        """Put windows into the heat strip, one after another, in a thread."""
        board = self._board
        while True:
            await self._charting.wait()
            self._charting.clear()
            while board.uncharted:
                one = board.uncharted.popleft()
                try:
                    strip = await anyio.to_thread.run_sync(board.heat[one.kiln].after, one.window, one.found)
                    board.heat.put(one.kiln, strip)
                except Exception as error:  # noqa: BLE001 - a window that cannot be charted lacks in a picture
                    _log(error, "heat strip")

    async def _beat(self) -> None:
        """Measure how late the loop is."""
        late: list[float] = []
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + HEARTBEAT_S
            await anyio.sleep(HEARTBEAT_S)
            late = [*late[1 - LATENESSES :], loop.time() - due]
            self._gathering.loop_late_s = max(late)


def _log(error: Exception, part: str, **more: str) -> None:
    """Say what failed and where; without a traceback, whose source lines would be read on the loop."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = "" if frame is None else f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
    problem = f"{type(error).__name__}: {error}"
    structlog.get_logger().error("status.failed", part=part, problem=problem, where=where, **more)


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs the pipeline."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Protocol(H11Protocol):
    """HTTP with bounds on how long a client may take to say what it wants, and to read what it gets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asking: asyncio.TimerHandle | None = None
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        self._await_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._asking, self._reading):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reading = self._reading or self.loop.call_later(HEAD_WITHIN_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    def _await_request(self) -> None:
        """Give a client some seconds from its first byte on; once a request is there, its body is bounded elsewhere."""
        if self._answering:
            if self._asking is not None:
                self._asking.cancel()
                self._asking = None
        elif self._asking is None:
            self._asking = self.loop.call_later(HEAD_WITHIN_S, self._give_up_asking)

    def _give_up_asking(self) -> None:
        self._asking = None
        if not self._answering:
            self.transport.abort()

    @property
    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever its type says
        return cycle is not None and not cycle.response_complete


def _configured(site: Site) -> uvicorn.Config:
    return uvicorn.Config(
        site.app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=MOST_HEAD,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,
    )
