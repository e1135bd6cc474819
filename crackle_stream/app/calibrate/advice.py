"""The setting that meets a budget of false alarms, from what was measured without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from crackle_stream.app.calibrate.measured import NOMINAL, Measured, Raised

__all__ = ["Advice", "Wanted", "advice", "over"]

STEPS = tuple(digit * 10.0**-power for power in (1, 2, 3) for digit in (5, 2, 1))
"""Shares of the budget that are tried; with less than a thousandth of it nothing of interest would be found either."""

CONFIDENCES = (0.95, 0.99, 0.999)
"""Least confidences that are tried."""

MOST_NAMED = 3
"""More metrics, or detectors, left out than this is no setting but another configuration."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many false alarms are allowed.

    Attributes:
        per_week: false alerts a week of stream time.
        text: as the configuration writes it.
        evidence: whether the detectors have p values and a budget to spend.
    """

    per_week: float
    text: str
    evidence: bool = True

    def times(self, share: float) -> str:
        """A share of it, as the configuration writes it."""
        number, _, unit = self.text.partition("/")
        return f"{_decimal(float(number) * share)}/{unit.strip()}"


@dataclass(frozen=True, slots=True)
class Advice:
    """One setting that would do.

    Attributes:
        section: of the configuration.
        line: to put there.
        why: what it does.
    """

    section: str
    line: str
    why: str


def over(measured: Measured, wanted: Wanted) -> bool:
    """Whether more false alarms are shown than are wanted: by alerts, or by p values that are too small too often."""
    return measured.rate().low > wanted.per_week or (wanted.evidence and measured.below().low > NOMINAL)


def advice(measured: Sequence[Measured], wanted: Wanted) -> tuple[Advice, ...]:
    """Settings under which no more false alarms are shown than are wanted, the one that gives up least first.

    Args:
        measured: under the settings as they are.
        wanted: the budget.

    Returns:
        None where the settings are good as they are, or where no single one of these would do.
    """
    if not any(over(each, wanted) for each in measured):
        return ()
    return (*_types(measured, wanted), *_sensitivity(measured, wanted), *_without(measured, wanted))


def _types(measured: Sequence[Measured], wanted: Wanted) -> Iterator[Advice]:
    """Leave a few metrics untested, where they cause what is too much."""
    if not wanted.evidence:
        return
    for names in _growing([name for name, _ in _most([m for each in measured for m in each.by_metric()])]):
        if _meets(measured, wanted, _besides_metrics(names)):
            inside = ", ".join(f'{_key(name)} = "code"' for name in sorted(names))
            yield Advice("profile", f"types = {{ {inside} }}", "no shift or dependence is looked for in what these say")
            return


def _without(measured: Sequence[Measured], wanted: Wanted) -> Iterator[Advice]:
    """Leave a detector out."""
    counts = _most([(alert.detector, 1) for each in measured for alert in each.raised])
    for names in _growing([name for name, _ in counts]):
        if _meets(measured, wanted, _besides_detectors(names)):
            inside = ", ".join(f'"{name}"' for name in sorted(names))
            yield Advice("profile", f"without = [{inside}]", "what only these find will not be found")
            return


def _sensitivity(measured: Sequence[Measured], wanted: Wanted) -> Iterator[Advice]:
    """A smaller budget, or more confidence."""
    if not wanted.evidence:
        for least in CONFIDENCES:
            if _meets(measured, wanted, _as_sure_as(least)):
                yield Advice("alerts", f"min_confidence = {least:g}", "weaker patterns raise nothing")
                return
        return
    most = min([1.0, *(NOMINAL / each.below().value for each in measured if each.below().low > NOMINAL)])
    for share in STEPS:
        if share <= most and _meets(measured, wanted, _within_share(share)):
            why = "what is found must be so much rarer; small changes are found later, or not"
            yield Advice("profile", f'budget = "{wanted.times(share)}"', why)
            return


def _meets(measured: Sequence[Measured], wanted: Wanted, left: Callable[[Raised], bool]) -> bool:
    """Whether the alerts that are left are not shown to be too many."""
    return all(each.rate(left).low <= wanted.per_week for each in measured)


def _besides_metrics(names: frozenset[str]) -> Callable[[Raised], bool]:
    return lambda alert: not names & set(alert.metrics)


def _besides_detectors(names: frozenset[str]) -> Callable[[Raised], bool]:
    return lambda alert: alert.detector not in names


def _as_sure_as(least: float) -> Callable[[Raised], bool]:
    return lambda alert: alert.confidence >= least


def _within_share(share: float) -> Callable[[Raised], bool]:
    return lambda alert: alert.spent <= share


def _most(counted: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """Names and their sums, the most first."""
    sums: dict[str, int] = {}
    for name, count in counted:
        sums[name] = sums.get(name, 0) + count
    return sorted(sums.items(), key=lambda each: (-each[1], each[0]))


def _growing(names: Sequence[str]) -> Iterator[frozenset[str]]:
    """The first, the first two, ..."""
    sets: Iterator[frozenset[str]] = accumulate((frozenset({name}) for name in names), frozenset.union)
    for number, each in enumerate(sets, 1):
        if number > MOST_NAMED:
            return
        yield each


def _key(name: str) -> str:
    """A name as a key of TOML."""
    bare = name.isascii() and name.replace("_", "").replace("-", "").isalnum()
    return name if bare else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _decimal(number: float) -> str:
    """A number as a budget may be written: without an exponent."""
    return f"{number:.6f}".rstrip("0").rstrip(".")
