"""Recorded data: `python -m benchmarks.real_data [--data DIRECTORY]`.

Change points of the Turing data set, quiet windows of PetShop and of the Tennessee Eastman process, six faults of that
process, and the live recording of a machine and its pipeline. None of it is shipped with the sources; what is not in
the directory is said to be missing. Everything is judged at `per_window=0.05`, each series, run or draw as one window,
the live recording as windows of 100 ticks with history and alerts.
"""

from __future__ import annotations

import argparse
import csv
import json
import runpy
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.gates import Verdict
from benchmarks.truth import Floats
from crackle_stream.alerting import AlertPolicy, Lifecycle, Sighting
from crackle_stream.cooling import cool
from crackle_stream.history import History
from crackle_stream.model import AlertStatus, CracklePattern, Nature
from crackle_stream.profile import ThermalProfile
from crackle_stream.window import Window

if TYPE_CHECKING:
    from crackle_stream.cooling import CoolingReport

PROFILE = ThermalProfile.evidence(per_window=0.05)

SHARED = Path("../shared")
"""Where the data and the scorer lie beside a checkout of the sources."""

TCPD_F1, TCPD_COVER = 0.68, 0.64
QUIET_SHIFTS = 1.0
"""Most shifts a quiet window may show on average."""

DRAWS, DRAWN_METRICS = 20, 12
"""Windows drawn from a wide recording, and metrics in each."""

FAULT_ROW, NEAR_ROWS, RUN_ROWS = 160, 50, 500
"""Row at which every fault begins, rows after it within which a shift counts as found, rows looked at."""

EARLY_ROWS = 10
"""Rows before the fault that a location may err by."""

_FED, _PURGED = ("XMEAS23", "XMEAS24", "XMEAS25"), ("XMEAS29", "XMEAS30", "XMEAS31")
"""Shares of A, B and C in what enters the reactor and in the purge."""

DOCUMENTED = {
    1: ("A/C feed ratio, step", {"XMV3", "XMEAS1", "XMV9", "XMEAS19", *_FED[::2], *_PURGED[::2]}),
    4: ("reactor cooling water inlet temperature, step", {"XMV10", "XMEAS9"}),
    6: ("A feed loss, step", {"XMV3", "XMEAS1"}),
    8: ("A, B, C feed composition, random", {"XMEAS16", "XMEAS7", "XMV6", "XMEAS10", *_FED, *_PURGED}),
    11: ("reactor cooling water inlet temperature, random", {"XMV10", "XMEAS9", "XMEAS21"}),
    14: ("reactor cooling water valve, sticking", {"XMV10", "XMEAS9", "XMEAS21"}),
}
"""Faults of the process, and the metrics they act on: the disturbed stream and its composition, its valve, and what its
controller holds. No list of them is shipped with the data; this one follows the plant's layout."""

FAULTS_MISSED = 1
"""Faults that may be missed."""

FIRST = 3
"""Metrics of a shift among which a documented one must be."""

LIVE_TICKS = 100

LIVE_LAWS = (
    {"produced", "enqueued", "dropped"},
    {"enqueued", "dequeued", "depth_delta"},
    {"dequeued", "done", "failed", "in_flight_delta"},
    {"lo_rx", "lo_tx"},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=SHARED / "data", help="directory of the data sets (../shared/data)"
    )
    parser.add_argument(
        "--scorer", type=Path, default=SHARED / "tools" / "score_tcpd.py", help="scorer of the Turing set"
    )
    parser.add_argument("--only", default="", help="tcpd, petshop, tep or live")
    options = parser.parse_args()
    parts: dict[str, Callable[[Path], None]] = {
        "tcpd": lambda data: _print_tcpd(data, options.scorer),
        "petshop": _print_petshop,
        "tep": _print_tep,
        "live": _print_live,
    }
    for name, show in parts.items():
        if options.only and options.only != name:
            continue
        data = options.data / name
        print(f"\n{name}")
        if data.is_dir():
            show(data)
        else:
            print(f"  {data} is missing: not measured")


