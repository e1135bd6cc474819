"""HTML: text made harmless, and the few elements that several parts are made of."""

from __future__ import annotations

import html

from crackle_stream.render.moment import utc
from crackle_stream.render.text import plain

__all__ = ["clock", "count", "esc", "href", "options"]


def esc(text: object) -> str:
    """Text as HTML shows it: labels and names come from the data, and nothing of them is markup.

    >>> esc('<b title="x">&')
    '&lt;b title=&quot;x&quot;&gt;&amp;'
    """
    return html.escape(plain(str(text)))


def href(address: str, anchor: str = "") -> str:
    """A link to the page itself."""
    target = f"/?{address}" if address else "/"
    return html.escape(f"{target}#{anchor}" if anchor else target)


def clock(time: float) -> str:
    """A moment, for people and for programs."""
    moment = utc(time)
    if moment is None:
        return "at no known time"
    return f'<time datetime="{moment}">{moment.replace("T", " ").replace("Z", "")} UTC</time>'


def count(number: int, noun: str, nouns: str = "") -> str:
    """A number of things.

    >>> count(1, "window"), count(1240, "window")
    ('1 window', '1,240 windows')
    """
    return f"{number:,} {noun if number == 1 else nouns or f'{noun}s'}"


def options(values: dict[str, str], chosen: str) -> str:
    """The entries of a choice."""
    return "".join(
        f'<option value="{esc(value)}"{" selected" if value == chosen else ""}>{esc(said)}</option>'
        for value, said in values.items()
    )
