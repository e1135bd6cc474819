from __future__ import annotations

from typing import Any

import pytest
from sample_alerts import a_pattern, an_alert
from structlog.testing import capture_logs

from crackle_stream.model import AlertStatus, Severity
from crackle_stream.sinks import LogSink


async def logged(*, sink: LogSink | None = None, **fields: Any) -> dict[str, Any]:
    with capture_logs() as events:
        await (sink or LogSink()).send(an_alert(**fields))
    (event,) = events
    return dict(event)


async def test_an_alert_becomes_one_event_with_what_an_on_call_person_needs() -> None:
    assert await logged() == {
        "event": "pattern.raised",
        "log_level": "critical",
        "summary": "latency_ms rose from 100 to 160 [checkout]",
        "fingerprint": a_pattern().fingerprint,
        "kind": "phase transition",
        "form": "mean",
        "severity": "critical",
        "confidence": 0.97,
        "metric_names": ["latency_ms"],
        "tasks": ["checkout-0", "checkout-1", "checkout-2", "checkout-3", "checkout-4"],
        "task_count": 142,
        "key": "checkout",
        "position": "task-results[3]:18234",
        "alert_id": "0f3c9a1b2d4e5f60",
    }


@pytest.mark.parametrize("status", list(AlertStatus))
async def test_the_event_is_named_for_the_status(status: AlertStatus) -> None:
    assert (await logged(status=status))["event"] == f"pattern.{status}"


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(Severity.INFO, "info"), (Severity.WARNING, "warning"), (Severity.CRITICAL, "critical")],
)
async def test_the_level_follows_the_severity_until_it_is_resolved(severity: Severity, expected: str) -> None:
    assert (await logged(severity=severity))["log_level"] == expected
    assert (await logged(severity=severity, status=AlertStatus.RESOLVED))["log_level"] == "info"


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error", "critical"])
async def test_a_level_that_is_set_holds_for_all(level: str) -> None:
    assert (await logged(sink=LogSink(level=level), severity=Severity.INFO))["log_level"] == level


async def test_an_alert_without_a_position_says_so() -> None:
    assert (await logged(position=None))["position"] is None


async def test_control_characters_do_not_reach_the_summary() -> None:
    event = await logged(pattern=a_pattern(description="a\x1b[2Jb", key=""))
    assert event["summary"] == r"a\x1b[2Jb"