def _window(names: Sequence[str], values: Floats, first: int = 0, step_s: float = 1.0) -> Window:
    rows = np.arange(first, first + len(values))
    return Window.from_columns([f"row-{row}" for row in rows], 1.79e9 + step_s * rows, names, values)


def _shifts(report: CoolingReport) -> list[CracklePattern]:
    return [pattern for pattern in report.patterns if pattern.kind == "phase transition"]


def _row(pattern: CracklePattern) -> int:
    return 0 if pattern.at is None else pattern.at.index


def _single_laws(report: CoolingReport) -> int:
    return sum(1 for one in report.patterns if one.kind == "conservation law" and len(one.metric_names) < 2)


def _met(good: bool) -> Verdict:
    return Verdict.MET if good else Verdict.MISSED


# The Turing change point data set


def _print_tcpd(data: Path, scorer: Path) -> None:
    if not scorer.is_file():
        print(f"  {scorer} is missing: not measured")
        return
    changes: dict[str, list[int]] = {}
    for path in sorted((data / "datasets").glob("*.json")):
        series = json.loads(path.read_text())
        names = [f"dimension_{number}" for number in range(len(series["series"]))]
        columns = [[np.nan if value is None else float(value) for value in one["raw"]] for one in series["series"]]
        report = cool(_window(names, np.array(columns).T), PROFILE)
        changes[series["name"]] = sorted({_row(pattern) for pattern in _shifts(report)} - {0})
        print(f"  {series['name']:22} {changes[series['name']]}")
    score = runpy.run_path(str(scorer))["score"]
    for words, predicted in (("evidence family", changes), ("no change at all", {})):
        total, _ = score(predicted, str(data))
        f1, cover = total["mean_f1"], total["mean_cover"]
        verdict = _met(f1 >= TCPD_F1 and cover >= TCPD_COVER) if predicted else Verdict.NONE
        print(
            f"  {words:22} F1 {f1:.3f} (gate {TCPD_F1:g})  cover {cover:.3f} (gate {TCPD_COVER:g})  {verdict}".rstrip()
        )


# Quiet recordings


def _print_quiet(reports: Sequence[CoolingReport], words: str) -> None:
    shifts = float(np.mean([len(_shifts(report)) for report in reports]))
    others = Counter(str(one.kind) for report in reports for one in report.patterns if one.kind != "phase transition")
    kinds = {kind: count / len(reports) for kind, count in others.items()}
    alone = sum(_single_laws(report) for report in reports)
    print(
        f"  {words}: {shifts:.2f} shifts a window (gate <= {QUIET_SHIFTS:g}) {_met(shifts <= QUIET_SHIFTS)}, "
        f"{alone} single metrics called conserved (gate 0) {_met(alone == 0)}"
    )
    print("    beside: " + (", ".join(f"{share:.2f} {kind}" for kind, share in kinds.items()) or "nothing"))


def _drawn(names: Sequence[str], values: Floats, step_s: float) -> list[CoolingReport]:
    """Windows of a few metrics each, drawn at random without a seed of the data's own."""
    made = []
    for seed in range(DRAWS):
        columns = np.random.default_rng(seed).choice(len(names), DRAWN_METRICS, replace=False)
        window = _window([names[column] for column in columns], values[:, columns], step_s=step_s)
        made.append(cool(window, PROFILE))
    return made


def _print_petshop(data: Path) -> None:
    with (data / "high_traffic" / "metrics.csv").open(newline="") as file:
        service, metric, statistic, _, *rows = list(csv.reader(file))
    names = [" ".join(parts) for parts in zip(service[1:], metric[1:], statistic[1:], strict=True)]
    values = np.array([[float(cell) if cell else np.nan for cell in row[1:]] for row in rows])
    varying = (np.nanstd(values, axis=0) > 0) & ~np.isnan(values).any(axis=0)
    chosen = np.flatnonzero(varying)
    reports = _drawn([names[column] for column in chosen], values[:, chosen], 300.0)
    _print_quiet(
        reports, f"{DRAWS} draws of {DRAWN_METRICS} of {len(chosen)} columns without a gap, {len(values)} rows"
    )


def _tep_names() -> list[str]:
    return [f"XMEAS{number}" for number in range(1, 42)] + [f"XMV{number}" for number in range(1, 12)]


