"""A source that fails while it is read is opened anew, and a supervisor is asked when that does not help."""

from collections.abc import Mapping

import anyio
import numpy as np
import pytest

from crackle_stream.app.exits import Exit, exit_of
from crackle_stream.errors import SourceError, SourceStuck, SourceUnavailable
from crackle_stream.model import LogStart, Partition, Positions, RecordBatch
from crackle_stream.protocols import PartitionListener, Source
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import Event, KilnOptions, Pipeline
from crackle_stream.stream import reader as reading
from crackle_stream.stream.watchdog import MOST_FAILURES

P = Partition("results", 0)

SETTLED = 0
"""Stands in a script where the source waits until its first window is settled."""


class Group(Source):
    """A log of 40 records, read by a client that follows a script: a number of records to give, or a way to fail."""

    name = "group"
    replayable = True
    live = True

    def __init__(self, *script: int | SourceError, closed: int = 0) -> None:
        self.script = list(script)
        self.closed = closed
        self.opened = 0
        self.committed = 0
        self.next = 0
        self.listener: PartitionListener | None = None
        self.fresh = False
        self.cooled = anyio.Event()

    def listen(self, listener: PartitionListener) -> None:
        self.listener = listener

    async def __aenter__(self) -> "Group":
        self.opened += 1
        if self.opened > 1 and self.closed:
            self.closed -= 1
            raise SourceUnavailable(self.name, "connection refused")
        self.next, self.fresh = self.committed, True
        return self

    async def read(self) -> RecordBatch | None:
        await anyio.lowlevel.checkpoint()
        if self.fresh and self.listener is not None:
            self.fresh = False
            await self.listener.assigned({P: LogStart(self.next)})
        if not self.script:
            return None
        step = self.script.pop(0)
        if isinstance(step, SourceError):
            raise step
        if step == SETTLED:
            await self.cooled.wait()
            await anyio.wait_all_tasks_blocked()
        first, self.next = self.next, self.next + step
        offsets = np.arange(first, self.next, dtype=np.int64)
        payloads = [b'{"label": "t%d", "x": %d}' % (offset, offset) for offset in offsets.tolist()]
        return RecordBatch(payloads, Positions(P, offsets), (1.7e9 + offsets).astype(np.float64))

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        self.committed = max(self.committed, offsets.get(P, 0))


STUCK = SourceUnavailable("group", "the client is stuck")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "OPEN_RETRY_FIRST_S", 0.001)
    monkeypatch.setattr(reading, "OPEN_RETRY_MOST_S", 0.001)


async def ran(source: Group) -> tuple[Pipeline, list[Event]]:
    seen: list[Event] = []

    def see(event: Event) -> None:
        seen.append(event)
        if event.name == "window.cooled":
            source.cooled.set()

    pipeline = Pipeline(
        source,
        [MemorySink()],
        schedule=CoolingSchedule(every_tasks=10),
        kiln=KilnOptions(capacity=10, scope="partition"),
        on_event=see,
    )
    async with pipeline:
        await pipeline.run()
    return pipeline, seen


def named(seen: list[Event], name: str) -> list[Event]:
    return [event for event in seen if event.name == name]


async def test_a_source_that_fails_is_opened_anew_and_goes_on_where_it_was_committed() -> None:
    source = Group(10, SETTLED, 5, STUCK, 15, 15, closed=2)
    pipeline, seen = await ran(source)
    assert source.committed == 40, "what was read before the failure and not settled came again"
    assert source.opened == 4
    problems = [event.problem for event in named(seen, "source.failed") if hasattr(event, "problem")]
    assert [problem.partition(": ")[2] for problem in problems] == [
        "the client is stuck",
        "connection refused",
        "connection refused",
    ]
    assert len(named(seen, "source.reopened")) == 1
    assert pipeline.statistics().windows == 4


async def test_after_failures_in_a_row_without_a_record_the_process_is_to_end_with_its_own_code() -> None:
    with pytest.raises(SourceStuck) as caught:
        await ran(Group(*[STUCK] * MOST_FAILURES))
    assert str(caught.value) == (
        "source group: failed 3 times in a row without giving a record, the last time with: source group: the client "
        "is stuck. Let a supervisor start the process again; if it comes back, look at the brokers"
    )
    assert exit_of(caught.value) is Exit.STUCK
    assert int(Exit.STUCK) == 5


async def test_a_record_in_between_shows_that_opening_anew_helps() -> None:
    source = Group(STUCK, STUCK, 20, STUCK, STUCK, 20)
    await ran(source)
    assert (source.opened, source.committed) == (5, 40), "the first 20 were settled before the source failed again"


async def test_a_source_whose_records_do_not_come_again_is_not_opened_anew() -> None:
    source = Group(10, STUCK)
    source.live = False
    with pytest.raises(SourceUnavailable, match="the client is stuck"):
        await ran(source)
    assert source.opened == 1
