"""Alerts as cards."""

from __future__ import annotations

from collections import OrderedDict

from crackle_stream.app.web.gathering import Moment
from crackle_stream.app.web.markup import count, esc, href, options
from crackle_stream.app.web.query import PER_PAGE, Query
from crackle_stream.app.web.shown import Shown
from crackle_stream.model import AlertStatus, PatternKind, Severity
from crackle_stream.render import html_card

__all__ = ["Cards", "filters"]

MOST_DRAWN = 500
"""Cards kept as they were drawn; a page asks for twenty of them again and again."""

ORDER = {severity: place for place, severity in enumerate(reversed(Severity))}


class Cards:
    """Draws alerts, each once."""

    def __init__(self) -> None:
        self._drawn: OrderedDict[tuple[str, int], str] = OrderedDict()

    def part(self, moment: Moment, query: Query) -> str:
        """The list of alerts: filters, cards of one page, or what was examined where there is none."""
        alerts = query.alerts(moment.active, moment.resolved)
        alerts.sort(key=lambda shown: (shown.alert.status is AlertStatus.RESOLVED, ORDER[shown.alert.severity]))
        pages = max(-(-len(alerts) // PER_PAGE), 1)
        page = min(query.page, pages)
        chosen = alerts[(page - 1) * PER_PAGE : page * PER_PAGE]
        cards = "".join(self.card(shown) for shown in chosen)
        return (
            f'<p class="count">{_counted(moment, query, len(alerts))}</p>'
            f'<div class="cards">{cards}</div>{"" if chosen else _nothing(moment, query)}{_pages(query, page, pages)}'
        )

    def card(self, shown: Shown) -> str:
        """One alert."""
        key = shown.place, shown.revision
        drawn = self._drawn.get(key)
        if drawn is None:
            drawn = self._drawn[key] = _card(shown)
            while len(self._drawn) > MOST_DRAWN:
                self._drawn.popitem(last=False)
        return drawn


def filters(moment: Moment, query: Query) -> str:
    """The form that chooses; works without a script."""
    kinds = dict.fromkeys(str(kind) for kind in PatternKind)
    kinds.update(dict.fromkeys(str(shown.alert.pattern.kind) for shown in moment.active[:200]))
    return (
        '<form class="filters" id="filters" role="search" aria-label="Filter the alerts" action="/" method="get">'
        f'<label>Show <select name="show">'
        f"{options({'active': 'active', 'resolved': 'resolved', 'all': 'all'}, query.show)}</select></label>"
        f'<label>Kind <select name="kind">{options({"": "any", **{kind: kind for kind in kinds}}, query.kind)}'
        "</select></label>"
        f'<label>Severity <select name="severity">'
        f"{options({'': 'any', **{str(each): str(each) for each in Severity}}, query.severity)}</select></label>"
        f'<label>Text <input name="q" type="search" value="{esc(query.q)}" maxlength="200" autocomplete="off"></label>'
        "<button>Filter</button></form>"
    )


def _counted(moment: Moment, query: Query, fitting: int) -> str:
    total = len(moment.active) + moment.not_held
    said = [f"{count(total, 'active alert')}" if total else "no active alert"]
    if query.address(page=1, kiln="", metrics="", rows=1, metric=""):
        said.append(f"{fitting:,} shown by the filter")
    held = sum(moment.statistics.hushed.values())
    if held:
        said.append(f"{held:,} not told: {', '.join(f'{why} {n:,}' for why, n in moment.statistics.hushed.items())}")
    if moment.not_held:
        said.append(f"{moment.not_held:,} of the oldest are only counted")
    return esc(", ".join(said))


def _nothing(moment: Moment, query: Query) -> str:
    """Why there is no card: silence can be trusted only where it says what was looked at."""
    if query.alerts(moment.active, moment.resolved) or query.address(page=1, kiln="", metrics="", rows=1, metric=""):
        return '<p class="empty">No alert fits the filter. <a href="/">Show all active ones</a></p>'
    said = moment.examined.get("said")
    if said is None:
        waits = "No window has been cooled yet, so nothing was examined."
        return f'<p class="empty">{esc(waits)}</p>'
    return f'<p class="empty"><strong>No alert is active.</strong> Examined: {esc(said)}.</p>'


def _pages(query: Query, page: int, pages: int) -> str:
    if pages == 1:
        return ""
    back = f'<a rel="prev" href="{href(query.address(page=page - 1), "alerts")}">Earlier page</a>' if page > 1 else ""
    on = f'<a rel="next" href="{href(query.address(page=page + 1), "alerts")}">Next page</a>' if page < pages else ""
    return f'<nav class="pages" aria-label="Pages of alerts">{back}<span>page {page} of {pages}</span>{on}</nav>'


def _card(shown: Shown) -> str:
    place = esc(shown.place)
    # the renderer cannot know that several cards stand on one page, nor where a title leads
    told = f"told to {esc(', '.join(shown.sinks) or 'no sink')}" if shown.alert.id else "told before this process"
    return (
        f'<div class="alert" data-key="{place}" data-revision="{shown.revision}">{html_card(shown.alert, styled=False)}'
        f'<p class="told">{told} · <a href="/api/patterns/{esc(shown.alert.fingerprint)}">as JSON</a> '
        f'<button type="button" class="scripted" data-silence="{esc(shown.alert.fingerprint)}">Silence for 2 h</button>'
        "</p></div>"
    )
