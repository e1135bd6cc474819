"""How often the detectors err: `python -m benchmarks.accuracy [--windows 1000] [--only nulls|recall] [--families a,b]`.

Single windows of 500 tasks x 12 metrics, evidence family at `per_window=0.05`, threshold family at its normal rate,
with an empty history unless the family says "known" (five quiet windows of the same metrics before it). Nulls: the
share of windows with any false
pattern. Recall: the share of windows in which what was planted was found with the right kind and metrics.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from benchmarks.families import NULL, PLANTED, Planted, make
from benchmarks.gates import (
    BESIDE,
    FALSE_SHARE,
    RECALL,
    Verdict,
    at_most,
    false_share_allowed,
    judged,
    median_error,
)
from benchmarks.parallel import WORKERS, spread
from benchmarks.scoring import Score, score
from benchmarks.witness import cool_watched
from crackle_stream.cooling import cool
from crackle_stream.history import History
from crackle_stream.profile import ThermalProfile

EVIDENCE = ThermalProfile.evidence(per_window=FALSE_SHARE)
THRESHOLD = ThermalProfile.default()

CONFIDENCES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999)
"""Confidences at which calibration is read."""

PART = 10
"""Windows of a family that a process works at in one go."""

WIDTH = 28


@dataclass(frozen=True, slots=True)
class Job:
    """Some windows of a family."""

    family: str
    seeds: range
    threshold: bool


@dataclass(frozen=True, slots=True)
class Result:
    """How a family's windows went.

    Attributes:
        family: its name.
        evidence: scores of the evidence family.
        threshold: scores of the threshold family; empty where it was left out.
        q: smallest p value of each window after multiplicity.
        failures: detectors that raised or overran.
    """

    family: str
    evidence: tuple[Score, ...]
    threshold: tuple[Score, ...]
    q: tuple[float, ...]
    failures: tuple[str, ...]


def measure(job: Job) -> Result:
    """Make the windows and look at them with both families."""
    evidence, threshold, qs, failures = [], [], [], []
    for seed in job.seeds:
        planted = make(job.family, seed)
        report, witness = cool_watched(planted.window, EVIDENCE, _known(planted))
        evidence.append(score(planted, report.patterns))
        qs.append(witness.q)
        failures += [f"{job.family}, seed {seed}: {failure.detector}: {failure.problem}" for failure in report.failures]
        if job.threshold:
            threshold.append(score(planted, cool(planted.window, THRESHOLD).patterns))
    return Result(job.family, tuple(evidence), tuple(threshold), tuple(qs), tuple(failures))


def _known(planted: Planted) -> History:
    history = History()
    for window in planted.earlier:
        history = cool(window, EVIDENCE, history).history
    return history


def measured(families: Sequence[str], seeds: range, workers: int, *, threshold: bool) -> Iterator[Result]:
    """The result of each family, as soon as it is there."""
    parts = [seeds[first : first + PART] for first in range(0, len(seeds), PART)]
    jobs = [Job(family, part, threshold) for family in families for part in parts]
    made = spread(measure, jobs, workers, f"parts of {PART} windows")
    for family, results in groupby(made, key=lambda one: one.family):
        together = list(results)
        yield Result(
            family,
            tuple(each for one in together for each in one.evidence),
            tuple(each for one in together for each in one.threshold),
            tuple(each for one in together for each in one.q),
            tuple(each for one in together for each in one.failures),
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=1000, help="windows a family (1000)")
    parser.add_argument("--seed", type=int, default=1000, help="seed of the first window (1000)")
    parser.add_argument("--families", default="", help="only these, names between semicolons; a part of a name will do")
    parser.add_argument("--only", choices=("nulls", "recall"), help="one half of the table")
    parser.add_argument("--workers", type=int, default=WORKERS, help="processes (one a core)")
    parser.add_argument("--without-threshold", action="store_true", help="leave the threshold family out")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.windows)
    wanted = [part.strip() for part in options.families.split(";") if part.strip()]
    print(
        f"seeds {seeds.start} to {seeds.stop - 1} of every family, 500 tasks x 12 metrics, per_window={FALSE_SHARE:g}"
    )
    verdicts: list[Verdict] = []
    if options.only != "recall":
        families = _chosen(list(NULL), wanted)
        results = measured(families, seeds, options.workers, threshold=not options.without_threshold)
        verdicts += _print_nulls(results)
    if options.only != "nulls":
        families = _chosen(list(PLANTED), wanted)
        results = measured(families, seeds, options.workers, threshold=not options.without_threshold)
        verdicts += _print_recall(results)
    counts = {verdict: verdicts.count(verdict) for verdict in (Verdict.MET, Verdict.WITHIN, Verdict.MISSED)}
    print("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))


def _chosen(families: list[str], wanted: list[str]) -> list[str]:
    """A name that is given in full means itself alone."""
    whole = [family for family in families if family in wanted]
    parts = [part for part in wanted if part not in families]
    return [one for one in families if not wanted or one in whole or any(part in one for part in parts)]


def _print_nulls(results: Iterator[Result]) -> list[Verdict]:
    print(f"\n{'windows with a false pattern':{WIDTH}}  evidence       gate               threshold")
    gated: list[Result] = []
    verdicts = []
    for result in results:
        gate = false_share_allowed(result.family)
        verdicts.append(_print_null(result.family, [result], gate))
        gated += [result] if gate == FALSE_SHARE else []
    named = [one for one in gated if one.family not in BESIDE]
    for words, pooled in (("pooled", named), ("pooled, all of them", gated)):
        if len(pooled) > 1 and (pooled is named or len(gated) > len(named)):
            verdicts.append(_print_null(words, pooled, FALSE_SHARE))
    for pooled in (named, gated) if len(gated) > len(named) else (named,):
        _print_calibration([one for one in pooled if not NULL[one.family].dependent])
    return verdicts


def _print_null(name: str, results: Sequence[Result], gate: float | None) -> Verdict:
    evidence = [one.false > 0 for result in results for one in result.evidence]
    share = float(np.mean(evidence))
    verdict = Verdict.NONE if gate is None else at_most(share, gate, len(evidence))
    bound = "stated" if gate is None else f"<= {gate:g}"
    cells = f"{_share(share, len(evidence))}  {bound:8}{verdict:12}"
    print(
        f"{name:{WIDTH}}  {cells}{_threshold([one.false > 0 for each in results for one in each.threshold])}",
        flush=True,
    )
    for failure in (failure for result in results for failure in result.failures):
        if len(results) == 1:
            print(f"  FAILURE {failure}")
    return verdict


def _print_calibration(results: Sequence[Result]) -> None:
    """Of all windows without events, the share with anything at a confidence or more."""
    if not results:
        return
    q = np.array([each for one in results for each in one.q])
    worst = {level: max(results, key=lambda one: _share_of(one.q, level)) for level in CONFIDENCES}
    beside = ", all families" if any(one.family in BESIDE for one in results) else ""
    print(f"\nconfidence c   windows with c or more   at most        worst family   ({len(q)} windows{beside})")
    for level in CONFIDENCES:
        share = float(np.mean(q <= 1 - level))
        verdict = at_most(share, 1 - level, len(q))
        print(
            f"{level:<12g}   {_share(share, len(q))}           {1 - level:<6.3g} {verdict:12}"
            f"{_share_of(worst[level].q, level):.3f} {worst[level].family}"
        )


def _share_of(q: Sequence[float], level: float) -> float:
    return float(np.mean(np.array(q) <= 1 - level))


def _print_recall(results: Iterator[Result]) -> list[Verdict]:
    print(
        f"\n{'planted and found':{WIDTH}}  evidence       error  exact  false  gate                                 "
        f"{'':12}threshold  error"
    )
    verdicts = []
    for result in results:
        gate = RECALL.get(result.family)
        verdict = judged(gate, result.evidence)
        verdicts.append(verdict)
        found = [one for one in result.evidence if one.found]
        exact = f"{np.mean([one.exact for one in found]):5.2f}" if found else "     "
        false = np.mean([one.false > 0 for one in result.evidence])
        cells = _share(len(found) / len(result.evidence), len(result.evidence))
        error = _error(median_error(found))
        others = [one for one in result.threshold if one.found]
        bound = "" if gate is None else str(gate)
        peer = _threshold([one.found for one in result.threshold])
        print(
            f"{result.family:{WIDTH}}  {cells}  {error}  {exact}  {false:5.2f}  {bound:37}{verdict:12}"
            f"{peer}  {_error(median_error(others)) if others else ''}".rstrip(),
            flush=True,
        )
        for failure in result.failures:
            print(f"  FAILURE {failure}")
    return verdicts


def _share(share: float, windows: int) -> str:
    return f"{share:.3f} ± {(share * (1 - share) / max(windows, 1)) ** 0.5:.3f}"


def _error(rows: float) -> str:
    return f"{rows:5.1f}" if rows == rows else "     "


def _threshold(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.3f}" if hits else ""


if __name__ == "__main__":
    main()
