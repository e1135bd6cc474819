"""The words for a law that holds and for one that broke."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.detect.evidence.law_columns import STEP, metric_of
from crackle_stream.model import CracklePattern, Evidence, Nature, Onset, PatternKind

if TYPE_CHECKING:
    from crackle_stream.detect.evidence.law import Law
    from crackle_stream.detect.evidence.law_memory import Remembered
    from crackle_stream.detect.evidence.law_watch import Break, Watch
    from crackle_stream.window import Window

__all__ = ["BROKEN_LAW", "LINEAR_LAW", "broken_pattern", "law_pattern"]

LINEAR_LAW = "linear law"
BROKEN_LAW = "broken law"


def law_pattern(one: Remembered, made: Watch, window: Window) -> CracklePattern:
    """A law that holds; the tasks involved are those that do not keep it."""
    kept = made.rows - len(made.violations)
    doubt = max(one.p, one.chance)
    return CracklePattern(
        kind=PatternKind.CONSERVATION,
        form=LINEAR_LAW,
        nature=Nature.FACT,
        description=f"{_equation(one.law)}{_how_well(one.law, made)}",
        confidence=1.0 - doubt,
        involved_tasks=tuple(window.labels[row] for row in made.violations.tolist()),
        metric_names=_metrics(one.law),
        metrics={
            **_coefficients(one.law),
            "constant": one.law.constant,
            "noise": one.law.noise,
            "tasks": float(made.rows),
            "kept": float(kept),
            "windows": float(one.windows + 1),
        },
        evidence=Evidence(one.p, one.p, 1.0 - len(made.violations) / made.rows, float(made.rows), calibrated=True),
    )


def broken_pattern(one: Remembered, made: Watch, broken: Break, window: Window) -> CracklePattern:
    """A law that some or all tasks of the window do not keep; the tasks involved are those."""
    p = max(one.p, broken.p)
    side = "more" if broken.residual > 0 else "less"
    label = window.labels[broken.first]
    count = len(broken.rows)
    amount = f"{abs(broken.residual):.4g}" + (f" ({abs(broken.share):.2%})" if broken.share else "")
    held = f", after {one.standing.rows} tasks that kept it" if one.standing.rows else ""
    return CracklePattern(
        kind=PatternKind.CONSERVATION,
        form=BROKEN_LAW,
        nature=Nature.EVENT,
        direction="up" if broken.residual > 0 else "down",
        description=(
            f"{_equation(one.law)} is broken since {label}: the left side is {amount} {side} than the right "
            f"in {count} of {made.rows} tasks{held}"
        ),
        confidence=1.0 - max(p, one.chance),
        involved_tasks=tuple(window.labels[row] for row in broken.rows.tolist()),
        metric_names=_metrics(one.law),
        metrics={
            **_coefficients(one.law),
            "constant": one.law.constant,
            "residual": broken.residual,
            "share": broken.share,
            "tasks": float(made.rows),
            "broken": float(count),
            "held_before": float(one.standing.rows),
        },
        evidence=Evidence(p, p, broken.share, float(made.rows), calibrated=True),
        at=Onset(broken.first, float(window.times[broken.first])),
    )


def _equation(law: Law) -> str:
    return law.text.replace(STEP, "change of ")


def _how_well(law: Law, made: Watch) -> str:
    bad = len(made.violations)
    if law.exact:
        return f" exactly, in all {made.rows} tasks" if not bad else f" in {made.rows - bad} of {made.rows} tasks"
    return f" within noise of {law.noise:.3g}, in {made.rows} tasks"


def _metrics(law: Law) -> tuple[str, ...]:
    return tuple(dict.fromkeys(metric_of(name) for name in law.names))


def _coefficients(law: Law) -> dict[str, float]:
    return {f"coefficient of {name}": value for name, value in law.terms}
