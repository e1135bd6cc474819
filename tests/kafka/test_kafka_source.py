"""KafkaSource against a real broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from kafka_cluster import Cluster, Listener, Seen, read_until

from crackle_stream.errors import SourceUnavailable
from crackle_stream.model import LogStart, Partition

if TYPE_CHECKING:
    from kafka_broker import Broker

pytestmark = pytest.mark.broker


@pytest.fixture
def cluster(kafka: Broker) -> Cluster:
    return Cluster(kafka)


def numbered(count: int, first: int = 0) -> list[bytes]:
    return [b'{"label": "t", "x": %d}' % number for number in range(first, first + count)]


async def test_records_are_read_in_order_with_their_positions_and_times(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, numbered(1200), timestamp_ms=1_700_000_000_250)
    async with cluster.source(topic) as source:
        seen = Seen()
        await read_until(lambda: len(seen.payloads) >= 1200, (source, seen))
        assert source.lag() == 0
    assert seen.payloads == numbered(1200)
    assert seen.offsets == {Partition(topic, 0): list(range(1200))}
    assert set(seen.times) == {1_700_000_000.25}


@pytest.mark.parametrize("codec", ["gzip", "lz4", "snappy", "zstd"])
async def test_compressed_topics_are_read(cluster: Cluster, codec: str) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, numbered(300), compression_type=codec)
    async with cluster.source(topic) as source:
        seen = Seen()
        await read_until(lambda: len(seen.payloads) >= 300, (source, seen))
    assert seen.payloads == numbered(300)


async def test_records_without_a_value_are_skipped_counted_and_no_lag(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, [b"{}", None, b"{}", None, None])
    async with cluster.source(topic) as source:
        seen = Seen()
        await read_until(lambda: source.lag() == 0, (source, seen))
        assert source.tombstones == 3
    assert seen.offsets == {Partition(topic, 0): [0, 2]}


async def test_a_group_goes_on_at_exactly_the_offset_it_committed(cluster: Cluster) -> None:
    topic = await cluster.topic()
    partition = Partition(topic, 0)
    await cluster.produce(topic, numbered(50))
    async with cluster.source(topic) as source:
        seen = Seen()
        await read_until(lambda: len(seen.payloads) >= 50, (source, seen))
        await source.commit({partition: 17})
    assert await cluster.committed(partition) == {partition: 17}
    async with cluster.source(topic) as source:
        again = Seen()
        await read_until(lambda: len(again.payloads) >= 33, (source, again))
    assert again.offsets == {partition: list(range(17, 50))}


async def test_the_listener_learns_where_each_partition_begins(cluster: Cluster) -> None:
    topic = await cluster.topic(partitions=2)
    await cluster.produce(topic, numbered(5), partition=1)
    source = cluster.source(topic)
    seen = Seen()
    listener = Listener(source, seen)
    async with source:
        await read_until(lambda: len(seen.payloads) >= 5, (source, seen))
        await source.commit({Partition(topic, 1): 3})
    assert listener.owned == {Partition(topic, 0): 0, Partition(topic, 1): 0}
    source = cluster.source(topic)
    listener = Listener(source, seen := Seen())
    async with source:
        await read_until(lambda: listener.owned, (source, seen))
    assert listener.owned == {Partition(topic, 0): 0, Partition(topic, 1): 3}


async def test_a_group_without_commits_may_begin_at_the_end(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, numbered(1))
    source = cluster.source(topic, auto_offset_reset="latest")
    seen = Seen()
    listener = Listener(source, seen)
    async with source:
        await read_until(lambda: listener.owned, (source, seen))
        await cluster.produce(topic, numbered(5, first=1))
        await read_until(lambda: len(seen.payloads) >= 5, (source, seen))
    assert seen.offsets == {Partition(topic, 0): [1, 2, 3, 4, 5]}


async def test_two_members_share_the_partitions_and_one_takes_over_without_loss(cluster: Cluster) -> None:
    topic = await cluster.topic(partitions=4)
    for number in range(4):
        await cluster.produce(topic, numbered(100), partition=number)
    first, second = cluster.source(topic), cluster.source(topic)
    by_first, by_second = Seen(), Seen()
    heard_first, heard_second = Listener(first, by_first), Listener(second, by_second)
    async with first:
        await read_until(lambda: len(by_first.payloads) >= 100, (first, by_first))
        assert heard_first.told == [("assigned", 4)]
        async with second:
            await read_until(
                lambda: len(heard_first.owned) == len(heard_second.owned) == 2, (first, by_first), (second, by_second)
            )
            assert heard_first.owned.keys().isdisjoint(heard_second.owned)
            assert ("revoked", 4) in heard_first.told
            for number in range(4):
                await cluster.produce(topic, numbered(100, first=100), partition=number)
            await read_until(
                lambda: len(by_first.payloads) + len(by_second.payloads) >= 800, (first, by_first), (second, by_second)
            )
            await second.commit(dict.fromkeys(heard_second.owned, 150))
        for number in range(4):
            await cluster.produce(topic, numbered(10, first=200), partition=number)
        await read_until(lambda: len(heard_first.owned) == 4, (first, by_first))
        taken_over = heard_first.owned.keys() & heard_second.owned.keys()
        assert {heard_first.owned[each] for each in taken_over} == {150}
        await read_until(lambda: all(by_first.next.get(each) == 210 for each in heard_first.owned), (first, by_first))
    for number in range(4):
        partition = Partition(topic, number)
        both = {*by_first.offsets.get(partition, []), *by_second.offsets.get(partition, [])}
        assert both == set(range(210))


async def test_a_commit_of_a_partition_that_has_left_is_passed_over(cluster: Cluster) -> None:
    topic = await cluster.topic(partitions=2)
    for number in range(2):
        await cluster.produce(topic, numbered(10), partition=number)
    first, second = cluster.source(topic), cluster.source(topic)
    by_first, by_second = Seen(), Seen()
    heard_first, heard_second = Listener(first, by_first), Listener(second, by_second)
    async with first:
        await read_until(lambda: len(by_first.payloads) >= 20, (first, by_first))
        async with second:
            await read_until(
                lambda: len(heard_first.owned) == len(heard_second.owned) == 1, (first, by_first), (second, by_second)
            )
            (kept,) = heard_first.owned
            (left,) = heard_second.owned
            await first.commit({left: 3, kept: 7})
            offsets = await cluster.committed(kept, left)
    # Committed while it was revoked: everything that was read of it; not the 3 that came too late.
    assert offsets == {kept: 7, left: 10}


async def test_a_paused_member_that_is_read_stays_in_the_group(cluster: Cluster) -> None:
    topic = await cluster.topic()
    await cluster.produce(topic, numbered(20))
    source = cluster.source(topic, max_poll_interval=1.5)
    seen = Seen()
    listener = Listener(source, seen)
    async with source:
        await read_until(lambda: len(seen.payloads) >= 20, (source, seen))
        source.pause()
        await cluster.produce(topic, numbered(20, first=20))
        until = asyncio.get_running_loop().time() + 4
        while asyncio.get_running_loop().time() < until:
            assert len(await source.read()) == 0
        source.resume()
        await read_until(lambda: len(seen.payloads) >= 40, (source, seen))
        await source.commit(seen.next)
    assert seen.payloads == numbered(40)
    assert listener.told == [("assigned", 1)]
    assert await cluster.committed(Partition(topic, 0)) == {Partition(topic, 0): 40}


async def test_topics_may_be_named_by_a_pattern_of_the_whole_name(cluster: Cluster) -> None:
    stem = await cluster.topic()
    wanted, longer = await cluster.topic(name=f"{stem}-a"), await cluster.topic(name=f"{stem}-a-dead")
    for topic in (wanted, longer):
        await cluster.produce(topic, numbered(3))
    async with cluster.source(pattern=rf"{stem}-.") as source:
        seen = Seen()
        await read_until(lambda: len(seen.payloads) >= 3 and source.lag() == 0, (source, seen))
    assert seen.offsets == {Partition(wanted, 0): [0, 1, 2]}


async def test_records_of_an_aborted_transaction_are_left_out_where_that_is_asked_for(cluster: Cluster) -> None:
    if not cluster.broker.apache:
        pytest.skip("this broker has no transactions")
    topic = await cluster.topic()
    await cluster.transact(topic, numbered(3), commit=True)
    await cluster.transact(topic, numbered(2, first=3), commit=False)
    await cluster.produce(topic, numbered(1, first=5))
    async with cluster.source(topic, isolation_level="read_committed") as source:
        seen = Seen()
        await read_until(lambda: len(seen.payloads) >= 4 and source.lag() == 0, (source, seen))
    assert seen.payloads == [*numbered(3), *numbered(1, first=5)]
    # Behind them stand two aborted records and the marks of both ends, the last of which may be late.
    offsets = seen.offsets[Partition(topic, 0)]
    assert offsets[:3] == [0, 1, 2]
    assert offsets[3] in (5, 6, 7)


async def test_a_missing_topic_is_named_with_the_one_that_was_meant(cluster: Cluster) -> None:
    topic = await cluster.topic()
    source = cluster.source(topic + "s")
    with pytest.raises(SourceUnavailable) as caught:
        await source.__aenter__()
    assert str(caught.value) == (
        f"source kafka: there is no topic {topic + 's'!r}, or this user may not see it: did you mean {topic!r}? "
        "Otherwise create it, or start what writes to it first"
    )


async def test_a_note_is_kept_beside_the_offset_and_reading_may_begin_before_it(kafka: Broker) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic()
    await cluster.produce(topic, [b"%d" % number for number in range(10)])
    partition = Partition(topic, 0)
    source = cluster.source(topic)
    Listener(source, Seen())
    async with source:
        seen = Seen()
        await read_until(lambda: len(seen.payloads) == 10, (source, seen))
        await source.commit({partition: 6}, {partition: "crackle: through 6, \N{SNOWMAN}"})
    again = cluster.source(topic)
    seen = Seen()
    listener = Listener(again, seen)
    listener.seeks = {partition: 4}
    async with again:
        await read_until(lambda: len(seen.payloads) == 6, (again, seen))
    assert listener.starts == {partition: LogStart(6, 6, "crackle: through 6, \N{SNOWMAN}", 0, 10)}
    assert seen.payloads[0] == b"4"


async def test_what_the_group_stored_can_be_asked_for_by_who_has_no_part_in_it(cluster: Cluster) -> None:
    topic = await cluster.topic(partitions=2)
    await cluster.produce(topic, [b"1", b"2"])
    first, second = Partition(topic, 0), Partition(topic, 1)
    source = cluster.source(topic)
    async with source:
        seen = Seen()
        await read_until(lambda: len(seen.payloads) == 2, (source, seen))
        await source.commit({first: 2}, {first: "how far we are"})
    onlooker = cluster.source(topic)
    assert await onlooker.stored([first]) == {}, "nobody is asked before it is open"
    async with onlooker:
        assert await onlooker.stored([first, second, Partition("elsewhere", 7)]) == {first: "how far we are"}
