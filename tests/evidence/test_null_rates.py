"""How often windows without events show anything, pooled over families; the table is `benchmarks.accuracy`'s.

The bounds are those of the table within two standard errors. A p value that lies is seen here before it is seen there.
"""

from dataclasses import dataclass

import pytest

from benchmarks.families import NULL, make
from benchmarks.gates import Verdict, at_most
from benchmarks.scoring import score
from benchmarks.witness import cool_watched
from crackle_stream import ThermalProfile

# a dozen seconds of computing, in the first test's fixture; on a busy machine much longer by the clock
pytestmark = pytest.mark.timeout(600)

PER_WINDOW = 0.05

FAMILIES = (
    "iid",
    "iid ops",
    "lognormal",
    "poisson",
    "seasonal",
    "heavy",
    "ids",
    "mixed",
    "ar .9",
    "ar .9 ops",
    "ar .99",
    "random walk",
    "exp(ar .9)",
    "ar .9, t3",
    "ar .5, exponential",
    "shared driver",
)

SEEDS = range(7000, 7007)
"""Seven windows a family, 112 in all."""


@dataclass(frozen=True)
class Seen:
    """One window: how many patterns it shows, and its smallest p value after multiplicity."""

    family: str
    false: int
    q: float


@pytest.fixture(scope="module")
def quiet() -> list[Seen]:
    profile = ThermalProfile.evidence(per_window=PER_WINDOW)
    seen = []
    for family in FAMILIES:
        for seed in SEEDS:
            planted = make(family, seed)
            report, witness = cool_watched(planted.window, profile)
            assert report.failures == ()
            seen.append(Seen(family, score(planted, report.patterns).false, witness.q))
    return seen


def test_at_most_one_window_in_twenty_without_events_shows_a_pattern(quiet: list[Seen]) -> None:
    false = [one.family for one in quiet if one.false]
    assert at_most(len(false) / len(quiet), PER_WINDOW, len(quiet)) != Verdict.MISSED, false


def test_no_family_stands_out(quiet: list[Seen]) -> None:
    worst = max(FAMILIES, key=lambda family: sum(one.false > 0 for one in quiet if one.family == family))
    false = [one for one in quiet if one.family == worst and one.false]
    # three of seven would be a chance of .004 in one family at .05, of .06 in the worst of sixteen; four, of .003
    assert len(false) <= 3, worst


@pytest.mark.parametrize("confidence", [0.5, 0.8, 0.9, 0.95, 0.99])
def test_a_confidence_is_reached_in_no_more_quiet_windows_than_it_says(quiet: list[Seen], confidence: float) -> None:
    # where metrics share a driver their dependence is true and every confidence is right
    independent = [one for one in quiet if not NULL[one.family].dependent]
    reached = [one.family for one in independent if one.q <= 1 - confidence]
    verdict = at_most(len(reached) / len(independent), 1 - confidence, len(independent))
    assert verdict != Verdict.MISSED, reached


def test_a_looser_bar_would_be_noticed(quiet: list[Seen]) -> None:
    """The same windows at a bar ten times as loose: if this passed the bound, the bound would say nothing."""
    independent = [one for one in quiet if not NULL[one.family].dependent]
    passed = sum(one.q <= 10 * PER_WINDOW for one in independent) / len(independent)
    assert at_most(passed, PER_WINDOW, len(independent)) == Verdict.MISSED
