"""A group's member against a client that does, on demand, what real ones do once a month."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from crackle_stream.errors import SourceError, SourceUnavailable
from crackle_stream.model import Partition, RecordBatch
from crackle_stream.protocols import PartitionListener
from crackle_stream.sources import membership
from crackle_stream.sources.consumer import GaveUp, in_own_task
from crackle_stream.sources.membership import Member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

A, B = Partition("t", 0), Partition("t", 1)


@dataclass
class Record:
    offset: int
    value: bytes | None = b"{}"
    timestamp: int = 1_700_000_000_250


def records(first: int, last: int) -> list[Record]:
    return [Record(offset) for offset in range(first, last + 1)]


class StoppedClock:
    def time(self) -> float:
        return 99.0

    def monotonic(self) -> float:
        return 0.0


class Consumer:
    """A client that follows a script.

    Attributes:
        script: what polls do, in turn: hand out records, fail, or wait for an event and go on to the next; when it is
            used up a poll returns nothing at once.
    """

    def __init__(self) -> None:
        self.script: deque[Mapping[Partition, Sequence[Record]] | Exception | asyncio.Event] = deque()
        self.polls = 0
        self.assigned: set[Partition] = set()
        self.held: set[Partition] = set()
        self.positions: dict[Partition, int] = {}
        self.positions_known = asyncio.Event()
        self.positions_known.set()
        self.position_error: Exception | None = None
        self.ends: dict[Partition, int | None] = {}
        self.commits: list[dict[Partition, int]] = []
        self.committing = 0
        self.commit_error: BaseException | None = None
        self.committable = asyncio.Event()
        self.committable.set()
        self.stop_error: BaseException | None = None
        self.stops: asyncio.Event | None = None
        self.stopped = 0

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[Partition, Sequence[Record]]:
        self.polls += 1
        await asyncio.sleep(0)
        while self.script:
            step = self.script.popleft()
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, Exception):
                raise step
            else:
                for partition, found in step.items():
                    self.positions[partition] = found[-1].offset + 1
                return step
        return {}

    def assignment(self) -> AbstractSet[Partition]:
        return frozenset(self.assigned)

    def pause(self, *partitions: Partition) -> None:
        assert self.assigned.issuperset(partitions), "aiokafka raises IllegalStateError"
        self.held.update(partitions)

    def resume(self, *partitions: Partition) -> None:
        assert self.assigned.issuperset(partitions), "aiokafka raises IllegalStateError"
        self.held.difference_update(partitions)

    async def position(self, partition: Partition) -> int:
        await self.positions_known.wait()
        if self.position_error is not None:
            raise self.position_error
        return self.positions.get(partition, 0)

    def seek(self, partition: Partition, offset: int) -> None:
        self.positions[partition] = offset

    def highwater(self, partition: Partition) -> int | None:
        assert partition in self.assigned, "aiokafka raises AssertionError"
        return self.ends.get(partition)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self.committing += 1
        assert self.committing == 1, "aiokafka tries again: of two commits the earlier may come last"
        try:
            await self.committable.wait()
        finally:
            self.committing -= 1
        if self.commit_error is not None:
            raise self.commit_error
        self.commits.append(dict(offsets))

    async def stop(self) -> None:
        self.stopped += 1
        if self.stops is not None:
            await self.stops.wait()
        if self.stop_error is not None:
            raise self.stop_error


class Listener(PartitionListener):
    def __init__(self) -> None:
        self.told: list[tuple[str, object]] = []
        self.ready = asyncio.Event()
        self.ready.set()
        self.member: Member | None = None
        self.error: Exception | None = None
        self.commit_in_revoked: dict[Partition, int] = {}

    async def assigned(self, partitions: Mapping[Partition, int]) -> None:
        self.told.append(("assigned", dict(partitions)))
        await self.ready.wait()

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        self.told.append(("revoked", list(partitions)))
        if self.error is not None:
            raise self.error
        if self.commit_in_revoked:
            assert self.member is not None
            await self.member.commit(self.commit_in_revoked)


class Group:
    """A member, its client, and who listens; and the rebalances a broker would order."""

    def __init__(self, **fields: Any) -> None:
        self.consumer = Consumer()
        self.listener = Listener()
        options: dict[str, Any] = {"max_records": 500, "commit_timeout_s": 5.0, "stop_timeout_s": 5.0, **fields}
        self.member = Member(
            self.consumer,
            source="kafka",
            explain=lambda error: SourceUnavailable("kafka", f"explained {error!r}"),
            listener=self.listener,
            clock=StoppedClock(),
            **options,
        )
        self.listener.member = self.member

    def assign(self, *partitions: Partition) -> None:
        """As aiokafka does it: the assignment first, then whoever listens."""
        self.consumer.assigned = set(partitions)
        self.consumer.held.clear()
        self.member.assigned(frozenset(partitions))

    async def rebalance(self, *partitions: Partition) -> None:
        await self.member.revoked()
        self.assign(*partitions)
        await settled()

    async def read(self) -> RecordBatch:
        """The next batch that is not empty."""
        for _ in range(100):
            batch = await self.member.read()
            if len(batch):
                return batch
        raise AssertionError("a hundred reads gave nothing")


@pytest.fixture
async def group() -> Group:
    group = Group()
    group.assign(A, B)
    await settled()
    return group


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that end, instead of waits that are long enough for a network."""
    monkeypatch.setattr(membership, "READ_WAIT_S", 0.01)
    monkeypatch.setattr(membership, "PAUSED_WAIT_S", 0.001)


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


