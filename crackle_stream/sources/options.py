"""Options of the built-in sources; free of third-party imports, so that a configuration is checked without them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crackle_stream.brokers.options import (
    BROKER_READERS,
    BrokerOptions,
    read_texts,
    security_problems,
)
from crackle_stream.errors import ConfigError
from crackle_stream.model.options import (
    one_of,
    optional,
    positive_octets,
    positive_seconds,
    read_fields,
    read_path,
    read_text,
    whole_number,
)

__all__ = ["FileOptions", "KafkaOptions", "QueueOptions", "StdinOptions"]

MAX_LINE_BYTES = 2**20
"""One record of a text stream; decoding has a limit of its own, and there a longer line is refused with its reason."""

TOPIC_NAME = re.compile(r"[A-Za-z0-9._-]{1,249}")
"""What Kafka itself allows; "." and ".." are refused separately."""


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """Options of `QueueSource`.

    Attributes:
        limit: most tasks that wait to be read; beyond it `put` waits and `put_nowait` raises.
    """

    limit: int = 10_000

    def __post_init__(self) -> None:
        read_fields(self, limit=whole_number(1))


@dataclass(frozen=True, slots=True)
class StdinOptions:
    """Options of `StdinSource`.

    Attributes:
        max_line_bytes: a longer line is cut one byte beyond this, so that decoding refuses it as too large; a
            number, or text such as "1MiB".
        descriptor: the file descriptor to read; 0 is standard input.
    """

    max_line_bytes: int = MAX_LINE_BYTES
    descriptor: int = 0

    def __post_init__(self) -> None:
        read_fields(self, max_line_bytes=positive_octets, descriptor=whole_number(0))


@dataclass(frozen=True, slots=True)
class FileOptions:
    """Options of `FileSource`.

    Attributes:
        path: a file of JSON lines, plain or compressed by gzip.
        max_line_bytes: a longer line is cut one byte beyond this, so that decoding refuses it as too large; a
            number, or text such as "1MiB".
    """

    path: Path
    max_line_bytes: int = MAX_LINE_BYTES

    def __post_init__(self) -> None:
        read_fields(self, path=read_path, max_line_bytes=positive_octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOptions(BrokerOptions):
    """Options of `KafkaSource`. Durations are seconds, or text such as "45s"; sizes are bytes, or text as "1MiB".

    Attributes:
        topics: names of topics to read; or give `pattern`.
        pattern: a regular expression that whole names of topics match; topics that appear later are found as well.
        group: the consumer group; processes of one group share the partitions.
        group_instance_id: a name that is this process's alone and stays over restarts: a restart within
            `session_timeout` then moves no partitions.
        auto_offset_reset: where a group that has committed nothing yet begins: at the "earliest" or "latest" record.
        isolation_level: "read_committed" leaves out records of transactions that are open or were aborted.
        session_timeout: silence after which the brokers give our partitions to others. An event loop blocked for as
            long loses them.
        heartbeat_interval: at most a third of `session_timeout`, so that one lost beat costs nothing.
        rebalance_timeout: how long the group waits for each member to let go when partitions move.
        max_poll_interval: how long nothing may be read before we leave the group of our own accord.
        request_timeout: most for one request; more than `session_timeout`, because joining a group takes as long.
        commit_timeout: most for one commit; its outcome is unknown after that.
        stuck_after: silence of brokers that answer others after which the client is built anew; after three times in
            a row without a record the process ends, for its supervisor to start it again.
        max_partition_fetch_bytes: most that one partition yields in one fetch.
        fetch_max_bytes: most that one broker yields in one fetch.
        max_records: most records of one poll.
    """

    topics: tuple[str, ...] = ()
    pattern: str | None = None
    group: str = "crackle-stream"
    group_instance_id: str | None = None
    auto_offset_reset: Literal["earliest", "latest"] = "earliest"
    isolation_level: Literal["read_uncommitted", "read_committed"] = "read_uncommitted"
    session_timeout: float = 45.0
    heartbeat_interval: float = 3.0
    rebalance_timeout: float = 60.0
    max_poll_interval: float = 1800.0
    request_timeout: float = 60.0
    commit_timeout: float = 5.0
    stuck_after: float = 30.0
    max_partition_fetch_bytes: int = 2**20
    fetch_max_bytes: int = 8 * 2**20
    max_records: int = 500

    def __post_init__(self) -> None:
        durations = (
            "session_timeout",
            "heartbeat_interval",
            "rebalance_timeout",
            "max_poll_interval",
            "request_timeout",
            "commit_timeout",
            "stuck_after",
        )
        read_fields(
            self,
            topics=_topics,
            pattern=optional(_pattern),
            group=read_text,
            group_instance_id=optional(read_text),
            auto_offset_reset=one_of("earliest", "latest"),
            isolation_level=one_of("read_uncommitted", "read_committed"),
            max_partition_fetch_bytes=positive_octets,
            fetch_max_bytes=positive_octets,
            max_records=whole_number(1),
            **BROKER_READERS,
            **dict.fromkeys(durations, positive_seconds),
        )
        problems = [*_subscription_problems(self), *_timing_problems(self), *security_problems(self)]
        if problems:
            raise ConfigError(problems, origin=type(self).__name__)


def _subscription_problems(options: KafkaOptions) -> list[str]:
    if options.topics and options.pattern is not None:
        return ["topics and pattern are both given: keep one of them"]
    if not options.topics and options.pattern is None:
        return ['topics is empty and no pattern is given: name what to read, such as topics = ["task-results"]']
    return []


def _timing_problems(options: KafkaOptions) -> list[str]:
    """Combinations with which a group never settles; each was seen to fail or is refused by brokers."""
    problems = []
    if 3 * options.heartbeat_interval > options.session_timeout:
        problems.append(
            f"heartbeat_interval is {options.heartbeat_interval:g} s: make it at most a third of session_timeout "
            f"({options.session_timeout:g} s), or one lost beat loses the partitions"
        )
    if options.request_timeout <= options.session_timeout:
        problems.append(
            f"request_timeout is {options.request_timeout:g} s: make it more than session_timeout "
            f"({options.session_timeout:g} s), or joining the group gives up before it can succeed"
        )
    if options.request_timeout < options.rebalance_timeout:
        problems.append(
            f"request_timeout is {options.request_timeout:g} s: make it at least rebalance_timeout "
            f"({options.rebalance_timeout:g} s), the time a join may have to wait for other members"
        )
    return problems


def _topics(value: object) -> tuple[str, ...]:
    topics = read_texts(value, "task-results")
    for topic in topics:
        if not TOPIC_NAME.fullmatch(topic) or topic in {".", ".."}:
            raise ValueError(f"holds {topic!r}: names of topics are 1 to 249 letters, digits, dots, _ and -")
    return tuple(dict.fromkeys(topics))


def _pattern(value: object) -> str:
    text = read_text(value)
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return text
