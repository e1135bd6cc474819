"""Alerts as records of a Kafka topic; the one sink that loads aiokafka."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

import aiokafka  # type: ignore[import-untyped]
import anyio.to_thread
from aiokafka import errors as kafka_errors

from crackle_stream.brokers.deadline import GaveUp, in_own_task
from crackle_stream.brokers.failures import LOGGER, said_by, unreachable
from crackle_stream.brokers.logged import logged_errors
from crackle_stream.brokers.tls import UnusableFile, tls_context
from crackle_stream.errors import ConfigError, SinkError, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, options_from
from crackle_stream.protocols import Sink
from crackle_stream.sinks.envelope import order_key
from crackle_stream.sinks.options import KafkaSinkOptions
from crackle_stream.sinks.producer import Message, ProducerLike
from crackle_stream.sinks.wire import to_json

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from crackle_stream.brokers.options import BrokerOptions

__all__ = ["KafkaSink", "Producer"]

CONTENT_TYPE = "application/json"

REFUSED = (
    kafka_errors.ClusterAuthorizationFailedError,
    kafka_errors.InvalidTopicError,
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.UnsupportedForMessageFormatError,
)
"""What brokers say about a record that they will say again the next time."""


class KafkaSink(Sink):
    """Writes each alert as a JSON record, acknowledged by every replica in sync.

        KafkaSink(brokers=["localhost:9092"], topic="alerts")

    The record's key is the kiln's key, or else the pattern's fingerprint, so that what belongs together stays in order
    in one partition; its headers are `id`, `fingerprint`, `status` and `content-type`. The producer is idempotent:
    what it tries again by itself is in the topic once. A retry of the pipeline after an unknown outcome may double an
    alert, under the same `id`.

    Args:
        options: a ready KafkaSinkOptions; its fields may be given by name.
        name: how messages call it.
        producer: what writes; aiokafka's by default.

    Raises:
        ConfigError: an option that cannot be.
    """

    def __init__(
        self,
        options: KafkaSinkOptions | None = None,
        /,
        *,
        name: str = "kafka",
        producer: ProducerLike | None = None,
        **fields: object,
    ) -> None:
        self.name = name
        self.options = options_from(KafkaSinkOptions, options, fields, main=None)
        self._producer = producer or Producer(self.options, name=name, send_timeout_s=self.options.send_timeout)

    async def __aenter__(self) -> Self:
        """Nothing is connected before the first alert: a cluster that is away must not keep the pipeline from
        starting, where its alerts are kept meanwhile.
        """
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the brokers, within `stop_timeout`."""
        await self._producer.stop()

    async def send(self, alert: Alert) -> None:
        """Write one alert.

        Raises:
            SinkUnavailable: brokers do not answer, or its outcome is unknown.
            SinkRefused: brokers will never take it.
        """
        try:
            value = to_json(alert.to_dict())
        except TypeError as error:
            raise SinkRefused(self.name, f"the alert {alert.id!r} is no JSON: {error}") from error
        headers = (
            ("id", _octets(alert.id)),
            ("fingerprint", _octets(alert.fingerprint)),
            ("status", str(alert.status).encode()),
            ("content-type", CONTENT_TYPE.encode()),
        )
        await self._producer.send(self.options.topic, [Message(value, _octets(order_key(alert)), headers)])


class Producer(ProducerLike):
    """aiokafka's idempotent producer under deadlines; made anew after every failure.

    Why anew: with brokers away a send of aiokafka may never end, and after one that was given up its sequence numbers
    no longer fit (aio-libs/aiokafka#1101).

    Args:
        options: how to reach the cluster.
        name: how errors call it.
        send_timeout_s: most for one `send`.
        make: builds aiokafka's producer of its arguments.
    """

    def __init__(
        self,
        options: BrokerOptions,
        *,
        name: str,
        send_timeout_s: float = 30.0,
        make: Callable[..., Any] = aiokafka.AIOKafkaProducer,
    ) -> None:
        self._options = options
        self._name = name
        self._send_timeout_s = send_timeout_s
        self._make = make
        self._client: Any = None
        self._spoilt = False

    async def start(self) -> None:
        """Reach the brokers, unless they are reached already.

        Raises:
            SinkUnavailable: they cannot be reached now.
            SinkRefused: they will not have us.
            ConfigError: a certificate or key cannot be used.
        """
        if self._spoilt:
            await self.stop()
        if self._client is not None:
            return
        try:
            context = await anyio.to_thread.run_sync(tls_context, self._options)
        except UnusableFile as error:
            raise ConfigError([str(error)], origin=f"sink {self._name}") from error
        client = self._make(**self._arguments(context))
        with logged_errors(LOGGER) as causes:
            try:
                await in_own_task(client.start(), self._options.connect_timeout)
            except (kafka_errors.KafkaError, OSError, GaveUp) as error:
                await self._let_go(client)
                why = unreachable(self._options, causes, error)
                raise (SinkUnavailable if why.passing else SinkRefused)(self._name, why.problem) from error
        self._client = client

    async def send(self, topic: str, messages: Sequence[Message]) -> None:
        """Write records; returns once every replica in sync has all of them.

        Raises:
            SinkUnavailable: it is unknown of at least one.
            SinkRefused: the brokers will never take one of them.
        """
        await self.start()
        try:
            await in_own_task(self._written(self._client, topic, messages), self._send_timeout_s)
        except asyncio.CancelledError:
            self._spoilt = True
            raise
        except REFUSED as error:
            problem = f"topic {topic!r} does not take it: {said_by(error)}{_cure(error)}"
            raise SinkRefused(self._name, problem) from error
        except (kafka_errors.KafkaError, OSError, GaveUp) as error:
            await self.stop()
            raise self._unavailable(topic, error) from error

    async def stop(self) -> None:
        """Let go of the brokers, within `stop_timeout`; raises nothing."""
        client, self._client, self._spoilt = self._client, None, False
        if client is not None:
            await self._let_go(client)

    async def _written(self, client: Any, topic: str, messages: Sequence[Message]) -> None:
        futures = [
            await client.send(topic, message.value, key=message.key, headers=list(message.headers))
            for message in messages
        ]
        for outcome in await asyncio.gather(*futures, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    async def _let_go(self, client: Any) -> None:
        with contextlib.suppress(kafka_errors.KafkaError, OSError, GaveUp):
            await in_own_task(client.stop(), self._options.stop_timeout)

    def _unavailable(self, topic: str, error: BaseException) -> SinkError:
        brokers = ", ".join(self._options.brokers)
        return SinkUnavailable(self._name, f"topic {topic!r} on {brokers}: {said_by(error)}")

    def _arguments(self, context: ssl.SSLContext | None) -> dict[str, object]:
        return {
            **self._options.arguments(context),
            "enable_idempotence": True,
            "acks": "all",
            "request_timeout_ms": max(1, round(1000 * self._send_timeout_s)),
        }


def _octets(text: str) -> bytes:
    """Text as a header's or key's bytes; what is no valid Unicode stays visible."""
    return text.encode("utf-8", "backslashreplace")


def _cure(error: BaseException) -> str:
    if isinstance(error, kafka_errors.TopicAuthorizationFailedError | kafka_errors.ClusterAuthorizationFailedError):
        return ": allow WRITE and IDEMPOTENT_WRITE on it to this user"
    return ""