def offsets(batch: RecordBatch) -> list[int]:
    found: list[int] = batch.positions.offsets.tolist()
    return found


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_each_partition_of_a_poll_is_a_batch_of_its_own(group: Group) -> None:
    group.consumer.script.append({A: records(0, 2), B: records(7, 8)})
    first, second = await group.read(), await group.read()
    assert (first.positions.partition, offsets(first)) == (A, [0, 1, 2])
    assert (second.positions.partition, offsets(second)) == (B, [7, 8])
    assert first.payloads == [b"{}"] * 3
    assert first.times.tolist() == [1_700_000_000.25] * 3
    assert group.consumer.polls == 1


async def test_a_record_without_a_timestamp_gets_the_time_it_was_read(group: Group) -> None:
    group.consumer.script.append({A: [Record(0, timestamp=-1), Record(1, timestamp=5000)]})
    assert (await group.read()).times.tolist() == [99.0, 5.0]


async def test_tombstones_are_skipped_and_counted_and_are_no_lag(group: Group) -> None:
    group.consumer.ends = {A: 4, B: 0}
    group.consumer.script.append({A: [Record(0, None), Record(1), Record(2, None), Record(3, None)]})
    batch = await group.read()
    assert offsets(batch) == [1]
    assert group.member.tombstones == 3
    assert group.member.lag() == 0


async def test_a_poll_of_tombstones_only_is_an_empty_batch(group: Group) -> None:
    group.consumer.script.append({A: [Record(0, None)]})
    assert len(await group.member.read()) == 0
    assert group.member.tombstones == 1


async def test_a_read_does_not_wait_for_a_whole_rebalance_and_later_finds_what_the_poll_brought(group: Group) -> None:
    rebalanced = asyncio.Event()
    group.consumer.script += [rebalanced, {A: records(0, 0)}]
    assert len(await group.member.read()) == 0
    assert len(await group.member.read()) == 0
    assert group.consumer.polls == 1
    rebalanced.set()
    assert offsets(await group.read()) == [0]


async def test_a_cancelled_read_loses_nothing(group: Group) -> None:
    fetched = asyncio.Event()
    group.consumer.script += [fetched, {A: records(0, 1)}]
    reading = asyncio.create_task(group.member.read())
    await settled()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    fetched.set()
    assert offsets(await group.read()) == [0, 1]
    assert group.consumer.polls == 1


async def test_a_failed_poll_is_explained_and_the_next_read_polls_again(group: Group) -> None:
    group.consumer.script += [RuntimeError("not authorised"), {A: records(0, 0)}]
    with pytest.raises(SourceError) as caught:
        await group.member.read()
    assert str(caught.value) == "source kafka: explained RuntimeError('not authorised')"
    assert offsets(await group.read()) == [0]


# -- rebalances --------------------------------------------------------------------------------------------------------


async def test_what_was_fetched_before_a_rebalance_is_not_returned_after_it(group: Group) -> None:
    group.consumer.script.append({A: records(0, 2), B: records(0, 2)})
    assert (await group.read()).positions.partition == A
    group.consumer.positions = {A: 0, B: 0}
    await group.rebalance(A, B)
    assert len(await group.member.read()) == 0
    group.consumer.script.append({B: records(0, 1)})
    assert offsets(await group.read()) == [0, 1]


async def test_records_of_a_partition_just_lost_are_not_believed(group: Group) -> None:
    late = asyncio.Event()
    group.consumer.script += [late, {A: records(0, 1), B: records(0, 3)}]
    await group.member.read()
    await group.rebalance(B)
    late.set()
    batch = await group.read()
    assert (batch.positions.partition, offsets(batch)) == (B, [0, 1, 2, 3])
    assert len(await group.member.read()) == 0


async def test_records_that_come_while_partitions_are_taken_away_are_dropped(group: Group) -> None:
    late = asyncio.Event()
    group.consumer.script += [late, {A: records(0, 1)}]
    await group.member.read()
    await group.member.revoked()
    late.set()
    assert len(await group.member.read()) == 0
    group.assign(A)
    await settled()
    assert len(await group.member.read()) == 0


