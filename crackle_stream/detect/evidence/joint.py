"""Several metrics that change at one place, told as one event."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from crackle_stream.detect.evidence.places import location_error, row_of
from crackle_stream.detect.evidence.shift_patterns import FORMS, NO_LONGER_CONSTANT, where
from crackle_stream.model import CracklePattern, Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.window import Window

__all__ = ["joint_shift", "most_changed"]

SHOWN_METRICS = 2
"""Metrics that a sentence names beside the one that changed most."""

MEASURED_METRICS = 8
"""Metrics beside the leading one whose numbers a pattern carries; their names it carries all."""

_ALSO = {"variance": "its spread", "shape": "the shape of its distribution"}


def most_changed(place: Sequence[CracklePattern]) -> list[CracklePattern]:
    """One change a metric, the metrics whose distribution moved most first; of a metric's changes the plainest.

    A metric that had one value for ever and left it comes before all others: that is what is new about the place.

    Args:
        place: changes of one metric each, at one place.
    """
    plain: dict[tuple[str, ...], CracklePattern] = {}
    for one in sorted(place, key=lambda one: FORMS.index(one.form)):
        plain.setdefault(one.metric_names, one)
    return sorted(plain.values(), key=_weight)


def _weight(one: CracklePattern) -> tuple[bool, float, tuple[str, ...]]:
    return one.form != NO_LONGER_CONSTANT, -one.metrics.get("distance", 0.0), one.metric_names


def joint_shift(place: Sequence[CracklePattern], window: Window) -> CracklePattern:
    """The changes of one place as one pattern, of the metric that changed most and with the others'.

    Each change has passed on its own, so the smallest of their p values stands for the event without a further
    price. Where it begins is where the sharpest of them does.

    Args:
        place: changes of one metric each; at least one.
        window: the window.
    """
    ranked = most_changed(place)
    leading, others = ranked[0], ranked[1:]
    surest = max(place, key=lambda one: (one.confidence, -_p(one)))
    # Where a constant is left is known to the task.
    sharpest = min(place, key=lambda one: (location_error(one, len(window)), one.form != NO_LONGER_CONSTANT))
    own = {one.form for one in place if one.metric_names == leading.metric_names}
    also = sorted(own - {leading.form}, key=FORMS.index) if leading.form != NO_LONGER_CONSTANT else []
    if len(place) == 1:
        return leading
    told = leading.description.removesuffix(f", {where(row_of(leading), window)}")
    told += "".join(f"; {_ALSO[form]} changed too" for form in also if form in _ALSO)
    return replace(
        leading,
        description=f"{told}{_with(others)}, {where(row_of(sharpest), window)}",
        confidence=surest.confidence,
        metric_names=tuple(one.metric_names[0] for one in ranked),
        metrics={**leading.metrics, "shifted_metrics": float(len(ranked)), **_numbers(others[:MEASURED_METRICS])},
        evidence=_joint_evidence(leading, surest),
        at=sharpest.at,
    )


def _joint_evidence(leading: CracklePattern, surest: CracklePattern) -> Evidence | None:
    if leading.evidence is None or surest.evidence is None:
        return surest.evidence
    return replace(surest.evidence, effect=leading.evidence.effect)


def _with(others: Sequence[CracklePattern]) -> str:
    names = [one.metric_names[0] for one in others]
    if len(names) <= SHOWN_METRICS + 1:
        return f", with {_listed(names)}" if names else ""
    return f", with {', '.join(names[:SHOWN_METRICS])} and {len(names) - SHOWN_METRICS} more"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _numbers(others: Sequence[CracklePattern]) -> dict[str, float]:
    return {f"{one.metric_names[0]}: {key}": value for one in others for key, value in one.metrics.items()}


def _p(pattern: CracklePattern) -> float:
    return 1.0 if pattern.evidence is None else pattern.evidence.p
