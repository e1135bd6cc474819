"""The page, whole and in parts: made on the server, readable with scripts off, and updated in place with them on."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from crackle_stream.alerting import Silence
from crackle_stream.alerting.silences import MATCHERS
from crackle_stream.app.web.cards import Cards, filters
from crackle_stream.app.web.gathering import Moment
from crackle_stream.app.web.heat import HeatStrip
from crackle_stream.app.web.heat_part import heat_part, series_part
from crackle_stream.app.web.markup import clock, esc, options
from crackle_stream.app.web.query import Query
from crackle_stream.app.web.shown import Fact
from crackle_stream.app.web.strip import Gauge, strip
from crackle_stream.render import CARD_STYLE
from crackle_stream.render.sentence import sentence

__all__ = ["PARTS", "Pages", "figures", "login", "policy"]

PARTS = ("alerts", "heat", "series", "rest")

SLOT = re.compile(r"\{\{(\w+)\}\}")

SHOWN_REJECTS = 10
"""Refused records listed; the dead letters have all of them."""

SHOWN_SILENCES = 20
"""Silences listed, the latest ones."""

MOST_FACTS = 50
"""Facts listed; the interface has all that are held."""


@cache
def _template(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def policy(nonce: str) -> str:
    """What the page may load: its own styles and script, known by a number of this answer, and data from here."""
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        "img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


def login(nonce: str, problem: str = "") -> str:
    """The page that asks for the token."""
    slots = {"nonce": nonce, "problem": f'<p role="alert">{esc(problem)}</p>' if problem else ""}
    return SLOT.sub(lambda match: slots[match[1]], _template("login.html"))


def figures(moment: Moment) -> Mapping[str, Any]:
    """What an open page is told again and again."""
    windows, shown = moment.examined.get("windows", 0), moment.silences[-SHOWN_SILENCES:]
    return {
        "gauges": {
            gauge.name: {"text": gauge.text, "note": gauge.note, "tone": gauge.tone, "share": gauge.share}
            for gauge in strip(moment)
        },
        "alerts": f"{moment.revision} {'' if moment.active else windows}",
        "heat": moment.heat_revision,
        "rest": f"{windows} {moment.statistics.rejected} {' '.join(silence.id for silence in shown)}",
    }


class Pages:
    """Makes pages; call it in one thread at a time."""

    def __init__(self) -> None:
        self._cards = Cards()

    def page(self, moment: Moment, heat: HeatStrip, query: Query, nonce: str) -> str:
        """The whole page."""
        slots = {
            "nonce": nonce,
            "card_style": CARD_STYLE,
            "name": esc(moment.setup.name),
            "gauges": "".join(_gauge(gauge) for gauge in strip(moment)),
            "filters": filters(moment, query),
            "heat_form": _heat_form(moment, query),
            **{part: self.part(part, moment, heat, query) for part in PARTS},
        }
        return SLOT.sub(lambda match: slots[match[1]], _template("page.html"))

    def part(self, name: str, moment: Moment, heat: HeatStrip, query: Query) -> str:
        """One part of it."""
        match name:
            case "alerts":
                return self._cards.part(moment, query)
            case "heat":
                return heat_part(moment, heat, query)
            case "series":
                return series_part(heat, query)
        return _rest(moment)


def _gauge(gauge: Gauge) -> str:
    ring = ""
    if gauge.share is not None:
        circle = 'cx="18" cy="18" r="15" pathLength="100"'
        ring = (
            f'<svg class="ring" viewBox="0 0 36 36" aria-hidden="true"><circle class="track" {circle}/>'
            f'<circle class="fill" {circle} stroke-dasharray="{100 * gauge.share:.1f} 100"/></svg>'
        )
    return (
        f'<div class="gauge {gauge.tone}" data-gauge="{gauge.name}"><dt>{esc(gauge.title)}</dt>'
        f'<dd class="figure">{ring}<span>{esc(gauge.text)}</span></dd>'
        f'<dd class="note" title="{esc(gauge.note)}">{esc(gauge.note)}</dd></div>'
    )


def _heat_form(moment: Moment, query: Query) -> str:
    kilns = {"": "the latest", **{kiln: kiln for kiln in moment.kilns if kiln}}
    choice = ""
    if len(kilns) > 2:
        choice = f'<label>Kiln <select name="kiln">{options(kilns, query.kiln)}</select></label>'
    return (
        '<form class="filters" id="heat-filters" role="search" aria-label="Filter the metrics" action="/" method="get">'
        f'{choice}<label>Metric <input name="metrics" type="search" value="{esc(query.metrics)}" maxlength="200" '
        'autocomplete="off"></label><button>Find</button></form>'
    )


def _rest(moment: Moment) -> str:
    """What holds, what was examined, and which records could not be read."""
    facts = "".join(_fact(fact) for fact in moment.facts[:MOST_FACTS])
    more = len(moment.facts) - MOST_FACTS
    holds = f"<ul>{facts}</ul>" if facts else '<p class="empty">No law, correlation or group was found to hold.</p>'
    listed = f'<p>+ {more:,} more: <a href="/api/facts">/api/facts</a></p>' if more > 0 else ""
    examined = esc(moment.examined.get("said", "no window yet"))
    parts = [
        _section("facts", "What holds", holds + listed),
        _section("examined", "What was examined", f"<p>{examined}</p>"),
    ]
    if moment.silences:
        parts.append(_section("silences", "Silences", _silences(moment)))
    if moment.rejects:
        rejects = "".join(
            f"<li><code>{esc(one.position)}</code> {esc(one.problem)}</li>" for one in moment.rejects[:SHOWN_REJECTS]
        )
        parts.append(_section("rejects", "Records that could not be read", f"<ol>{rejects}</ol>"))
    return "".join(parts)


def _section(name: str, title: str, inside: str) -> str:
    return f'<section aria-labelledby="h-{name}"><h2 id="h-{name}">{title}</h2>{inside}</section>'


def _silences(moment: Moment) -> str:
    shown = moment.silences[-SHOWN_SILENCES:]
    more = len(moment.silences) - len(shown)
    listed = "".join(_silence(silence) for silence in reversed(shown))
    return f"<ul>{listed}</ul>" + (f'<p>+ {more:,} more: <a href="/api/silences">/api/silences</a></p>' if more else "")


def _silence(silence: Silence) -> str:
    matchers = ", ".join(f"{name} {' | '.join(globs)}" for name in MATCHERS if (globs := getattr(silence, name)))
    return (
        f"<li>{esc(matchers)}: {esc(silence.comment)} "
        f"<small>{esc(silence.author)}, until {clock(silence.ends)}</small> "
        f'<button type="button" class="scripted" data-end="{esc(silence.id)}" '
        f'aria-label="End the silence of {esc(matchers)}">End</button></li>'
    )


def _fact(fact: Fact) -> str:
    pattern = fact.pattern
    return (
        f"<li>{esc(sentence(pattern))} <small>{esc(pattern.kind)} · confidence {min(pattern.confidence, 0.9999):.4g} · "
        f"since {clock(fact.first_seen)}</small></li>"
    )
