"""Whether planted patterns are found, a few windows a family; the table is `benchmarks.accuracy`'s."""

import pytest

from benchmarks.families import make
from benchmarks.gates import RECALL, Verdict, judged
from benchmarks.scoring import score
from crackle_stream import ThermalProfile, cool

PROFILE = ThermalProfile.evidence(per_window=0.05)

SEEDS = range(7000, 7006)

FAMILIES = (
    "mean 1 sd",
    "two changes of 2 sd",
    "variance x1.7",
    "shape bimodal",
    "linear r 0.4",
    "circle at noise 0.3",
    "lag 5",
    "law at noise 0.01",
    "leak of 8 %",
    "3 groups",
)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_planted_is_found(family: str) -> None:
    planted = [make(family, seed) for seed in SEEDS]
    scores = [score(one, cool(one.window, PROFILE).patterns) for one in planted]
    assert judged(RECALL[family], scores) != Verdict.MISSED, scores


@pytest.mark.parametrize("family", ["mean 1 sd", "lag 5", "law at noise 0.01"])
def test_finding_nothing_misses_the_gate(family: str) -> None:
    scores = [score(make(family, seed), ()) for seed in SEEDS]
    assert judged(RECALL[family], scores) == Verdict.MISSED
