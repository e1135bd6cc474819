"""A card as a short message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.model import Alert, CracklePattern
from crackle_stream.render.card import FOUND, MARKS
from crackle_stream.render.content import content_of
from crackle_stream.render.escape import Markup, chat
from crackle_stream.render.text import clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.render.content import Content

__all__ = ["chat_text"]

MOST_CHARACTERS = 300
"""Of a line: a message is read on a telephone."""

SHOWN_TASKS = 3


def chat_text(subject: Alert | CracklePattern, *, markup: Markup = "plain") -> str:
    """The card of an alert as a few lines of text for a chat.

    Text from the data is shown and never obeyed: no markup, no mention, no link, no escape sequence.

    Args:
        subject: what it is about.
        markup: what the receiver obeys: nothing ("plain"), Slack's mrkdwn ("slack"), or Markdown ("markdown", for
            Discord, Teams, Mattermost).

    Returns:
        Lines without a final line break, at most seven.
    """
    content = content_of(subject)
    mark = FOUND if content.status is None else MARKS[content.status]
    severity = f" · {content.severity}" if content.severity else ""
    lines = [
        f"{mark} {content.headline}",
        f"{content.kind}{severity} · confidence {content.confidence}: {_joined(content.meaning)}",
        *([f"tasks: {_tasks(content)}"] if content.tasks else []),
        *([f"not: {_joined(content.ruled_out)}"] if content.ruled_out else []),
        *([f"when: {_joined(content.when)}"] if content.when else []),
        *([f"where: {_joined(content.where)}"] if content.where else []),
        f"crackle-stream explain {content.fingerprint}",
    ]
    return "\n".join(chat(clip(" ".join(line.split()), MOST_CHARACTERS), markup) for line in lines)


def _joined(phrases: Sequence[str]) -> str:
    return ", ".join(phrase.rstrip(",") for phrase in phrases)


def _tasks(content: Content) -> str:
    named = content.tasks[:SHOWN_TASKS]
    more = content.more_tasks + len(content.tasks) - len(named)
    return f"{', '.join(named)}{f' + {more} more' if more else ''}"
