"""A small plot, described: what is drawn where, without a word on how."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

__all__ = ["MOST_POINTS", "Axis", "Figure", "Layer", "Shape", "Tone"]

MOST_POINTS = 400
"""Points of all layers of a figure; more are refused when one is read, since it may come from anywhere."""


class Shape(StrEnum):
    """How the points of a layer are drawn."""

    BAND = "band"
    """From `low` to `y` at each x: the least and the greatest of what lies there."""
    LINE = "line"
    """One stroke through all points."""
    DOTS = "dots"
    """A dot at each point."""
    BARS = "bars"
    """From 0 to y at each x."""
    RULE = "rule"
    """An upright line across the figure at each x."""


class Tone(StrEnum):
    """What a layer is to the finding."""

    CALM = "calm"
    """The rest, from which the finding stands out."""
    ODD = "odd"
    """What the finding is about: after the change, the tasks that carry it, the smallest group."""
    OTHER = "other"
    """A second group."""
    THIRD = "third"
    """All groups beyond the second."""
    MODEL = "model"
    """What is computed and not measured: a level, a fit, a law."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One direction of a figure.

    Attributes:
        label: what is measured along it.
        low: the number at its beginning.
        high: the number at its end; more than `low`.
        low_text: what is written at its beginning instead of the number.
        high_text: what is written at its end instead of the number.
    """

    label: str
    low: float
    high: float
    low_text: str = ""
    high_text: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(
                f"the axis {self.label!r} must go up between two finite numbers, not {self.low, self.high}"
            )

    def share(self, value: float) -> float:
        """Where on the axis a value lies, 0 at its beginning and 1 at its end; beyond them at the nearer one.

        >>> Axis("ms", 10.0, 20.0).share(15.0), Axis("ms", 10.0, 20.0).share(99.0)
        (0.5, 1.0)
        """
        inside = min(max(value, self.low), self.high)
        span = self.high - self.low
        if math.isfinite(span):
            return (inside - self.low) / span
        # The span of two numbers of opposite sign may be more than a float holds, half of it never is.
        return (inside / 2 - self.low / 2) / (self.high / 2 - self.low / 2)


@dataclass(frozen=True, slots=True)
class Layer:
    """Points that are drawn alike.

    Attributes:
        shape: how they are drawn.
        tone: what they are to the finding.
        x: n places along the x axis.
        y: n places along the y axis; empty for rules.
        low: n lower ends of a band; empty for all other shapes.
        label: what they are, in a few words; "" where the axes say it.
    """

    shape: Shape
    tone: Tone
    x: tuple[float, ...]
    y: tuple[float, ...] = ()
    low: tuple[float, ...] = ()
    label: str = ""

    def __post_init__(self) -> None:
        count = len(self.x)
        heights = 0 if self.shape is Shape.RULE else count
        lows = count if self.shape is Shape.BAND else 0
        if (len(self.y), len(self.low)) != (heights, lows):
            raise ValueError(
                f"a {self.shape} of {count} points needs {heights} heights and {lows} lower ends, "
                f"not {len(self.y)} and {len(self.low)}"
            )
        if not all(map(math.isfinite, (*self.x, *self.y, *self.low))):
            raise ValueError(f"a {self.shape} has a point that is no finite number")


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot of one finding, small enough to travel beside it.

    Attributes:
        title: what is shown, in one line.
        text: what there is to see, for whoever does not see it; also says what was left out.
        x: the axis across.
        y: the axis up.
        layers: what is drawn, the first ones below.
        mark: where along x the finding begins, or None; also drawn as a rule.
    """

    title: str
    text: str
    x: Axis
    y: Axis
    layers: tuple[Layer, ...]
    mark: float | None = None

    def __post_init__(self) -> None:
        points = sum(len(layer.x) for layer in self.layers)
        if points > MOST_POINTS:
            raise ValueError(f"a figure has at most {MOST_POINTS} points, not {points}")
        if self.mark is not None and not math.isfinite(self.mark):
            raise ValueError("a mark must be a finite number")

    def to_dict(self) -> dict[str, object]:
        """The figure as JSON values."""
        return {
            "title": self.title,
            "text": self.text,
            "x": _axis_dict(self.x),
            "y": _axis_dict(self.y),
            "mark": self.mark,
            "layers": [
                {
                    "shape": str(layer.shape),
                    "tone": str(layer.tone),
                    "label": layer.label,
                    "x": list(layer.x),
                    "y": list(layer.y),
                    "low": list(layer.low),
                }
                for layer in self.layers
            ],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The figure that `to_dict` wrote down.

        Raises:
            ValueError: a key is missing or holds something else.
        """
        try:
            return cls(
                title=str(stored["title"]),
                text=str(stored["text"]),
                x=_axis(stored["x"]),
                y=_axis(stored["y"]),
                mark=None if stored["mark"] is None else float(stored["mark"]),
                layers=tuple(_layer(one) for one in stored["layers"]),
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"this is no stored figure: {type(error).__name__}: {error}") from error


def _axis_dict(axis: Axis) -> dict[str, object]:
    return {
        "label": axis.label,
        "low": axis.low,
        "high": axis.high,
        "low_text": axis.low_text,
        "high_text": axis.high_text,
    }


def _axis(stored: Mapping[str, Any]) -> Axis:
    return Axis(
        str(stored["label"]),
        float(stored["low"]),
        float(stored["high"]),
        str(stored["low_text"]),
        str(stored["high_text"]),
    )


def _layer(stored: Mapping[str, Any]) -> Layer:
    return Layer(
        Shape(stored["shape"]),
        Tone(stored["tone"]),
        _numbers(stored["x"]),
        _numbers(stored["y"]),
        _numbers(stored["low"]),
        str(stored["label"]),
    )


def _numbers(stored: Iterable[Any]) -> tuple[float, ...]:
    return tuple(map(float, stored))
