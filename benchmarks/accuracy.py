"""How often the detectors err: `python -m benchmarks.accuracy [--windows 100] [--seed 1000] [--only TEXT]`.

Single windows of 500 tasks x 12 metrics with an empty history: the share of windows with any false pattern where there
is none, and the share of planted patterns found with the right kind and the right metrics.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np

from benchmarks.families import NULL, PLANTED, make
from benchmarks.scoring import Score, score
from crackle_stream.cooling import cool
from crackle_stream.detect import evidence
from crackle_stream.model import CracklePattern
from crackle_stream.profile import ThermalProfile
from crackle_stream.window import Window

Find = Callable[[Window], Sequence[CracklePattern]]


def by_evidence(window: Window) -> Sequence[CracklePattern]:
    """The evidence family at a chance of .05 a window."""
    return evidence.look(window, evidence.detectors()).patterns


def by_threshold(window: Window) -> Sequence[CracklePattern]:
    """The threshold family at its normal rate."""
    return cool(window, ThermalProfile.default()).patterns


def scores(family: str, find: Find, windows: int, seed: int) -> list[Score]:
    """How a family's windows went."""
    made = []
    for number in range(windows):
        planted = make(family, seed + number)
        made.append(score(planted, find(planted.window)))
    return made


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--windows", type=int, default=100, help="windows a family")
    options.add_argument("--seed", type=int, default=1000, help="first seed")
    options.add_argument("--only", default="", help="families whose name contains this")
    options.add_argument("--without-threshold", action="store_true", help="leave the threshold family out")
    chosen = options.parse_args()
    finders: dict[str, Find] = {"evidence": by_evidence}
    if not chosen.without_threshold:
        finders["threshold"] = by_threshold
    print(f"{'windows with a false pattern':34}" + "".join(f"{name:>12}" for name in finders))
    pooled: dict[str, list[bool]] = {name: [] for name in finders}
    for family in (name for name in NULL if chosen.only in name):
        cells = []
        for name, find in finders.items():
            false = [one.false > 0 for one in scores(family, find, chosen.windows, chosen.seed)]
            pooled[name] += false
            cells.append(f"{np.mean(false):12.3f}")
        print(f"{family:34}" + "".join(cells), flush=True)
    if all(pooled.values()):
        print(f"{'pooled':34}" + "".join(f"{np.mean(false):12.3f}" for false in pooled.values()))
    print(f"\n{'found':34}" + "".join(f"{name:>12}{'error':>7}{'exact':>7}{'false':>7}" for name in finders))
    for family in (name for name in PLANTED if chosen.only in name):
        cells = [_cells(scores(family, find, chosen.windows, chosen.seed)) for find in finders.values()]
        print(f"{family:34}" + "".join(cells), flush=True)


def _cells(made: Sequence[Score]) -> str:
    found = [one for one in made if one.found]
    errors = [one.error for one in found if not np.isnan(one.error)]
    error = f"{np.median(errors):7.1f}" if errors else f"{'':7}"
    exact = f"{np.mean([one.exact for one in found]):7.2f}" if found else f"{'':7}"
    return f"{len(found) / len(made):12.3f}{error}{exact}{np.mean([one.false > 0 for one in made]):7.2f}"


if __name__ == "__main__":
    main()
