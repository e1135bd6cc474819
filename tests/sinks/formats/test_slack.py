from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from receiver import LOOPBACK, Receiver, Reply
from sample_alerts import MARKUP, a_pattern, an_alert, an_endless_alert

from crackle_stream.errors import SinkError, SinkGone, SinkRefused, SinkUnavailable
from crackle_stream.model import AlertStatus, Severity
from crackle_stream.sinks import WebhookSink

pytestmark = pytest.mark.usefixtures("no_blocking")


async def sent(alert: Any, **fields: Any) -> tuple[dict[str, Any], Any]:
    """The message and its headers as they came to the receiver."""
    async with Receiver([Reply(200, body=b"ok")]) as receiver:
        async with WebhookSink(receiver.url, format="slack", **LOOPBACK, **fields) as sink:
            await sink.send(alert)
        (request,) = receiver.requests
    return json.loads(request.body), request.headers


async def error_from(reply: Reply) -> SinkError:
    async with Receiver([reply]) as receiver, WebhookSink(receiver.url, format="slack", **LOOPBACK) as sink:
        with pytest.raises(SinkError) as caught:
            await sink.send(an_alert())
    caught.value.args = (str(caught.value).replace(f":{receiver.port}", ""),)
    return caught.value


def texts(value: object) -> Iterator[dict[str, Any]]:
    """Every text object of a message."""
    if isinstance(value, dict):
        if "text" in value and isinstance(value["text"], str) and "type" in value:
            yield value
        for each in value.values():
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)


async def test_a_message_says_the_sentence_the_facts_and_the_fingerprint() -> None:
    message, headers = await sent(an_alert(), link="https://crackle.example.org/p/{fingerprint}")
    headline = "🔴 latency_ms rose from 100 to 160 [checkout]"
    assert message["text"] == headline
    section, facts, context, actions = message["blocks"]
    assert section == {"type": "section", "text": {"type": "plain_text", "text": headline, "emoji": False}}
    assert [each["text"] for each in facts["fields"]] == [
        "Kind\nphase transition (mean)",
        "Severity\ncritical",
        "Confidence\n0.97",
        "Evidence\np 2.1e-07, q 0.0031, effect 6.02, n 312",
        "Metrics\nlatency_ms",
        "Key\ncheckout",
        "Tasks\ncheckout-0, checkout-1, checkout-2, checkout-3, checkout-4 and 137 more",
        "Raised\n2026-11-20T20:41:07Z",
        "Last seen\n2026-11-20T20:51:07Z, in 3 windows",
    ]
    assert context["elements"][0]["text"] == f"fingerprint {a_pattern().fingerprint}"
    assert actions["elements"][0]["url"] == f"https://crackle.example.org/p/{a_pattern().fingerprint}"
    assert headers["content-type"] == "application/json"
    assert [name for name in headers if name.startswith("webhook-")] == []


@pytest.mark.parametrize(
    ("fields", "mark"),
    [
        ({"severity": Severity.INFO}, "🔵"),
        ({"severity": Severity.WARNING}, "🟠"),
        ({"status": AlertStatus.REPEATED}, "🔴 still:"),
        ({"status": AlertStatus.RESOLVED, "reason": "it returned"}, "✅ resolved:"),
    ],
)
async def test_the_headline_begins_with_how_it_stands(fields: dict[str, Any], mark: str) -> None:
    message, _ = await sent(an_alert(**fields))
    assert message["text"].startswith(mark)


async def test_markup_in_the_data_is_text() -> None:
    message, _ = await sent(an_alert(pattern=a_pattern(description=MARKUP, key="<!here>", metric_names=("<@U1>",))))
    assert message["mrkdwn"] is False
    found = list(texts(message["blocks"]))
    assert {each["type"] for each in found} == {"plain_text"}
    shown = [message["text"], *(each["text"] for each in found)]
    assert not [text for text in shown if "<" in text or ">" in text or "\x1b" in text]
    assert "&lt;!channel&gt;" in message["text"]
    assert "&amp;amp;" in message["text"]
    assert "*bold*" in message["text"]  # plain text: nothing to escape


@pytest.mark.parametrize("character", ["x", "&", "窯", "🔥"])
async def test_every_limit_of_slack_is_kept(character: str) -> None:
    message, _ = await sent(an_endless_alert(character))
    assert 2900 < len(message["text"].encode("utf-16-le")) / 2 <= 3000
    assert len(message["blocks"]) <= 50
    assert 0 < len(message["blocks"][1]["fields"]) <= 10
    for block in message["blocks"]:
        for field in block.get("fields", []):
            assert 1 <= len(field["text"].encode("utf-16-le")) / 2 <= 2000
        if "text" in block:
            assert 1 <= len(block["text"]["text"].encode("utf-16-le")) / 2 <= 3000


@pytest.mark.parametrize("word", ["no_service", "channel_is_archived"])
async def test_a_webhook_that_was_taken_away_is_not_called_again(word: str) -> None:
    error = await error_from(Reply(404 if word == "no_service" else 410, body=word.encode()))
    assert isinstance(error, SinkGone)
    assert str(error) == (
        f"sink webhook: http://127.0.0.1/crackle says {word}: the webhook or its channel is gone; "
        "make a new one, and set url"
    )


async def test_what_slack_objects_to_is_in_the_error() -> None:
    error = await error_from(Reply(400, body=b"invalid_payload"))
    assert isinstance(error, SinkRefused)
    assert str(error) == "sink webhook: http://127.0.0.1/crackle answered 400 Bad Request: invalid_payload"


async def test_too_many_messages_wait_as_long_as_slack_says() -> None:
    error = await error_from(Reply(429, headers={"Retry-After": "30"}))
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after == 30


async def test_a_no_under_status_200_is_a_no() -> None:
    error = await error_from(Reply(200, body=b'{"ok":false,"error":"channel_not_found"}'))
    assert isinstance(error, SinkRefused)
    assert str(error).endswith('says {"ok":false,"error":"channel_not_found"}')
    error = await error_from(Reply(200, body=b'{"ok":false,"error":"ratelimited"}'))
    assert isinstance(error, SinkUnavailable)
