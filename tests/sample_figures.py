"""Figures, exhibits and hostile text to draw."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from sample_alerts import a_pattern, an_alert

from crackle_stream.model import (
    Alert,
    AlertStatus,
    Axis,
    CracklePattern,
    Evidence,
    Exhibit,
    Figure,
    Layer,
    Nature,
    Onset,
    Partition,
    PatternKind,
    Severity,
    Shape,
    Span,
    Tone,
)

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07 </title></svg><script>alert(1)</script> \" onload='x' &amp; <!channel> @everyone "
    "*bold* _it_ ~no~ `code` [a](https://evil.example) \u202e\r\n\x00\ud800\ufffe ]]> www.evil.example :fire: ## | x"
)

UNHURRIED = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For properties of whole cards: what is drawn is large, and time says nothing about them on a busy machine."""

PIECES = st.one_of(
    st.text(max_size=30),
    st.sampled_from([HOSTILE, "", "<b>", "&", "'\"", "\x1b[31m", "@here", "https://x", "*a*", "\ud800", "-->", "]]>"]),
)

numbers = st.floats(allow_nan=True, allow_infinity=True)
finite = st.floats(allow_nan=False, allow_infinity=False)


def a_figure(**fields: Any) -> Figure:
    """A course with a step, everything filled in, but for the given fields."""
    filled: dict[str, Any] = {
        "title": "latency_ms, task by task",
        "text": "latency_ms rises at the 5th of 8 tasks.",
        "x": Axis("8 tasks", 0.0, 7.0, "20:40:00", "20:42:00"),
        "y": Axis("latency_ms", 90.0, 170.0),
        "layers": (
            Layer(Shape.BAND, Tone.CALM, (0.0, 1.0, 2.0, 3.0), (104.0, 105.0, 103.0, 104.0), (98.0, 97.0, 99.0, 96.0)),
            Layer(
                Shape.BAND, Tone.ODD, (4.0, 5.0, 6.0, 7.0), (164.0, 165.0, 163.0, 164.0), (158.0, 157.0, 159.0, 156.0)
            ),
            Layer(Shape.LINE, Tone.MODEL, (0.0, 4.0), (100.0, 100.0), label="level"),
        ),
        "mark": 4.0,
    }
    return Figure(**{**filled, **fields})


def an_exhibit(**fields: Any) -> Exhibit:
    """An exhibit with everything filled in, but for the given fields."""
    filled: dict[str, Any] = {
        "figure": a_figure(),
        "after": "12 s after queue_depth",
        "ruled_out": ("the other 11 metrics did not change", "no gap in the stream"),
        "span": (Span(Partition("task-results", 3), 17735, 18234),),
    }
    return Exhibit(**{**filled, **fields})


@st.composite
def axes(draw: st.DrawFn) -> Axis:
    low, high = sorted(draw(st.lists(finite, min_size=2, max_size=2, unique=True)))
    return Axis(draw(PIECES), low, high, draw(PIECES), draw(PIECES))


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    shape = draw(st.sampled_from(list(Shape)))
    count = draw(st.integers(0, 6))
    some = st.lists(finite, min_size=count, max_size=count).map(tuple)
    x = tuple(sorted(draw(some)))
    y = () if shape is Shape.RULE else draw(some)
    low = draw(some) if shape is Shape.BAND else ()
    return Layer(shape, draw(st.sampled_from(list(Tone))), x, y, low, draw(PIECES))


@st.composite
def figures(draw: st.DrawFn) -> Figure:
    """Any figure that may be, with any text in it."""
    inside = tuple(draw(st.lists(layers(), max_size=3)))
    mark = draw(st.one_of(st.none(), finite))
    return Figure(draw(PIECES), draw(PIECES), draw(axes()), draw(axes()), inside, mark)


FORMS = ("", "mean", "variance", "shape", "linear", "nonlinear", "lagged", "linear law", "broken law", "groups", "mine")


@st.composite
def patterns(draw: st.DrawFn) -> CracklePattern:
    """Any pattern that a detector may hand over, third parties' included."""
    evidence = st.builds(Evidence, numbers, numbers, numbers, numbers, calibrated=st.booleans())
    return a_pattern(
        kind=draw(st.one_of(st.sampled_from(list(PatternKind)), PIECES)),
        form=draw(st.one_of(st.sampled_from(FORMS), PIECES)),
        description=draw(PIECES),
        confidence=draw(st.floats(0, 1)),
        involved_tasks=tuple(draw(st.lists(PIECES, max_size=7))),
        metric_names=tuple(draw(st.lists(PIECES, max_size=4))),
        metrics=draw(
            st.dictionaries(st.one_of(st.sampled_from(["before", "after", "effect"]), PIECES), numbers, max_size=15)
        ),
        nature=draw(st.sampled_from(list(Nature))),
        evidence=draw(st.one_of(st.none(), evidence)),
        at=draw(st.one_of(st.none(), st.builds(Onset, st.integers(0, 10**9), numbers))),
        key=draw(PIECES),
        fingerprint=draw(st.one_of(st.just("4797e8ab5431a807"), PIECES)),
    )


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    """Any alert, with and without an exhibit."""
    span = st.builds(
        Span,
        st.builds(Partition, PIECES, st.one_of(st.none(), st.integers(0, 9))),
        st.integers(0, 9),
        st.integers(9, 99),
    )
    exhibit = st.builds(
        Exhibit,
        st.one_of(st.none(), figures()),
        PIECES,
        st.lists(PIECES, max_size=3).map(tuple),
        st.lists(span, max_size=5).map(tuple),
    )
    return an_alert(
        pattern=draw(patterns()),
        status=draw(st.sampled_from(list(AlertStatus))),
        severity=draw(st.sampled_from(list(Severity))),
        reason=draw(PIECES),
        raised_at=draw(numbers),
        last_seen=draw(st.one_of(numbers, st.just(math.nan))),
        exhibit=draw(st.one_of(st.none(), exhibit)),
    )
