"""Text from the data, made harmless for each skin: shown and never obeyed."""

from __future__ import annotations

import re
from typing import Literal

from crackle_stream.render.text import plain

__all__ = ["Markup", "chat", "xml"]

Markup = Literal["plain", "slack", "markdown"]

ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})

SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
"""All that Slack lets be escaped; https://api.slack.com/reference/surfaces/formatting."""

INVISIBLE = "\u200b"
"""A space without width: what stands on either side of it is no markup together, and looks as before."""

SLACK_MARKS = re.compile(r"([*_~`])")
MARKDOWN_MARKS = re.compile(r"([\\`*_{}\[\]()<>#|~&!])")
CALLS = re.compile(r"@|:(?=//|[A-Za-z0-9+_-]*[A-Za-z+_-])|(?<=[wW]{3})\.")
"""What calls people (@here), becomes a picture (:fire:) or a link: broken up, not left out."""


def xml(text: str) -> str:
    r"""Text for HTML and SVG, between tags and in quoted attributes.

    Characters that XML does not allow are written out as a terminal would show them.

    >>> xml('<b title="x">&\x00')
    '&lt;b title=&quot;x&quot;&gt;&amp;\\x00'
    """
    return plain(text).translate(ENTITIES)


def chat(text: str, markup: Markup = "plain") -> str:
    r"""Text for a message.

    Args:
        text: one line.
        markup: what the receiver obeys: nothing (plain), Slack's mrkdwn, or Markdown (Discord, Teams, Mattermost).

    >>> chat("*a* <!here>", "markdown")
    '\\*a\\* \\<\\!here\\>'
    >>> chat("<!here> & a", "slack")
    '&lt;!here&gt; &amp; a'
    """
    shown = plain(text)
    if markup == "plain":
        return shown
    if markup == "slack":
        shown = SLACK_MARKS.sub(rf"{INVISIBLE}\1{INVISIBLE}", shown.translate(SLACK))
    else:
        shown = MARKDOWN_MARKS.sub(r"\\\1", shown)
    return CALLS.sub(rf"\g<0>{INVISIBLE}", shown)
