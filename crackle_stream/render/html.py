"""A card as HTML: one `<article>` that needs nothing else, in light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.model import Alert, CracklePattern
from crackle_stream.render.content import content_of
from crackle_stream.render.escape import xml
from crackle_stream.render.style import CARD_STYLE
from crackle_stream.render.svg import svg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.model import Figure
    from crackle_stream.render.content import Content

__all__ = ["html_card"]

FIGURE_WIDTH, FIGURE_HEIGHT = 600, 220


def html_card(subject: Alert | CracklePattern, figure: Figure | None = None, *, styled: bool = True) -> str:
    """The card of an alert, or of a pattern that raised none, as one `<article>`.

    Text from the data is shown and never obeyed: no tag, attribute, entity or script comes from it.

    Args:
        subject: what it is about; an alert's exhibit is drawn with it.
        figure: a plot in the place of the exhibit's own.
        styled: whether it brings its own style; a page that holds `CARD_STYLE` once says no.
    """
    content = content_of(subject, figure)
    severity = f' data-severity="{xml(str(content.severity))}"' if content.severity else ""
    return "".join(
        [
            f'<article class="crackle-card" data-status="{xml(content.standing)}"{severity} '
            f'data-fingerprint="{xml(content.fingerprint)}">',
            f"<style>{CARD_STYLE}</style>" if styled else "",
            _header(content),
            f"<h3>{xml(content.headline)}</h3>",
            f"<p>{xml(' '.join(content.said.split()))}</p>" if content.said else "",
            _figure(content.figure),
            _rows(content),
            f"<footer><code>{xml(content.fingerprint)}</code></footer></article>",
        ]
    )


def _header(content: Content) -> str:
    severity = f"<span>{xml(str(content.severity))}</span>" if content.severity else ""
    return (
        f"<header><strong>{xml(content.standing)}</strong>{severity}<span>{xml(content.kind)}</span>"
        f"<span>confidence {content.confidence}</span></header>"
    )


def _figure(figure: Figure | None) -> str:
    if figure is None:
        return ""
    drawn = svg(figure, FIGURE_WIDTH, FIGURE_HEIGHT)
    return f"<figure>{drawn}<figcaption>{xml(figure.text)}</figcaption></figure>"


def _rows(content: Content) -> str:
    """What the card says by title, in the order of the other skins."""
    rows = [
        ("Evidence", _list(content.meaning)),
        ("Numbers", _numbers(content)),
        ("Tasks", _tasks(content)),
        ("Not", _list(content.ruled_out)),
        ("Where", _list(content.where)),
        ("When", _list(content.when)),
        ("Replay", f"<code>{xml(content.replay)}</code>" if content.replay else ""),
    ]
    shown = "".join(f"<dt>{title}</dt><dd>{inside}</dd>" for title, inside in rows if inside)
    return f"<dl>{shown}</dl>"


def _list(phrases: Iterable[str], kind: str = "", more: int = 0) -> str:
    items = "".join(f"<li>{xml(phrase)}</li>" for phrase in phrases)
    if not items:
        return ""
    items += f"<li>+ {more} more</li>" if more else ""
    return f'<ul class="{kind}">{items}</ul>' if kind else f"<ul>{items}</ul>"


def _numbers(content: Content) -> str:
    items = "".join(f"<li><span>{xml(name)}</span><b>{xml(value)}</b></li>" for name, value in content.numbers)
    more = f"<li>+ {content.more_numbers} more</li>" if content.more_numbers else ""
    return f'<ul class="numbers">{items}{more}</ul>' if items else ""


def _tasks(content: Content) -> str:
    return _list(content.tasks, "tasks", content.more_tasks)
