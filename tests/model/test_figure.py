from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from sample_alerts import an_alert
from sample_figures import UNHURRIED, a_figure, an_exhibit, figures

from crackle_stream.model import Alert, Axis, Exhibit, Figure, Layer, Shape, Tone


@UNHURRIED
@given(figures())
def test_a_figure_read_back_is_the_same(figure: Figure) -> None:
    assert Figure.from_dict(json.loads(json.dumps(figure.to_dict()))) == figure


def test_an_exhibit_read_back_is_the_same() -> None:
    for exhibit in (an_exhibit(), Exhibit()):
        assert Exhibit.from_dict(json.loads(json.dumps(exhibit.to_dict()))) == exhibit


def test_an_exhibit_is_no_part_of_the_alert_when_two_are_compared() -> None:
    assert an_alert(exhibit=an_exhibit()) == an_alert()
    assert an_alert(exhibit=an_exhibit()).to_dict() == an_alert().to_dict()


def test_an_alert_is_written_with_its_exhibit_where_that_is_asked_for() -> None:
    stored = json.loads(json.dumps(an_alert(exhibit=an_exhibit()).to_dict(exhibit=True)))
    assert Alert.from_dict(stored).exhibit == an_exhibit()
    assert "exhibit" not in an_alert().to_dict(exhibit=True)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0), (0.0, math.inf)])
def test_an_axis_goes_up_between_finite_numbers(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="the axis 'ms' must go up between two finite numbers, not"):
        Axis("ms", low, high)


def test_an_axis_as_wide_or_as_narrow_as_a_float_still_has_shares() -> None:
    assert Axis("x", -1.7e308, 1.7e308).share(0.0) == 0.5
    assert [Axis("x", 0.0, 5e-324).share(x) for x in (-1.0, 0.0, 5e-324, 1.0)] == [0.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("shape", "y", "low", "message"),
    [
        (Shape.DOTS, (), (), "a dots of 1 points needs 1 heights and 0 lower ends, not 0 and 0"),
        (Shape.RULE, (1.0,), (), "a rule of 1 points needs 0 heights and 0 lower ends, not 1 and 0"),
        (Shape.BAND, (1.0,), (), "a band of 1 points needs 1 heights and 1 lower ends, not 1 and 0"),
        (Shape.LINE, (math.inf,), (), "a line has a point that is no finite number"),
    ],
)
def test_a_layer_has_what_its_shape_needs(
    shape: Shape, y: tuple[float, ...], low: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Layer(shape, Tone.CALM, (0.0,), y, low)


def test_a_figure_has_an_end() -> None:
    many = Layer(Shape.RULE, Tone.CALM, (1.0,) * 401)
    with pytest.raises(ValueError, match="a figure has at most 400 points, not 401"):
        a_figure(layers=(many,))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"layers": 3}, "this is no stored figure: TypeError"),
        ({"x": None}, "this is no stored figure: TypeError"),
        ({"mark": "x"}, "this is no stored figure: ValueError"),
        ({"mark": math.inf}, "this is no stored figure: ValueError: a mark must be a finite number"),
    ],
)
def test_a_damaged_figure_is_said_to_be_one(damage: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Figure.from_dict({**a_figure().to_dict(), **damage})


def test_a_damaged_exhibit_is_said_to_be_one() -> None:
    with pytest.raises(ValueError, match="this is no stored exhibit: KeyError: 'span'"):
        Exhibit.from_dict({"figure": None, "after": "", "ruled_out": []})
