"""Records from Kafka topics, as a member of a consumer group; the one source that loads aiokafka."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import ssl
from typing import TYPE_CHECKING, Any, Self

import aiokafka  # type: ignore[import-untyped]
import anyio
import anyio.to_thread
from aiokafka import errors as kafka_errors

from crackle_stream.errors import SourceError, SourceUnavailable
from crackle_stream.model import Partition, RecordBatch, Secret
from crackle_stream.model.options import options_from
from crackle_stream.protocols import Clock, Source, SystemClock
from crackle_stream.sources.logged import logged_errors
from crackle_stream.sources.membership import Member
from crackle_stream.sources.options import KafkaOptions
from crackle_stream.sources.tls import tls_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from types import TracebackType

    from crackle_stream.protocols import PartitionListener
    from crackle_stream.sources.consumer import Fetched

__all__ = ["KafkaSource"]

NAME = "kafka"

LOGGER = "aiokafka"
"""Where aiokafka says why it could not reach a broker; what it raises only says that it could not."""


REFUSED = (
    kafka_errors.AuthenticationFailedError,
    kafka_errors.AuthenticationMethodNotSupported,
    kafka_errors.IllegalSaslStateError,
    kafka_errors.SaslAuthenticationFailed,
    kafka_errors.UnsupportedSaslMechanismError,
)


class KafkaSource(Source):
    """Topics of a Kafka cluster, shared with the other processes of the group.

        KafkaSource(brokers=["localhost:9092"], topics=["task-results"], group="crackle-stream")

    At-least-once: nothing is committed but what `commit` is given, so whatever was not settled comes again after a
    restart or to the partition's next owner. Batches fetched before a rebalance are not returned after it.

    Args:
        options: a ready `KafkaOptions`; its fields may be given by name.
        clock: the time of records without a timestamp; the machine's by default.
    """

    replayable = True
    live = True

    def __init__(self, options: KafkaOptions | None = None, *, clock: Clock | None = None, **fields: object) -> None:
        self.name = NAME
        self._options = options_from(KafkaOptions, options, fields, main=None)
        self._clock: Clock = SystemClock() if clock is None else clock
        self._listener: PartitionListener | None = None
        self._member: Member | None = None

    @property
    def tombstones(self) -> int:
        """Records without a value, skipped since the source was opened."""
        return 0 if self._member is None else self._member.tombstones

    async def __aenter__(self) -> Self:
        """Reach the brokers, check the topics, and begin to join the group; partitions come while reading.

        Raises:
            SourceUnavailable: no broker can be reached, or a topic does not exist (yet).
            SourceError: brokers refuse us, or a certificate cannot be used.
        """
        context = await anyio.to_thread.run_sync(tls_context, self._options, self.name)
        client = _Client(self._options, context)
        member = Member(
            client,
            source=self.name,
            explain=self._explain,
            listener=self._listener,
            clock=self._clock,
            max_records=self._options.max_records,
            commit_timeout_s=self._options.commit_timeout,
            stop_timeout_s=self._options.stop_timeout,
        )
        try:
            await self._connect(client, member)
        except BaseException:
            await member.close()
            raise
        self._member = member
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the group."""
        member, self._member = self._member, None
        if member is not None:
            await member.close()

    async def read(self) -> RecordBatch:
        """The next batch of one partition, or an empty one; a topic has no end.

        Raises:
            SourceError: the client failed for good, or the source is not open.
        """
        if self._member is None:
            raise SourceError(self.name, "is not open: read it inside `async with`")
        return await self._member.read()

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit offsets of partitions that are ours; those that have left are passed over.

        Raises:
            SourceUnavailable: it failed, or its outcome is unknown; a later commit makes up for it.
            SourceError: it will never succeed.
        """
        if self._member is not None:
            await self._member.commit(offsets)

    def listen(self, listener: PartitionListener) -> None:
        """Whom to tell when partitions come and go; called before entering."""
        self._listener = listener

    def pause(self) -> None:
        """Fetch nothing until `resume`; go on calling `read`, which keeps us in the group."""
        if self._member is not None:
            self._member.pause()

    def resume(self) -> None:
        """Fetch again."""
        if self._member is not None:
            self._member.resume()

    def lag(self) -> int | None:
        """Records between the last one returned and the end of our partitions, or None before that is known."""
        return None if self._member is None else self._member.lag()

    async def _connect(self, client: _Client, member: Member) -> None:
        with logged_errors(LOGGER) as causes:
            try:
                async with asyncio.timeout(self._options.connect_timeout):
                    await client.start()
                    existing = await client.topics()
            except (kafka_errors.KafkaError, OSError, TimeoutError) as error:
                raise self._unreachable(causes, error) from error
        for topic in self._options.topics:
            if topic not in existing:
                raise SourceUnavailable(self.name, _no_topic(topic, existing))
        client.subscribe(member)

    def _unreachable(self, causes: Sequence[BaseException], error: BaseException) -> SourceError:
        """What kept us from every broker; the client itself only logs it."""
        brokers = ", ".join(self._options.brokers)
        for cause in causes:
            if isinstance(cause, REFUSED):
                return SourceError(
                    self.name,
                    f"{brokers} refused sasl_username {self._options.sasl_username!r} by "
                    f"{self._options.sasl_mechanism}: {_text(cause)}. Check sasl_username, sasl_password and "
                    "sasl_mechanism",
                )
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = cause.verify_message.rstrip(".")
                return SourceError(
                    self.name,
                    f"the certificate of {brokers} is not trusted: {why}. Give the authority that signed "
                    "it as ca_file, and address brokers by the name in their certificate",
                )
            if isinstance(cause, ssl.SSLError):
                return SourceError(
                    self.name,
                    f"{brokers} and we do not agree on TLS: {cause.reason or cause}. Check that the port is a TLS one "
                    f"(security_protocol is {self._options.security_protocol}) and whether brokers ask for cert_file",
                )
        said = "; ".join(dict.fromkeys(_text(cause) for cause in causes)) or _text(error)
        if isinstance(error, TimeoutError):
            said = f"no answer within {self._options.connect_timeout:g} s" + (f" ({said})" if causes else "")
        return SourceUnavailable(
            self.name,
            f"cannot reach {brokers}: {said}. Check that a broker runs there, that the addresses it advertises can be "
            f"reached from here, and security_protocol ({self._options.security_protocol})",
        )

    def _explain(self, error: Exception) -> SourceError:
        """One of our errors for one of the client's, met while reading or committing."""
        options = self._options
        said = _text(error)
        if isinstance(error, kafka_errors.TopicAuthorizationFailedError):
            return SourceError(self.name, f"may not read a topic ({said}): allow READ and DESCRIBE on it to this user")
        if isinstance(error, kafka_errors.GroupAuthorizationFailedError):
            return SourceError(self.name, f"may not join group {options.group!r}: allow READ on it to this user")
        if isinstance(error, kafka_errors.InvalidSessionTimeoutError):
            return SourceError(
                self.name,
                f"brokers refuse session_timeout {options.session_timeout:g} s: keep it between their "
                "group.min.session.timeout.ms and group.max.session.timeout.ms",
            )
        if isinstance(error, kafka_errors.CommitFailedError | kafka_errors.IllegalStateError):
            return SourceUnavailable(
                self.name, "partitions moved to other members during a commit: their next owner reads on from the last"
            )
        if isinstance(error, kafka_errors.UnsupportedCodecError):
            return SourceError(self.name, f"{said}: install aiokafka[gzip,lz4,snappy,zstd]")
        if getattr(error, "retriable", False):
            return SourceUnavailable(self.name, f"{said}; brokers: {', '.join(options.brokers)}")
        return SourceError(self.name, f"{said}; brokers: {', '.join(options.brokers)}, group {options.group!r}")


