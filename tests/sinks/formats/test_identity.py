from __future__ import annotations

from sample_alerts import MARKUP, a_pattern, an_alert, an_endless_alert

from crackle_stream.model import AlertStatus
from crackle_stream.sinks.formats.identity import annotations_of, fingerprint_of, labels_of


def test_labels_are_what_stays_and_nothing_that_varies() -> None:
    expected = {
        "alertname": "CracklePattern",
        "kind": "phase transition",
        "form": "mean",
        "metric": "latency_ms",
        "key": "checkout",
        "severity": "critical",
        "fingerprint": a_pattern().fingerprint,
    }
    assert labels_of(an_alert()) == expected
    later = a_pattern(
        description="latency_ms rose from 100 to 171",
        confidence=0.99,
        metrics={"after": 171.0},
        evidence=None,
        involved_tasks=("checkout-9",),
    )
    assert labels_of(an_alert(id="2", status=AlertStatus.RESOLVED, pattern=later, windows=9, last_seen=2e9)) == expected


def test_a_label_without_a_value_is_none() -> None:
    bare = a_pattern(form="", key="", metric_names=(), direction="")
    assert set(labels_of(an_alert(pattern=bare))) == {"alertname", "kind", "severity", "fingerprint"}


def test_annotations_say_what_is_known_now() -> None:
    said = annotations_of(an_alert(status=AlertStatus.RESOLVED, reason="it returned"))
    assert said["summary"] == "resolved: latency_ms rose from 100 to 160 [checkout] (it returned)"
    assert said["description"] == "latency_ms rose from 100 to 160"
    assert said["reason"] == "it returned"
    assert said["values"] == "before 100.25, after 160"
    assert said["confidence"] == "0.97"
    assert said["last_seen"] == "2026-11-20T20:51:07Z, in 3 windows"
    assert said["position"] == "task-results[3]:18234"
    assert said["id"] == "0f3c9a1b2d4e5f60"


def test_every_value_is_bounded_and_printable() -> None:
    for alert in (an_endless_alert(), an_alert(pattern=a_pattern(description=MARKUP + "\ud800", key="\ud800\n"))):
        for text in (*labels_of(alert).values(), *annotations_of(alert).values()):
            assert 0 < len(text) <= 1000
            assert text.isprintable()
            assert text.encode()


def test_the_fingerprint_of_labels_is_prometheus_own() -> None:
    # the labels and the fingerprint that Alertmanager 0.25 showed for them
    assert fingerprint_of({"alertname": "CracklePattern", "severity": "warning"}) == "50f7c1982e52a964"
