"""What a group's member reads, and what it does when partitions come and go."""

from __future__ import annotations

import asyncio

import pytest
from fake_group import A, B, Group, Record, offsets, records, settled

from crackle_stream.errors import SourceError, SourceUnavailable
from crackle_stream.model import LogStart
from crackle_stream.sources import membership


@pytest.fixture
async def group() -> Group:
    """A group whose only member has two partitions."""
    group = Group()
    group.assign(A, B)
    await settled()
    return group


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits that end, instead of waits that are long enough for a network."""
    monkeypatch.setattr(membership, "READ_WAIT_S", 0.01)
    monkeypatch.setattr(membership, "PAUSED_WAIT_S", 0.001)


# -- reading -----------------------------------------------------------------------------------------------------------


async def test_each_partition_of_a_poll_is_a_batch_of_its_own(group: Group) -> None:
    group.consumer.script.append({A: records(0, 2), B: records(7, 8)})
    first, second = await group.read(), await group.read()
    assert (first.positions.partition, offsets(first)) == (A, [0, 1, 2])
    assert (second.positions.partition, offsets(second)) == (B, [7, 8])
    assert first.payloads == [b"{}"] * 3
    assert first.times.tolist() == [1_700_000_000.25] * 3
    assert group.consumer.polls == 1


async def test_the_traces_of_records_come_with_their_batch(group: Group) -> None:
    context = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    traced = Record(1, headers=(("source", b"till-7"), ("traceparent", context.encode())))
    group.consumer.script.append({A: [Record(0), traced]})
    batch = await group.read()
    assert batch.traces == ((1, context),)


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


async def test_how_far_was_read_leaves_out_partitions_whose_records_wait_and_counts_tombstones(group: Group) -> None:
    assert group.member.reached() == {A: 0, B: 0}
    group.consumer.script.append({A: [Record(0), Record(1, None)], B: records(0, 4)})
    assert offsets(await group.read()) == [0]
    assert group.member.reached() == {A: 2}
    await group.read()
    assert group.member.reached() == {A: 2, B: 5}
    await group.rebalance(B)
    assert group.member.reached().keys() == {B}


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


# -- what stands beside an offset --------------------------------------------------------------------------------------


async def test_the_listener_is_told_what_was_committed_beside_the_offset_and_may_read_from_elsewhere() -> None:
    group = Group()
    group.consumer.positions, group.consumer.notes = {A: 5, B: 9}, {A: "through 5"}
    group.listener.seeks = {A: 2}
    group.assign(A, B)
    await settled()
    assert group.listener.starts == {A: LogStart(5, note="through 5"), B: LogStart(9)}
    assert group.consumer.positions == {A: 2, B: 9}
    group.consumer.ends = {A: 10, B: 10}
    assert group.member.lag() == 8 + 1, "what is read again is counted as well"


async def test_a_note_is_committed_with_its_offset() -> None:
    group = Group()
    group.assign(A, B)
    await settled()
    await group.member.commit({A: 5, B: 7}, {A: "x"})
    assert group.consumer.commits == [{A: 5, B: 7}]
    assert group.consumer.notes == {A: "x", B: ""}


async def test_a_rebalance_while_the_brokers_are_asked_leaves_the_adoption_to_the_next_one() -> None:
    group = Group()
    group.consumer.starts_error = RuntimeError("not assigned")
    group.assign(A)
    group.consumer.assigned = set()
    await settled()
    assert group.listener.told == []
    assert len(await group.member.read()) == 0


async def test_brokers_that_do_not_say_where_a_log_stands_are_an_error() -> None:
    group = Group()
    group.consumer.starts_error = RuntimeError("no answer")
    group.assign(A)
    await settled()
    with pytest.raises(SourceUnavailable, match="explained RuntimeError"):
        await group.member.read()


async def test_a_gap_that_a_log_left_is_no_loss_and_one_that_it_gave_up_is_an_error() -> None:
    group = Group()
    await group.rebalance(A)
    group.consumer.script.append({A: records(0, 1)})
    assert offsets(await group.read()) == [0, 1]
    group.consumer.script.append({A: records(4, 5)})
    assert offsets(await group.read()) == [4, 5]
    group.consumer.first[A] = 8
    group.consumer.script.append({A: records(9, 9)})
    with pytest.raises(SourceUnavailable) as caught:
        await group.read()
    assert str(caught.value) == (
        "source kafka: t[0] begins at offset 8 by now: the brokers gave up what was to be read next, from 6 on. "
        "Keep records for longer there, or make sinks and detectors keep up"
    )


async def test_a_client_that_goes_on_at_the_end_of_a_log_that_gave_records_up_is_told_of() -> None:
    group = Group()
    await group.rebalance(A)
    group.consumer.script.append({A: records(0, 1)})
    assert offsets(await group.read()) == [0, 1]
    group.consumer.first[A] = 8
    group.consumer.positions[A] = 50
    with pytest.raises(SourceUnavailable, match="begins at offset 8 by now"):
        await group.read()