class _Client(aiokafka.ConsumerRebalanceListener):  # type: ignore[misc]
    """aiokafka's consumer in this package's words; see `ConsumerLike` for what each method promises."""

    def __init__(self, options: KafkaOptions, context: ssl.SSLContext | None) -> None:
        self._options = options
        self._consumer: Any = aiokafka.AIOKafkaConsumer(**_arguments(options, context))
        self._member: Member | None = None

    async def start(self) -> None:
        """Connect. No topic is named yet, because a start with topics does not return before partitions come."""
        await self._consumer.start()

    async def topics(self) -> set[str]:
        """Names of the topics we may see. Asking for all of them creates none, as asking for one may."""
        names: set[str] = await self._consumer.topics()
        return names

    def subscribe(self, member: Member) -> None:
        """Begin to join the group, and tell the member what comes of it."""
        self._member = member
        if self._options.pattern is not None:
            self._consumer.subscribe(pattern=rf"(?:{self._options.pattern})\Z", listener=self)
        else:
            self._consumer.subscribe(topics=self._options.topics, listener=self)

    async def on_partitions_revoked(self, revoked: Iterable[Any]) -> None:
        """Called before a group is joined again."""
        if self._member is not None:
            await self._member.revoked()

    def on_partitions_assigned(self, assigned: Iterable[Any]) -> None:
        """Called when a group was joined."""
        if self._member is not None:
            self._member.assigned(frozenset(map(_ours, assigned)))

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[Partition, Sequence[Fetched]]:
        fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=max_records)
        return {_ours(each): records for each, records in fetched.items()}

    def assignment(self) -> AbstractSet[Partition]:
        return frozenset(map(_ours, self._consumer.assignment()))

    def pause(self, *partitions: Partition) -> None:
        self._consumer.pause(*map(_theirs, partitions))

    def resume(self, *partitions: Partition) -> None:
        self._consumer.resume(*map(_theirs, partitions))

    async def position(self, partition: Partition) -> int:
        offset: int = await self._consumer.position(_theirs(partition))
        return offset

    def seek(self, partition: Partition, offset: int) -> None:
        self._consumer.seek(_theirs(partition), offset)

    def highwater(self, partition: Partition) -> int | None:
        offset: int | None = self._consumer.highwater(_theirs(partition))
        return offset

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        await self._consumer.commit({_theirs(each): offset for each, offset in offsets.items()})

    async def stop(self) -> None:
        try:
            await self._consumer.stop()
        finally:
            # With brokers gone stop() ends half-way by a cancellation of its own (aio-libs/aiokafka#647) and leaves its
            # fetcher at work and its sockets open; there is no public way to end them.
            for part in (self._consumer._fetcher, self._consumer._client):  # noqa: SLF001
                if part is not None:
                    with contextlib.suppress(asyncio.CancelledError, Exception):
                        await part.close()


