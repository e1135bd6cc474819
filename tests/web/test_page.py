"""The live page in a real browser: in place with scripts, readable without, bounded, and usable without a mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from browser import Browser, browser
from sample_alerts import an_alert
from sample_figures import an_exhibit
from serving import FakePipeline, a_cooling, an_alert_of, feed_busy, serving, until

from crackle_stream.model import AlertStatus
from crackle_stream.stream import events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from crackle_stream.app.web.server import StatusServer

MOST_NODES = 3000
"""Elements of a page at a thousand metrics and five hundred alerts: a browser lays that out in a few milliseconds."""


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as opened:
        opened.size(1400, 1000)
        yield opened


class Served:
    """A server in a thread of its own, and what a test may do to it."""

    def __init__(self, portal: BlockingPortal, server: StatusServer, pipeline: FakePipeline) -> None:
        self._portal = portal
        self._server = server
        self.pipeline = pipeline
        self.url = server.url

    def hear(self, *heard: events.Event) -> None:
        for event in heard:
            self._portal.call(self._server, event)

    def be_busy(self, **more: int) -> None:
        self._portal.call(lambda: feed_busy(self._server, **more))
        self._portal.call(until, lambda: not self._server.board.uncharted)


@pytest.fixture
def served() -> Iterator[Served]:
    pipeline = FakePipeline(tasks=1200, windows=3, cooling_p95_s=0.21)
    making: Callable[..., AbstractContextManager[Any]]
    with start_blocking_portal() as portal:
        making = portal.wrap_async_context_manager
        with making(serving(pipeline, interval_s=0.02)) as (server, _):
            yield Served(portal, server, pipeline)


def text(window: Browser, selector: str) -> str:
    found: str = window.run("return document.querySelector(arguments[0]).innerText", selector)
    return found


def count(window: Browser, selector: str) -> int:
    found: int = window.run("return document.querySelectorAll(arguments[0]).length", selector)
    return found


def live(window: Browser, served: Served, path: str = "/") -> None:
    """Open the page and wait for its first update."""
    window.scripts(allowed=True)
    window.open(served.url + path)
    window.until("document.documentElement.dataset.updates > 0")
    window.logged()


def test_figures_and_alerts_are_updated_in_place(window: Browser, served: Served) -> None:
    served.be_busy(alerts=2)
    live(window, served)
    assert text(window, "[data-gauge=ring] .figure") == "312/500"
    window.run("for (const card of document.querySelectorAll('.alert')) card.seen = true;")
    served.pipeline.counts |= {"fresh": 400, "dropped": 3}
    served.hear(events.AlertMade(an_alert_of(2, exhibit=an_exhibit()), ("pager",)))
    window.until("document.querySelectorAll('.alert').length === 3")
    assert count(window, ".alert figure svg[role=img]") == 1
    window.until("document.querySelector('[data-gauge=ring] .figure').innerText === '400/500'")
    assert text(window, "[data-gauge=dropped]").split("\n")[:2] == ["dropped", "3"]
    assert window.run("return document.querySelector('[data-gauge=dropped]').className") == "gauge bad"
    # two are the very nodes that were there, one is new
    assert window.run("return [...document.querySelectorAll('.alert')].filter((card) => card.seen).length") == 2
    served.hear(events.AlertMade(an_alert_of(0, AlertStatus.RESOLVED), ("pager",)))
    window.until("document.querySelectorAll('.alert').length === 2")
    assert window.logged() == []


def test_new_alerts_are_read_out_politely(window: Browser, served: Served) -> None:
    served.be_busy(alerts=0)
    live(window, served)
    assert window.run("return document.getElementById('news').getAttribute('aria-live')") == "polite"
    served.hear(events.AlertMade(an_alert_of(7), ()))
    window.until("document.getElementById('news').textContent.startsWith('latency_ms of service-7 rose')")


def test_focus_and_what_is_typed_stay_while_cards_change(window: Browser, served: Served) -> None:
    served.be_busy(alerts=3)
    live(window, served)
    window.run("document.querySelector('.alert:nth-child(2) a').focus()")
    key = window.run("return document.activeElement.closest('[data-key]').dataset.key")
    number = next(each for each in range(3) if key.startswith(an_alert_of(each).fingerprint))
    before = window.run("return document.querySelector(`[data-key='${arguments[0]}']`).dataset.revision", key)
    served.hear(events.AlertMade(an_alert_of(number, AlertStatus.REPEATED), ()))
    window.until(f"document.querySelector(`[data-key='{key}']`).dataset.revision !== '{before}'")
    assert window.run("return document.activeElement.closest('[data-key]').dataset.key") == key


def test_filters_choose_as_one_types_and_the_address_remembers(window: Browser, served: Served) -> None:
    served.be_busy(alerts=30)
    live(window, served)
    assert count(window, ".alert") == 20
    window.run("document.querySelector('#filters [name=q]').focus()")
    window.press("service-29")
    window.until("document.querySelectorAll('.alert').length === 1")
    assert window.run("return location.search") == "?show=active&q=service-29"
    assert text(window, ".count") == "30 active alerts, 1 shown by the filter"


def test_a_metric_that_is_chosen_shows_its_course(window: Browser, served: Served) -> None:
    served.be_busy(metrics=3, windows=10)
    live(window, served)
    window.click("a.metric")
    window.until("document.querySelector('#series .series')")
    assert window.run("return location.search") == "?metric=metric_0000"
    said = window.run("return document.querySelector('#series .series').getAttribute('aria-label')")
    assert said.startswith("means of metric_0000 over 10 windows, from ")
    assert count(window, "#series tbody tr") == 10


def test_cooling_now_is_asked_for_and_answered(window: Browser, served: Served) -> None:
    served.be_busy()
    live(window, served)
    window.click("#cool button")
    window.until("document.getElementById('news').textContent === 'Cooled: 1 patterns found.'")
    assert served.pipeline.cooled == 1
    assert window.logged() == []


def test_an_alert_is_silenced_and_the_silence_ended_on_the_page(window: Browser, served: Served) -> None:
    served.be_busy(alerts=1)
    live(window, served)
    window.click(".alert [data-silence]")
    window.until("document.querySelector('#rest [data-end]')")
    (silence,) = served.pipeline.silencing.silences
    assert (silence.fingerprint, silence.ends - silence.starts) == ((an_alert_of(0).fingerprint,), 7200.0)
    assert "silenced on the page the page, until" in text(window, "#rest")
    window.click("#rest [data-end]")
    window.until("!document.querySelector('#rest [data-end]')")
    assert served.pipeline.silencing.silences == ()
    assert window.logged() == []


def test_without_scripts_everything_is_there_to_read_and_to_choose(window: Browser, served: Served) -> None:
    served.be_busy(alerts=30)
    window.scripts(allowed=False)
    window.open(served.url + "/?metric=metric_0001&q=service-2")
    page = text(window, "body")
    assert "312/500" in page
    assert "30 active alerts, 11 shown by the filter" in page
    assert "latency_ms of service-2" in page
    assert "a + b is 100" in page  # what holds
    assert "not JSON: <b>bold</b>" in page  # what could not be read
    assert count(window, "#series .series") == 1
    # buttons that would do nothing are not shown; the driver's own scripts run
    assert count(window, "#theme:not([hidden])") == 0
    assert (
        window.run("return [...document.querySelectorAll('.scripted')].some((each) => each.checkVisibility())") is False
    )
    window.leave("#filters button")
    assert count(window, ".alert") == 11
    window.leave("#cool button")
    assert window.run("return location.pathname") == "/"
    assert served.pipeline.cooled == 1
    window.scripts(allowed=True)


def test_a_thousand_metrics_and_five_hundred_alerts_are_a_page_like_any_other(window: Browser, served: Served) -> None:
    served.be_busy(alerts=500, metrics=1000)
    live(window, served)
    assert count(window, "*") < MOST_NODES
    assert (count(window, ".alert"), count(window, ".heat tbody tr")) == (20, 40)
    assert "1,000 metrics over 16 windows" in text(window, ".heat caption")
    window.click("main .pages a[rel=next]")
    window.until("document.querySelector('main .pages span').innerText === 'page 2 of 25'")
    window.click("aside .pages a[rel=next]")
    window.until("document.querySelector('aside .pages span').innerText === 'page 2 of 25'")
    assert (count(window, ".alert"), count(window, ".heat tbody tr")) == (20, 40)
    assert count(window, "*") < MOST_NODES
    assert window.logged() == []


def test_silence_says_what_was_examined(window: Browser, served: Served) -> None:
    live(window, served)
    assert text(window, "#alerts .empty") == "No window has been cooled yet, so nothing was examined."
    served.hear(events.PipelineStarted("stdin", ("pager",)), *(a_cooling(number) for number in range(3)))
    window.until("document.querySelector('#rest').innerText.includes('3 windows')")
    window.until("document.querySelector('#alerts').innerText.includes('3 windows')")
    assert text(window, "#alerts .empty") == (
        "No alert is active. Examined: 3 windows; most tests in one: shift 66; nothing over the bar; the best that "
        "stayed under it: latency_ms: q 0.01, the bar is 1.6e-06: 3.8 powers of ten short (shift)."
    ).replace("active. ", "active.\n")


def test_light_and_dark_follow_the_system_until_somebody_chooses(window: Browser, served: Served) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    window.prefer("dark")
    live(window, served)
    assert window.run(f"return {paper}") == "rgb(22, 21, 20)"
    window.click("#theme")
    assert window.run(f"return {paper}") == "rgb(246, 245, 241)"
    live(window, served)
    assert window.run(f"return {paper}") == "rgb(246, 245, 241)"
    assert window.run("return document.getElementById('theme').getAttribute('aria-pressed')") == "false"
    window.run("localStorage.clear()")
    window.prefer("light")


def test_keys_alone_reach_everything_in_the_order_it_is_read(window: Browser, served: Served) -> None:
    served.be_busy(alerts=1, metrics=2, windows=3)
    live(window, served)
    reached = []
    for _ in range(15):
        window.press("Tab")
        reached.append(window.run("const on = document.activeElement; return on.id || on.name || on.innerText"))
    assert reached == [
        "Skip to the alerts", "Cool now", "theme", "show", "kind", "severity", "q", "Filter", "as JSON",
        "Silence for 2 h", "metrics", "Find", "metric_0000", "metric_0001", "Interface",
    ]  # fmt: skip
    window.run("document.querySelector('.skip').focus()")
    window.press("Enter")
    assert window.run("return document.activeElement.id") == "alerts"
    window.run("document.querySelector('a.metric').focus()")
    outline = window.run("return getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    window.press("Enter")
    window.until("document.querySelector('#series .series')")


def test_a_screen_reader_finds_landmarks_names_and_labels(window: Browser, served: Served) -> None:
    served.be_busy(alerts=3)
    live(window, served, "/?metric=metric_0001")
    assert window.run("return document.documentElement.lang") == "en"
    for landmark in ("header", "main", "aside[aria-labelledby]", "footer", "h1", "form[role=search][aria-label]"):
        assert count(window, landmark) > 0, landmark
    unlabelled = window.run(
        "return [...document.querySelectorAll('input, select')].filter((field) => !field.labels.length).length"
    )
    assert unlabelled == 0
    unnamed = (
        "return [...document.querySelectorAll('svg:not([aria-hidden])')]"
        ".filter((image) => image.getAttribute('role') !== 'img' || "
        "!(image.getAttribute('aria-label') || image.querySelector('title'))).map((image) => image.outerHTML)"
    )
    assert window.run(unnamed) == []
    twice = (
        "const ids = [...document.querySelectorAll('[id]')].map((node) => node.id);"
        "return ids.filter((id, place) => ids.indexOf(id) !== place)"
    )
    assert window.run(twice) == []


def test_a_narrow_screen_scrolls_in_one_direction(window: Browser, served: Served) -> None:
    served.be_busy(alerts=3)
    window.size(360, 800)
    live(window, served)
    assert window.run("return document.documentElement.scrollWidth") == 360
    window.size(1400, 1000)


def test_markup_from_the_data_is_not_obeyed(window: Browser, served: Served) -> None:
    evil = '<img src=x onerror="document.title=`broken in`"><script>document.title="broken in"</script>'
    pattern = an_alert().pattern
    named = type(pattern)(evil, evil, 0.9, (evil,), (evil,), {evil: 1.0}, key=evil, nature=pattern.nature)
    live(window, served)
    served.hear(events.PipelineStarted(evil, (evil,)), a_cooling(0, named, metrics=(evil,), key=evil))
    served.hear(events.AlertMade(an_alert(pattern=named), (evil,)))
    window.until("document.querySelectorAll('.alert').length === 1")
    window.until("document.querySelectorAll('.heat tbody tr').length === 1")
    assert "<script>" in text(window, ".alert")
    assert count(window, "#alerts img, #heat img, #rest img") == 0
    assert window.run("return document.title") == "checkout: status"
