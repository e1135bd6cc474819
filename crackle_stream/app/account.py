"""What the detectors looked at, in words: so that silence can be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crackle_stream.cooling import CoolingReport
from crackle_stream.model import Examination, NearMiss

__all__ = ["Account", "examined", "skipped"]

SHOWN_SKIPS = 10
"""Skipped metrics or pairs that a window's line names; it counts all of them."""

Q_UNIT = "-log10 of q"
"""The unit of near misses that a budget judged, and so of those that can be compared between detectors."""


def examined(report: CoolingReport) -> Iterator[Mapping[str, Any]]:
    """By detector: its tests, what it proposed, and how near the best that did not pass came."""
    for name, made in report.examined.items():
        told: dict[str, Any] = {"detector": name, "tests": made.tests, "candidates": len(made.candidates)}
        if not made.complete:
            told["ended_early"] = True
        if made.nearest is not None:
            told["nearest"] = near(made.nearest)
        yield told


def skipped(report: CoolingReport) -> Mapping[str, Any]:
    """What no detector or only some detectors tested, and why; empty where nothing was left out.

    What several detectors skip for the same reason is told once.
    """
    reasons: dict[str, list[str]] = {}
    for name, made in report.examined.items():
        for skip in made.skipped:
            reasons.setdefault(f"{skip.what}: {skip.why}", []).append(name)
    if not reasons:
        return {}
    told = [f"{reason} ({', '.join(names)})" for reason, names in reasons.items()]
    return {"count": len(told), "what": told[:SHOWN_SKIPS]}


def near(miss: NearMiss) -> str:
    """A near miss in words."""
    if miss.unit != Q_UNIT:
        return f"{miss.what}: {miss.unit} {miss.value + 0.0:.4g}, the bar is {miss.bar:.4g}"  # + 0.0: no "-0"
    short = f"{miss.bar - miss.value:.1f} powers of ten short"
    return f"{miss.what}: q {10**-miss.value:.2g}, the bar is {10**-miss.bar:.2g}: {short}"


class Account:
    """Sums up what was looked at in all windows of a run."""

    def __init__(self) -> None:
        self._windows = self._patterns = 0
        self._tests: dict[str, int] = {}
        self._best: tuple[float, str] | None = None

    def see(self, report: CoolingReport) -> None:
        """One more window."""
        self._windows += 1
        self._patterns += len(report.patterns)
        for name, made in report.examined.items():
            self._tests[name] = max(self._tests.get(name, 0), made.tests)
            self._see_nearest(name, made)

    def _see_nearest(self, detector: str, made: Examination) -> None:
        miss = made.nearest
        if miss is None or miss.unit != Q_UNIT:
            return
        short = miss.bar - miss.value
        if self._best is None or short < self._best[0]:
            self._best = short, f"{near(miss)} ({detector})"

    def told(self) -> Mapping[str, Any]:
        """All of it in one line; empty where no window was cooled."""
        if not self._windows:
            return {}
        tests = ", ".join(f"{name} {count}" for name, count in self._tests.items())
        over = f"{_count(self._patterns, 'finding')} over the bar" if self._patterns else "nothing over the bar"
        said = f"{_count(self._windows, 'window')}; most tests in one: {tests or 'none'}; {over}"
        if self._best is not None:
            said += f"; the best that stayed under it: {self._best[1]}"
        return {"windows": self._windows, "patterns": self._patterns, "said": said}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
