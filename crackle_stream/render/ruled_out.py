"""What a finding is not, as far as the window's examination says so: silence about the rest is worth saying."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.model import PatternKind
from crackle_stream.render.numbers import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crackle_stream.cooling import CoolingReport
    from crackle_stream.model import CracklePattern
    from crackle_stream.window import Window

__all__ = ["ruled_out"]


def ruled_out(pattern: CracklePattern, report: CoolingReport, window: Window) -> Iterator[str]:
    """A phrase for each thing that was looked for and not found, or that the test excludes.

    Only the evidence family can say anything: a rule of thumb excludes nothing.

    Args:
        pattern: the finding.
        report: what was examined beside it.
        window: the window.
    """
    if pattern.evidence is None:
        return
    kind = str(pattern.kind)
    if kind == PatternKind.PHASE_TRANSITION:
        yield from _of_a_change(pattern, report, window)
    elif kind == PatternKind.CORRELATION:
        yield from _of_a_pair(pattern)
    elif kind == PatternKind.CONSERVATION:
        yield from _of_a_law(pattern, report)
    elif kind == PatternKind.CLUSTERING and pattern.form == "groups":
        yield "no shift: the groups lie side by side in time"
        yield "no single cloud: there is a valley between them"
    if report.failures:
        yield f"not all was looked at: {', '.join(dict.fromkeys(one.detector for one in report.failures))} failed"


def _of_a_change(pattern: CracklePattern, report: CoolingReport, window: Window) -> Iterator[str]:
    still = _unchanged(report, window)
    if still:
        yield f"{'the one other metric' if still == 1 else f'the other {still} metrics'} did not change"
    if _tested(report, "laws"):
        held = sum(one.form == "linear law" for one in report.patterns)
        broken = any(one.form == "broken law" for one in report.patterns)
        if not broken:
            yield f"no law broke ({counted(held, 'law')} hold{'s' if held == 1 else ''})" if held else "no law broke"
    if pattern.form in ("mean", "variance", "shape"):
        yield "no drift of its own: what its past explains was taken off"


def _unchanged(report: CoolingReport, window: Window) -> int:
    """Metrics that were tested for a change and show none."""
    made = report.examined.get("shift")
    if made is None or not made.tests or not made.complete:
        return 0
    left_out = {skip.what for skip in made.skipped}
    changed = {name for one in report.patterns if one.kind == PatternKind.PHASE_TRANSITION for name in one.metric_names}
    return sum(name not in left_out and name not in changed for name in window.names)


def _of_a_pair(pattern: CracklePattern) -> Iterator[str]:
    yield "no common trend: what each metric's own past explains was taken off"
    if pattern.form == "nonlinear":
        yield "no straight line"
    if pattern.form == "lagged":
        yield "less at the same task"
    yield "no cause shown: a third metric may drive both"


def _of_a_law(pattern: CracklePattern, report: CoolingReport) -> Iterator[str]:
    if pattern.form == "broken law":
        held = sum(one.form == "linear law" for one in report.patterns)
        if held:
            yield f"{'another law' if held == 1 else f'{held} other laws'} still hold{'s' if held == 1 else ''}"
        if pattern.metrics.get("implied_shifts"):
            yield "no shifts of their own: the metrics' changes are no larger than what is missing"
    elif pattern.form == "linear law":
        yield "no two names of one metric: copies were left out"


def _tested(report: CoolingReport, detector: str) -> bool:
    made = report.examined.get(detector)
    return made is not None and bool(made.tests) and made.complete
