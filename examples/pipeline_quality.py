"""Pipeline quality: rows that go into a job and do not come out, though no job ever failed.

    python examples/pipeline_quality.py | crackle-stream run --set kiln.every_seconds=never --format card

Six hundred runs of a nightly job. What is read is written, rejected or a duplicate: nobody told crackle_stream so, it
learns the law from the numbers. In the 500th run and the twelve after it a join drops rows and counts them nowhere, so
few that no total looks odd; the law breaks, and the finding names the runs.
"""

import json
import random

RUNS = 600
DROPS = range(500, 513)


def main() -> None:
    """One line a run."""
    rng = random.Random(5)
    for number in range(RUNS):
        read = rng.randint(90_000, 140_000)
        rejected = rng.randint(0, 400)
        duplicates = rng.randint(500, 2_500)
        dropped = rng.randint(20, 60) if number in DROPS else 0
        run = {
            "task": f"load-{number}",
            "ts": 1_767_000_000 + 3600 * number,
            "rows_read": read,
            "rows_written": read - rejected - duplicates - dropped,
            "rejected": rejected,
            "duplicates": duplicates,
            "minutes": round(read / 9_000 * rng.uniform(0.9, 1.1), 2),
        }
        print(json.dumps(run))


if __name__ == "__main__":
    main()
