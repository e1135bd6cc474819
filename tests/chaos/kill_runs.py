"""Many kill runs, beside each other: `make chaos`.

usage: kill_runs.py [RUNS [SEED]]
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter

from kafka_broker import Broker, start_broker
from killing import Batch, Outcome, Variant

RUNS_A_BATCH = 25
AT_ONCE = 2

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
        outcome = await batch.run(seed)
        outcomes.append(outcome)
        if not outcome.clean:
            print(f"\n{variant.name}: {outcome}", file=sys.stderr)
        print("." if outcome.clean else "F", end="", file=sys.stderr, flush=True)
    return outcomes


async def _all(runs: int, seed: int) -> int:
    broker = start_broker()
    began = time.monotonic()
    failed = 0
    try:
        print(f"broker: {broker.description}")
        for number, variant in enumerate(VARIANTS):
            share = runs // len(VARIANTS) + (number < runs % len(VARIANTS))
            starts = range(seed + number * 1_000_000, seed + number * 1_000_000 + share, RUNS_A_BATCH)
            limit = asyncio.Semaphore(AT_ONCE)

            async def one(start: int, last: int = starts.start + share, variant: Variant = variant) -> list[Outcome]:
                async with limit:  # noqa: B023 - one limit a variant, all of whose batches end before the next
                    return await _batch(broker, variant, range(start, min(start + RUNS_A_BATCH, last)))

            outcomes = [each for found in await asyncio.gather(*map(one, starts)) for each in found]
            failed += sum(not outcome.clean for outcome in outcomes)
            print(f"\n{_summary(variant, outcomes)}")
    finally:
        broker.stop()
    print(f"{runs} runs, {failed} not clean, {(time.monotonic() - began) / 60:.1f} min")
    return 1 if failed else 0


def _summary(variant: Variant, outcomes: list[Outcome]) -> str:
    strange, early = sum(len(each.strange) for each in outcomes), sum(len(each.early) for each in outcomes)
    places = Counter(kill.partition(":")[0] for outcome in outcomes for kill in outcome.kills)
    return (
        f"{variant.name}: {len(outcomes)} runs, {places.total()} kills at {len(places)} places, "
        f"lost {sum(len(each.lost) for each in outcomes)}, under another id {strange}, "
        f"committed before delivered {early}, "
        f"bad records in no dead letter {sum(len(each.letters) for each in outcomes)}, "
        f"delivered twice {sum(each.repeats for each in outcomes)}, "
        f"other problems {sum(bool(each.problem) for each in outcomes)}\n  {dict(places)}"
    )


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    sys.exit(asyncio.run(_all(*(given + [500, 1][len(given) :]))))
