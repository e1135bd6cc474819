"""A thread for calls that may hang."""

from __future__ import annotations

import asyncio
import errno
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["Worker"]

T = TypeVar("T")

Job = Callable[[], None]


class Worker:
    """One daemon thread that runs blocking calls in order, so that the event loop never waits for a pipe or a disk.

    Why not the loop's own threads: those are joined when the process ends, and a write to a pipe whose reader has
    stopped reading, or to a disk that went away, may never return. A daemon thread is left behind. Why not
    non-blocking writes: that mode belongs to the open file, which a terminal or pipe shares with other processes.

    Args:
        name: of the thread.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._last: Future[object] | None = None

    async def call(self, function: Callable[[], T]) -> T:
        """Run the function in the thread. When cancelled, it runs on to its end and the result is dropped.

        Raises:
            BlockingIOError: an earlier, cancelled call still hangs; at most one is ever under way.
        """
        if self._last is not None and not self._last.done():
            raise BlockingIOError(errno.EAGAIN, "the write before still hangs")
        if self._thread is None:
            self._thread = threading.Thread(target=_work, args=(self._jobs,), name=self._name, daemon=True)
            self._thread.start()
        done: Future[T] = Future()
        self._last = done  # type: ignore[assignment]
        done.set_running_or_notify_cancel()
        self._jobs.put(lambda: _settle(done, function))
        return await asyncio.wrap_future(done)

    def stop(self) -> None:
        """Let the thread end once it is free; does not wait."""
        self._jobs.put(None)
        self._jobs, self._thread = queue.SimpleQueue(), None


def _work(jobs: queue.SimpleQueue[Job | None]) -> None:
    while (job := jobs.get()) is not None:
        job()


def _settle(done: Future[T], function: Callable[[], T]) -> None:
    """Run the function and keep what comes of it, whatever that is: the caller decides."""
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - it is raised again where the call is awaited
        done.set_exception(error)
    else:
        done.set_result(result)
