from __future__ import annotations

import json
from typing import Any, get_args, get_type_hints

import pytest
import standardwebhooks
from receiver import LOOPBACK, Receiver
from sample_alerts import an_alert, an_endless_alert

from crackle_stream.errors import SinkRefused
from crackle_stream.sinks import WebhookOptions, WebhookSink
from crackle_stream.sinks.formats import FORMATS
from crackle_stream.sinks.options import SIGNED_FORMATS
from crackle_stream.testing import check_sink

pytestmark = pytest.mark.usefixtures("no_blocking")


def fields_of(name: str) -> dict[str, Any]:
    return {"format": name, **({"routing_key": "k" * 32} if name == "pagerduty" else {}), **LOOPBACK}


def test_the_options_name_every_format_and_which_are_signed() -> None:
    assert list(get_args(get_type_hints(WebhookOptions)["format"])) == list(FORMATS)
    assert {name for name, each in FORMATS.items() if each.signed} == SIGNED_FORMATS


@pytest.mark.parametrize("name", FORMATS)
async def test_every_format_keeps_the_rules_of_sinks(name: str) -> None:
    async with Receiver() as receiver:
        await check_sink(lambda: WebhookSink(receiver.url, **fields_of(name)))
        assert len(receiver.requests) == 6


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_alert_gives_the_same_bytes(name: str) -> None:
    options = WebhookOptions("https://hooks.example.org/x", **fields_of(name))
    for alert in (an_alert(), an_endless_alert()):
        body = FORMATS[name].body(alert, options)
        assert body == FORMATS[name].body(alert, options)
        assert isinstance(json.loads(body), dict)


@pytest.mark.parametrize("name", ["cloudevents", "alertmanager"])
async def test_receivers_of_ones_own_can_verify(name: str) -> None:
    async with Receiver() as receiver, WebhookSink(receiver.url, secret="swordfish", **fields_of(name)) as sink:
        await sink.send(an_alert())
    (request,) = receiver.requests
    assert request.headers["webhook-id"] == "0f3c9a1b2d4e5f60"
    assert standardwebhooks.Webhook(b"swordfish").verify(request.body, dict(request.headers))


@pytest.mark.parametrize("name", ["cloudevents", "alertmanager", "pagerduty"])
async def test_an_alert_that_is_no_json_is_refused_by_what_tells_all_of_it(name: str) -> None:
    alert = an_alert(id="7", pattern=an_alert().pattern.__class__("k", "d", 0.5, metrics={"x": object()}))  # type: ignore[dict-item]
    async with Receiver() as receiver, WebhookSink(receiver.url, **fields_of(name)) as sink:
        with pytest.raises(SinkRefused, match="the alert '7' is no JSON: "):
            await sink.send(alert)
    assert receiver.requests == []
