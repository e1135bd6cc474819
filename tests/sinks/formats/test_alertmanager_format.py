from __future__ import annotations

import json
from typing import Any

import pytest
from receiver import LOOPBACK, Receiver
from sample_alerts import a_pattern, an_alert

from crackle_stream.model import AlertStatus
from crackle_stream.sinks import WebhookSink
from crackle_stream.sinks.formats.identity import annotations_of, labels_of

pytestmark = pytest.mark.usefixtures("no_blocking")


async def sent(alert: Any, **fields: Any) -> dict[str, Any]:
    async with Receiver() as receiver:
        async with WebhookSink(receiver.url, format="alertmanager", **LOOPBACK, **fields) as sink:
            await sink.send(alert)
        (request,) = receiver.requests
    assert request.headers["content-type"] == "application/json"
    message: dict[str, Any] = json.loads(request.body)
    return message


async def test_an_alert_is_a_group_of_one() -> None:
    message = await sent(an_alert(), link="https://crackle.example.org/p/{fingerprint}", source="payments")
    (alert,) = message.pop("alerts")
    link = f"https://crackle.example.org/p/{a_pattern().fingerprint}"
    group = {"alertname": "CracklePattern", "fingerprint": a_pattern().fingerprint}
    assert message == {
        "receiver": "payments",
        "status": "firing",
        "groupLabels": group,
        "commonLabels": labels_of(an_alert()),
        "commonAnnotations": annotations_of(an_alert()),
        "externalURL": link,
        "version": "4",
        "groupKey": f'{{}}:{{alertname="CracklePattern", fingerprint="{a_pattern().fingerprint}"}}',
        "truncatedAlerts": 0,
    }
    assert (alert["status"], alert["generatorURL"]) == ("firing", link)
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-11-20T20:41:07.000Z", "0001-01-01T00:00:00Z")


async def test_a_resolved_one_says_when_it_was_seen_last() -> None:
    message = await sent(an_alert(status=AlertStatus.RESOLVED))
    assert (message["status"], message["alerts"][0]["status"]) == ("resolved", "resolved")
    assert message["alerts"][0]["endsAt"] == "2026-11-20T20:51:07.500Z"


async def test_what_is_no_date_is_gos_zero_time() -> None:
    message = await sent(an_alert(status=AlertStatus.RESOLVED, raised_at=float("inf"), last_seen=float("nan")))
    assert message["alerts"][0]["startsAt"] == "0001-01-01T00:00:00Z"
    assert message["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
