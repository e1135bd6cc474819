"""The reader hands batches over in order, pauses a source that is too quick, and loses nothing."""

import anyio
import anyio.lowlevel
import numpy as np
import pytest
from serving import until

from crackle_stream.model import Partition, Positions, RecordBatch
from crackle_stream.protocols import Source
from crackle_stream.stream.reader import DRAIN_BATCHES, INBOX_BATCHES, Passed, Reader


class Counting(Source):
    """Yields batches of one record, numbered; says what was asked of it."""

    name = "counting"

    def __init__(self, count: int, *, obeys: bool = True) -> None:
        self.count = count
        self.obeys = obeys
        self.next = 0
        self.paused = False
        self.calls: list[str] = []

    async def read(self) -> RecordBatch | None:
        self.calls.append("read")
        if self.next == self.count:
            return None
        number = self.next
        size = 0 if self.paused and self.obeys else 1
        self.next += size
        positions = Positions(Partition("counting"), np.arange(number, number + size, dtype=np.int64))
        return RecordBatch([b"%d" % number] * size, positions, np.zeros(size))

    def pause(self) -> None:
        self.calls.append("pause")
        self.paused = True

    def resume(self) -> None:
        self.calls.append("resume")
        self.paused = False


async def nothing_lost() -> None:
    """Of a source that never fails nothing is lost."""


async def drain(reader: Reader) -> list[bytes]:
    payloads: list[bytes] = []
    while (item := await reader.inbox.get()) is not None:
        batch = item[1]
        assert isinstance(batch, RecordBatch)
        payloads += batch.payloads
    return payloads


@pytest.mark.parametrize("obeys", [True, False])
async def test_a_full_inbox_pauses_the_source_and_nothing_is_lost(obeys: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.stream.reader.POLL_S", 0.001)
    source = Counting(12, obeys=obeys)
    reader = Reader(source, lambda event: None, nothing_lost)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, anyio.Event())
        with anyio.fail_after(10):
            while "pause" not in source.calls or source.calls[-1] != "read":
                await anyio.lowlevel.checkpoint()
        assert len(reader.inbox) == INBOX_BATCHES
        payloads = await drain(reader)
    assert payloads == [b"%d" % number for number in range(12)]
    assert "resume" in source.calls


async def test_batches_of_partitions_that_left_while_waiting_are_not_handed_over() -> None:
    source = Counting(INBOX_BATCHES + 1)
    reader = Reader(source, lambda event: None, nothing_lost)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, anyio.Event())
        await anyio.wait_all_tasks_blocked()
        reader.generation += 1
        payloads = await drain(reader)
    assert payloads == [b"%d" % number for number in range(INBOX_BATCHES)]


async def test_stopping_ends_a_read_that_waits() -> None:
    class Silent(Counting):
        async def read(self) -> RecordBatch | None:
            await anyio.sleep_forever()
            raise AssertionError("never reached")

    reader, stopping = Reader(Silent(0), lambda event: None, nothing_lost), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, stopping)
        await anyio.wait_all_tasks_blocked()
        stopping.set()
    assert await reader.inbox.get() is None


@pytest.mark.parametrize(("replayable", "handed"), [(False, DRAIN_BATCHES), (True, 0)])
async def test_what_a_source_that_cannot_be_read_again_holds_is_taken_over_when_stopping_within_a_bound(
    replayable: bool, handed: int
) -> None:
    source = Counting(10 * DRAIN_BATCHES)
    source.replayable = replayable
    reader, stopping = Reader(source, lambda event: None, nothing_lost), anyio.Event()
    stopping.set()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, stopping)
        assert len(await drain(reader)) == handed


class Hanging(Counting):
    """A source whose third read never returns."""

    async def read(self) -> RecordBatch | None:
        if self.next == 2:
            await anyio.sleep_forever()
        return await super().read()


async def test_a_source_that_hangs_is_silent_for_longer_and_longer_and_one_that_is_not_read_is_not() -> None:
    reader = Reader(Hanging(12), print, nothing_lost)
    assert reader.silent_s == 0.0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, anyio.Event())
        await anyio.wait_all_tasks_blocked()
        first = reader.silent_s
        assert reader.silent_s > first > 0.0
        tasks.cancel_scope.cancel()
    assert reader.silent_s == 0.0


@pytest.mark.parametrize("obeys", [True, False])
async def test_a_reader_that_waits_for_room_is_not_silent(obeys: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.stream.reader.POLL_S", 0.001)
    reader = Reader(Counting(12, obeys=obeys), print, nothing_lost)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, anyio.Event())
        await until(lambda: reader.inbox.full)
        for _ in range(3):
            reader._answered_at = float("-inf")  # as if it had been long ago
            await until(lambda: reader.silent_s < 30)
        tasks.cancel_scope.cancel()


async def test_a_source_that_obeys_is_polled_for_as_long_as_the_reader_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.stream.reader.POLL_S", 0.001)
    source = Counting(12)
    reader = Reader(source, print, nothing_lost)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, anyio.Event())
        await until(lambda: source.paused)
        for _ in range(3):
            source.calls.clear()
            await until(lambda: source.calls.count("read") > 3)
        assert source.paused
        tasks.cancel_scope.cancel()


async def test_a_source_that_gives_something_though_it_is_paused_is_asked_for_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crackle_stream.stream.reader.POLL_S", 0.001)
    source = Counting(12, obeys=False)
    reader = Reader(source, print, nothing_lost)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, anyio.Event())
        await until(lambda: source.next == INBOX_BATCHES + 2)
        for _ in range(3):
            reader._answered_at = float("-inf")  # as if it had been long ago: it goes on when it has looked again
            await until(lambda: reader.silent_s < 30)
        assert source.next == INBOX_BATCHES + 2, "a batch is held beside the one that waits, and no more"
        tasks.cancel_scope.cancel()


async def test_how_far_was_read_follows_what_was_given_and_is_said_once() -> None:
    class Ending(Counting):
        """Gives one record, then none; stands two further than it."""

        async def read(self) -> RecordBatch | None:
            if self.calls.count("read") == 4:
                return None
            self.paused = "read" in self.calls
            return await super().read()

        def reached(self) -> dict[Partition, int]:
            return {Partition("counting"): 3} if self.next else {}

    reader = Reader(Ending(9), lambda event: None, nothing_lost)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(reader.run, anyio.Event())
    batch = await reader.inbox.get()
    assert batch is not None
    assert isinstance(batch[1], RecordBatch)
    assert await reader.inbox.get() == (0, Passed({Partition("counting"): 3}))
    assert await reader.inbox.get() is None
