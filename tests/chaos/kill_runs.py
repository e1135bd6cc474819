"""Many kill runs, beside each other: `make chaos`.

usage: kill_runs.py [RUNS [SEED [VARIANT]]]

RUNS are shared out among the variants, or all of them are of the one whose number is given. Where a run stands is said
after each batch, so that a set that is ended early has a summary too.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

from kafka_broker import Broker, start_broker
from killing import Batch, Outcome, Variant

from crackle_stream.brokers.deadline import GaveUp, in_own_task

RUNS_A_BATCH = 25

AT_ONCE = 3
"""Batches beside each other: a run mostly waits, for a process to start and for its group to be joined."""

RUN_WITHIN_S = 600.0
"""Most for one run, whose own limits come to less: a run that hangs is a run that failed, and the others go on."""

VARIANTS = (
    Variant("no state directory"),
    Variant("state directory, spool", '[state]\ndirectory = "state"\n', spooled=True),
    Variant("state directory, ack delivered", 'ack = "delivered"\n[state]\ndirectory = "state"\n'),
)


async def _batch(broker: Broker, variant: Variant, seeds: range) -> list[Outcome]:
    batch = Batch(broker, variant, seeds.start)
    await batch.prepare()
    outcomes = []
    for seed in seeds:
        try:
            outcome = await in_own_task(batch.run(seed), RUN_WITHIN_S)
        except GaveUp as hung:
            outcome = Outcome(seed, problem=f"the run hangs: {hung}")
        outcomes.append(outcome)
        if not outcome.clean:
            print(f"\n{variant.name}: {outcome}", file=sys.stderr)
        print("." if outcome.clean else "F", end="", file=sys.stderr, flush=True)
    return outcomes


async def _all(runs: int, seed: int, only: int | None = None) -> int:
    broker = start_broker()
    began = time.monotonic()
    chosen = list(enumerate(VARIANTS))[slice(None) if only is None else slice(only, only + 1)]
    failed = 0
    try:
        print(f"broker: {broker.description}", flush=True)
        for place, (number, variant) in enumerate(chosen):
            share = runs // len(chosen) + (place < runs % len(chosen))
            first = seed + number * 1_000_000
            outcomes = await _variant(broker, variant, range(first, first + share))
            failed += sum(not outcome.clean for outcome in outcomes)
    finally:
        broker.stop()
    print(f"{runs} runs, {failed} not clean, {(time.monotonic() - began) / 60:.1f} min")
    return 1 if failed else 0


async def _variant(broker: Broker, variant: Variant, seeds: range) -> list[Outcome]:
    limit = asyncio.Semaphore(AT_ONCE)
    outcomes: list[Outcome] = []

    async def one(start: int) -> None:
        async with limit:
            outcomes.extend(await _batch(broker, variant, range(start, min(start + RUNS_A_BATCH, seeds.stop))))
        print(f"\n{_summary(variant, outcomes)}", flush=True)

    await asyncio.gather(*map(one, seeds[::RUNS_A_BATCH]))
    return outcomes


def _summary(variant: Variant, outcomes: list[Outcome]) -> str:
    strange, early = sum(len(each.strange) for each in outcomes), sum(len(each.early) for each in outcomes)
    places = Counter(kill.partition(":")[0] for outcome in outcomes for kill in outcome.kills)
    return (
        f"{variant.name}: {len(outcomes)} runs, {places.total()} kills at {len(places)} places, "
        f"lost {sum(len(each.lost) for each in outcomes)}, under another id {strange}, "
        f"committed before delivered {early}, "
        f"bad records in no dead letter {sum(len(each.letters) for each in outcomes)}, "
        f"delivered twice {sum(each.repeats for each in outcomes)}, "
        f"windows of a partition told again by kills {_again(outcomes)}, "
        f"other problems {sum(bool(each.problem) for each in outcomes)}\n  {dict(places)}"
    )


def _again(outcomes: list[Outcome]) -> dict[str, int]:
    """Runs by the windows of one partition that were told again, and by their kills."""
    seen = Counter((each.windows, len(each.kills)) for each in outcomes if each.kills)
    return {f"{windows} by {kills}": runs for (windows, kills), runs in sorted(seen.items())}


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(asyncio.run(_all(*(given + [500, 1][len(given) :]))))