def _print_tep(data: Path) -> None:
    quiet = np.loadtxt(data / "d00.dat").T
    _print_quiet([cool(_window(_tep_names(), quiet, step_s=180.0), PROFILE)], f"d00, all {quiet.shape[1]} metrics")
    _print_quiet(_drawn(_tep_names(), quiet, 180.0), f"d00, {DRAWS} draws of {DRAWN_METRICS} metrics")
    missed = [number for number in DOCUMENTED if not _print_fault(data, number)]
    words = ", ".join(f"IDV {number}" for number in missed) or "none"
    print(f"  faults missed: {words} (at most {FAULTS_MISSED}) {_met(len(missed) <= FAULTS_MISSED)}")


def _print_fault(data: Path, number: int) -> bool:
    """Whether a shift near the fault names a documented metric among its first."""
    words, documented = DOCUMENTED[number]
    run = np.loadtxt(data / f"d{number:02d}_te.dat")[:RUN_ROWS]
    shifts = _shifts(cool(_window(_tep_names(), run, step_s=180.0), PROFILE))
    near = [one for one in shifts if FAULT_ROW - EARLY_ROWS <= _row(one) <= FAULT_ROW + NEAR_ROWS]
    found = any(documented & set(one.metric_names[:FIRST]) for one in near)
    told = "found" if found else "MISSED"
    print(f"  IDV {number:<2} {words}: {told}, {len(near)} of {len(shifts)} shifts near the fault")
    for one in near or shifts:
        metrics = ", ".join(one.metric_names[:FIRST])
        print(f"    row {_row(one)}, {one.form} of {metrics} ({len(one.metric_names)} metrics)")
    return found


# The live recording


def _print_live(data: Path) -> None:
    with (data / "live.csv").open(newline="") as file:
        names, *rows = list(csv.reader(file))
    truth = json.loads((data / "live_truth.json").read_text())
    values = np.array(rows, dtype=np.float64)
    history, lifecycle, policy = History(), Lifecycle(), AlertPolicy().with_least(0.0)
    found: dict[frozenset[str], int] = {}
    leaks: list[int] = []
    for first in range(0, len(values), LIVE_TICKS):
        window = _window(names, values[first : first + LIVE_TICKS], first, float(truth["tick_s"]))
        report = cool(window, PROFILE, history)
        history = report.history
        lifecycle, notices = lifecycle.after(Sighting(f"live-{first}", window.end_time, report.patterns), policy)
        for pattern in report.patterns:
            if pattern.kind == "conservation law" and pattern.form == "linear law":
                found.setdefault(frozenset(pattern.metric_names), first)
        raised = [one.pattern for one in notices if one.status == AlertStatus.RAISED]
        for pattern in (one for one in raised if one.nature == Nature.EVENT):
            row = first + _row(pattern)
            leaks += [row] if pattern.form == "broken law" and set(pattern.metric_names) & LIVE_LAWS[2] else []
            print(f"  row {row:3}: {pattern.description} [{_cause(row, truth)}]")
    for law in LIVE_LAWS:
        seen = found.get(frozenset(law))
        where = "not found" if seen is None else f"found in rows {seen} to {seen + LIVE_TICKS - 1}"
        print(f"  law of {', '.join(sorted(law))}: {where} {_met(seen is not None)}")
    loss = next(fault for fault in truth["faults"] if fault["kind"] == "uncounted_loss")
    inside = any(loss["start"] <= row < loss["end"] for row in leaks)
    print(f"  uncounted loss, rows {loss['start']} to {loss['end']}: raised as a broken law at {leaks} {_met(inside)}")


def _cause(row: int, truth: Mapping[str, list[dict[str, object]]]) -> str:
    """What went on at a row: during a fault or just after one nothing is as it was."""
    for fault in truth["faults"]:
        start, end = int(str(fault["start"])), int(str(fault["end"]))
        if start - EARLY_ROWS <= row < end + LIVE_TICKS:
            return f"{fault['kind']} {'lasts' if row < end else 'is over'}"
    return "no fault was injected here"


if __name__ == "__main__":
    main()
