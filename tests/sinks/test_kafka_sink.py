"""Alerts become records; brokers that fail are told apart from those that say no."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka import errors as kafka_errors  # type: ignore[import-untyped]
from sample_alerts import a_pattern, an_alert

from crackle_stream.errors import ConfigError, SinkRefused, SinkUnavailable
from crackle_stream.sinks import KafkaSink, KafkaSinkOptions
from crackle_stream.sinks.kafka import Producer
from crackle_stream.testing import check_sink

NEVER = "never"


class Client:
    """aiokafka's producer, with faults: an error, or NEVER for a call that does not end."""

    def __init__(self, *, start: Any = None, send: Any = None, stop: Any = None) -> None:
        self.faults = {"start": start, "send": send, "stop": stop}
        self.sent: list[tuple[str, bytes, bytes | None, dict[str, bytes]]] = []
        self.calls: list[str] = []

    async def start(self) -> None:
        await self._do("start")

    async def send(self, topic: str, value: bytes, *, key: bytes | None, headers: Any) -> asyncio.Future[None]:
        self.calls.append("send")
        future = asyncio.get_running_loop().create_future()
        fault = self.faults["send"]
        if fault is None:
            self.sent.append((topic, value, key, dict(headers)))
            future.set_result(None)
        elif isinstance(fault, Exception):
            future.set_exception(fault)
        return future

    async def stop(self) -> None:
        await self._do("stop")

    async def _do(self, call: str) -> None:
        self.calls.append(call)
        fault = self.faults[call]
        if isinstance(fault, BaseException):
            raise fault
        if fault == NEVER:
            await asyncio.Event().wait()


def options(**fields: Any) -> KafkaSinkOptions:
    quick = {"connect_timeout": 0.01, "send_timeout": 0.01, "stop_timeout": 0.01}
    return KafkaSinkOptions(**{"brokers": ["b:1"], "topic": "alerts", **quick, **fields})


def a_sink(*clients: Client, **fields: Any) -> tuple[KafkaSink, list[dict[str, Any]]]:
    """A sink whose producers are these clients in turn, and what each was made of."""
    made: list[dict[str, Any]] = []
    turn = iter(clients)

    def make(**arguments: Any) -> Client:
        made.append(arguments)
        return next(turn)

    given = options(**fields)
    producer = Producer(given, name="bus", send_timeout_s=given.send_timeout, make=make)
    return KafkaSink(given, name="bus", producer=producer), made


async def test_an_alert_is_a_json_record_with_its_identity_in_the_headers() -> None:
    client = Client()
    sink, _ = a_sink(client)
    alert = an_alert()
    async with sink:
        await sink.send(alert)
    ((topic, value, key, headers),) = client.sent
    assert (topic, key) == ("alerts", b"checkout")
    assert json.loads(value) == alert.to_dict()
    assert headers == {
        "id": alert.id.encode(),
        "fingerprint": alert.fingerprint.encode(),
        "status": b"raised",
        "content-type": b"application/json",
    }
    assert client.calls == ["start", "send", "stop"]


async def test_without_a_kilns_key_the_fingerprint_is_the_key() -> None:
    client = Client()
    sink, _ = a_sink(client)
    alert = an_alert(pattern=a_pattern(key=""))
    async with sink:
        await sink.send(alert)
    assert client.sent[0][2] == alert.fingerprint.encode()


async def test_the_producer_is_idempotent_and_waits_for_all_replicas() -> None:
    sink, made = a_sink(Client(), send_timeout=7)
    async with sink:
        await sink.send(an_alert())
    assert {name: made[0][name] for name in ("enable_idempotence", "acks", "request_timeout_ms")} == {
        "enable_idempotence": True, "acks": "all", "request_timeout_ms": 7000,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (NEVER, "topic 'alerts' on b:1: no answer within 0.01 s"),
        (kafka_errors.NodeNotReadyError("node 1"), "NodeNotReadyError: node 1"),
        (kafka_errors.OutOfOrderSequenceNumber(), "OutOfOrderSequenceNumber"),
    ],
)
async def test_after_a_failed_send_the_next_one_has_a_new_producer(fault: Any, said: str) -> None:
    broken, whole = Client(send=fault, stop=NEVER), Client()
    sink, made = a_sink(broken, whole)
    async with sink:
        with pytest.raises(SinkUnavailable) as caught:
            await sink.send(an_alert())
        assert said in str(caught.value)
        await sink.send(an_alert())
    assert broken.calls == ["start", "send", "stop"]
    assert (len(whole.sent), len(made)) == (1, 2)


async def test_brokers_that_are_away_may_come_back() -> None:
    away = Client(start=kafka_errors.KafkaConnectionError("Unable to bootstrap from b:1"))
    stuck, whole = Client(start=NEVER), Client()
    sink, _ = a_sink(away, stuck, whole)
    async with sink:
        with pytest.raises(SinkUnavailable, match=r"sink bus: cannot reach b:1: .*Check that a broker runs there"):
            await sink.send(an_alert())
        with pytest.raises(SinkUnavailable, match="cannot reach b:1"):
            await sink.send(an_alert())
        await sink.send(an_alert())
    assert (away.calls, stuck.calls) == (["start", "stop"], ["start", "stop"])


@pytest.mark.parametrize(
    ("fault", "cure"),
    [
        (kafka_errors.TopicAuthorizationFailedError("alerts"), "allow WRITE and IDEMPOTENT_WRITE on it"),
        (kafka_errors.MessageSizeTooLargeError("2 MB"), "topic 'alerts' does not take it"),
    ],
)
async def test_what_brokers_will_say_again_is_a_refusal_and_keeps_the_producer(fault: Exception, cure: str) -> None:
    client = Client(send=fault)
    sink, made = a_sink(client)
    async with sink:
        for _ in range(2):
            with pytest.raises(SinkRefused) as caught:
                await sink.send(an_alert())
            assert cure in str(caught.value)
    assert len(made) == 1


async def test_stopping_ends_in_time_whatever_the_client_does() -> None:
    for fault in (NEVER, asyncio.CancelledError(), kafka_errors.KafkaError("gone")):
        sink, _ = a_sink(Client(stop=fault))
        async with asyncio.timeout(5), sink:
            await sink.send(an_alert())


async def test_a_cancelled_send_is_cancelled_and_its_producer_not_used_again() -> None:
    stuck, whole = Client(send=NEVER), Client()
    sink, _ = a_sink(stuck, whole, send_timeout=60)
    async with sink:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await sink.send(an_alert())
        await sink.send(an_alert())
    assert (stuck.calls, len(whole.sent)) == (["start", "send", "stop"], 1)


async def test_it_keeps_the_rules_of_sinks() -> None:
    client = Client()

    def received() -> list[str]:
        return [headers["id"].decode() for _, _, _, headers in client.sent]

    await check_sink(lambda: a_sink(client, client)[0], received=received)


def test_all_that_is_wrong_with_the_options_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        KafkaSinkOptions(brokers=("nowhere",), topic="a b", send_timeout=0)
    assert len(caught.value.problems) == 3
    with pytest.raises(ConfigError, match="SASL_SSL needs sasl_username and sasl_password"):
        options(security_protocol="SASL_SSL")
    with pytest.raises(ConfigError, match='unknown option "topics": did you mean "topic"'):
        KafkaSink(brokers=["b:1"], topics=["t"])


def test_a_password_is_never_shown() -> None:
    given = options(security_protocol="SASL_SSL", sasl_username="u", sasl_password="swordfish")
    assert "swordfish" not in repr(given)
    assert given.arguments(None)["sasl_plain_password"] == "swordfish"
