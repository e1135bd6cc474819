from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from receiver import LOOPBACK, Receiver, Reply
from sample_alerts import a_pattern, an_alert, an_endless_alert

from crackle_stream.errors import SinkError, SinkRefused, SinkUnavailable
from crackle_stream.model import AlertStatus, Severity
from crackle_stream.sinks import WebhookOptions, WebhookSink

pytestmark = pytest.mark.usefixtures("no_blocking")

KEY = "0123456789abcdef0123456789abcdef"
ACCEPTED = Reply(202, body=b'{"status":"success","message":"Event processed","dedup_key":"x"}')


async def sent(alert: Any, **fields: Any) -> bytes:
    async with Receiver([ACCEPTED]) as receiver:
        async with WebhookSink(receiver.url, format="pagerduty", routing_key=KEY, **LOOPBACK, **fields) as sink:
            await sink.send(alert)
        (request,) = receiver.requests
    assert request.headers["content-type"] == "application/json"
    assert not [name for name in request.headers if name.startswith("webhook-")]
    return request.body


async def error_from(reply: Reply) -> SinkError:
    async with (
        Receiver([reply]) as receiver,
        WebhookSink(receiver.url, format="pagerduty", routing_key=KEY, **LOOPBACK) as sink,
    ):
        with pytest.raises(SinkError) as caught:
            await sink.send(an_alert())
    caught.value.args = (str(caught.value).replace(f":{receiver.port}", ""),)
    return caught.value


async def test_what_is_raised_triggers_with_the_whole_alert_as_details() -> None:
    event = json.loads(await sent(an_alert(), link="https://crackle.example.org/p/{fingerprint}", source="payments"))
    assert event == {
        "routing_key": KEY,
        "event_action": "trigger",
        "dedup_key": a_pattern().fingerprint,
        "payload": {
            "summary": "latency_ms rose from 100 to 160 [checkout]",
            "source": "payments",
            "severity": "critical",
            "timestamp": "2026-11-20T20:41:07.000Z",
            "component": "checkout",
            "group": "latency_ms",
            "class": "phase transition (mean)",
            "custom_details": an_alert().to_dict(),
        },
        "client": "crackle-stream",
        "client_url": f"https://crackle.example.org/p/{a_pattern().fingerprint}",
    }


async def test_what_is_repeated_triggers_again_under_the_same_key_and_what_is_resolved_resolves_it() -> None:
    again = json.loads(await sent(an_alert(status=AlertStatus.REPEATED)))
    assert (again["event_action"], again["dedup_key"]) == ("trigger", a_pattern().fingerprint)
    over = json.loads(await sent(an_alert(status=AlertStatus.RESOLVED)))
    assert over == {
        "routing_key": KEY,
        "event_action": "resolve",
        "dedup_key": a_pattern().fingerprint,
        "client": "crackle-stream",
    }


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(Severity.INFO, "info"), (Severity.WARNING, "warning"), (Severity.CRITICAL, "critical")],
)
async def test_severities_are_those_of_pagerduty(severity: Severity, expected: str) -> None:
    assert json.loads(await sent(an_alert(severity=severity)))["payload"]["severity"] == expected


@pytest.mark.parametrize("character", ["x", '"', "窯", "🔥"])
async def test_every_limit_of_pagerduty_is_kept(character: str) -> None:
    body = await sent(an_endless_alert(character, pattern=an_endless_alert(character).pattern))
    assert len(body) <= 512_000
    payload = json.loads(body)["payload"]
    assert 1000 < len(payload["summary"].encode("utf-16-le")) / 2 <= 1024
    assert "is longer than an event may be" in payload["custom_details"]["Left out"]
    assert payload["custom_details"]["Severity"] == "critical"
    assert len(json.loads(body)["dedup_key"]) <= 255


async def test_an_alert_that_just_fits_is_sent_whole() -> None:
    empty = len(await sent(an_alert(pattern=a_pattern(description="", metrics={"": 0.0}))))
    alert = an_alert(pattern=a_pattern(description="", metrics={"m" * (512_000 - empty): 0.0}))
    body = await sent(alert)
    assert len(body) == 512_000
    assert json.loads(body)["payload"]["custom_details"] == alert.to_dict()
    longer = an_alert(pattern=a_pattern(description="", metrics={"m" * (512_001 - empty): 0.0}))
    assert "Left out" in json.loads(await sent(longer))["payload"]["custom_details"]


async def test_a_third_partys_endless_fingerprint_is_cut() -> None:
    event = json.loads(await sent(an_alert(pattern=a_pattern(fingerprint="f" * 300))))
    assert len(event["dedup_key"]) == 255


async def test_an_event_that_is_wrong_is_refused_with_what_pagerduty_says() -> None:
    said = b'{"status":"invalid event","errors":["Length of \'routing_key\' is incorrect"]}'
    error = await error_from(Reply(400, body=said))
    assert isinstance(error, SinkRefused)
    assert str(error) == (
        f"sink webhook: http://127.0.0.1/crackle answered 400 Bad Request: {said.decode()} (check routing_key)"
    )


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_too_many_events_and_faults_are_tried_again(status: int) -> None:
    assert isinstance(await error_from(Reply(status)), SinkUnavailable)


async def test_the_routing_key_is_in_no_error_and_no_traceback() -> None:
    shown = [repr(WebhookOptions(format="pagerduty", routing_key=KEY))]
    for reply in (Reply(400, body=KEY.encode()), Reply(503, body=KEY.encode()), Reply(act="cut")):
        error = await error_from(reply)
        trace = error.__traceback__.tb_next if error.__traceback__ else None
        trace = trace.tb_next if trace else None
        report = traceback.TracebackException(type(error), error, trace, capture_locals=True)
        shown += [str(error), "".join(report.format())]
    assert not [text for text in shown if KEY in text]
    assert "answered 400 Bad Request: ***" in shown[1]
