"""Options of the built-in sources; free of third-party imports, so that a configuration is checked without them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from crackle_stream.errors import ConfigError
from crackle_stream.model import Secret, octets, seconds
from crackle_stream.model.options import one_of, read_fields, read_flag, read_text, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FileOptions", "KafkaOptions", "QueueOptions", "StdinOptions"]

MAX_LINE_BYTES = 2**20
"""One record of a text stream; decoding has a limit of its own, and there a longer line is refused with its reason."""

MAX_PORT = 65_535

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
        read_fields(self, max_line_bytes=_positive_octets, descriptor=whole_number(0))


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
        read_fields(self, path=_path, max_line_bytes=_positive_octets)


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """Options of `KafkaSource`. Durations are seconds, or text such as "45s"; sizes are bytes, or text as "1MiB".

    Attributes:
        brokers: addresses to begin with, "host:port" each.
        topics: names of topics to read; or give `pattern`.
        pattern: a regular expression that whole names of topics match; topics that appear later are found as well.
        group: the consumer group; processes of one group share the partitions.
        client_id: how the brokers' logs call this process.
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
        connect_timeout: most for reaching a broker and finding the topics when the source is opened.
        commit_timeout: most for one commit; its outcome is unknown after that.
        stop_timeout: most for leaving the group when the source is closed.
        stuck_after: silence of brokers that answer others after which the client is built anew; after three times in
            a row without a record the process ends, for its supervisor to start it again.
        max_partition_fetch_bytes: most that one partition yields in one fetch.
        fetch_max_bytes: most that one broker yields in one fetch.
        max_records: most records of one poll.
        security_protocol: PLAINTEXT, SSL (TLS), SASL_SSL (TLS and credentials), or SASL_PLAINTEXT, which sends
            credentials in the clear and needs `allow_insecure`.
        sasl_mechanism: how credentials are proven.
        sasl_username: the name to give.
        sasl_password: the password; prints as ***.
        ca_file: PEM file of the only authorities to trust, in place of the system's.
        cert_file: PEM file of our own certificate, where brokers ask for one.
        key_file: PEM file of its key, where `cert_file` does not hold it.
        allow_insecure: whether credentials may be sent in the clear.
    """

    brokers: tuple[str, ...]
    topics: tuple[str, ...] = ()
    pattern: str | None = None
    group: str = "crackle-stream"
    client_id: str = "crackle-stream"
    group_instance_id: str | None = None
    auto_offset_reset: Literal["earliest", "latest"] = "earliest"
    isolation_level: Literal["read_uncommitted", "read_committed"] = "read_uncommitted"
    session_timeout: float = 45.0
    heartbeat_interval: float = 3.0
    rebalance_timeout: float = 60.0
    max_poll_interval: float = 1800.0
    request_timeout: float = 60.0
    connect_timeout: float = 15.0
    commit_timeout: float = 5.0
    stop_timeout: float = 10.0
    stuck_after: float = 30.0
    max_partition_fetch_bytes: int = 2**20
    fetch_max_bytes: int = 8 * 2**20
    max_records: int = 500
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: Secret | str | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    allow_insecure: bool = False

    def __post_init__(self) -> None:
        durations = (
            "session_timeout",
            "heartbeat_interval",
            "rebalance_timeout",
            "max_poll_interval",
            "request_timeout",
            "connect_timeout",
            "commit_timeout",
            "stop_timeout",
            "stuck_after",
        )
        read_fields(
            self,
            brokers=_brokers,
            topics=_topics,
            pattern=_optional(_pattern),
            group=read_text,
            client_id=read_text,
            group_instance_id=_optional(read_text),
            auto_offset_reset=one_of("earliest", "latest"),
            isolation_level=one_of("read_uncommitted", "read_committed"),
            max_partition_fetch_bytes=_positive_octets,
            fetch_max_bytes=_positive_octets,
            max_records=whole_number(1),
            security_protocol=one_of("PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"),
            sasl_mechanism=one_of("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"),
            sasl_username=_optional(read_text),
            sasl_password=_optional(_secret),
            ca_file=_optional(_path),
            cert_file=_optional(_path),
            key_file=_optional(_path),
            allow_insecure=read_flag,
            **dict.fromkeys(durations, _positive_seconds),
        )
        problems = [*_subscription_problems(self), *_timing_problems(self), *_security_problems(self)]
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


def _security_problems(options: KafkaOptions) -> list[str]:
    problems = []
    protocol = options.security_protocol
    if protocol == "SASL_PLAINTEXT" and not options.allow_insecure:
        problems.append(
            "security_protocol SASL_PLAINTEXT sends credentials in the clear: use SASL_SSL, "
            "or set allow_insecure = true where the network is your own"
        )
    credentials = options.sasl_username is not None, options.sasl_password is not None
    if protocol.startswith("SASL") and not all(credentials):
        problems.append(f"security_protocol {protocol} needs sasl_username and sasl_password: give both")
    if not protocol.startswith("SASL") and any(credentials):
        problems.append(f"security_protocol {protocol} sends no sasl_username or sasl_password: set it to SASL_SSL")
    files = options.ca_file, options.cert_file, options.key_file
    if not protocol.endswith("SSL") and any(file is not None for file in files):
        problems.append(
            f"security_protocol {protocol} uses no ca_file, cert_file or key_file: set it to SSL or SASL_SSL"
        )
    if options.key_file is not None and options.cert_file is None:
        problems.append("key_file is given without cert_file: give the certificate it belongs to")
    return problems


def _optional(read: Callable[[object], object]) -> Callable[[object], object]:
    """A reader that lets None pass."""
    return lambda value: None if value is None else read(value)


def _texts(value: object, example: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, tuple | list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"is a list of texts, such as [{example!r}], not {value!r}")
    return tuple(value)


def _brokers(value: object) -> tuple[str, ...]:
    brokers = _texts(value, "localhost:9092")
    if not brokers:
        raise ValueError('is empty: give at least one address, such as "localhost:9092"')
    for broker in brokers:
        host, colon, port = broker.rpartition(":")
        if not colon or not host or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
            raise ValueError(f'holds {broker!r}: write "host:port", such as "localhost:9092" or "[::1]:9092"')
    return brokers


def _topics(value: object) -> tuple[str, ...]:
    topics = _texts(value, "task-results")
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


def _secret(value: object) -> Secret:
    if not isinstance(value, str | Secret):
        raise ValueError(f"is text, not {type(value).__name__}")
    if not value:
        raise ValueError("is empty: give the password, or leave it out")
    return Secret(value)


def _path(value: object) -> Path:
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError(f"is the path of a file, not {value!r}")
    return Path(value).expanduser()


def _positive_octets(value: float | str) -> int:
    size = octets(value)
    if size < 1:
        raise ValueError("must be at least 1 byte")
    return size


def _positive_seconds(value: float | str) -> float:
    duration = seconds(value)
    if duration <= 0:
        raise ValueError("must be more than 0 seconds")
    return duration
