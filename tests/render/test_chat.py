from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_alerts import a_pattern, an_alert
from sample_figures import HOSTILE, UNHURRIED, alerts, an_exhibit

from crackle_stream.model import Alert, AlertStatus, CracklePattern
from crackle_stream.render import chat_text
from crackle_stream.render.escape import Markup

MARKUPS: tuple[Markup, ...] = get_args(Markup)

OBEYED = {
    "slack": r"<[^>]*>|(?<![\u200b])[*_~`]|@(?!\u200b)|:(?=//)|&(?!amp;|lt;|gt;)",
    "markdown": r"(?<!\\)(?:\\\\)*[`*_\[\]<>#|~!&]|@(?!\u200b)|:(?=//)",
}
"""What a receiver would take for markup, a call or a link."""


def test_a_message_is_short_and_plain() -> None:
    assert chat_text(an_alert(exhibit=an_exhibit())).split("\n") == [
        "▲ latency_ms rose from 100 to 160 [checkout]",
        "phase transition (mean) · critical · confidence 0.97: at most 1 quiet window in 320 shows anything this "
        "strong, +6.02 standard deviations, worth 312 independent tasks, p 2.1e-07, q 0.0031",
        "tasks: checkout-0, checkout-1, checkout-2 + 139 more",
        "not: the other 11 metrics did not change, no gap in the stream",
        "when: first seen 2026-11-20T20:41:07Z, last seen 2026-11-20T20:51:07Z, in 3 windows",
        "where: key checkout, task-results[3], offsets 17735 to 18234, begins at row 250 of the window, "
        "2026-11-20T20:41:07Z",
        "crackle-stream explain c50a9733a951c9bc",
    ]


def test_a_bare_pattern_takes_three_lines() -> None:
    pattern = CracklePattern("correlation", "a and b move together", 0.8)
    assert chat_text(pattern).split("\n") == [
        "◆ a and b move together",
        "correlation · confidence 0.80: a rule's score: how far past its threshold, not a probability",
        f"crackle-stream explain {pattern.fingerprint}",
    ]


def test_the_mark_shows_the_status() -> None:
    assert [chat_text(an_alert(status=status))[0] for status in AlertStatus] == ["▲", "●", "✓"]


@UNHURRIED
@given(alerts(), st.sampled_from(MARKUPS))
def test_no_markup_mention_or_escape_sequence_of_the_data_is_obeyed(alert: Alert, markup: Markup) -> None:
    shown = chat_text(alert, markup=markup)
    assert len(shown.split("\n")) <= 7
    assert all(line.replace("\u200b", "").isprintable() for line in shown.split("\n"))
    if markup != "plain":
        assert re.findall(OBEYED[markup], shown) == []


@pytest.mark.parametrize("markup", MARKUPS)
def test_hostile_text_can_still_be_read(markup: Markup) -> None:
    shown = chat_text(an_alert(pattern=a_pattern(description=HOSTILE)), markup=markup)
    read = re.sub(r"\\(?=[`*_{}\[\]()<>#|~&!\\])|\u200b", "", shown).replace("&lt;", "<").replace("&amp;", "&")
    assert "<script>alert(1)" in read.replace("&gt;", ">")
    assert "@everyone" in read


def test_a_line_has_an_end() -> None:
    shown = chat_text(an_alert(pattern=a_pattern(description="x" * 10_000)))
    assert max(map(len, shown.split("\n"))) == 300
