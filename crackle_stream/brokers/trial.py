"""Whether a cluster lets us in and has what is wanted of it; nothing is joined, committed or created."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiokafka.admin  # type: ignore[import-untyped]
from aiokafka import errors as kafka_errors

from crackle_stream.brokers.deadline import GaveUp, in_own_task
from crackle_stream.brokers.failures import LOGGER, said_by, unreachable
from crackle_stream.brokers.logged import logged_errors
from crackle_stream.brokers.tls import UnusableFile, tls_context

if TYPE_CHECKING:
    from crackle_stream.brokers.options import BrokerOptions

__all__ = ["Trial", "try_cluster"]

OFFSETS_TOPIC = "__consumer_offsets"
"""Where brokers keep the offsets of groups. A cluster without it has had no group, and would make it if asked."""

COORDINATOR_TRIES = 10
COORDINATOR_WAIT_S = 0.5


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it.

    Attributes:
        problems: sentences with their cures; none where all is there.
        topics: the topics that are there.
    """

    problems: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()


async def try_cluster(
    options: BrokerOptions, *, topics: Sequence[str] = (), pattern: str | None = None, group: str | None = None
) -> Trial:
    """Reach the brokers, look for topics, and ask for a group's offsets; takes at most twice `connect_timeout`.

    Args:
        options: how they are reached.
        topics: those that must be there.
        pattern: a regular expression that at least one must match.
        group: the group whose offsets are to be read.
    """
    try:
        context = await asyncio.to_thread(tls_context, options)
    except UnusableFile as error:
        return Trial((str(error),))
    arguments = {**options.arguments(context), "request_timeout_ms": max(1, round(1000 * options.connect_timeout))}
    with logged_errors(LOGGER) as causes:
        admin = aiokafka.admin.AIOKafkaAdminClient(**arguments)
        try:
            await in_own_task(admin.start(), options.connect_timeout)
            return await in_own_task(_asked(admin, topics, pattern, group), options.connect_timeout)
        except (kafka_errors.KafkaError, OSError, GaveUp) as error:
            return Trial((unreachable(options, causes, error).problem,))
        finally:
            with contextlib.suppress(kafka_errors.KafkaError, OSError, GaveUp):
                await in_own_task(admin.close(), options.stop_timeout)


async def _asked(
    admin: aiokafka.admin.AIOKafkaAdminClient, topics: Sequence[str], pattern: str | None, group: str | None
) -> Trial:
    # all of them: asking for one by name may create it
    there = sorted(await admin.list_topics())
    problems = [*_missing(topics, pattern, there)]
    if group is not None and OFFSETS_TOPIC in there:
        try:
            await _offsets(admin, group)
        except kafka_errors.GroupAuthorizationFailedError:
            problems.append(f"this user may not read group {group!r}: allow READ on it")
        except kafka_errors.KafkaError as error:
            problems.append(f"the offsets of group {group!r} cannot be read: {said_by(error)}")
    found = [name for name in there if name in topics or (pattern is not None and re.fullmatch(pattern, name))]
    return Trial(tuple(problems), tuple(found))


async def _offsets(admin: aiokafka.admin.AIOKafkaAdminClient, group: str) -> None:
    """Read a group's offsets; a coordinator that is only being chosen is asked again."""
    for _ in range(COORDINATOR_TRIES - 1):
        with contextlib.suppress(kafka_errors.GroupCoordinatorNotAvailableError, kafka_errors.GroupLoadInProgressError):
            await admin.list_consumer_group_offsets(group)
            return
        await asyncio.sleep(COORDINATOR_WAIT_S)
    await admin.list_consumer_group_offsets(group)


def _missing(topics: Sequence[str], pattern: str | None, there: Sequence[str]) -> Iterator[str]:
    for name in topics:
        if name not in there:
            near = difflib.get_close_matches(name, there, n=1)
            meant = f"did you mean {near[0]!r}? Otherwise create it" if near else "create it"
            yield f"there is no topic {name!r}, or this user may not see it: {meant}"
    if pattern is not None and not any(re.fullmatch(pattern, name) for name in there):
        yield f"no topic matches pattern {pattern!r} yet: check it against the topics there are"
