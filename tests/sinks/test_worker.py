from __future__ import annotations

import asyncio
import threading

import pytest

from crackle_stream.sinks.worker import Worker

pytestmark = pytest.mark.usefixtures("no_blocking")


async def test_calls_run_in_one_daemon_thread_that_is_not_the_loops() -> None:
    worker = Worker("scribe")
    first = await worker.call(threading.current_thread)
    second = await worker.call(threading.current_thread)
    assert first is second
    assert (first.name, first.daemon) == ("scribe", True)
    assert first is not threading.current_thread()
    worker.stop()


async def test_what_a_call_raises_is_raised_where_it_is_awaited() -> None:
    def fail() -> None:
        raise OSError("no")

    worker = Worker("scribe")
    with pytest.raises(OSError, match="no"):
        await worker.call(fail)
    assert await worker.call(lambda: 5) == 5
    worker.stop()


async def test_a_cancelled_call_runs_to_its_end_and_until_then_no_other_is_taken() -> None:
    worker, begun, go_on, done = Worker("scribe"), threading.Event(), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        go_on.wait()
        done.set()

    task = asyncio.create_task(worker.call(hang))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(BlockingIOError, match="the write before still hangs"):
        await worker.call(lambda: 5)
    go_on.set()
    await asyncio.to_thread(done.wait)
    while True:  # the thread marks the call as done a moment after it has run
        try:
            assert await worker.call(lambda: 5) == 5
            break
        except BlockingIOError:
            await asyncio.sleep(0)
    worker.stop()


async def test_the_thread_ends_when_stopped_and_a_new_one_takes_the_next_call() -> None:
    worker = Worker("scribe")
    first = await worker.call(threading.current_thread)
    worker.stop()
    await asyncio.to_thread(first.join)
    second = await worker.call(threading.current_thread)
    assert first is not second
    worker.stop()
    await asyncio.to_thread(second.join)
