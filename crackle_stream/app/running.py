"""Runs a pipeline as a process: signals, exit codes, and nothing on standard output but alerts."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import anyio
import stamina.instrumentation
import structlog

from crackle_stream.app.building import build_pipeline
from crackle_stream.app.config import Configuration
from crackle_stream.app.eventlog import EventLog
from crackle_stream.app.exits import Exit, FailOn, exit_of
from crackle_stream.app.extras import missing
from crackle_stream.app.status import status_of
from crackle_stream.app.supervisor import Supervisor
from crackle_stream.errors import CrackleError
from crackle_stream.model import AlertStatus
from crackle_stream.stream.events import AlertMade, Event
from crackle_stream.stream.pipeline import Pipeline
from crackle_stream.stream.unwrapping import single_error

if TYPE_CHECKING:
    from crackle_stream.app.tracing import Tracing
    from crackle_stream.app.web.server import StatusServer

__all__ = ["run_pipeline"]

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_pipeline(configuration: Configuration, *, fail_on: FailOn, uvloop: bool = False) -> Exit:
    """Build and run a pipeline until its source ends or a signal comes; what goes wrong meanwhile is logged.

    Args:
        configuration: without problems.
        fail_on: alerts that make the exit code 3.
        uvloop: whether to run on uvloop.

    Returns:
        How the process is to end.

    Raises:
        ConfigError: a source or sink cannot be built here, the status server cannot listen, or an extra is missing.
    """
    # our own events tell of retries, with the sink's name and without the request
    stamina.instrumentation.set_on_retry_hooks([])
    status = status_of(configuration)
    tracing = _tracing(configuration)
    watch = _Watch([EventLog(), *(each for each in (status, tracing) if each is not None)], fail_on)
    pipeline = build_pipeline(configuration, watch)
    try:
        anyio.run(_run, pipeline, status, Supervisor.of(), backend_options={"use_uvloop": uvloop})
    except CrackleError as error:
        code = exit_of(error)
        if code is Exit.DONE and watch.found:
            return Exit.FOUND
        if code is not Exit.DONE:
            structlog.get_logger().error("process.failed", problem=str(error), exit_code=code.value)
        return code
    except Exception:  # noqa: BLE001 - a third party's code, or a fault of ours: told in full, as a log line
        structlog.get_logger().exception("process.failed", exit_code=Exit.FAILED.value)
        return Exit.FAILED
    finally:
        if tracing is not None:
            tracing.close()
    return Exit.FOUND if watch.found else Exit.DONE


def _tracing(configuration: Configuration) -> Tracing | None:
    """Spans, where the configuration wants them; what they need is loaded only then."""
    if not configuration.telemetry.traces:
        return None
    try:
        from crackle_stream.app.tracing import Tracing
    except ModuleNotFoundError as error:
        raise missing(error, "telemetry", "traces: OpenTelemetry", "otel") from error
    return Tracing.of(configuration)


class _Watch:
    """Tells a pipeline's events to whoever listens, and remembers whether an alert came that the caller fails on.

    Attributes:
        found: whether one came.
    """

    def __init__(self, listeners: Sequence[Callable[[Event], None]], fail_on: FailOn) -> None:
        self._listeners = listeners
        self._fail_on = fail_on
        self.found = False

    def __call__(self, event: Event) -> None:
        for listener in self._listeners:
            listener(event)
        if isinstance(event, AlertMade) and event.alert.status is AlertStatus.RAISED:
            self.found = self.found or self._fail_on.names(event.alert)


async def _run(pipeline: Pipeline, status: StatusServer | None, supervisor: Supervisor | None) -> None:
    with anyio.CancelScope() as opening:
        stop = _Stop(pipeline, opening, supervisor)
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, stop, number)
        async with AsyncExitStack() as around:
            if status is not None:
                await around.enter_async_context(status.serving(pipeline))
            async with pipeline:
                stop.opened = True
                await _supervised(pipeline, supervisor)


async def _supervised(pipeline: Pipeline, supervisor: Supervisor | None) -> None:
    """Run to the end, and tell the service manager, where there is one, that this goes on."""
    if supervisor is None:
        await pipeline.run()
        return
    supervisor.ready()
    try:
        with single_error():
            async with anyio.create_task_group() as beside:
                beside.start_soon(supervisor.beat, lambda: pipeline.silent_s)
                await pipeline.run()
                beside.cancel_scope.cancel()
    finally:
        supervisor.stopping()


class _Stop:
    """What signals do: the first one begins an orderly end, the second one ends at once.

    Attributes:
        opened: whether there is anything to drain.
    """

    def __init__(self, pipeline: Pipeline, opening: anyio.CancelScope, supervisor: Supervisor | None) -> None:
        self._pipeline = pipeline
        self._supervisor = supervisor
        self._opening = opening
        self._asked = False
        self.opened = False

    def __call__(self, number: int) -> None:
        name = signal.Signals(number).name
        if self._asked:
            structlog.get_logger().warning("process.ended", signal=name)
            # a worker thread may hang, and an orderly exit would wait for it
            os._exit(128 + number)
        self._asked = True
        structlog.get_logger().info("process.stopping", signal=name, again="ends at once")
        if self._supervisor is not None:
            self._supervisor.stopping()
        if self.opened:
            self._pipeline.stop()
        else:
            self._opening.cancel()
