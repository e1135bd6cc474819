from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sample_alerts import a_pattern, an_alert

from crackle_stream.model import AlertStatus, CracklePattern, Evidence, Severity
from crackle_stream.render.card import card
from crackle_stream.render.text import cells

COURSE = [100.0] * 250 + [160.0] * 250


def lines(subject: Any, **fields: Any) -> list[str]:
    return card(subject, **fields).split("\n")


def row(title: str, subject: Any, **fields: Any) -> str:
    """The text beside a title."""
    (found,) = [line for line in lines(subject, width=300, **fields) if line.startswith(f"│ {title} ")]
    return found.removeprefix(f"│ {title}").strip()


def test_the_whole_card_of_an_alert() -> None:
    assert lines(an_alert(), values=COURSE) == [
        "▲ latency_ms rose from 100 to 160 [checkout]",
        "│ phase transition (mean) · critical · confidence 0.97",
        "│ " + "▁" * 38 + "╎" + "█" * 39,
        "│ evidence at most 1 quiet window in 320 shows anything this strong ·",
        "│          +6.02 standard deviations · worth 312 independent tasks ·",
        "│          p 2.1e-07, q 0.0031",
        "│ numbers  before  100.25",
        "│          after      160",
        "│ tasks    checkout-0, checkout-1, checkout-2, checkout-3, checkout-4 + 137 more",
        "│ where    key checkout · up to task-results[3]:18234 ·",
        "│          begins at row 250 of the window, 2026-11-20T20:41:07Z",
        "│ when     first seen 2026-11-20T20:41:07Z · last seen 2026-11-20T20:51:07Z ·",
        "│          in 3 windows",
        f"╰ {a_pattern().fingerprint}",
    ]


def test_the_card_of_a_bare_pattern_has_no_more_than_is_known() -> None:
    pattern = CracklePattern("correlation", "a and b move together", 0.8)
    assert lines(pattern) == [
        "◆ a and b move together",
        "│ correlation · confidence 0.80",
        "│ evidence a rule's score: how far past its threshold, not a probability",
        f"╰ {pattern.fingerprint}",
    ]


@pytest.mark.parametrize(
    ("status", "mark"), [(AlertStatus.RAISED, "▲"), (AlertStatus.REPEATED, "●"), (AlertStatus.RESOLVED, "✓")]
)
def test_the_mark_shows_the_status(status: AlertStatus, mark: str) -> None:
    assert card(an_alert(status=status))[0] == mark


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [(0.5, "0.50"), (0.97, "0.97"), (0.996, "0.996"), (0.99996, "0.99996"), (0.99999999, "0.999999"), (1.0, "1.00")],
)
def test_a_confidence_below_one_is_never_rounded_to_certainty(confidence: float, expected: str) -> None:
    assert lines(a_pattern(confidence=confidence))[1].endswith(f"confidence {expected}")


def test_evidence_that_is_not_calibrated_says_so() -> None:
    evidence = Evidence(p=0.001, q=0.2, effect=1.0, effective_n=40.0, calibrated=False)
    assert row("evidence", a_pattern(evidence=evidence)).endswith(
        "not calibrated yet: judged by this window alone, so at most 0.95 · p 0.001, q 0.2"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"), (1.0, "1"), (12345678.0, "12345678"), (-3.0, "-3"), (1e15, "1e+15"), (0.1234567, "0.123457"),
        (1e-9, "1e-09"), (float("nan"), "nan"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_numbers_are_short_and_whole_ones_whole(value: float, expected: str) -> None:
    assert row("numbers", a_pattern(metrics={"x": value})) == f"x  {expected}"


def test_more_than_three_numbers_stand_in_two_columns() -> None:
    metrics = {"first": 1.0, "second": 22.5, "third": 3.0, "fourth": 4.0, "fifth": 5.0}
    shown = lines(a_pattern(metrics=metrics))
    assert shown[5:8] == [
        "│ numbers  first      1    fourth     4",
        "│          second  22.5    fifth      5",
        "│          third      3",
    ]


def test_on_a_narrow_card_they_stand_in_one() -> None:
    shown = lines(a_pattern(metrics={name * 8: 1.0 for name in "abcd"}), width=34)
    assert [line.split()[-2] for line in shown if re.search(r"[a-d]{8}  1$", line)] == [n * 8 for n in "abcd"]


def test_no_more_than_twelve_numbers_are_shown_and_the_rest_is_counted() -> None:
    shown = card(a_pattern(metrics={f"m{number}": 1.0 for number in range(15)}))
    assert "m11" in shown
    assert "m12" not in shown
    assert "│          + 3 more\n" in shown


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, "t0"), (5, "t0, t1, t2, t3, t4"), (6, "t0, t1, t2, t3, t4 + 1 more"), (142, "t0, t1, t2, t3, t4 + 137 more")],
)
def test_five_tasks_are_named_and_the_rest_is_counted(count: int, expected: str) -> None:
    assert row("tasks", a_pattern(involved_tasks=[f"t{number}" for number in range(count)])) == expected


