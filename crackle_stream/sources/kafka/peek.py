"""The last records of a topic, read without a group: nothing is joined, committed or created."""

from __future__ import annotations

import asyncio
import contextlib

import aiokafka  # type: ignore[import-untyped]
from aiokafka import errors as kafka_errors

from crackle_stream.brokers.deadline import GaveUp, in_own_task
from crackle_stream.brokers.failures import LOGGER, unreachable
from crackle_stream.brokers.logged import logged_errors
from crackle_stream.brokers.tls import UnusableFile, tls_context
from crackle_stream.brokers.trial import try_cluster
from crackle_stream.errors import ConfigError
from crackle_stream.sources.options import KafkaOptions

__all__ = ["peek"]

READ_WITHIN_S = 10.0
"""Most that reading may take; fewer records than wanted are a sample as well."""


async def peek(options: KafkaOptions, topic: str, most: int) -> list[bytes]:
    """The last records of a topic, partition after partition.

    Args:
        options: how the cluster is reached.
        topic: which.
        most: how many.

    Raises:
        ConfigError: brokers cannot be reached, or the topic is not there.
    """
    trial = await try_cluster(options, topics=(topic,))
    if trial.problems:
        raise ConfigError(trial.problems, origin="--kafka")
    try:
        context = await asyncio.to_thread(tls_context, options)
    except UnusableFile as error:
        raise ConfigError([str(error)], origin="--kafka") from error
    with logged_errors(LOGGER) as causes:
        consumer = aiokafka.AIOKafkaConsumer(
            topic,  # it is there, so asking for it creates none
            **options.arguments(context),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await in_own_task(consumer.start(), options.connect_timeout)
            return await in_own_task(_read(consumer, most), options.connect_timeout + READ_WITHIN_S)
        except (kafka_errors.KafkaError, OSError, GaveUp) as error:
            raise ConfigError([unreachable(options, causes, error).problem], origin="--kafka") from error
        finally:
            with contextlib.suppress(kafka_errors.KafkaError, OSError, GaveUp):
                await in_own_task(consumer.stop(), options.stop_timeout)


async def _read(consumer: aiokafka.AIOKafkaConsumer, most: int) -> list[bytes]:
    partitions = sorted(consumer.assignment())  # without a group it has all of them
    if not partitions:
        return []
    first, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
    each = -(-most // len(partitions))
    left = {}
    for partition in partitions:
        start = max(first[partition], end[partition] - each)
        consumer.seek(partition, start)
        left[partition] = end[partition] - start
    found: dict[aiokafka.TopicPartition, list[bytes]] = {partition: [] for partition in partitions}
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READ_WITHIN_S
    while any(len(found[each]) < left[each] for each in partitions) and loop.time() < deadline:
        for partition, records in (await consumer.getmany(timeout_ms=500, max_records=most)).items():
            found[partition] += [record.value for record in records if record.value is not None]
            left[partition] -= sum(record.value is None for record in records)
    return [payload for partition in partitions for payload in found[partition]][:most]
