"""Slack's incoming webhooks.

Everything is sent as `plain_text`, in which neither `*bold*` nor `<!channel>` means anything; the three characters
that Slack reads as entities everywhere are escaped as well.
https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from crackle_stream.errors import SinkError, SinkGone, SinkRefused, SinkUnavailable
from crackle_stream.sinks.answer import Answer, objection
from crackle_stream.sinks.formats.cutting import cut
from crackle_stream.sinks.formats.facts import facts, headline
from crackle_stream.sinks.formats.form import Format
from crackle_stream.sinks.formats.said import member
from crackle_stream.sinks.http_options import linked
from crackle_stream.sinks.wire import to_json

if TYPE_CHECKING:
    from crackle_stream.model import Alert
    from crackle_stream.sinks.options import WebhookOptions

__all__ = ["SLACK", "message"]

TEXT = 3000
"""Characters of a text object."""

FIELD = 2000
"""Characters of a section's field."""

FIELDS = 10
"""Fields of a section."""

ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}

GONE = frozenset({"no_service", "no_team", "channel_is_archived", "invalid_token"})
"""What Slack says of a webhook that will never work again: it was revoked, or its channel is no more."""


def message(alert: Alert, link: str | None = None) -> dict[str, object]:
    """The message as JSON values.

    Args:
        alert: what to say.
        link: where people look at it.
    """
    return {
        "text": _escaped(headline(alert), TEXT),  # what notifications show
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "section", "text": _text(headline(alert), TEXT)},
            {"type": "section", "fields": [_text(f"{name}\n{text}", FIELD) for name, text in facts(alert)[:FIELDS]]},
            {"type": "context", "elements": [_text(f"fingerprint {alert.fingerprint}", FIELD)]},
            *([] if link is None else [_button(link)]),
        ],
    }


def judge(answer: Answer, sink: str, target: str, now: float) -> SinkError | None:
    """A status and a word as text; Slack's other interface says 200 and `"ok": false`."""
    word = answer.body.decode("utf-8", "replace").strip()
    if answer.status in (HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE) and word in GONE:
        return SinkGone(sink, f"{target} says {word}: the webhook or its channel is gone; make a new one, and set url")
    if 200 <= answer.status < 300 and member(answer.body, "ok") is False:
        problem = f"{target} says {answer.excerpt}"
        if member(answer.body, "error") in ("ratelimited", "rate_limited", "internal_error", "fatal_error"):
            return SinkUnavailable(sink, problem)
        return SinkRefused(sink, problem)
    return objection(answer, sink, target, now)


def _text(text: str, limit: int) -> dict[str, object]:
    return {"type": "plain_text", "text": _escaped(text, limit), "emoji": False}


def _button(link: str) -> dict[str, object]:
    return {"type": "actions", "elements": [{"type": "button", "text": _text("Look at it", TEXT), "url": link}]}


def _escaped(text: str, limit: int) -> str:
    return cut(text, limit, lambda character: ESCAPES.get(character, character))


def _body(alert: Alert, options: WebhookOptions) -> bytes:
    return to_json(message(alert, linked(options.link, alert.fingerprint)))


SLACK = Format(_body, judge=judge)