def _ours(partition: Any) -> Partition:
    return Partition(partition.topic, partition.partition)


def _theirs(partition: Partition) -> Any:
    return aiokafka.TopicPartition(partition.topic, partition.number)


def _arguments(options: KafkaOptions, context: ssl.SSLContext | None) -> dict[str, object]:
    """What aiokafka calls our options."""
    password = options.sasl_password
    return {
        "bootstrap_servers": list(options.brokers),
        "group_id": options.group,
        "client_id": options.client_id,
        "group_instance_id": options.group_instance_id,
        "auto_offset_reset": options.auto_offset_reset,
        "isolation_level": options.isolation_level,
        "enable_auto_commit": False,
        "session_timeout_ms": _ms(options.session_timeout),
        "heartbeat_interval_ms": _ms(options.heartbeat_interval),
        "rebalance_timeout_ms": _ms(options.rebalance_timeout),
        "max_poll_interval_ms": _ms(options.max_poll_interval),
        "request_timeout_ms": _ms(options.request_timeout),
        "max_partition_fetch_bytes": options.max_partition_fetch_bytes,
        "fetch_max_bytes": options.fetch_max_bytes,
        "security_protocol": options.security_protocol,
        "ssl_context": context,
        "sasl_mechanism": options.sasl_mechanism,
        "sasl_plain_username": options.sasl_username,
        "sasl_plain_password": password.reveal() if isinstance(password, Secret) else password,
    }


def _ms(duration: float) -> int:
    return max(1, round(duration * 1000))


def _no_topic(topic: str, existing: Iterable[str]) -> str:
    near = difflib.get_close_matches(topic, sorted(existing), n=1)
    meant = f"did you mean {near[0]!r}? Otherwise create" if near else "create"
    return f"there is no topic {topic!r}, or this user may not see it: {meant} it, or start what writes to it first"


def _text(error: BaseException) -> str:
    """What an error says, or else what it is called."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection closed by the other side"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
