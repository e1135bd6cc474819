from __future__ import annotations

import asyncio
import base64
import json
import threading
from typing import Any

import pytest
import standardwebhooks
from cloudevents.core.bindings.http import HTTPMessage, from_structured_event
from receiver import LOOPBACK, Receiver, Reply
from sample_alerts import a_pattern, an_alert

from crackle_stream.errors import ConfigError, SinkError, SinkRefused, SinkUnavailable
from crackle_stream.model import AlertStatus
from crackle_stream.sinks import WebhookOptions, WebhookSink

pytestmark = pytest.mark.usefixtures("no_blocking")

KEY = "whsec_" + base64.b64encode(b"a key of twenty-four byte").decode()


class Clock:
    """Says whatever time it is told to."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


def a_sink(receiver: Receiver, **fields: Any) -> WebhookSink:
    return WebhookSink(receiver.url, **{**LOOPBACK, **fields})


async def test_an_alert_arrives_as_one_post_of_a_cloud_event() -> None:
    async with Receiver() as receiver, a_sink(receiver, source="/teams/payments") as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    assert (request.method, request.target) == ("POST", "/crackle")
    assert request.headers["content-type"] == "application/cloudevents+json"
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert json.loads(request.body) == {
        "specversion": "1.0",
        "id": "0f3c9a1b2d4e5f60",
        "source": "/teams/payments",
        "type": "crackle_stream.alert.raised",
        "subject": a_pattern().fingerprint,
        "time": "2026-11-20T20:51:07.500Z",
        "datacontenttype": "application/json",
        "data": an_alert().to_dict(),
    }


async def test_the_cloudevents_sdk_reads_the_event() -> None:
    async with Receiver() as receiver, a_sink(receiver) as sink:
        await sink.send(an_alert(status=AlertStatus.RESOLVED))
    (request,) = receiver.requests
    message = HTTPMessage(dict(request.headers), request.body)
    event = from_structured_event(message)
    assert event.get_specversion() == "1.0"
    assert event.get_id() == "0f3c9a1b2d4e5f60"
    assert event.get_source() == "crackle-stream"
    assert event.get_type() == "crackle_stream.alert.resolved"
    assert event.get_subject() == a_pattern().fingerprint
    time = event.get_time()
    assert time is not None
    assert time.timestamp() == 1795207867.5
    assert event.get_data() == an_alert(status=AlertStatus.RESOLVED).to_dict()


async def test_the_independent_verifier_accepts_the_signature_and_nothing_that_was_changed() -> None:
    async with Receiver() as receiver, a_sink(receiver, secret=KEY) as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    verifier = standardwebhooks.Webhook(KEY)
    assert verifier.verify(request.body, dict(request.headers))["id"] == "0f3c9a1b2d4e5f60"
    for header in ("webhook-id", "webhook-timestamp"):
        changed = {**request.headers, header: request.headers[header][:-1] + "x"}
        with pytest.raises(standardwebhooks.WebhookVerificationError):
            verifier.verify(request.body, changed)
    with pytest.raises(standardwebhooks.WebhookVerificationError, match="No matching signature"):
        verifier.verify(request.body + b" ", dict(request.headers))
    with pytest.raises(standardwebhooks.WebhookVerificationError, match="No matching signature"):
        standardwebhooks.Webhook(b"another key").verify(request.body, dict(request.headers))


async def test_a_plain_text_secret_is_the_key_itself() -> None:
    async with Receiver() as receiver, a_sink(receiver, secret="swordfish") as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    assert standardwebhooks.Webhook(b"swordfish").verify(request.body, dict(request.headers))


async def test_while_a_secret_is_replaced_both_keys_verify() -> None:
    async with Receiver() as receiver, a_sink(receiver, secret=KEY, previous_secret="old key") as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    keys: list[str | bytes] = [KEY, b"old key"]
    for key in keys:
        assert standardwebhooks.Webhook(key).verify(request.body, dict(request.headers))
    signatures = request.headers["webhook-signature"].split(" ")
    for key, signature in zip(keys, signatures, strict=True):  # the new one signs first
        alone = {**request.headers, "webhook-signature": signature}
        assert standardwebhooks.Webhook(key).verify(request.body, alone)


async def test_once_the_old_secret_is_taken_out_it_verifies_no_more() -> None:
    async with Receiver() as receiver, a_sink(receiver, secret=KEY) as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    with pytest.raises(standardwebhooks.WebhookVerificationError, match="No matching signature"):
        standardwebhooks.Webhook(b"old key").verify(request.body, dict(request.headers))


async def test_without_a_secret_the_message_is_unsigned_and_still_has_its_id() -> None:
    async with Receiver() as receiver, a_sink(receiver) as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    assert "webhook-signature" not in request.headers
    assert request.headers["webhook-id"] == "0f3c9a1b2d4e5f60"


async def test_each_attempt_has_a_fresh_timestamp_and_the_same_id_and_body() -> None:
    clock = Clock(1_000_000.9)
    async with (
        Receiver([Reply(503)]) as receiver,
        WebhookSink(receiver.url, clock=clock, secret=KEY, **LOOPBACK) as sink,
    ):
        with pytest.raises(SinkUnavailable):
            await sink.send(an_alert())
        clock.now += 60
        await sink.send(an_alert())
    first, second = receiver.requests
    assert (first.headers["webhook-timestamp"], second.headers["webhook-timestamp"]) == ("1000000", "1000060")
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
    assert first.body == second.body


async def test_headers_of_the_user_are_sent_and_may_replace_the_user_agent() -> None:
    given = {"Authorization": "Bearer abc", "User-Agent": "pager"}
    async with Receiver() as receiver, a_sink(receiver, headers=given) as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    assert request.headers["authorization"] == "Bearer abc"
    assert request.headers["user-agent"] == "pager"


async def test_alerts_of_a_burst_share_one_connection() -> None:
    async with Receiver([Reply(200, body=b"ok"), Reply(204), Reply(202)]) as receiver, a_sink(receiver) as sink:
        for number in range(3):
            await sink.send(an_alert(id=str(number)))
        assert receiver.connections == 1
    assert [request.headers["webhook-id"] for request in receiver.requests] == ["0", "1", "2"]


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Receiver() as proxy, Receiver() as receiver:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with a_sink(receiver) as sink:
            await sink.send(an_alert())
        assert (len(receiver.requests), proxy.connections) == (1, 0)


async def test_the_next_address_is_tried_when_one_cannot_be_connected_to() -> None:
    async with Receiver() as receiver:
        url = f"http://hooks.example:{receiver.port}/crackle"
        answer = ["127.0.0.2", "127.0.0.1"]  # nobody listens on the first
        async with WebhookSink(url, resolve=lambda host, port: answer, **LOOPBACK) as sink:
            await sink.send(an_alert())
    assert [request.headers["host"] for request in receiver.requests] == [f"hooks.example:{receiver.port}"]


async def test_a_name_that_does_not_resolve_is_tried_again() -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise OSError(-2, "Name or service not known")

    async with WebhookSink("https://hooks.example/x", resolve=resolve) as sink:
        with pytest.raises(SinkUnavailable, match=r"cannot resolve hooks\.example: Name or service not known"):
            await sink.send(an_alert())


async def test_a_resolver_that_hangs_is_left_behind_in_time() -> None:
    release = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        release.wait()
        return []

    try:
        async with WebhookSink("https://hooks.example/x", resolve=resolve, timeout=0.1) as sink:
            with pytest.raises(
                SinkUnavailable, match=r"sink webhook: https://hooks\.example/x: no answer within 0\.1 s"
            ):
                await sink.send(an_alert())
    finally:
        release.set()


async def test_a_cancelled_message_is_cancelled_at_once_and_the_next_one_arrives() -> None:
    async with Receiver([Reply(act="hang")]) as receiver, a_sink(receiver) as sink:
        task = asyncio.create_task(sink.send(an_alert(id="a")))
        await receiver.wait_for(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await sink.send(an_alert(id="b"))
        assert [request.headers["webhook-id"] for request in receiver.requests] == ["a", "b"]


def test_a_host_that_is_no_name_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError) as caught:
        WebhookSink("https://☃️.example/canary")
    assert caught.value.problems == ("url cannot be read: its host is no valid name, or it is too long",)


async def test_odd_values_of_a_detector_still_make_a_message() -> None:
    pattern = a_pattern(description="lone \udc80 surrogate", metrics={"nan": float("nan"), "inf": float("inf")})
    async with Receiver() as receiver, a_sink(receiver, secret=KEY) as sink:
        await sink.send(an_alert(pattern=pattern, last_seen=float("inf")))
    (request,) = receiver.requests
    event = standardwebhooks.Webhook(KEY).verify(request.body, dict(request.headers))
    assert event["data"]["pattern"]["description"] == r"lone \udc80 surrogate"
    assert event["data"]["pattern"]["metrics"] == {"nan": None, "inf": None}
    assert "time" not in event


async def test_an_alert_that_is_no_json_is_refused() -> None:
    async with Receiver() as receiver, a_sink(receiver) as sink:
        with pytest.raises(SinkRefused, match="the alert '7' is no JSON: a object cannot be written as JSON"):
            await sink.send(an_alert(id="7", pattern=a_pattern(metrics={"x": object()})))
    assert receiver.connections == 0


async def test_an_id_that_is_no_header_is_refused() -> None:
    async with Receiver() as receiver, a_sink(receiver) as sink:
        with pytest.raises(SinkRefused, match=r"the alert 'a\\nb' makes no valid HTTP request to http://"):
            await sink.send(an_alert(id="a\nb"))
    assert receiver.requests == []


async def test_sending_outside_the_context_says_so() -> None:
    async with Receiver() as receiver:
        with pytest.raises(SinkError, match=r"sink webhook: it is not open: send within `async with sink:`"):
            await a_sink(receiver).send(an_alert())


def test_the_three_ways_to_build_one_say_the_same() -> None:
    url = "https://hooks.example.org/crackle"
    expected = WebhookOptions(url, source="s")
    assert expected == WebhookSink(url, source="s").options
    assert expected == WebhookSink(url=url, source="s").options
    assert expected == WebhookSink(WebhookOptions(url, source="s")).options


def test_a_misspelt_option_names_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigError, match='unknown option "secrt": did you mean "secret"'):
        WebhookSink("https://hooks.example.org/x", secrt="a")
