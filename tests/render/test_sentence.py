from __future__ import annotations

import pytest
from sample_alerts import a_pattern, an_alert

from crackle_stream.model import AlertStatus
from crackle_stream.render.moment import utc
from crackle_stream.render.sentence import sentence


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (AlertStatus.RAISED, "latency_ms rose from 100 to 160 [checkout]"),
        (AlertStatus.REPEATED, "still: latency_ms rose from 100 to 160 [checkout]"),
        (AlertStatus.RESOLVED, "resolved: latency_ms rose from 100 to 160 [checkout]"),
    ],
)
def test_the_description_leads_and_the_status_says_whether_it_is_news(status: AlertStatus, expected: str) -> None:
    assert sentence(an_alert(status=status)) == expected


def test_the_reason_of_a_resolution_is_given() -> None:
    alert = an_alert(status=AlertStatus.RESOLVED, reason="not seen in 3 coolings")
    assert sentence(alert) == "resolved: latency_ms rose from 100 to 160 [checkout] (not seen in 3 coolings)"


def test_a_pattern_has_a_sentence_of_its_own() -> None:
    assert sentence(a_pattern(key="")) == "latency_ms rose from 100 to 160"


def test_it_is_one_line_whatever_the_description_holds() -> None:
    pattern = a_pattern(description="two\nlines \x1b[2J of\r\n text", key="k\x07\ney")
    assert sentence(an_alert(pattern=pattern, reason="a\n\x1bb")) == r"two lines \x1b[2J of text [k\x07 ey] (a \x1bb)"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"metric_names": ("a", "b\x1b")}, r"phase transition of a, b\x1b"),
        ({"metric_names": ()}, "phase transition"),
        ({"metric_names": (), "kind": ""}, "pattern"),
    ],
)
def test_without_a_description_kind_and_metrics_stand_in(fields: dict[str, object], expected: str) -> None:
    assert sentence(a_pattern(description=" ", key="", **fields)) == expected


@pytest.mark.parametrize("epoch_seconds", [float("nan"), float("inf"), 1e12, -1e12, 1e300])
def test_what_is_no_date_has_no_text(epoch_seconds: float) -> None:
    assert utc(epoch_seconds) is None


def test_a_date_is_written_in_utc() -> None:
    assert utc(1795207267.75) == "2026-11-20T20:41:07Z"
    assert utc(1795207267.75, "milliseconds") == "2026-11-20T20:41:07.750Z"
    assert utc(-1.0) == "1969-12-31T23:59:59Z"