async def test_nothing_is_fetched_or_returned_before_the_listener_knows_the_partitions() -> None:
    group = Group()
    group.listener.ready.clear()
    group.consumer.positions = {A: 5, B: 0}
    group.assign(A, B)
    group.consumer.script.append({A: records(5, 6)})
    await settled()
    assert group.listener.told == [("assigned", {A: 5, B: 0})]
    assert group.consumer.held == {A, B}
    assert len(await group.member.read()) == 0
    group.listener.ready.set()
    await settled()
    assert group.consumer.held == set()
    assert offsets(await group.read()) == [5, 6]


async def test_partitions_that_go_again_before_their_beginning_is_known_were_never_there() -> None:
    group = Group()
    group.consumer.positions_known.clear()
    group.assign(A)
    await settled()
    await group.member.revoked()
    group.consumer.positions_known.set()
    await settled()
    assert group.listener.told == []


async def test_a_rebalance_that_begins_while_positions_are_asked_for_is_no_error() -> None:
    group = Group()
    group.consumer.positions_known.clear()
    group.consumer.position_error = RuntimeError("IllegalStateError: not assigned")
    group.assign(A)
    await settled()
    group.consumer.assigned.clear()
    group.consumer.positions_known.set()
    await settled()
    assert len(await group.member.read()) == 0
    assert group.listener.told == []


async def test_a_listener_interrupted_by_the_next_rebalance_is_told_of_both() -> None:
    group = Group()
    group.listener.ready.clear()
    group.assign(A)
    await settled()
    await group.rebalance(B)
    assert group.listener.told == [("assigned", {A: 0}), ("revoked", [A]), ("assigned", {B: 0})]


async def test_an_empty_share_is_no_news_and_no_lag(group: Group) -> None:
    group.listener.told.clear()
    await group.rebalance()
    assert group.listener.told == [("revoked", [A, B])]
    assert len(await group.member.read()) == 0
    assert group.member.lag() == 0


async def test_a_failed_look_up_of_positions_fails_the_next_read() -> None:
    group = Group()
    group.consumer.position_error = RuntimeError("no coordinator")
    group.assign(A)
    await settled()
    with pytest.raises(SourceUnavailable, match="explained RuntimeError"):
        await group.member.read()


async def test_a_listener_that_fails_fails_the_next_read(group: Group) -> None:
    group.listener.error = ValueError("broken listener")
    await group.member.revoked()
    with pytest.raises(ValueError, match="broken listener"):
        await group.member.read()


async def test_a_member_needs_no_listener() -> None:
    group = Group()
    group.member._listener = None
    group.assign(A)
    await settled()
    group.consumer.script.append({A: records(0, 0)})
    assert offsets(await group.read()) == [0]
    await group.member.revoked()


# -- pausing -----------------------------------------------------------------------------------------------------------


async def test_a_paused_member_polls_on_and_returns_nothing(group: Group) -> None:
    group.consumer.script.append({A: records(0, 1), B: records(0, 1)})
    await group.read()
    group.member.pause()
    assert group.consumer.held == {A, B}
    before = group.consumer.polls
    for _ in range(5):
        assert len(await group.member.read()) == 0
    assert group.consumer.polls >= before + 2
    group.member.resume()
    assert group.consumer.held == set()
    assert (await group.read()).positions.partition == B


async def test_partitions_that_come_while_paused_stay_paused_until_resumed(group: Group) -> None:
    group.member.pause()
    await group.rebalance(B)
    assert group.consumer.held == {B}
    group.member.resume()
    assert group.consumer.held == set()


async def test_resuming_during_an_adoption_leaves_the_partitions_held_until_it_is_over() -> None:
    group = Group()
    group.consumer.positions_known.clear()
    group.assign(A)
    await settled()
    group.member.pause()
    group.member.resume()
    assert group.consumer.held == {A}
    group.consumer.positions_known.set()
    await settled()
    assert group.consumer.held == set()


# -- committing --------------------------------------------------------------------------------------------------------


async def test_only_what_is_ours_is_committed(group: Group) -> None:
    await group.rebalance(B)
    await group.member.commit({A: 5, B: 7})
    await group.member.commit({A: 6})
    assert group.consumer.commits == [{B: 7}]


async def test_what_the_client_has_lost_already_is_not_committed(group: Group) -> None:
    group.consumer.assigned = {B}
    await group.member.commit({A: 5, B: 7})
    assert group.consumer.commits == [{B: 7}]


async def test_the_listener_may_commit_while_partitions_are_taken_away_and_not_after(group: Group) -> None:
    group.listener.commit_in_revoked = {A: 3, B: 4}
    await group.member.revoked()
    assert group.consumer.commits == [{A: 3, B: 4}]
    await group.member.commit({A: 9})
    assert group.consumer.commits == [{A: 3, B: 4}]


