"""How a cooling grows with tasks and with metrics, as a log-log plot and as fitted exponents.

Threshold family: scattered tasks, of which hardly any cluster, and five groups. Evidence family: autocorrelated noise,
at sizes it can. The crate, where it can be had, as far as a point takes it seconds. Seconds are of processor, medians.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.crate import Crate, CrateAbsentError, crate_of
from benchmarks.peers.environment import PeersAbsentError, python
from benchmarks.rounds import milliseconds
from benchmarks.tables import Table
from benchmarks.windows import evidence_window, window
from crackle_stream import ThermalProfile, Window, cool

__all__ = ["measure"]

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "images" / "growth.svg"
DRAWING = Path(__file__).with_name("peers") / "growth_plot.py"

TASKS = (334, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000)
METRICS = (4, 8, 16, 32, 48, 96)
AT_METRICS, AT_TASKS = 16, 1_000
"""What is held while the other grows."""

EVIDENCE_TASKS = 10_000
"""Most tasks of an evidence window: the ring's default holds a tenth of that."""

CRATE_TASKS, CRATE_METRICS = 2_500, 48
"""Most for the crate: a second or so a point."""

ROUNDS = 5

LONG_S = 1.0
"""A point that takes longer is measured once."""

NEARLY_LINEAR = 1.25
"""Exponent up to which five groups may grow with the tasks from end to end: where clusters are few all but the pairs
within them is linear, and of those a sample is taken when there are millions."""

THRESHOLD, EVIDENCE = ThermalProfile.default(), ThermalProfile.evidence(per_window=0.05)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One line of the plot.

    Attributes:
        name: in the legend.
        along: what grows, tasks or metrics.
        seen: makes the window of so many tasks and metrics.
        most: as far as it goes.
        profile: by which it is cooled; None for the crate.
    """

    name: str
    along: str
    seen: Callable[[int, int], Window]
    most: int
    profile: ThermalProfile | None = THRESHOLD

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(size for size in (TASKS if self.along == "tasks" else METRICS) if size <= self.most)

    def window(self, size: int) -> Window:
        return self.seen(size, AT_METRICS) if self.along == "tasks" else self.seen(AT_TASKS, size)


def _scattered(tasks: int, metrics: int) -> Window:
    return window(tasks, metrics)


def _grouped(tasks: int, metrics: int) -> Window:
    return window(tasks, metrics, groups=5)


def _noise(tasks: int, metrics: int) -> Window:
    return evidence_window("ar", tasks, metrics)


CURVES = tuple(
    curve
    for along, most, noise, crates in (
        ("tasks", max(TASKS), EVIDENCE_TASKS, CRATE_TASKS),
        ("metrics", max(METRICS), max(METRICS), CRATE_METRICS),
    )
    for curve in (
        Curve("threshold, scattered", along, _scattered, most),
        Curve("threshold, five groups", along, _grouped, most),
        Curve("evidence", along, _noise, noise, EVIDENCE),
        Curve("the crate, scattered", along, _scattered, crates, None),
        Curve("the crate, five groups", along, _grouped, crates, None),
    )
)


Line = list[tuple[int, float]]
"""Sizes and seconds."""


def measure(quick: bool) -> list[Table]:
    """Measure every curve, fit it, and draw them all."""
    lines, absent = _lines(quick)
    if not quick:
        absent += _draw(lines)
    note = (
        f"Milliseconds of processor, medians of {ROUNDS} where a point takes less than {LONG_S:g} s; along tasks with "
        f"{AT_METRICS} metrics, along metrics with {AT_TASKS:,} tasks. The exponent is that of the power of the size "
        f"that fits all points best; the steepest step is between two neighbouring ones. {absent}"
    )
    head = ("what", "grows with", "from .. to", "ms", "exponent", "steepest step")
    return [Table("growth", head, tuple(_row(*each) for each in lines.items()), note.strip(), tuple(_missed(lines)))]


def _lines(quick: bool) -> tuple[dict[Curve, Line], str]:
    """All curves that can be measured, and why others cannot."""
    largest = 1_000 if quick else max(TASKS)
    points = [(curve, size) for curve in CURVES for size in curve.sizes if size <= largest]
    seconds = {each: _seconds(*each, quick) for each in points if each[0].profile is not None}
    theirs = [each for each in points if each[0].profile is None]
    absent = ""
    try:
        with crate_of([curve.window(size) for curve, size in theirs]) as crate:
            seconds |= {
                each: _typical(partial(_crate_seconds, crate, number), quick) for number, each in enumerate(theirs)
            }
    except CrateAbsentError as error:
        absent = f"{error}. "
    lines = {
        curve: [(size, seconds[curve, size]) for size in curve.sizes if (curve, size) in seconds] for curve in CURVES
    }
    return {curve: line for curve, line in lines.items() if line}, absent


def _seconds(curve: Curve, size: int, quick: bool) -> float:
    seen, profile = curve.window(size), curve.profile
    assert profile is not None

    def once() -> float:
        began = time.process_time()
        cool(seen, profile)
        return time.process_time() - began

    if size < max(TASKS):
        once()
    return _typical(once, quick)


def _crate_seconds(crate: Crate, number: int) -> float:
    return crate.cool(number)[1]


def _typical(once: Callable[[], float], quick: bool) -> float:
    times = [once()]
    while not quick and len(times) < ROUNDS and times[0] < LONG_S:
        times.append(once())
    return median(times)


def _exponents(line: Line) -> tuple[float, float]:
    """The exponent that fits a curve, and the largest of two neighbouring points."""
    sizes, seconds = np.log(np.array(line)).T
    steps = np.diff(seconds) / np.diff(sizes)
    return float(np.polyfit(sizes, seconds, 1)[0]), float(steps.max())


def _row(curve: Curve, line: Line) -> tuple[str, ...]:
    (least, first), (most, last) = line[0], line[-1]
    fitted, steepest = _exponents(line)
    ends = f"{milliseconds(first)} .. {milliseconds(last)}"
    return curve.name, curve.along, f"{least:,} .. {most:,}", ends, f"{fitted:.2f}", f"{steepest:.2f}"


def _missed(lines: dict[Curve, Line]) -> Iterator[str]:
    for curve, line in lines.items():
        fitted, _ = _exponents(line)
        if curve.along == "tasks" and curve.name == "threshold, five groups" and fitted > NEARLY_LINEAR:
            yield f"{curve.name} grow with the power {fitted:.2f} of the tasks, not {NEARLY_LINEAR:g}"


def _draw(lines: dict[Curve, Line]) -> str:
    """Draw the plot; why not, where the peers' environment cannot be had."""
    curves = [{"name": curve.name, "along": curve.along, "points": line} for curve, line in lines.items()]
    try:
        drawing = [str(python()), str(DRAWING), str(PICTURE)]
    except PeersAbsentError as error:
        return f"The plot is left as it was: {error}. "
    subprocess.run(drawing, input=json.dumps(curves), text=True, check=True)
    return ""
