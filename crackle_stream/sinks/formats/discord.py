"""Discord's webhooks.

https://docs.discord.com/developers/resources/webhook#execute-webhook
"""

from __future__ import annotations

import math
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from crackle_stream.errors import SinkError, SinkGone
from crackle_stream.model import AlertStatus, Severity
from crackle_stream.render.moment import utc
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

__all__ = ["DISCORD", "message"]

CONTENT = 2000
"""Characters of the message itself."""

TITLE, NAME, FOOTER = 256, 256, 128
"""Characters of an embed's title, of a field's name and of the footer, where Discord takes 2,048."""

VALUE = 500
"""Characters of a field's value. Discord takes 1,024, but 6,000 in a whole embed: nine fields of this length, with
their names, the title and the footer, stay below that."""

MARKUP = frozenset("\\*_~`|>#<[]():@-+.!")
"""Characters that begin bold, code, spoilers, quotes, lists, links, mentions or emoji, or make a link of an address; a
backslash before any of them shows it as it is."""

COLOURS = {Severity.INFO: 0x3B82F6, Severity.WARNING: 0xF59E0B, Severity.CRITICAL: 0xDC2626}
GREEN = 0x16A34A

UNKNOWN_WEBHOOK = 10015


def message(alert: Alert, link: str | None = None) -> dict[str, object]:
    """The message as JSON values.

    Args:
        alert: what to say.
        link: where people look at it.
    """
    time = utc(alert.last_seen)
    embed = {
        "title": _escaped(str(alert.pattern.kind) or "pattern", TITLE),
        **({"url": link} if link else {}),
        "color": GREEN if alert.status is AlertStatus.RESOLVED else COLOURS[alert.severity],
        "fields": [
            {"name": _escaped(name, NAME), "value": _escaped(text, VALUE), "inline": True}
            for name, text in facts(alert)
        ],
        "footer": {"text": cut(f"fingerprint {alert.fingerprint}", FOOTER)},
        **({"timestamp": time} if time else {}),
    }
    return {
        "content": _escaped(headline(alert), CONTENT),
        "embeds": [embed],
        "allowed_mentions": {"parse": []},  # nobody is called by what stands in the data
    }


def judge(answer: Answer, sink: str, target: str, now: float) -> SinkError | None:
    """A deleted webhook is a code in a 404; how long to wait stands in a 429 to the millisecond, and in its header
    only as a whole second that may be over too early.
    """
    if answer.status == HTTPStatus.NOT_FOUND and member(answer.body, "code") == UNKNOWN_WEBHOOK:
        return SinkGone(sink, f"{target} says that there is no such webhook: it was deleted; make one, and set url")
    wait = member(answer.body, "retry_after")
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS and isinstance(wait, int | float) and math.isfinite(wait):
        answer = replace(answer, retry_after=str(math.ceil(max(wait, 0))))
    return objection(answer, sink, target, now)


def _escaped(text: str, limit: int) -> str:
    return cut(text, limit, lambda character: f"\\{character}" if character in MARKUP else character)


def _body(alert: Alert, options: WebhookOptions) -> bytes:
    return to_json(message(alert, linked(options.link, alert.fingerprint)))


DISCORD = Format(_body, judge=judge)
