"""What was measured, to read or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from crackle_stream.app.calibrate.advice import Advice, Wanted, over
from crackle_stream.app.calibrate.intervals import Interval
from crackle_stream.app.calibrate.measured import NOMINAL, Measured
from crackle_stream.app.calibrate.recording import Recording

__all__ = ["Calibration", "as_text"]

WORDS = {
    "sieve": "every metric redrawn from an autoregression of its own",
    "blocks": "every metric's own stretches in another order",
}

MOST_METRICS = 5


@dataclass(frozen=True, slots=True)
class Calibration:
    """Everything that is told.

    Attributes:
        file: what was measured.
        recording: its records.
        wanted: the budget.
        measured: by method.
        advice: settings that would meet it.
        untimed_s: seconds a window counts for, where records bear no time; else None.
    """

    file: str
    recording: Recording
    wanted: Wanted
    measured: tuple[Measured, ...]
    advice: tuple[Advice, ...]
    untimed_s: float | None = None

    @property
    def within(self) -> bool:
        """Whether no more false alarms are shown than are wanted."""
        return not any(over(each, self.wanted) for each in self.measured)

    def to_dict(self) -> dict[str, object]:
        """As JSON values."""
        return {
            "file": self.file,
            "records": len(self.recording.batch),
            "rejected": self.recording.rejected,
            "budget": self.wanted.text,
            "within": self.within,
            "streams": [_stream(each, evidence=self.wanted.evidence) for each in self.measured],
            "advice": [asdict(each) for each in self.advice],
        }


def _stream(measured: Measured, *, evidence: bool) -> dict[str, object]:
    named = {name: measured.rate_of(name) for name in measured.detectors}
    return {
        "method": measured.method,
        "windows": len(measured.windows),
        "worth": measured.worth,
        "weeks": measured.weeks,
        "alerts": len(measured.raised),
        "per_week": asdict(measured.rate()),
        "below_nominal": asdict(measured.below()) if evidence else None,
        "nominal": NOMINAL,
        "detectors": {
            name: {
                "alerts": sum(alert.detector == name for alert in measured.raised),
                "per_week": asdict(rate),
                "below_nominal": asdict(measured.below(detector=name)) if evidence else None,
            }
            for name, rate in named.items()
        },
        "metrics": dict(measured.by_metric()),
        "failures": dict(measured.failures),
    }


def as_text(calibration: Calibration) -> Iterator[str]:
    """The report in lines."""
    recording, wanted = calibration.recording, calibration.wanted
    said = f"{len(recording.batch):,} records of {len(recording.batch.names)} metrics"
    yield f"{calibration.file}: {said}; allowed: {wanted.text} false alerts"
    if recording.cut:
        yield f"  it goes on: these are its first {len(recording.batch) + recording.rejected:,} records"
    if recording.rejected:
        yield f"  {recording.rejected:,} more records could not be read and are left out"
    if calibration.untimed_s is not None:
        yield (
            f"  its records bear no time, so each window counts for {calibration.untimed_s:g} s: "
            'name their time, [decode] time = "field"'
        )
    for measured in calibration.measured:
        yield ""
        yield from _table(measured, evidence=wanted.evidence)
    yield ""
    yield from _conclusion(calibration)


def _table(measured: Measured, *, evidence: bool) -> Iterator[str]:
    yield f"{measured.method}: {WORDS[measured.method]}"
    overlap = f", worth {measured.worth:,.0f} that do not overlap" if measured.worth < len(measured.windows) else ""
    yield f"  {len(measured.windows):,} windows{overlap}, {_weeks(measured.weeks)} of stream time"
    head = f"  {'detector':<16} {'alerts':>6}  {'a week':>9} {'95 %':<20}"
    yield (head + ("  windows rarer than 5 %" if evidence else "")).rstrip()
    for name in (*measured.detectors, "all"):
        yield _row(measured, name, evidence=evidence).rstrip()
    metrics = measured.by_metric()
    if metrics:
        shown = ", ".join(f"{name} ({count})" for name, count in metrics[:MOST_METRICS])
        more = len(metrics) - MOST_METRICS
        yield f"  in: {shown}" + (f" and {more} more" if more > 0 else "")
    for text, count in measured.failures.items():
        yield f"  {count} times: {text}"


def _row(measured: Measured, name: str, *, evidence: bool) -> str:
    every = name == "all"
    count = sum(every or alert.detector == name for alert in measured.raised)
    rate = measured.rate() if every else measured.rate_of(name)
    below = measured.below(detector=None if every else name)
    told = f"  {name:<16} {count:>6}  {_short(rate.value):>9} {_span(rate):<20}"
    return f"{told}  {100 * below.value:>5.1f} % {_span(below, 100)}" if evidence else told


def _conclusion(calibration: Calibration) -> Iterator[str]:
    wanted = calibration.wanted
    if calibration.within:
        most = max(each.rate().high for each in calibration.measured)
        yield f"Within {wanted.text}, as far as this can tell: these windows exclude more than {_short(most)} a week."
        if most > 10 * wanted.per_week:
            yield "More windows (--windows) would tell more."
        return
    yield f"More false alerts than {wanted.text}:"
    for each in calibration.measured:
        if each.rate().low > wanted.per_week:
            yield f"  {each.method}: at least {_short(each.rate().low)} a week"
        if wanted.evidence and each.below().low > NOMINAL:
            factor = each.below().value / NOMINAL
            yield f"  {each.method}: p values under 5 % come {factor:.1f} times as often as they should"
    if not calibration.advice:
        yield "No single setting would meet it. Where the recording holds incidents, measure a quiet stretch of it."
        return
    yield "Any one of these would meet it on these streams:"
    for one in calibration.advice:
        yield f"  [{one.section}]"
        yield f"  {one.line}    # {one.why}"
    yield "Where the recording holds incidents, measure a quiet stretch of it first."


def _weeks(weeks: float) -> str:
    for unit, size in (("weeks", 1.0), ("days", 7.0), ("hours", 168.0)):
        if weeks * size >= 1:
            return f"{weeks * size:,.1f} {unit}"
    return f"{weeks * 168 * 60:,.1f} minutes"


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _span(interval: Interval, factor: float = 1.0) -> str:
    return f"({_short(factor * interval.low)} to {_short(factor * interval.high)})"
