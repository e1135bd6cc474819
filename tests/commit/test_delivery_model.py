"""The rules of delivery keep every promise over kills, moves, idle flushes and merges; without any one of them they
do not."""

import pytest
from delivery_log import Broken, Harm
from delivery_model import VARIANTS, Run, line

SEEDS_OF_THE_RULES = 100
SEEDS_TO_FIND_HARM = 120
"""A seed takes about 30 ms; the rarest harm shows in one or two of them."""

CRIPPLED = [(broken, disks) for broken, disks in VARIANTS if broken is not None]


@pytest.mark.parametrize("disks", [False, True], ids=["no state", "state directory"])
@pytest.mark.parametrize("partitions", [1, 2])
def test_under_the_rules_nothing_is_lost_doubled_or_left_open(disks: bool, partitions: int) -> None:
    for seed in range(SEEDS_OF_THE_RULES // partitions):
        assert Run(seed, disks=disks, partitions=partitions).harms() == {}, f"seed {seed}"


@pytest.mark.parametrize(("broken", "disks"), CRIPPLED)
def test_without_one_of_the_rules_harm_is_done(broken: Broken, disks: bool) -> None:
    harmful = (
        seed for seed in range(SEEDS_TO_FIND_HARM) if Run(seed, broken, disks=disks, partitions=1 + seed % 2).harms()
    )
    assert next(harmful, None) is not None


def test_committing_what_was_fetched_loses_rows() -> None:
    assert Run(0, Broken.COMMITS_WHAT_WAS_FETCHED, disks=False).harms()[Harm.LOST] > 0


def test_a_line_of_the_table_says_how_many_runs_came_to_harm() -> None:
    assert line(None, False, 2) == "| **the rules**, no state | 2 | 0 | 0 | 0 | 0 | 0 |"
    assert line(Broken.COMMITS_WHAT_WAS_FETCHED, True, 1).startswith(
        "| commits the consumer's position, state directory"
    )


def test_every_rule_is_left_out_somewhere() -> None:
    assert {broken for broken, _ in CRIPPLED} == set(Broken)
