"""Deadlines around a client that may never end, or that ends by a cancellation of its own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["CANCEL_WITHIN_S", "GaveUp", "in_own_task", "note_failure"]

T = TypeVar("T")

CANCEL_WITHIN_S = 1.0
"""How long something that was given up may take to let go of what it holds."""


class GaveUp(Exception):
    """Something did not end in time, or cancelled itself; what it did is unknown."""


async def in_own_task(work: Coroutine[Any, Any, T], timeout_s: float) -> T:
    """Await something that may never end, or end by a cancellation that nobody asked for.

    aiokafka does both when brokers are gone; in a task of its own neither reaches the caller.

    Raises:
        GaveUp: it took longer than `timeout_s`, or cancelled itself.
    """
    task = asyncio.create_task(work)
    task.add_done_callback(note_failure)
    try:
        await asyncio.wait({task}, timeout=timeout_s)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CANCEL_WITHIN_S)
            raise GaveUp(f"no answer within {timeout_s:g} s")
    finally:
        task.cancel()
    if task.cancelled():
        raise GaveUp("the client gave up by itself")
    return task.result()


def note_failure(task: asyncio.Task[Any]) -> None:
    """A task's done callback: its failure counts as seen, also where nobody asks for its result any more."""
    if not task.cancelled():
        task.exception()
