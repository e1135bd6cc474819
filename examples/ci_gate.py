"""A CI gate: the last builds of a branch, and an exit code that stops the pipeline when they changed for the worse.

    python examples/ci_gate.py | crackle-stream run --set kiln.every_seconds=never --format card --fail-on warning

prints what was found and ends with exit code 3. Four hundred builds of a monorepo; from the 291st on a dependency that
is fetched anew each time makes them 40 seconds slower, and the cache is hit less often. Cut yours out of your CI's API.
"""

import json
import random

BUILDS = 400
SLOWER_FROM = 290


def main() -> None:
    """One line a build."""
    rng = random.Random(3)
    for number in range(BUILDS):
        slower = number >= SLOWER_FROM
        tests = 1200 + number // 8
        failed = int(rng.random() < 0.04) * rng.randint(1, 3)
        build = {
            "task": f"build-{1000 + number}",
            "ts": 1_767_000_000 + 900 * number,
            "seconds": round(rng.gauss(312, 14) + 40 * slower, 1),
            "cache_hits": round(rng.gauss(0.81, 0.03) - 0.12 * slower, 3),
            "artifact_mb": round(rng.gauss(86, 1.5), 2),
            "tests": tests,
            "failed": failed,
            "passed": tests - failed,
        }
        print(json.dumps(build))


if __name__ == "__main__":
    main()
