"""PagerDuty's Events API v2.

An alert's fingerprint is the dedup key: what is raised opens an incident, what is repeated is added to it, what is
resolved closes it.
https://developer.pagerduty.com/docs/events-api-v2-overview
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from crackle_stream.errors import SinkError, SinkRefused
from crackle_stream.model import AlertStatus, Secret, Severity
from crackle_stream.render.moment import utc
from crackle_stream.render.text import plain
from crackle_stream.sinks.answer import Answer, objection
from crackle_stream.sinks.formats.cutting import cut
from crackle_stream.sinks.formats.facts import facts, said
from crackle_stream.sinks.formats.form import Format
from crackle_stream.sinks.http_options import linked
from crackle_stream.sinks.wire import to_json

if TYPE_CHECKING:
    from crackle_stream.model import Alert
    from crackle_stream.sinks.options import WebhookOptions

__all__ = ["EVENT_BYTES", "PAGERDUTY", "event"]

EVENT_BYTES = 512 * 1000
"""Bytes of an event: 512 KB, in the smaller sense."""

SUMMARY, DEDUP_KEY, SHORT, DETAIL = 1024, 255, 255, 1024
"""Characters of the summary and of the dedup key, which are PagerDuty's bounds; of the source, component, group and
class, for which it states none; and of a detail where the whole alert would be too long."""

SEVERITIES = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "critical"}


def event(alert: Alert, source: str, link: str | None = None) -> dict[str, object]:
    """The event as JSON values, without the routing key.

    Args:
        alert: what happened.
        source: what the alerts come from.
        link: where people look at it.
    """
    resolved = alert.status is AlertStatus.RESOLVED
    return {
        "event_action": "resolve" if resolved else "trigger",
        "dedup_key": cut(plain(alert.fingerprint), DEDUP_KEY),
        **({} if resolved else {"payload": _payload(alert, source, alert.to_dict())}),
        "client": "crackle-stream",
        **({"client_url": link} if link else {}),
    }


def judge(answer: Answer, sink: str, target: str, now: float) -> SinkError | None:
    """A 400 lists what is wrong with the event, most often the routing key."""
    if answer.status == HTTPStatus.BAD_REQUEST:
        return SinkRefused(sink, f"{target} answered 400 Bad Request: {answer.excerpt} (check routing_key)")
    return objection(answer, sink, target, now)


def _payload(alert: Alert, source: str, details: object) -> dict[str, object]:
    pattern = alert.pattern
    time = utc(pattern.at.time if pattern.at is not None else alert.raised_at, "milliseconds")
    named = {
        "component": pattern.key,
        "group": pattern.metric_names[0] if pattern.metric_names else "",
        "class": f"{pattern.kind} ({pattern.form})" if pattern.form else str(pattern.kind),
    }
    return {
        "summary": cut(said(alert), SUMMARY),
        "source": cut(source, SHORT),
        "severity": SEVERITIES[alert.severity],
        **({"timestamp": time} if time else {}),
        **{name: cut(plain(text[: SHORT + 1]), SHORT) for name, text in named.items() if text},
        "custom_details": details,
    }


def _body(alert: Alert, options: WebhookOptions) -> bytes:
    made = event(alert, options.source, linked(options.link, alert.fingerprint))
    key = "" if options.routing_key is None else Secret(options.routing_key).reveal()
    body = to_json({"routing_key": key, **made})
    if len(body) <= EVENT_BYTES:
        return body
    short = {name: cut(text, DETAIL) for name, text in facts(alert)}
    short["Left out"] = f"the whole alert, {len(body)} bytes, is longer than an event may be"
    return to_json({"routing_key": key, **made, "payload": _payload(alert, options.source, short)})


PAGERDUTY = Format(_body, judge=judge)
