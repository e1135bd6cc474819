"""Timing in rounds: every case once a round, so that a busy minute falls on all of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Timing", "interleaved", "milliseconds"]

SHORT_S = 0.05
"""A case is repeated within its round until it has taken this long; its time is then the mean."""


@dataclass(frozen=True)
class Timing:
    """What a call took, one value a round.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of this process's own computing; less than the clock's where others wanted the machine too.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...]

    @property
    def typical(self) -> float:
        """The median by the clock."""
        return median(self.wall)

    def __str__(self) -> str:
        ends = f"({milliseconds(min(self.wall))} .. {milliseconds(max(self.wall))})"
        return f"{milliseconds(self.typical):>7} {ends:<18} {milliseconds(median(self.cpu)):>7}"


def interleaved(cases: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Timing]:
    """Time each case in every round, in turn, after one call that does not count."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for case in cases.values():
        case()
    for _ in range(rounds):
        for name, case in cases.items():
            taken[name].append(_mean_seconds(case))
    return {name: Timing(*(tuple(each) for each in zip(*values, strict=True))) for name, values in taken.items()}


def milliseconds(seconds: float) -> str:
    """Three digits or so."""
    value = seconds * 1e3
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _mean_seconds(case: Callable[[], object]) -> tuple[float, float]:
    calls, began, computed = 0, time.perf_counter(), time.process_time()
    while True:
        case()
        calls += 1
        taken = time.perf_counter() - began
        if taken >= SHORT_S:
            return taken / calls, (time.process_time() - computed) / calls
