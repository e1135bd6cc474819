"""What a group's member owes the group: staying while paused, committing what is its own, leaving in time."""

from __future__ import annotations

import asyncio

import anyio
import pytest
from fake_group import A, B, Group, records, settled

from crackle_stream.brokers.deadline import GaveUp, in_own_task
from crackle_stream.errors import SourceUnavailable
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
