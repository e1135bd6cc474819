"""`crackle-stream replay kafka://...`: a stretch of a topic, read by nobody's group."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path

import pytest
from command import crackle, json_lines, shifting
from kafka_broker import Broker
from kafka_cluster import Cluster

from crackle_stream.errors import SourceError, SourceUnavailable
from crackle_stream.model import Partition
from crackle_stream.sources.kafka.stretch import ROUND, KafkaStretch
from crackle_stream.sources.stretch import Stretch

pytestmark = pytest.mark.broker


async def read(source: KafkaStretch) -> list[tuple[Partition, list[int]]]:
    """The batches that are no empty ones: their partitions and offsets."""
    batches = []
    async with source:
        while (batch := await source.read()) is not None:
            if len(batch):
                batches.append((batch.positions.partition, batch.positions.offsets.tolist()))
        assert source.lag() == 0
    return batches


async def test_a_stretch_is_read_to_its_last_record_and_the_log_s_end_is_that_of_the_opening(kafka: Broker) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic()
    await cluster.produce(topic, [b"%d" % number for number in range(600)], timestamp_ms=1_700_000_000_000)
    await cluster.produce(topic, [b"late"] * 5, timestamp_ms=1_700_000_060_000)
    options = cluster.options(topic)
    log = Partition(topic, 0)
    (one, other) = await read(KafkaStretch(options, Stretch(topic, 0, 100, 399)))
    assert (one, other) == ((log, list(range(100, 100 + ROUND))), (log, list(range(100 + ROUND, 400))))
    by_time = await read(KafkaStretch(options, Stretch(topic, None, 1_700_000_001.0)))
    assert by_time == [(log, [600, 601, 602, 603, 604])]
    until = await read(KafkaStretch(options, Stretch(topic, None, 590, 1_700_000_060.0)))
    assert until == [(log, list(range(590, 600)))]
    first = KafkaStretch(options, Stretch(topic))
    assert sum(len(offsets) for _, offsets in await read(first)) == 605
    await cluster.produce(topic, [b"later still"])
    again = KafkaStretch(options, Stretch(topic), bounds=first.bounds)
    assert sum(len(offsets) for _, offsets in await read(again)) == 605
    assert await cluster.committed(log) == {}


async def test_partitions_take_turns_by_the_time_of_their_records(kafka: Broker) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic(partitions=2)
    for partition, second in ((1, 0), (0, 1), (1, 2)):
        stamp = 1_700_000_000_000 + 1000 * second
        await cluster.produce(topic, [b"x"] * ROUND, partition=partition, timestamp_ms=stamp)
    batches = await read(KafkaStretch(cluster.options(topic), Stretch(topic)))
    assert [(log.number, len(offsets)) for log, offsets in batches] == [(1, ROUND), (0, ROUND), (1, ROUND)]


async def test_what_cannot_be_read_says_why_and_what_there_is(kafka: Broker) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic(partitions=2)
    await cluster.produce(topic, [b"x"] * 3)
    options = cluster.options(topic)
    for stretch, problem in (
        (Stretch(topic, None, 1), "an offset means something in one partition only: add partition=N, one of 0, 1"),
        (Stretch(topic, 7), "has no partition 7: it has 0, 1"),
        (Stretch(topic, 1), r"there is nothing between `from` and `to`: \S+\[1\] is empty"),
        (Stretch(topic, 0, 5), r"there is nothing between `from` and `to`: \S+\[0\] has 0 to 2"),
    ):
        with pytest.raises(SourceError, match=problem):
            await read(KafkaStretch(options, stretch))
    with pytest.raises(SourceUnavailable, match="there is no topic 'elsewhere-entirely'"):
        await read(KafkaStretch(options, Stretch("elsewhere-entirely")))


async def test_the_command_that_a_card_prints_finds_its_alert_again(kafka: Broker, tmp_path: Path) -> None:
    cluster = Cluster(kafka)
    topic = await cluster.topic()
    await cluster.produce(topic, [line.encode() for line in shifting().splitlines()])
    config, page = tmp_path / "crackle.toml", tmp_path / "out.html"
    config.write_text(
        f'[source]\nkind = "kafka"\nbrokers = ["{kafka.address}"]\ntopics = ["{topic}"]\ngroup = "{cluster.group}"\n'
    )
    place = f"kafka://{kafka.address}/{topic}"
    done = await asyncio.to_thread(crackle, "replay", place, "--config", str(config), "--report", str(page))
    (line,) = json_lines(done.stdout)
    assert (done.returncode, done.stderr) == (0, "")
    printed = re.search(r"<dt>Replay</dt><dd><code>(.*?)</code>", page.read_text())
    assert printed is not None
    command = shlex.split(printed[1].replace("&amp;", "&").replace("&#39;", "'"))
    assert command[1:] == ["replay", f"kafka://BROKERS/{topic}?partition=0&from=0&to=499"]
    again = await asyncio.to_thread(crackle, *command[1:], "--config", str(config))
    assert [each["fingerprint"] for each in json_lines(again.stdout)] == [line["fingerprint"]]
    assert await cluster.committed(Partition(topic, 0)) == {}
