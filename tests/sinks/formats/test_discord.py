from __future__ import annotations

import json
import re
from typing import Any

import pytest
from receiver import LOOPBACK, Receiver, Reply
from sample_alerts import MARKUP, a_pattern, an_alert, an_endless_alert

from crackle_stream.errors import SinkError, SinkGone, SinkRefused, SinkUnavailable
from crackle_stream.model import AlertStatus
from crackle_stream.sinks import WebhookSink
from crackle_stream.sinks.formats import discord
from crackle_stream.sinks.formats.facts import facts

pytestmark = pytest.mark.usefixtures("no_blocking")


async def sent(alert: Any, **fields: Any) -> dict[str, Any]:
    async with Receiver([Reply(204)]) as receiver:
        async with WebhookSink(receiver.url, format="discord", **LOOPBACK, **fields) as sink:
            await sink.send(alert)
        (request,) = receiver.requests
    assert request.headers["content-type"] == "application/json"
    assert not [name for name in request.headers if name.startswith("webhook-")]
    message: dict[str, Any] = json.loads(request.body)
    return message


async def error_from(reply: Reply) -> SinkError:
    async with Receiver([reply]) as receiver, WebhookSink(receiver.url, format="discord", **LOOPBACK) as sink:
        with pytest.raises(SinkError) as caught:
            await sink.send(an_alert())
    caught.value.args = (str(caught.value).replace(f":{receiver.port}", ""),)
    return caught.value


def shown(text: str) -> str:
    """What Discord shows of a text: a backslash hides, and what it stands before is itself."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text)


def length(text: str) -> float:
    return len(text.encode("utf-16-le")) / 2


async def test_a_message_says_the_sentence_and_its_embed_the_facts() -> None:
    message = await sent(an_alert(), link="https://crackle.example.org/p/{fingerprint}")
    assert shown(message["content"]) == "🔴 latency_ms rose from 100 to 160 [checkout]"
    (embed,) = message["embeds"]
    assert embed["title"] == "phase transition"
    assert embed["url"] == f"https://crackle.example.org/p/{a_pattern().fingerprint}"
    assert embed["color"] == 0xDC2626
    assert embed["timestamp"] == "2026-11-20T20:51:07Z"
    assert embed["footer"]["text"] == f"fingerprint {a_pattern().fingerprint}"
    assert [(each["name"], shown(each["value"])) for each in embed["fields"]][:3] == [
        ("Kind", "phase transition (mean)"),
        ("Severity", "critical"),
        ("Confidence", "0.97"),
    ]


async def test_what_is_resolved_is_green_and_what_has_no_time_says_none() -> None:
    message = await sent(an_alert(status=AlertStatus.RESOLVED, last_seen=float("inf")))
    assert message["embeds"][0]["color"] == 0x16A34A
    assert "timestamp" not in message["embeds"][0]


async def test_markup_in_the_data_is_text_and_nobody_is_called() -> None:
    message = await sent(an_alert(pattern=a_pattern(description=MARKUP, key="@here", involved_tasks=("**a**",))))
    assert message["allowed_mentions"] == {"parse": []}
    texts = [message["content"], *(each["value"] for each in message["embeds"][0]["fields"])]
    for text in texts:
        assert re.search(r"(?<!\\)(?:\\\\)*[*_~`|>#<\[\]():@]", text) is None
    plain = MARKUP.replace("\x1b", "\\x1b")
    assert shown(message["content"]) == f"🔴 {plain} [@here]"


@pytest.mark.parametrize("character", ["x", "*", "窯", "🔥"])
async def test_every_limit_of_discord_is_kept(character: str) -> None:
    message = await sent(an_endless_alert(character))
    assert 1990 < length(message["content"]) <= 2000
    (embed,) = message["embeds"]
    assert 1 <= length(embed["title"]) <= 256
    assert 0 < len(embed["fields"]) <= 25
    for each in embed["fields"]:
        assert 1 <= length(each["name"]) <= 256
        assert 1 <= length(each["value"]) <= 1024
    assert length(embed["footer"]["text"]) <= 2048
    all_of_it = [embed["title"], embed["footer"]["text"]]
    all_of_it += [text for each in embed["fields"] for text in (each["name"], each["value"])]
    assert sum(map(length, all_of_it)) <= 6000


def test_an_embed_whose_parts_are_all_as_long_as_they_may_be_is_within_the_whole() -> None:
    names = sum(length(name) for name, _ in facts(an_endless_alert()))
    assert len(facts(an_endless_alert())) == 9  # all there are
    assert names + 9 * discord.VALUE + discord.TITLE + discord.FOOTER <= 6000


async def test_too_many_messages_wait_as_long_as_the_body_says_rounded_up() -> None:
    body = b'{"message": "You are being rate limited.", "retry_after": 3.2, "global": false}'
    error = await error_from(Reply(429, headers={"Retry-After": "3"}, body=body))
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after == 4
    error = await error_from(Reply(429, headers={"Retry-After": "5"}, body=b"<html>from a proxy before it"))
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after == 5


async def test_a_deleted_webhook_is_not_called_again() -> None:
    error = await error_from(Reply(404, body=b'{"message": "Unknown Webhook", "code": 10015}'))
    assert isinstance(error, SinkGone)
    assert str(error) == (
        "sink webhook: http://127.0.0.1/crackle says that there is no such webhook: it was deleted; "
        "make one, and set url"
    )
    assert type(await error_from(Reply(404, body=b"{}"))) is SinkRefused


async def test_what_discord_objects_to_is_in_the_error() -> None:
    error = await error_from(Reply(400, body=b'{"embeds": ["0"]}'))
    assert isinstance(error, SinkRefused)
    assert '400 Bad Request: {"embeds": ["0"]}' in str(error)
