"""Microsoft Teams: the webhook of a Workflow ("When a Teams webhook request is received"), with an Adaptive Card.

All text is in text runs, which read no Markdown; a fact set or a text block would.
https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using
https://adaptivecards.io/explorer/TextRun.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from crackle_stream.model import AlertStatus, Severity
from crackle_stream.sinks.formats.cutting import cut
from crackle_stream.sinks.formats.facts import facts, headline
from crackle_stream.sinks.formats.form import Format
from crackle_stream.sinks.http_options import linked
from crackle_stream.sinks.wire import to_json

if TYPE_CHECKING:
    from crackle_stream.model import Alert
    from crackle_stream.sinks.options import WebhookOptions

__all__ = ["MESSAGE_BYTES", "TEAMS", "message"]

MESSAGE_BYTES = 28 * 1024
"""Bytes of a message that Teams takes. It does not say in which encoding, so both are kept: UTF-8 as sent, and UTF-16
as it is kept there."""

HEADLINE, VALUE = 3000, 300
"""Code units of the headline and of a fact: three bytes each at worst, so 18 KiB with nine facts, and the card around
them is smaller than the rest."""

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
VERSION = "1.4"
"""Of Adaptive Cards; the newest that Workflows post."""

COLOURS = {Severity.INFO: "Accent", Severity.WARNING: "Warning", Severity.CRITICAL: "Attention"}

FUNCTION = re.compile(r"\{(?=\{)|\$(?=\{)")
"""What begins a date function or a template's expression in a card."""


def message(alert: Alert, link: str | None = None) -> dict[str, object]:
    """The message as JSON values.

    Args:
        alert: what to say.
        link: where people look at it.
    """
    colour = "Good" if alert.status is AlertStatus.RESOLVED else COLOURS[alert.severity]
    card = {
        "$schema": SCHEMA,
        "type": "AdaptiveCard",
        "version": VERSION,
        "msteams": {"width": "Full"},
        "body": [
            _line(_run(headline(alert), HEADLINE, weight="Bolder", color=colour)),
            *(_line(_run(f"{name}  ", VALUE, isSubtle=True), _run(text, VALUE)) for name, text in facts(alert)),
            _line(_run(f"fingerprint {alert.fingerprint}", VALUE, isSubtle=True, size="Small")),
        ],
        **({"actions": [{"type": "Action.OpenUrl", "title": "Look at it", "url": link}]} if link else {}),
    }
    return {"type": "message", "attachments": [{"contentType": CARD_TYPE, "contentUrl": None, "content": card}]}


def _line(*runs: dict[str, object]) -> dict[str, object]:
    return {"type": "RichTextBlock", "inlines": list(runs), "spacing": "Small"}


def _run(text: str, limit: int, **style: object) -> dict[str, object]:
    return {"type": "TextRun", "text": cut(FUNCTION.sub(r"\g<0> ", text), limit), **style}


def _body(alert: Alert, options: WebhookOptions) -> bytes:
    return to_json(message(alert, linked(options.link, alert.fingerprint)))


TEAMS = Format(_body)
