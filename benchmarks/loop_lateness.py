"""How late an event loop ticks while windows are cooled.

A task on the loop sleeps for a millisecond again and again and notes how much later than that it wakes. Meanwhile a
worker thread cools windows back to back: of 5,000 tasks and 16 metrics for the threshold family, of 1,000 x 16 to
10,000 x 48 for the evidence family. Rounds alternate with an idle worker, whose lateness is what the machine itself
adds; the p99 of the quietest round is the one least marked by others' work. The switch interval is the command's.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from statistics import median
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tables import Table
from benchmarks.windows import evidence_window, window
from crackle_stream import ThermalProfile, cool
from crackle_stream.profile import Family

if TYPE_CHECKING:
    from crackle_stream import Window

__all__ = ["measure"]

ROUNDS, SECONDS = 5, 2.0

FAMILIES = {"threshold": ThermalProfile.default(), "evidence": ThermalProfile.evidence()}

TICK_S = 0.001
TASKS, METRICS = 5_000, 16

P50_S, P99_S = 0.001, 0.010
"""Lateness that the loop may have while windows are cooled."""


SWITCH_INTERVAL_S = 0.0005
"""As `crackle-stream run` sets it; an application has Python's 5 ms unless it sets another."""


def measure(quick: bool) -> list[Table]:
    """Tick, with each kind of work in the thread."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    try:
        return [_table(1 if quick else ROUNDS, 0.5 if quick else SECONDS)]
    finally:
        sys.setswitchinterval(usual)


def _table(rounds: int, seconds: float) -> Table:
    work: dict[str, _Work | None] = {"nothing": None, **_works("threshold"), **_works("evidence")}
    late: dict[str, list[list[float]]] = {name: [] for name in work}
    coolings = dict.fromkeys(work, 0)
    for _ in range(rounds):
        for name, each in work.items():
            ticks, count = asyncio.run(_round(each, seconds))
            late[name].append(ticks)
            coolings[name] += count
    rows, missed = [], []
    for name, taken in late.items():
        p50 = float(np.percentile(np.concatenate(taken), 50))
        p99s = [float(np.percentile(each, 99)) for each in taken]
        cells = (p50, median(p99s), min(p99s), max(map(max, taken)))
        rate = f"{coolings[name] / rounds / seconds:.1f}" if work[name] else ""
        rows.append((name, *(f"{1e3 * cell:.2f}" for cell in cells), rate))
        if work[name] and (p50 > P50_S or min(p99s) > P99_S):
            missed.append(f"{name}: p50 {1e3 * p50:.2f} ms, p99 {1e3 * min(p99s):.2f} ms in the quietest round")
    head = ("in the worker thread", "p50, ms", "p99, ms", "p99 of the quietest round", "latest, ms", "coolings/s")
    note = (
        f"Lateness of a {TICK_S * 1e3:.0f} ms tick, {rounds} rounds of {seconds:g} s each in turn, switch interval "
        f"{SWITCH_INTERVAL_S * 1e3:g} ms. At most {P50_S * 1e3:g} and {P99_S * 1e3:g} ms, the latter of the quietest "
        "round: the first row is what the machine itself adds."
    )
    return Table("lateness", head, tuple(rows), note, tuple(missed))


@dataclass(frozen=True, slots=True)
class _Work:
    """What the worker does."""

    window: Window
    profile: ThermalProfile


def _works(family: str) -> dict[str, _Work | None]:
    profile = FAMILIES[family]
    if profile.family is Family.THRESHOLD:
        windows = {
            "5,000 x 16 scattered": window(TASKS, METRICS),
            "5,000 x 16 scattered, 10% missing": window(TASKS, METRICS, missing=0.1),
            "5,000 x 16 in five groups": window(TASKS, METRICS, groups=5),
        }
    else:
        windows = {
            f"{tasks:,} x {metrics} {kind}, evidence": evidence_window(kind, tasks, metrics)
            for tasks, metrics, kind in ((1_000, 16, "ar"), (1_000, 48, "mixed"), (10_000, 48, "ar"))
        }
    return {name: _Work(each, profile) for name, each in windows.items()}


async def _round(work: _Work | None, seconds: float) -> tuple[list[float], int]:
    """Tick for some seconds; lateness of each tick in seconds, and how many coolings were done meanwhile."""
    over = Event()
    worker = None if work is None else asyncio.create_task(asyncio.to_thread(_cool_until, over, work))
    loop = asyncio.get_running_loop()
    late: list[float] = []
    end = loop.time() + seconds
    while (began := loop.time()) < end:
        await asyncio.sleep(TICK_S)
        late.append(loop.time() - began - TICK_S)
    over.set()
    return late, 0 if worker is None else await worker


def _cool_until(over: Event, work: _Work) -> int:
    count = 0
    while not over.is_set():
        cool(work.window, work.profile)
        count += 1
    return count
