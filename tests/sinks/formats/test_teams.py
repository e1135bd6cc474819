from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from receiver import LOOPBACK, Receiver, Reply
from sample_alerts import MARKUP, a_pattern, an_alert, an_endless_alert

from crackle_stream.errors import SinkError, SinkRefused, SinkUnavailable
from crackle_stream.model import AlertStatus
from crackle_stream.sinks import WebhookSink

pytestmark = pytest.mark.usefixtures("no_blocking")


async def sent(alert: Any, **fields: Any) -> bytes:
    async with Receiver([Reply(202)]) as receiver:
        async with WebhookSink(receiver.url, format="teams", **LOOPBACK, **fields) as sink:
            await sink.send(alert)
        (request,) = receiver.requests
    assert request.headers["content-type"] == "application/json"
    return request.body


async def error_from(reply: Reply) -> SinkError:
    async with Receiver([reply]) as receiver, WebhookSink(receiver.url, format="teams", **LOOPBACK) as sink:
        with pytest.raises(SinkError) as caught:
            await sink.send(an_alert())
    return caught.value


def runs(body: bytes) -> Iterator[tuple[str, str]]:
    """Type and text of every element of the card that has text."""
    (attachment,) = json.loads(body)["attachments"]
    for block in attachment["content"]["body"]:
        assert block["type"] == "RichTextBlock"
        for run in block["inlines"]:
            yield run["type"], run["text"]


async def test_a_message_is_an_adaptive_card_with_the_sentence_and_the_facts() -> None:
    body = await sent(an_alert(), link="https://crackle.example.org/p/{fingerprint}")
    message = json.loads(body)
    assert message["type"] == "message"
    (attachment,) = message["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["inlines"] == [
        {
            "type": "TextRun",
            "text": "🔴 latency_ms rose from 100 to 160 [checkout]",
            "weight": "Bolder",
            "color": "Attention",
        }
    ]
    assert [run["text"] for run in card["body"][1]["inlines"]] == ["Kind  ", "phase transition (mean)"]
    assert card["body"][-1]["inlines"][0]["text"] == f"fingerprint {a_pattern().fingerprint}"
    assert card["actions"][0]["url"] == f"https://crackle.example.org/p/{a_pattern().fingerprint}"


async def test_what_is_resolved_is_good_and_without_a_link_there_is_no_button() -> None:
    card = json.loads(await sent(an_alert(status=AlertStatus.RESOLVED)))["attachments"][0]["content"]
    assert card["body"][0]["inlines"][0]["color"] == "Good"
    assert "actions" not in card


async def test_markup_in_the_data_stands_where_none_is_read_and_functions_are_broken_up() -> None:
    body = await sent(an_alert(pattern=a_pattern(description=MARKUP, key="{{{{TIME()}}")))
    found = list(runs(body))
    assert {kind for kind, _ in found} == {"TextRun"}
    text = " ".join(text for _, text in found)
    assert "*bold* _it_" in text
    assert "{{" not in text
    assert "${" not in text
    assert "{ {DATE()}} $ {x}" in text
    assert "\x1b" not in text


@pytest.mark.parametrize("character", ["x", '"', "窯", "🔥"])
async def test_a_message_is_below_28_kib_in_utf_8_and_in_utf_16(character: str) -> None:
    body = await sent(an_endless_alert(character), link="https://crackle.example.org/" + "p" * 1000)
    assert 3000 < len(body) <= 28 * 1024
    assert len(body.decode().encode("utf-16-le")) <= 28 * 1024
    assert any(text.endswith("…") for _, text in runs(body))


async def test_a_flow_that_is_turned_off_refuses_with_its_reason() -> None:
    reason = b'{"error":{"code":"WorkflowTriggerIsNotEnabled","message":"the trigger is not enabled"}}'
    error = await error_from(Reply(400, body=reason))
    assert isinstance(error, SinkRefused)
    assert "WorkflowTriggerIsNotEnabled" in str(error)


async def test_a_flow_that_is_throttled_is_tried_again_when_it_says() -> None:
    error = await error_from(Reply(429, headers={"Retry-After": "12"}))
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after == 12
