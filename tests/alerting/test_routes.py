"""A sink takes what fits every part of its match."""

from dataclasses import replace

import pytest

from crackle_stream.alerting import AlertPolicy, Lifecycle, Match, Route, Routes, Sighting
from crackle_stream.alerting.routes import Decision
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


SINKS = {"pager": Match(), "chat": Match(), "record": Match(nature=("fact", "event"))}


def sinks(*routes: Route, alert: Alert = ALERT, own: dict[str, Match] | None = None) -> tuple[str, ...]:
    return Routes(SINKS if own is None else own, routes).decide(alert).sinks


def test_without_routes_each_sink_gets_what_its_own_match_takes() -> None:
    assert sinks() == ("pager", "chat", "record")
    assert sinks(alert=FACT) == ("record",)


def test_the_first_route_that_fits_decides() -> None:
    other, broken, rest = Route(("chat",), Match(kind=("x",))), Route(("pager",), Match(form=("broken *",))), Route(())
    assert sinks(other, broken, rest) == ("pager",)
    assert sinks(rest, broken) == ()
    assert sinks(other) == (), "what no route takes goes nowhere"


def test_a_route_may_say_that_those_below_it_are_looked_at_too() -> None:
    first, second = Route(("chat",), proceed=True), Route(("pager",))
    assert sinks(first, second, Route(("record",))) == ("pager", "chat")
    assert sinks(first) == ("chat",)


def test_a_sinks_own_match_still_holds_and_facts_go_where_a_route_asks_for_them() -> None:
    own = {"pager": Match(key=("payments",)), "chat": Match(), "quiet": Match(nature=("event",))}
    asking = Route(("pager", "chat", "quiet"), Match(nature=("fact", "event")))
    assert sinks(asking, own=own) == ("chat", "quiet")
    assert sinks(asking, alert=FACT, own=own) == ("chat",)
    assert sinks(Route(("chat",)), alert=FACT, own=own) == ()


def test_a_route_says_how_severe_its_alerts_are_and_how_often_they_are_said_again() -> None:
    routes = (
        Route((), Match(severity=("critical",)), proceed=True, severity=Severity.INFO),
        Route(("chat",), severity=Severity.WARNING, repeat_interval=60),
    )
    decision = Routes(SINKS, routes).decide(replace(ALERT, severity=Severity.INFO))
    assert decision == Decision(("chat",), Severity.INFO, 60), "routes go by what the alert is by itself"
    severe_only = {"chat": Match(severity=("warning",))}
    assert Routes(severe_only, routes).decide(ALERT).sinks == (), "and sinks by what the route made of it"


def test_an_alert_is_raised_as_severe_and_repeated_as_often_as_its_route_says() -> None:
    routes = Routes({}, (Route((), Match(metric=("rows_in",)), severity=Severity.INFO, repeat_interval=5),))
    policy = AlertPolicy(routes=routes)
    lifecycle, (raised,) = Lifecycle().after(Sighting("w0", 0.0, (PATTERN,)), policy)
    lifecycle, none = lifecycle.after(Sighting("w1", 4.0, (PATTERN,)), policy)
    _, (again,) = lifecycle.after(Sighting("w2", 5.0, (PATTERN,)), policy)
    assert none == ()
    assert [(str(one.status), str(one.severity)) for one in (raised, again)] == [
        ("raised", "info"),
        ("repeated", "info"),
    ]


def test_routes_that_lead_nowhere_are_refused() -> None:
    with pytest.raises(ValueError, match="routes name sinks that there are not: pgr; known are chat, pager, record"):
        Routes(SINKS, (Route(("pgr",)),))
    with pytest.raises(ValueError, match="repeat_interval must be more than 0 seconds, not 0"):
        Route((), repeat_interval=0)
