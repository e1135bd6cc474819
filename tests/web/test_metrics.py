"""The metrics: documented one by one, of bounded labels, and in step with what is counted."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families
from sample_alerts import an_alert
from serving import SETUP, FakePipeline, StandingClock, a_cooling

from crackle_stream.app.web.board import MOST_KINDS, Board
from crackle_stream.app.web.gathering import Gathering
from crackle_stream.app.web.metrics import Counted, exposition
from crackle_stream.stream import events

PAGE = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()

FULL = {
    "tasks": 1200,
    "lag": 5,
    "oldest_fresh_s": 12.5,
    "patterns": {"correlation": 3},
    "failures": {"shift": 1},
    "alerts": {"raised": 2},
    "delivered": {"pager": 2},
    "backlog": {"pager": 4},
    "failing": {"pager": "answers 503"},
    "hushed": {"silenced": 1},
}


def scraped(*heard: events.Event, **counts: object) -> str:
    clock = StandingClock()
    board = Board(clock)
    for event in heard:
        board(event)
    gathering = Gathering(board, SETUP, clock)
    gathering.pipeline = FakePipeline(**counts)
    return exposition(Counted.of(gathering.now(), board)).decode()


def values(text: str) -> dict[str, float]:
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_every_metric_is_documented_with_its_labels_and_every_documented_one_is_there() -> None:
    text = scraped(
        events.PipelineStarted("stdin", ()),
        events.SourceFailed("stdin", "gone", 1.0),
        a_cooling(),
        **FULL,
    )
    there = {}
    for family in text_string_to_metric_families(text):
        if family.name.startswith("crackle_"):
            labels = {name for sample in family.samples for name in sample.labels if name != "le"}
            there[f"{family.name}_total" if family.type == "counter" else family.name] = (family.type, labels)
    rows = re.findall(r"^\| `(crackle_\w+)` \| (\w+) \|([^|]*)\|", PAGE, re.MULTILINE)
    documented = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    assert documented == there


def test_figures_are_those_of_the_pipeline() -> None:
    found = values(scraped(events.PipelineStarted("stdin", ()), a_cooling(0, seconds=0.003), a_cooling(1), **FULL))
    assert found["crackle_tasks_total"] == 1200
    assert found["crackle_lag_records"] == 5
    assert found["crackle_oldest_uncooled_seconds"] == 12.5
    assert found["crackle_patterns_total{kind=correlation}"] == 3
    assert found["crackle_alerts_delivered_total{sink=pager}"] == 2
    assert found["crackle_alerts_delivered_total{sink=record}"] == 0  # there before anything happens, for rate()
    assert found["crackle_sink_failing{sink=pager}"] == 1
    assert found["crackle_sink_failing{sink=record}"] == 0
    assert found["crackle_detector_tests_total{detector=shift}"] == 132
    assert found["crackle_cooling_seconds_bucket{le=0.005}"] == 1
    assert found["crackle_cooling_seconds_bucket{le=+Inf}"] == 2
    assert found["crackle_cooling_seconds_sum"] == 0.015
    assert found["crackle_ready"] == 0
    assert found["crackle_not_ready{reason=sink_failing}"] == 1


def test_lag_is_left_out_where_it_is_not_known() -> None:
    assert "crackle_lag_records" not in values(scraped(lag=None))


def test_no_label_comes_from_a_record() -> None:
    secret = "customer-4711"
    pattern = an_alert().pattern
    named = type(pattern)(
        "alarm", secret, 0.9, involved_tasks=(secret,), metric_names=(secret,), key=secret, nature=pattern.nature
    )
    text = scraped(
        events.PipelineStarted("stdin", ()),
        a_cooling(0, named, metrics=(secret,), key=secret),
        events.AlertMade(an_alert(pattern=named), ()),
    )
    assert secret not in text


def test_kinds_of_a_third_party_are_bounded() -> None:
    text = scraped(patterns={f"kind {number}": 1 for number in range(500)})
    found = [name for name in values(text) if name.startswith("crackle_patterns_total")]
    assert len(found) == MOST_KINDS + 1
    assert values(text)["crackle_patterns_total{kind=other}"] == 500 - MOST_KINDS
