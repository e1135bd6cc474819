"""A sink takes what fits every part of its match."""

from dataclasses import replace

import pytest

from crackle_stream.alerting import Match
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature, Severity

PATTERN = CracklePattern(
    "conservation law",
    "rows_in = rows_out + dropped broke",
    0.97,
    metric_names=("rows_in", "rows_out", "dropped"),
    form="broken law",
    nature=Nature.EVENT,
    key="orders",
)
ALERT = Alert("id", AlertStatus.RAISED, Severity.WARNING, PATTERN, 0.0, 0.0, 1)


FACT = replace(ALERT, severity=Severity.INFO, pattern=replace(PATTERN, form="linear law", nature=Nature.FACT))


@pytest.mark.parametrize(
    ("match", "event", "fact"),
    [
        (Match(), True, False),
        (Match(nature=("event",)), True, False),
        (Match(nature=("fact",)), False, True),
        (Match(nature=("fact", "event")), True, True),
        (Match(form=("linear law",)), False, False),
        (Match(kind=("conservation law",), nature=("fact", "event")), True, True),
    ],
)
def test_a_fact_goes_only_where_a_route_asks_for_facts(match: Match, event: bool, fact: bool) -> None:
    assert (match.takes(ALERT), match.takes(FACT)) == (event, fact)


@pytest.mark.parametrize(
    "match",
    [
        Match(),
        Match(kind=("conservation law",)),
        Match(kind=("phase transition", "conservation *")),
        Match(form=("broken *",)),
        Match(metric=("rows_*",)),
        Match(key=("ord*",)),
        Match(nature=("event",)),
        Match(severity=("warning", "critical")),
        Match(confidence=0.97),
        Match(kind=("*",), metric=("dropped",), confidence=0.5),
    ],
)
def test_it_is_taken(match: Match) -> None:
    assert match.takes(ALERT)


@pytest.mark.parametrize(
    "match",
    [
        Match(kind=("correlation",)),
        Match(form=("linear",)),
        Match(metric=("latency*",)),
        Match(metric=("ROWS_*",)),
        Match(key=("",)),
        Match(nature=("fact",)),
        Match(severity=("critical",)),
        Match(confidence=0.98),
        Match(kind=("conservation law",), metric=("latency",)),
    ],
)
def test_it_is_not_taken(match: Match) -> None:
    assert not match.takes(ALERT)
