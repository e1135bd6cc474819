from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given
from sample_alerts import a_pattern, an_alert
from sample_figures import HOSTILE, UNHURRIED, a_figure, alerts, an_exhibit

from crackle_stream.model import Alert, AlertStatus, CracklePattern, Severity
from crackle_stream.render import CARD_STYLE, html_card


class Page(HTMLParser):
    """What a browser makes of a card: its tags, the names of their attributes, and its texts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {f"{tag}.{name}" for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


OURS = Page(html_card(an_alert(exhibit=an_exhibit())))
TAGS = {*OURS.tags, "p"}


def rows(subject: Alert | CracklePattern) -> dict[str, str]:
    """What stands beside each title."""
    root = ET.fromstring(html_card(subject, styled=False))
    (listed,) = root.iter("dl")
    texts = [" ".join(" ".join(one.itertext()).split()) for one in listed]
    return dict(zip(texts[::2], texts[1::2], strict=True))


@UNHURRIED
@given(alerts())
def test_no_tag_or_attribute_comes_from_the_data(alert: Alert) -> None:
    shown = html_card(alert)
    page = Page(shown)
    assert set(page.tags) <= TAGS
    assert page.attributes <= OURS.attributes
    assert page.tags.count("style") == 1
    assert "".join(text for text in page.texts if text != CARD_STYLE).isprintable()
    ET.fromstring(shown)  # and it is well-formed, so that every browser reads it alike


def test_hostile_text_can_be_read() -> None:
    pattern = a_pattern(
        description=HOSTILE, key=HOSTILE, involved_tasks=[HOSTILE], metrics={HOSTILE: 1.0}, form=HOSTILE
    )
    shown = html_card(an_alert(pattern=pattern, reason=HOSTILE))
    assert shown.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5
    assert r"\x1b[2J" in shown


def test_the_rows_say_what_the_terminal_says() -> None:
    assert rows(an_alert(exhibit=an_exhibit())) == {
        "Evidence": "at most 1 quiet window in 320 shows anything this strong +6.02 standard deviations "
        "worth 312 independent tasks p 2.1e-07, q 0.0031",
        "Numbers": "before 100.25 after 160",
        "Tasks": "checkout-0 checkout-1 checkout-2 checkout-3 checkout-4 + 137 more",
        "Not": "the other 11 metrics did not change no gap in the stream",
        "Where": "key checkout task-results[3], offsets 17735 to 18234 "
        "begins at row 250 of the window, 2026-11-20T20:41:07Z",
        "When": "first seen 2026-11-20T20:41:07Z last seen 2026-11-20T20:51:07Z in 3 windows",
        "Replay": "crackle-stream replay 'kafka://BROKERS/task-results?partition=3&from=17735&to=18234'",
    }


def test_a_bare_pattern_has_no_more_than_is_known() -> None:
    pattern = CracklePattern("correlation", "a and b move together", 0.8)
    assert rows(pattern) == {"Evidence": "a rule's score: how far past its threshold, not a probability"}
    assert "<figure>" not in html_card(pattern)
    assert 'data-status="found"' in html_card(pattern)


def test_more_numbers_than_are_shown_are_counted() -> None:
    pattern = a_pattern(metrics={f"m{number}": 1.0 for number in range(15)})
    assert rows(pattern)["Numbers"].endswith("m11 1 + 3 more")


def test_a_figure_given_stands_in_the_place_of_the_exhibits_own() -> None:
    shown = html_card(an_alert(exhibit=an_exhibit()), a_figure(text="another one"))
    assert "<figcaption>another one</figcaption>" in shown
    assert shown.count("<svg") == 1


@pytest.mark.parametrize("status", list(AlertStatus))
@pytest.mark.parametrize("severity", list(Severity))
def test_status_and_severity_are_there_for_the_style(status: AlertStatus, severity: Severity) -> None:
    shown = html_card(an_alert(status=status, severity=severity), styled=False)
    assert shown.startswith(f'<article class="crackle-card" data-status="{status}" data-severity="{severity}" ')


def test_a_page_of_many_cards_holds_the_style_once() -> None:
    assert CARD_STYLE in html_card(an_alert())
    assert "<style>" not in html_card(an_alert(), styled=False)


def test_the_style_needs_nothing_from_elsewhere_and_knows_dark() -> None:
    assert not re.search(r"url\(|@import|https?:", CARD_STYLE)
    assert "prefers-color-scheme:dark" in CARD_STYLE
    assert CARD_STYLE.count("{") == CARD_STYLE.count("}")


def contrast(ink: str, paper: str) -> float:
    """Of two colours, by the rule of WCAG 2."""

    def light(colour: str) -> float:
        whole = colour if len(colour) == 7 else "#" + "".join(2 * digit for digit in colour[1:])
        parts = [int(whole[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(ink), light(paper)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("block", [1, 2], ids=["light", "dark"])
def test_every_ink_can_be_read_on_its_paper(block: int) -> None:
    blocks = re.findall(r"\{(--card-paper:[^}]*)\}", CARD_STYLE)
    colours = dict(re.findall(r"--([\w-]+):(#\w+);", blocks[block - 1]))
    tints = re.findall(r"\]\{--card-tint:(#\w+)\}", CARD_STYLE)[3 * (block - 1) : 3 * block]
    inks = [colours["card-ink"], colours["card-faint"], colours["card-tint"], *tints]
    assert [ink for ink in inks if contrast(ink, colours["card-paper"]) < 4.5] == []
    figure = [colour for name, colour in colours.items() if name.startswith("figure-")]
    assert len(figure) == 5
    assert [colour for colour in figure if contrast(colour, colours["card-paper"]) < 3] == []
