"""How late an event loop ticks while windows are cooled: `python -m benchmarks.loop_lateness [--family evidence]`.

A task on the loop sleeps for a millisecond again and again and notes how much later than that it wakes. Meanwhile a
worker thread cools windows back to back: of 5,000 tasks and 16 metrics for the threshold family, of 1,000 x 16 to
10,000 x 48 for the evidence family. Rounds alternate with an idle worker, whose
lateness is what the machine itself adds; the p99 of the quietest round is the one least marked by others' work.
An application has the interpreter's switch interval of 5 ms unless it sets another; the command sets 0.5
(`--switch-interval 0.5`).
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import dataclass
from threading import Event
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.machine import describe
from benchmarks.windows import evidence_window, window
from crackle_stream import ThermalProfile, cool
from crackle_stream.profile import Family

if TYPE_CHECKING:
    from crackle_stream import Window

FAMILIES = {"threshold": ThermalProfile.default(), "evidence": ThermalProfile.evidence()}

TICK_S = 0.001
TASKS, METRICS = 5_000, 16

P50_S, P99_S = 0.001, 0.010
"""Lateness that the loop may have while windows are cooled."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all rows (5)")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds a row takes in a round (2)")
    parser.add_argument("--switch-interval", type=float, default=5.0, help="ms a thread may keep the interpreter (5)")
    parser.add_argument("--family", choices=[*FAMILIES, "both"], default="both", help="detectors that run (both)")
    options = parser.parse_args()
    sys.setswitchinterval(options.switch_interval / 1e3)
    print(describe())
    print(
        f"\nLateness of a {TICK_S * 1e3:.0f} ms tick in ms, {options.rounds} rounds of {options.seconds:g} s each, "
        f"switch interval {options.switch_interval:g} ms\n"
    )
    print(f"{'in the worker thread':<34}     p50     p99  quietest p99     max   coolings/s")
    work: dict[str, _Work | None] = {"nothing": None}
    for family in FAMILIES if options.family == "both" else (options.family,):
        work |= _work(family)
    late: dict[str, list[list[float]]] = {name: [] for name in work}
    coolings = dict.fromkeys(work, 0)
    for _ in range(options.rounds):
        for name, each in work.items():
            ticks, count = asyncio.run(_round(each, options.seconds))
            late[name].append(ticks)
            coolings[name] += count
    for name, rounds in late.items():
        all_ticks = np.concatenate(rounds) * 1e3
        p50, p99 = np.percentile(all_ticks, [50, 99])
        quietest = min(float(np.percentile(each, 99)) for each in rounds) * 1e3
        rate = coolings[name] / options.rounds / options.seconds
        over = "  MISSED" if work[name] and (p50 > P50_S * 1e3 or quietest > P99_S * 1e3) else ""
        print(f"{name:<34}  {p50:6.2f}  {p99:6.2f}        {quietest:6.2f}  {all_ticks.max():6.1f}   {rate:10.1f}{over}")


@dataclass(frozen=True, slots=True)
class _Work:
    """What the worker does."""

    window: Window
    profile: ThermalProfile


def _work(family: str) -> dict[str, _Work]:
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


if __name__ == "__main__":
    main()
