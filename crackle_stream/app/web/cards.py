"""Alerts as cards."""

from __future__ import annotations

from collections import OrderedDict

from crackle_stream.app.web.gathering import Moment
from crackle_stream.app.web.markup import clock, count, esc, href, options
from crackle_stream.app.web.query import PER_PAGE, Query
from crackle_stream.app.web.shown import Shown
from crackle_stream.model import AlertStatus, CracklePattern, PatternKind, Severity
from crackle_stream.render.sentence import sentence

__all__ = ["Cards", "filters"]

MOST_DRAWN = 500
"""Cards kept as they were drawn; a page asks for twenty of them again and again."""

SHOWN_TASKS = 5
SHOWN_NUMBERS = 12

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
    alert, pattern = shown.alert, shown.alert.pattern
    tone = "resolved" if alert.status is AlertStatus.RESOLVED else str(alert.severity)
    place = esc(shown.place)
    rows = "".join(f"<div><dt>{esc(title)}</dt><dd>{text}</dd></div>" for title, text in _rows(shown) if text)
    return (
        f'<article class="card {tone}" data-key="{place}" data-revision="{shown.revision}" aria-labelledby="a-{place}">'
        f'<h3 id="a-{place}"><a href="/api/patterns/{esc(alert.fingerprint)}">{esc(sentence(alert))}</a></h3>'
        f'<p class="facts"><span class="badge">{esc(tone)}</span> {esc(_kind(pattern))} · '
        f"confidence {min(pattern.confidence, 0.9999):.4g}</p><dl>{rows}</dl></article>"
    )


def _kind(pattern: CracklePattern) -> str:
    return f"{pattern.kind} ({pattern.form})" if pattern.form else str(pattern.kind)


def _rows(shown: Shown) -> list[tuple[str, str]]:
    alert, pattern = shown.alert, shown.alert.pattern
    evidence = pattern.evidence
    meaning = "a rule's score, not a probability"
    if evidence is not None:
        sure = "" if evidence.calibrated else " · not calibrated yet"
        meaning = (
            f"p {evidence.p:.2g} · q {evidence.q:.2g} · effect {evidence.effect:.3g} · "
            f"worth {evidence.effective_n:.0f} independent tasks{sure}"
        )
    numbers = list(pattern.metrics.items())[:SHOWN_NUMBERS]
    tasks = ", ".join(pattern.involved_tasks[:SHOWN_TASKS])
    more = pattern.involved_count - min(len(pattern.involved_tasks), SHOWN_TASKS)
    begins = "" if pattern.at is None else f"begins {clock(pattern.at.time)}"
    up_to = "" if alert.position is None else f"up to {esc(alert.position)}"
    return [
        ("evidence", esc(meaning)),
        ("numbers", esc(" · ".join(f"{name} {value:.6g}" for name, value in numbers))),
        ("tasks", esc(f"{tasks} + {more:,} more" if more else tasks)),
        ("where", " · ".join(part for part in (up_to, begins) if part)),
        (
            "seen",
            f"raised {clock(alert.raised_at)}, last {clock(alert.last_seen)}, in {count(alert.windows, 'window')}",
        ),
        ("sent to", esc(", ".join(shown.sinks) or "no sink")),
        ("identity", esc(alert.fingerprint)),
    ]
