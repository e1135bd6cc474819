"""Reads the source and hands its batches over; a full hand-over pauses the source, which is still polled."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import anyio
import anyio.lowlevel

from crackle_stream.errors import SourceUnavailable
from crackle_stream.model import Partition, RecordBatch, TaskBatch
from crackle_stream.protocols import Source
from crackle_stream.stream.events import Event, SourceFailed, SourceReopened
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.inbox import Inbox
from crackle_stream.stream.unwrapping import single_error
from crackle_stream.stream.watchdog import Watchdog

__all__ = ["Batch", "Passed", "Reader"]

Batch: TypeAlias = RecordBatch | TaskBatch


@dataclass(frozen=True, slots=True)
class Passed:
    """Everything below these offsets was read, and put in the inbox before this."""

    offsets: Mapping[Partition, int]


INBOX_BATCHES = 4
POLL_S = 0.2
"""How long to wait for room before a paused source is polled again, to keep a broker's session alive."""

DRAIN_WAIT_S = 0.25
"""How long a stopped reader waits for what its source has taken but not yet handed over."""

DRAIN_BATCHES = 64
"""Most batches taken over when stopping: more than a source holds itself, and an end for a pipe that never runs dry."""

OPEN_RETRY_FIRST_S = 1.0
OPEN_RETRY_MOST_S = 10.0


class Reader:
    """The source's side of the pipeline.

    Args:
        source: what is read.
        emit: where events go.
        lost: called before a source that failed is opened anew: what was read of it and is not settled comes again.

    Attributes:
        inbox: batches with the generation they were read in.
        generation: counts how often partitions left us; batches of an older one are void.
    """

    def __init__(self, source: Source, emit: Callable[[Event], None], lost: Callable[[], Awaitable[None]]) -> None:
        self._source = source
        self._emit = emit
        self._lost = lost
        self._watchdog = Watchdog()
        self._waiting: anyio.CancelScope | None = None
        self._quiet = True
        self._answered_at: float | None = None
        self._passed: dict[tuple[int, Partition], int] = {}
        self.inbox: Inbox[tuple[int, Batch | Passed]] = Inbox(INBOX_BATCHES)
        self.generation = 0

    @property
    def idle(self) -> bool:
        """Whether everything there is has been read and taken."""
        return self._quiet and not len(self.inbox) and not self._source.lag()

    @property
    def silent_s(self) -> float:
        """Seconds since the source last answered, with records or without, or failed; 0.0 where it is not read.

        A source answers about once a second. What it gave may wait for room, for as long as that takes: waiting is no
        silence.
        """
        return 0.0 if self._answered_at is None else anyio.current_time() - self._answered_at

    async def open(self, timeout_s: float) -> None:
        """Try until the source opens.

        Raises:
            SourceUnavailable: it did not within the time.
        """
        deadline = anyio.current_time() + timeout_s
        wait = OPEN_RETRY_FIRST_S
        while True:
            try:
                await self._source.__aenter__()
            except SourceUnavailable as failure:
                left = deadline - anyio.current_time()
                if left <= 0:
                    raise
                self._emit(SourceFailed(self._source.name, str(failure), min(wait, left)))
                await anyio.sleep(min(wait, left))
                wait = min(2 * wait, OPEN_RETRY_MOST_S)
            else:
                return

    async def run(self, stopping: anyio.Event) -> None:
        """Read until the source ends or fails, or we are asked to stop; then the inbox is closed.

        A source whose records come again is opened anew when it becomes unavailable.

        Raises:
            SourceStuck: it was opened anew again and again and gave nothing.
            SourceError: the source failed.
        """
        with single_error():
            async with anyio.create_task_group() as listening:
                listening.start_soon(self._give_up, stopping)
                try:
                    await self._read(stopping)
                finally:
                    self._answered_at = None
                    self.inbox.close()
                listening.cancel_scope.cancel()

    async def _give_up(self, stopping: anyio.Event) -> None:
        """Let go of whatever the source is being waited for; one task for all reads, of which there are many."""
        await stopping.wait()
        if self._waiting is not None:
            self._waiting.cancel()

    async def _read(self, stopping: anyio.Event) -> None:
        while not stopping.is_set():
            self._answered()
            try:
                batch = await self._next()
            except SourceUnavailable as failure:
                if not (self._source.live and self._source.replayable):
                    raise
                self._watchdog.failed(failure)
                await self._reopen(failure, stopping)
                continue
            if batch is None:
                break
            self._quiet = len(batch) == 0
            if self._quiet:
                self._pass_over()
                await anyio.lowlevel.checkpoint()  # a source may say so at once, again and again
            else:
                self._watchdog.progressed()
                await self._hand_over(batch)
        if stopping.is_set() and not self._source.replayable:
            await self._drain()

    def _answered(self) -> None:
        self._answered_at = anyio.current_time()

    def _pass_over(self) -> None:
        """Right after a read that gave nothing: hand on how far that was, behind everything that was given before."""
        found = {(self.generation, partition): after for partition, after in self._source.reached().items()}
        news = {name[1]: after for name, after in found.items() if self._passed.get(name) != after}
        if news and not self.inbox.full:
            self.inbox.put((self.generation, Passed(news)))
            self._passed = found

    async def _reopen(self, failure: SourceUnavailable, stopping: anyio.Event) -> None:
        """Close the source and open it again, however long that takes, or until we are asked to stop."""
        self._emit(SourceFailed(self._source.name, str(failure), 0.0))
        await self._lost()
        await self._source.__aexit__(None, None, None)
        wait = OPEN_RETRY_FIRST_S
        while not stopping.is_set():
            self._answered()
            try:
                await self._source.__aenter__()
            except SourceUnavailable as still:
                self._emit(SourceFailed(self._source.name, str(still), wait))
                with anyio.move_on_after(wait):
                    await stopping.wait()
                wait = min(2 * wait, OPEN_RETRY_MOST_S)
            else:
                self._emit(SourceReopened(self._source.name, self._watchdog.failures))
                return

    async def _drain(self) -> None:
        """Take over what a source that cannot be read again has taken already: nobody else will have it."""
        for _ in range(DRAIN_BATCHES):
            batch: Batch | None = None
            with anyio.move_on_after(DRAIN_WAIT_S):
                batch = await self._source.read()
            if batch is None or not len(batch):
                return
            await self._hand_over(batch)

    async def _hand_over(self, batch: Batch) -> None:
        generation = self.generation
        batches = await self._wait_paused(batch) if self.inbox.full else [batch]
        for each in batches:
            while not await self.inbox.wait_for_room(POLL_S):
                self._answered()
            if generation == self.generation:
                self.inbox.put((generation, each))
                reach("read")

    async def _wait_paused(self, batch: Batch) -> list[Batch]:
        """Wait for room, and go on polling, which keeps a broker's session alive.

        What a paused source yields against the rules is kept, and it is asked for no more: its session may suffer,
        where memory without a bound would cost everybody's.
        """
        held = [batch]
        self._source.pause()
        while not await self.inbox.wait_for_room(POLL_S):
            self._answered()
            if len(held) == 1:
                more = await self._source.read()
                held += [more] if more is not None and len(more) else []
        self._source.resume()
        return held

    async def _next(self) -> Batch | None:
        """The source's next batch; None at its end, or when asked to stop while waiting.

        Raises:
            SourceError: the source failed.
        """
        with anyio.CancelScope() as self._waiting:
            return await self._source.read()
        return None
