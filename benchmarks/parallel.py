"""Work spread over processes, with progress on standard error."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["WORKERS", "spread"]

WORKERS = os.cpu_count() or 1

SAID_EVERY_S = 5.0

Job = TypeVar("Job")
Result = TypeVar("Result")


def spread(
    function: Callable[[Job], Result], jobs: Sequence[Job], workers: int = WORKERS, what: str = "jobs"
) -> Iterator[Result]:
    """The results of all jobs, in their order, worked at by several processes at once.

    Args:
        function: a module's own function; called in another process unless there is one worker only.
        jobs: its arguments.
        workers: processes.
        what: how progress calls the jobs.
    """
    if workers <= 1:
        yield from _told(map(function, jobs), len(jobs), what)
        return
    # spawned, so that a worker has nothing of this process but the arguments; an executor, because a pool starts a
    # worker that cannot begin again and again
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as executor:
        yield from _told(executor.map(function, jobs), len(jobs), what)


def _told(results: Iterator[Result], total: int, what: str) -> Iterator[Result]:
    began = said = time.monotonic()
    for done, result in enumerate(results, start=1):
        now = time.monotonic()
        if now - said >= SAID_EVERY_S or done == total:
            said = now
            left = (now - began) / done * (total - done)
            print(f"{done} of {total} {what}, about {left / 60:.1f} minutes left", file=sys.stderr, flush=True)
        yield result
