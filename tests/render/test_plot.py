from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
from sample_figures import HOSTILE, UNHURRIED, a_figure, figures

from crackle_stream.model import Axis, Figure, Layer, Shape, Tone
from crackle_stream.render.plot import plot
from crackle_stream.render.text import cells


def text(figure: Figure, width: int = 40, rows: int = 7) -> list[str]:
    return ["".join(piece for piece, _ in line).rstrip() for line in plot(figure, width, rows)]


def test_a_step_is_seen_with_its_mark_and_its_level() -> None:
    assert text(a_figure(), width=30, rows=5) == [
        "     latency_ms",
        "170 ┤              ╎⣶⣶⣶⣶⣦⣤⣤⣤⣶⣶",
        "    │              ╎",
        "    │              ╎",
        "    │  ⣀⣀⣀⡀        ╎",
        " 90 ┤──────────────╎",
        "     20:40:00 8 tasks 20:42:00",
        "     ─ level",
    ]


@UNHURRIED
@given(figures(), st.integers(1, 120), st.integers(2, 9))
def test_lines_fit_are_harmless_and_as_many_as_asked_for(figure: Figure, width: int, rows: int) -> None:
    lines = text(figure, width, rows)
    assert all(line.isprintable() for line in lines)
    # so narrow that no number fits beside eight cells: it is drawn as narrow as it can be read
    assert max(map(cells, lines)) <= max(width, 8 + 11 + 2)
    assert rows + 2 <= len(lines) <= rows + 4


def test_hostile_labels_are_written_out() -> None:
    figure = a_figure(x=Axis(HOSTILE, 0, 7), y=Axis(HOSTILE, 90, 170))
    assert r"\x1b[2J" in text(figure, 80)[0]


def test_dots_that_the_finding_is_about_are_letters_and_the_rest_is_braille() -> None:
    layers = tuple(
        Layer(Shape.DOTS, tone, (float(place),), (float(place),), label=f"in {tone}")
        for place, tone in enumerate((Tone.CALM, Tone.ODD, Tone.OTHER, Tone.THIRD))
    )
    figure = Figure("t", "d", Axis("a", 0.0, 3.0), Axis("b", 0.0, 3.0), layers)
    lines = plot(figure, 60, 4)
    found = {tone: piece for line in lines[1:5] for piece, tone in line if tone}
    assert found == {Tone.CALM: "⡀", Tone.ODD: "o", Tone.OTHER: "x", Tone.THIRD: "+"}
    assert "".join(piece for piece, _ in lines[-1]).split("  ") == [
        "",
        " ⣿ in calm",
        "o in odd",
        "x in other",
        "+ in third",
        "",
    ]


def test_bars_stand_on_zero() -> None:
    bars = Layer(Shape.BARS, Tone.CALM, (0.0, 1.0), (1.0, -1.0))
    figure = Figure("t", "d", Axis("lag", 0.0, 1.0), Axis("r", -1.0, 1.0), (bars,))
    assert text(figure, 12, 4) == [
        "    r",
        " 1 ┤⡇",
        "   │⡇",
        "   │⠁      ⢸",
        "-1 ┤       ⢸",
        "    0 lag  1",
    ]


def test_a_line_joins_its_points() -> None:
    line = Layer(Shape.LINE, Tone.CALM, (0.0, 1.0), (0.0, 1.0))
    figure = Figure("t", "d", Axis("a", 0.0, 1.0), Axis("b", 0.0, 1.0), (line,))
    rows = [row.partition("│")[2] or row.partition("┤")[2] for row in text(figure, 19, 4)[1:5]]
    reach = [len(row) for row in rows]
    assert all(above > below for above, below in itertools.pairwise(reach))
