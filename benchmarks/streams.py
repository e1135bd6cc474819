"""Whether a stream's alarms stay within their budget: `python -m benchmarks.streams [--windows 10000] [--weeks N]`.

Windows of one minute, 500 tasks x 12 metrics, cooled one after another with the history and the alert lifecycle that a
pipeline has. Quiet streams: raised alerts against the budget, the p values of all tests against the diagonal, and how
often windows reach a confidence. Streams with incidents (a shift of two standard deviations, a balance that breaks, a
metric that begins to follow another): the share raised within two windows. Streams are independent of each other and
run in processes of their own; each begins with an empty history.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.gates import Verdict, at_least
from benchmarks.parallel import WORKERS, spread
from benchmarks.reliability import svg, write
from benchmarks.streamed import INCIDENTS, KINDS, WINDOW_S, Incident, Stream
from benchmarks.witness import CHANCES, SORTS, Exceedances, cool_watched
from crackle_stream.alerting import AlertPolicy, Lifecycle, Sighting
from crackle_stream.budget import Budget
from crackle_stream.history import History
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Nature
from crackle_stream.profile import ThermalProfile
from crackle_stream.window import Window

WEEK_S = 7 * 86400.0
WEEK_WINDOWS = round(WEEK_S / WINDOW_S)

RAISED_WITHIN = 2
"""Windows, the one in which it begins included, within which an incident must be raised."""

RAISED_SHARE = 0.95

EVERY_WINDOWS = 20
"""Windows from one planted incident to the next."""

CONFIDENCES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 0.9999)

SHOWN_ALERTS = 12

TAIL = 1e-5
"""Chance down to which p values have to lie on or under the diagonal."""

PART_WINDOWS = 200
"""Windows of a stream with incidents, so that there are streams enough to share between the processes."""


@dataclass(frozen=True, slots=True)
class Job:
    """One stream."""

    kind: str
    seed: int
    windows: int
    budget: str
    every: int


@dataclass
class Ran:
    """What a stream gave.

    Attributes:
        job: the stream.
        raised: natures and forms of the raised alerts, with window and words.
        exceedances: the p values.
        q: smallest of each window after multiplicity.
        caught: of each incident its kind and the window, counted from the one it begins in, that raised it.
        failures: of detectors.
    """

    job: Job
    raised: list[tuple[Nature, str, str]] = field(default_factory=list)
    exceedances: Exceedances = field(default_factory=Exceedances)
    q: list[float] = field(default_factory=list)
    caught: list[tuple[str, int | None]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def run(job: Job) -> Ran:
    """Cool a stream from its first window to its last."""
    stream, ran = Stream(job.kind, job.seed, job.every), Ran(job)
    profile = ThermalProfile.evidence(budget=job.budget)
    policy = AlertPolicy().with_least(profile.family.min_confidence)
    history, lifecycle = History(), Lifecycle()
    told: list[list[CracklePattern]] = []
    for _ in range(job.windows):
        window = stream.take()
        report, witness = cool_watched(window, profile, history)
        history = report.history
        lifecycle, notices = lifecycle.after(_sighting(window, report.patterns), policy)
        raised = [notice for notice in notices if notice.status == AlertStatus.RAISED]
        ran.raised += [(one.pattern.nature, one.pattern.form, _words(window, one)) for one in raised]
        ran.exceedances.count(witness.p)
        ran.q.append(witness.q)
        ran.failures += [f"{window.id}: {failure.detector}: {failure.problem}" for failure in report.failures]
        # a fact alerts only where a route asks: for the incident that is one, being in the report is what counts
        facts = [pattern for pattern in report.patterns if pattern.nature == Nature.FACT]
        told.append([*(one.pattern for one in raised), *facts])
    ran.caught = [(one.kind, _caught(one, told)) for one in stream.incidents]
    return ran


def _sighting(window: Window, patterns: tuple[CracklePattern, ...]) -> Sighting:
    return Sighting(window.id, window.end_time, patterns)


def _words(window: Window, alert: Alert) -> str:
    return f"{window.id}: {alert.pattern.description} (confidence {alert.pattern.confidence:.4f})"


def _caught(incident: Incident, told: Sequence[Sequence[CracklePattern]]) -> int | None:
    """The first window, 0 for the one it begins in, that tells of the incident in time."""
    names = {f"metric_{column}" for column in incident.columns}
    for later, patterns in enumerate(told[incident.window : incident.window + RAISED_WITHIN]):
        if any(_tells(incident.kind, names, pattern) for pattern in patterns):
            return later
    return None


def _tells(kind: str, names: set[str], pattern: CracklePattern) -> bool:
    about = set(pattern.metric_names)
    if kind == "shift":
        return pattern.kind == "phase transition" and names <= about
    if kind == "law":
        return pattern.form == "broken law" and about == names
    return pattern.form == "lagged" and about == names


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=10_000, help="windows a kind of stream (10000)")
    parser.add_argument("--weeks", type=float, help="weeks a kind of stream, instead of windows")
    parser.add_argument("--budget", default="1/hour", help="false alarms allowed (1/hour)")
    parser.add_argument("--kinds", default=",".join(KINDS), help="kinds of stream (ar,mixed)")
    parser.add_argument("--only", choices=("quiet", "incidents"), help="one half")
    parser.add_argument("--streams", type=int, default=WORKERS, help="independent quiet streams a kind (one a core)")
    parser.add_argument("--incidents", type=int, default=300, help="incidents a kind of stream (300)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the first stream (1)")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes (one a core)")
    parser.add_argument("--plots", type=Path, default=Path("build/accuracy"), help="where the plots go")
    options = parser.parse_args()
    windows = options.windows if options.weeks is None else round(options.weeks * WEEK_WINDOWS)
    kinds = options.kinds.split(",")
    if options.only != "incidents":
        each = -(-windows // options.streams)
        seeds = range(options.seed, options.seed + options.streams)
        jobs = [Job(kind, seed, each, options.budget, 0) for kind in kinds for seed in seeds]
        _print_quiet(list(spread(run, jobs, options.workers, "quiet streams")), options.plots)
    if options.only != "quiet":
        parts = -(-options.incidents * EVERY_WINDOWS // PART_WINDOWS)
        seeds = range(options.seed + 1000, options.seed + 1000 + parts)
        jobs = [Job(kind, seed, PART_WINDOWS, options.budget, EVERY_WINDOWS) for kind in kinds for seed in seeds]
        _print_incidents(list(spread(run, jobs, options.workers, "streams with incidents")))


# What quiet streams say


def _print_quiet(rans: Sequence[Ran], plots: Path) -> None:
    kinds = {
        kind: [ran for ran in rans if ran.job.kind == kind] for kind in dict.fromkeys(ran.job.kind for ran in rans)
    }
    drawn = {}
    for kind, those in kinds.items():
        _print_budget(kind, those)
        tails = Exceedances()
        for ran in those:
            tails.add(ran.exceedances)
        _print_tails(kind, tails)
        q = np.array([each for ran in those for each in ran.q])
        drawn[kind] = _print_reliability(kind, q)
        _print_rates(q)
        path = write(plots, f"p-values-{kind}", _tails_drawn(kind, tails))
        print(f"p values drawn in {path}")
    title = "Share of quiet windows with a pattern of confidence c or more"
    print(f"reliability drawn in {write(plots, 'reliability', svg(drawn, title, '1 - c', 'share of windows'))}")


def _print_budget(kind: str, rans: Sequence[Ran]) -> None:
    windows = sum(ran.job.windows for ran in rans)
    seeds = ", ".join(str(ran.job.seed) for ran in rans)
    allowed = Budget.parse(rans[0].job.budget).per_second * windows * WINDOW_S
    events = [words for ran in rans for nature, _, words in ran.raised if nature == Nature.EVENT]
    facts = [words for ran in rans for nature, _, words in ran.raised if nature == Nature.FACT]
    raised = len(events) + len(facts)
    verdict = (
        Verdict.MET if raised <= allowed else Verdict.WITHIN if raised <= allowed + 2 * allowed**0.5 else Verdict.MISSED
    )
    print(
        f"\n{kind}: {windows} windows in {len(rans)} streams (seeds {seeds}), budget {rans[0].job.budget}\n"
        f"raised {raised} of {allowed:.1f} alerts allowed: {verdict} ({len(events)} events, {len(facts)} facts)"
    )
    forms = Counter(form for ran in rans for _, form, _ in ran.raised)
    print("  " + (", ".join(f"{count} {form}" for form, count in forms.most_common()) or "none"))
    for words in (*events, *facts)[:SHOWN_ALERTS]:
        print(f"  {words}")
    for failure in (failure for ran in rans for failure in ran.failures):
        print(f"  FAILURE {failure}")


def _print_tails(kind: str, tails: Exceedances) -> None:
    """Observed over claimed share of p values, by sort; at most 1 keeps the promise."""
    shown = [place for place in range(len(CHANCES)) if place % 2]
    print(f"\n{kind}: share of p values at or under a chance, over that chance; * beyond two standard errors")
    print(f"{'sort':8}{'tests':>12}" + "".join(f"{CHANCES[place]:>11.0e}" for place in shown))
    beyond = []
    for sort in SORTS:
        tests, below = tails.tests[sort], tails.below[sort]
        cells = []
        for place in shown:
            ratio = below[place] / max(tests * CHANCES[place], 1e-300)
            over = _over(int(below[place]), tests, float(CHANCES[place]))
            cells.append(f"{ratio:10.2f}{'*' if over else ' '}" if tests else f"{'':11}")
            beyond += [f"{sort} at {CHANCES[place]:.0e}"] if over and CHANCES[place] >= 0.99 * TAIL else []
        print(f"{sort:8}{tests:>12,}" + "".join(cells))
    total = sum(tails.tests.values())
    verdict = Verdict.MISSED if beyond else Verdict.MET
    print(f"{total:,} tests, on or under the diagonal down to {TAIL:g}: {verdict} {', '.join(beyond)}".rstrip())


def _over(below: int, tests: int, chance: float) -> bool:
    """Whether more came true than two standard errors (of a count, one at least) explain."""
    expected = tests * chance
    return bool(below > expected + 2 * max(expected, 1.0) ** 0.5)


def _tails_drawn(kind: str, tails: Exceedances) -> str:
    series = {
        sort: [
            (float(chance), int(tails.below[sort][place]) / tails.tests[sort]) for place, chance in enumerate(CHANCES)
        ]
        for sort in SORTS
        if tails.tests[sort]
    }
    return svg(series, f"p values of quiet {kind} streams", "chance", "share of p values at or under it")


def _print_reliability(kind: str, q: np.ndarray[tuple[int], np.dtype[np.float64]]) -> list[tuple[float, float]]:
    print(f"\n{kind}: confidence c against the share of the {len(q)} quiet windows with a pattern of c or more")
    points = []
    for level in CONFIDENCES:
        chance, count = 1 - level, int(np.count_nonzero(q <= 1 - level))
        points.append((chance, count / len(q)))
        bar = "#" * round(40 * count / len(q))
        verdict = "MISSED" if _over(count, len(q), chance) else "met"
        print(f"  {level:<7g} at most {chance:<8.4g} observed {count / len(q):<8.4g} {verdict:7} {bar}".rstrip())
    return points


def _print_rates(q: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """How often quiet windows pass the bar of a budget, in that budget's own unit; 1 spends it all."""
    weeks = len(q) / WEEK_WINDOWS
    print(f"  windows that pass the bar of a budget, over what it allows ({weeks:.3g} weeks):")
    for budget in ("1/hour", "1/day", "1/week"):
        bar = Budget.parse(budget).allowance(WINDOW_S)
        passed = int(np.count_nonzero(q <= bar))
        print(f"  {budget:8} {passed:5d} passed, {bar * len(q):8.1f} allowed, {passed / weeks:8.3g} a week")


# What streams with incidents say


def _print_incidents(rans: Sequence[Ran]) -> None:
    print(f"\nincidents raised within {RAISED_WITHIN} windows, gate >= {RAISED_SHARE:g}; budget {rans[0].job.budget}")
    print(f"{'stream':8}{'incident':10}{'planted':>8}{'at once':>9}{'within 2':>10}")
    for kind in dict.fromkeys(ran.job.kind for ran in rans):
        caught = [one for ran in rans if ran.job.kind == kind for one in ran.caught]
        for incident in (*INCIDENTS, "all"):
            delays = [delay for name, delay in caught if incident in (name, "all")]
            share = sum(delay is not None for delay in delays) / max(len(delays), 1)
            at_once = sum(delay == 0 for delay in delays) / max(len(delays), 1)
            verdict = at_least(share, RAISED_SHARE, len(delays))
            print(f"{kind:8}{incident:10}{len(delays):8d}{at_once:9.3f}{share:10.3f}  {verdict}")
    for failure in (failure for ran in rans for failure in ran.failures):
        print(f"  FAILURE {failure}")


if __name__ == "__main__":
    main()