def test_long_labels_are_cut() -> None:
    assert row("tasks", a_pattern(involved_tasks=["x" * 100])) == "x" * 39 + "…"


def test_last_seen_is_left_out_when_it_is_when_it_was_raised() -> None:
    alert = an_alert(raised_at=0.0, last_seen=0.0, windows=1)
    assert row("when", alert) == "first seen 1970-01-01T00:00:00Z · in 1 window"


def test_a_time_that_is_no_date_is_said_to_be_unknown() -> None:
    alert = an_alert(raised_at=float("inf"), last_seen=float("inf"), windows=2)
    assert row("when", alert) == "first seen at no known time · in 2 windows"


def test_without_a_place_in_the_window_the_whole_course_is_drawn() -> None:
    assert "│ ▁▂▃▄▅▆▇█\n" in card(a_pattern(at=None), values=list(range(8)))


@pytest.mark.parametrize(
    ("alert", "tint"),
    [
        (an_alert(severity=Severity.INFO), "\x1b[36m"),
        (an_alert(severity=Severity.WARNING), "\x1b[33m"),
        (an_alert(severity=Severity.CRITICAL), "\x1b[31m"),
        (an_alert(severity=Severity.CRITICAL, status=AlertStatus.RESOLVED), "\x1b[32m"),
    ],
)
def test_the_colour_follows_the_severity_and_is_green_once_resolved(alert: Any, tint: str) -> None:
    assert card(alert, colour=True).startswith(tint)


def test_colour_changes_nothing_but_colour() -> None:
    for width in (32, 50, 80):
        styled = card(an_alert(), width=width, colour=True, values=COURSE)
        uncoloured = re.sub(r"\x1b\[\d+m", "", styled)
        assert [line.rstrip() for line in uncoloured.split("\n")] == lines(an_alert(), width=width, values=COURSE)
        assert styled.count("\x1b[0m") * 2 == styled.count("\x1b[")


HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b1m\u202e\r\n\x00"


@pytest.mark.parametrize("colour", [False, True])
def test_no_escape_sequence_of_the_data_reaches_the_terminal(colour: bool) -> None:
    pattern = a_pattern(
        kind=HOSTILE,
        form=HOSTILE,
        description=HOSTILE,
        involved_tasks=[HOSTILE],
        metric_names=[HOSTILE],
        metrics={HOSTILE: 1.0},
        key=HOSTILE,
        fingerprint=HOSTILE,
    )
    shown = card(an_alert(pattern=pattern, reason=HOSTILE), colour=colour)
    uncoloured = re.sub(r"\x1b\[(0|1|2|31)m", "", shown)
    assert all(line.isprintable() for line in uncoloured.split("\n"))
    assert r"\x1b[2J" in uncoloured


@given(st.text(max_size=200), st.integers(0, 120), st.booleans())
def test_every_line_fits_the_width_whatever_the_data(text: str, width: int, alerting: bool) -> None:
    pattern = a_pattern(
        description=text, involved_tasks=[text, "b"], metrics={text: 1.5, "y": -1.23457e-300}, key=text, form=text
    )
    subject = an_alert(pattern=pattern, reason=text) if alerting else pattern
    assert max(cells(line) for line in lines(subject, width=width, values=[1, 2])) <= max(width, 32)