async def test_a_commit_overtaken_by_a_rebalance_is_no_error(group: Group) -> None:
    group.consumer.committable.clear()
    committing = asyncio.create_task(group.member.commit({A: 5}))
    await settled()
    await group.member.revoked()
    group.consumer.commit_error = RuntimeError("IllegalStateError: Partition is not assigned")
    group.consumer.committable.set()
    await committing
    assert group.consumer.commits == []


async def test_a_commit_that_fails_while_the_partitions_are_ours_is_explained(group: Group) -> None:
    group.consumer.commit_error = RuntimeError("too much metadata")
    with pytest.raises(SourceUnavailable, match="explained RuntimeError"):
        await group.member.commit({A: 5})


@pytest.mark.parametrize("hanging", [True, False])
async def test_a_commit_without_an_end_or_that_cancels_itself_has_an_unknown_outcome(hanging: bool) -> None:
    group = Group(commit_timeout_s=0.01)
    group.assign(A)
    await settled()
    if hanging:
        group.consumer.committable.clear()
    else:
        group.consumer.commit_error = asyncio.CancelledError()
    with pytest.raises(SourceUnavailable) as caught:
        await group.member.commit({A: 5})
    why = "no answer within 0.01 s" if hanging else "the client gave up by itself"
    assert str(caught.value) == (
        f"source kafka: commit: {why}; whether it was stored is unknown, the next commit settles it"
    )
    group.consumer.committable.set()
    group.consumer.commit_error = None
    await settled()
    assert group.consumer.commits == []
    await group.member.commit({A: 6})
    assert group.consumer.commits == [{A: 6}]


async def test_commits_follow_one_another(group: Group) -> None:
    group.consumer.committable.clear()
    first = asyncio.create_task(group.member.commit({A: 5}))
    await settled()
    second = asyncio.create_task(group.member.commit({A: 6}))
    await settled()
    group.consumer.committable.set()
    await asyncio.gather(first, second)
    assert group.consumer.commits == [{A: 5}, {A: 6}]


async def test_a_cancelled_commit_is_given_up(group: Group) -> None:
    group.consumer.committable.clear()
    committing = asyncio.create_task(group.member.commit({A: 5}))
    await settled()
    committing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await committing
    group.consumer.committable.set()
    await settled()
    assert group.consumer.commits == []


# -- lag ---------------------------------------------------------------------------------------------------------------


async def test_lag_is_known_when_every_logs_end_is(group: Group) -> None:
    assert Group().member.lag() is None
    group.consumer.ends = {A: 10, B: None}
    assert group.member.lag() is None
    group.consumer.ends = {A: 10, B: 3}
    assert group.member.lag() == 13
    group.consumer.script.append({A: records(0, 3), B: records(0, 2)})
    await group.read()
    assert group.member.lag() == 9
    await group.read()
    assert group.member.lag() == 6
    await group.member.revoked()
    assert group.member.lag() is None


async def test_marks_of_transactions_at_the_end_of_a_log_are_no_lag(group: Group) -> None:
    group.consumer.ends = {A: 4, B: 0}
    group.consumer.script.append({A: records(0, 2)})
    await group.read()
    assert group.member.lag() == 1
    group.consumer.positions[A] = 4
    await group.member.read()
    assert group.member.lag() == 0


# -- leaving -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [None, RuntimeError("broker gone"), asyncio.CancelledError()])
async def test_leaving_raises_nothing_whatever_the_client_does(group: Group, error: BaseException | None) -> None:
    group.consumer.stop_error = error
    await group.member.close()
    assert group.consumer.stopped == 1
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_leaving_a_client_that_never_ends_is_bounded() -> None:
    group = Group(stop_timeout_s=0.01)
    group.consumer.stops = asyncio.Event()
    await group.member.close()
    assert group.consumer.stopped == 1


async def test_leaving_ends_a_poll_and_an_adoption_under_way() -> None:
    group = Group()
    group.consumer.positions_known.clear()
    group.consumer.script.append(asyncio.Event())
    group.assign(A)
    await group.member.read()
    await group.member.close()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_cancelled_caller_still_leaves_the_group(group: Group) -> None:
    group.consumer.stops = asyncio.Event()

    async def leave() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await group.member.close()

    leaving = asyncio.create_task(leave())
    await settled()
    assert not leaving.done()
    group.consumer.stops.set()
    await leaving
    assert group.consumer.stopped == 1


async def test_a_late_failure_of_something_given_up_is_reported_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("late") from None

    with pytest.raises(GaveUp, match=r"no answer within 0\.001 s"):
        await in_own_task(stubborn(), 0.001)
    await settled()
    assert caplog.records == []
