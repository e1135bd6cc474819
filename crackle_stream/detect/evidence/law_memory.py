"""What is remembered of a law between windows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from crackle_stream.detect.evidence.law import Law
from crackle_stream.detect.evidence.law_watch import Standing

__all__ = ["Remembered", "recalled", "to_learn"]

FORGET_AFTER = 10
"""Windows in a row in which a law is broken or cannot be checked, after which it is no law any more."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """A law and how it fared so far.

    Attributes:
        law: the law.
        standing: how well it was kept.
        p: bound on the chance that it was found where there is none.
        chance: chance that its coefficients only look simple.
        windows: windows that kept it.
        absent: windows in a row that did not.
    """

    law: Law
    standing: Standing
    p: float
    chance: float
    windows: int = 0
    absent: int = 0


def recalled(learned: Mapping[str, object]) -> list[Remembered]:
    """The laws that `to_learn` wrote down; none from an empty memory."""
    rows = learned.get("laws", ())
    assert isinstance(rows, Sequence)
    return [_recall(row) for row in rows]


def to_learn(laws: Iterable[Remembered]) -> dict[str, object]:
    """Plain data for the history; laws that were absent for long are left out."""
    return {"laws": [_plain(one) for one in laws if one.absent < FORGET_AFTER]}


def _plain(one: Remembered) -> dict[str, object]:
    return {
        **one.law.to_plain(),
        "rows": one.standing.rows,
        "violations": one.standing.violations,
        "scale": one.standing.scale,
        "proportional": one.standing.proportional,
        "p": one.p,
        "chance": one.chance,
        "windows": one.windows,
        "absent": one.absent,
    }


def _recall(row: Mapping[str, object]) -> Remembered:
    def number(name: str) -> float:
        value = row[name]
        assert isinstance(value, int | float)
        return float(value)

    standing = Standing(int(number("rows")), int(number("violations")), number("scale"), bool(row["proportional"]))
    return Remembered(
        Law.from_plain(row), standing, number("p"), number("chance"), int(number("windows")), int(number("absent"))
    )
