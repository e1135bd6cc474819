from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from hypothesis import given
from sample_figures import HOSTILE, UNHURRIED, a_figure, figures

from crackle_stream.model import Axis, Figure, Layer, Shape, Tone
from crackle_stream.render import svg

NS = "{http://www.w3.org/2000/svg}"


def drawn(figure: Figure, **fields: Any) -> ET.Element:
    return ET.fromstring(svg(figure, **fields))


def one(shape: Shape, x: tuple[float, ...], y: tuple[float, ...] = (), low: tuple[float, ...] = ()) -> Figure:
    """A figure of one layer on axes from 0 to 10."""
    layer = Layer(shape, Tone.ODD, x, y, low)
    return a_figure(x=Axis("x", 0.0, 10.0), y=Axis("y", 0.0, 10.0), layers=(layer,), mark=None)


def strokes(figure: Figure) -> list[str]:
    """The paths in the tone of what the finding is about."""
    return [path.attrib["d"] for path in drawn(figure).iter(f"{NS}path") if "odd" in str(path.attrib)]


@UNHURRIED
@given(figures())
def test_every_figure_is_well_formed_and_draws_nothing_but_its_own_elements(figure: Figure) -> None:
    root = drawn(figure)
    assert {element.tag.removeprefix(NS) for element in root.iter()} <= {"svg", "title", "desc", "path", "text"}
    allowed = {
        "role",
        "viewBox",
        "width",
        "height",
        "fill",
        "font-size",
        "class",
        "d",
        "stroke",
        "stroke-width",
        "x",
        "y",
    }
    allowed |= {
        "stroke-opacity",
        "stroke-linejoin",
        "stroke-linecap",
        "stroke-dasharray",
        "fill-opacity",
        "text-anchor",
    }
    assert {name for element in root.iter() for name in element.attrib} <= allowed
    assert not re.search(r"nan|inf", " ".join(path.attrib["d"] for path in root.iter(f"{NS}path")))


@UNHURRIED
@given(figures())
def test_the_same_figure_is_drawn_the_same_and_survives_json(figure: Figure) -> None:
    assert svg(Figure.from_dict(figure.to_dict())) == svg(figure)


def test_hostile_text_is_shown_and_never_obeyed() -> None:
    root = drawn(a_figure(title=HOSTILE, text=HOSTILE, x=Axis(HOSTILE, 0, 7), y=Axis(HOSTILE, 90, 170)))
    title = root.find(f"{NS}title")
    assert title is not None
    assert "</title></svg><script>alert(1)</script>" in str(title.text)
    assert r"\x1b[2J" in str(title.text)


def test_a_screen_reader_is_told_what_there_is_to_see() -> None:
    root = drawn(a_figure())
    assert root.attrib["role"] == "img"
    assert [(child.tag.removeprefix(NS), child.text) for child in root][:2] == [
        ("title", "latency_ms, task by task"),
        ("desc", "latency_ms rises at the 5th of 8 tasks."),
    ]


def test_nothing_outside_is_referred_to_and_ink_is_the_readers() -> None:
    text = svg(a_figure())
    assert re.findall(r"(?:href|src|url|@import|style)\b", text) == []
    assert re.findall(r"https?://[^\"]+", text) == ["http://www.w3.org/2000/svg"]
    assert 'fill="currentColor"' in text
    assert "var(--figure-odd,#d9622b)" in text


def test_texts_say_both_axes_and_their_ends_and_the_legend() -> None:
    texts = [element.text for element in drawn(a_figure()).iter(f"{NS}text")]
    assert texts == ["90", "170", "20:40:00", "20:42:00", "8 tasks", "latency_ms", "level"]


# width 200, height 100, y ends "0" and "10": the plot goes from x 20 to 190 and from y 22 (top) to 78 (bottom)
@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        (one(Shape.DOTS, (0.0, 10.0), (0.0, 10.0)), "M20 78h0M190 22h0"),
        (one(Shape.LINE, (0.0, 10.0), (0.0, 5.0)), "M20 78L190 50"),
        (one(Shape.LINE, (5.0,), (5.0,)), "M105 50h0"),
        (one(Shape.BARS, (0.0, 10.0), (10.0, 5.0)), "M20 78V22M190 78V50"),
        (one(Shape.RULE, (5.0,)), "M105 22V78"),
        (one(Shape.BAND, (0.0, 10.0), (10.0, 10.0), (0.0, 5.0)), "M20 22L190 22L190 50L20 78Z"),
    ],
)
def test_every_shape_stands_where_its_numbers_say(figure: Figure, expected: str) -> None:
    root = drawn(figure, width=200, height=100)
    assert [path.attrib["d"] for path in root.iter(f"{NS}path") if "odd" in str(path.attrib)] == [expected]


def test_the_mark_is_a_rule_over_all_layers() -> None:
    assert strokes(a_figure())[-1].startswith("M")
    assert 'stroke-dasharray="4 3"' in svg(a_figure())
    assert "stroke-dasharray" not in svg(a_figure(mark=None))


def test_it_is_never_too_small_for_its_axes() -> None:
    assert drawn(a_figure(), width=1, height=1).attrib["viewBox"] == "0 0 160 90"


def test_a_legend_that_does_not_fit_is_left_out() -> None:
    many = tuple(Layer(Shape.DOTS, Tone.CALM, (1.0,), (100.0,), label=f"group number {n}") for n in range(9))
    texts = [element.text for element in drawn(a_figure(layers=many), width=300).iter(f"{NS}text")]
    assert texts[-2:] == ["group number 0", "group number 1"]
