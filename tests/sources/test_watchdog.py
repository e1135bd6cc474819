"""A client whose fetches are answered no more is told from one that only has nothing to read."""

import asyncio
from typing import Any

import pytest
from fake_group import A, B, Consumer, settled

from crackle_stream.errors import SourceUnavailable
from crackle_stream.sources import membership
from crackle_stream.sources.kafka import KafkaSource, source
from crackle_stream.sources.watchdog import Watchdog
from crackle_stream.testing import FakeClock


def watchdog() -> Watchdog:
    return Watchdog(stuck_after=30, join_within=90)


def test_empty_answers_are_answers() -> None:
    dog = watchdog()
    assert [dog.look(now, {A: now}) for now in range(0, 300, 10)] == [""] * 30


def test_a_partition_that_is_answered_no_more_is_stuck_though_others_are_answered() -> None:
    dog = watchdog()
    said = [dog.look(now, {A: 5.0, B: now}) for now in range(0, 41, 10)]
    assert said == ["", "", "", "", "no fetch of t[0] was answered within 30 s"]


def test_a_partition_that_was_never_answered_is_stuck_as_well() -> None:
    dog = watchdog()
    dog.look(0, {A: None, B: None})
    assert dog.look(31, {A: None, B: None}) == "no fetch of t[0] and 1 more was answered within 30 s"


def test_time_that_was_paused_does_not_count() -> None:
    dog = watchdog()
    dog.look(0, {A: 5.0})
    dog.look(20, {})
    assert dog.look(1000, {A: 5.0}) == ""
    assert dog.look(1029, {A: 5.0}) == ""
    assert dog.look(1031, {A: 5.0}) != ""


def test_joining_may_take_its_time_and_no_longer() -> None:
    dog = watchdog()
    assert dog.look(100, None) == ""
    assert dog.look(190, None) == ""
    assert dog.look(191, None) == "the group was not joined within 91 s"
    dog.excuse()
    assert dog.look(200, None) == ""


class Client(Consumer):
    """A client whose brokers say which topics there are, or do not."""

    def __init__(self, *given: object) -> None:
        super().__init__()
        self.answering = True

    async def start(self) -> None:
        self.assigned = {A}

    async def topics(self) -> set[str]:
        if not self.answering:
            raise OSError("connection refused")
        return {"t"}

    def subscribe(self, member: membership.Member) -> None:
        member.assigned(frozenset({A}))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeClock:
    monkeypatch.setattr(membership, "READ_WAIT_S", 0.001)
    monkeypatch.setattr(source, "Client", Client)
    return FakeClock()


async def opened(clock: FakeClock) -> tuple[KafkaSource, Any]:
    given = KafkaSource(brokers=["a:1"], topics=["t"], clock=clock)
    await given.__aenter__()
    await settled()
    await given.read()
    return given, given._client


async def test_a_stuck_client_is_reported_while_its_brokers_answer(clock: FakeClock) -> None:
    given, client = await opened(clock)
    client.answers[A] = 1.0
    await given.read()
    clock.advance(31)
    with pytest.raises(SourceUnavailable) as caught:
        await given.read()
    assert str(caught.value) == ("source kafka: no fetch of t[0] was answered within 30 s: the client is stuck")
    await given.__aexit__(None, None, None)
    assert client.stopped == 1


async def test_brokers_that_are_out_are_waited_for_up_to_a_bound(clock: FakeClock) -> None:
    given, client = await opened(clock)
    client.answering = False
    began = clock.monotonic()

    async def wait() -> None:
        while True:
            await given.read()
            clock.advance(31)

    with pytest.raises(SourceUnavailable):
        await wait()
    assert source.OUTAGE_S <= clock.monotonic() - began <= source.OUTAGE_S + 93
    await given.__aexit__(None, None, None)


async def test_brokers_that_come_back_are_read_from_again(clock: FakeClock) -> None:
    given, client = await opened(clock)
    client.answering = False
    for _ in range(4):
        clock.advance(31)
        await given.read()
    client.answering = True
    for stamp in range(10):
        client.answers[A] = float(stamp)
        clock.advance(29)
        assert len(await given.read()) == 0
    await given.__aexit__(None, None, None)
    assert not [task for task in asyncio.all_tasks() if "Member" in repr(task)]
