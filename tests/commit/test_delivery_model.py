"""The rules of delivery keep every promise over kills, moves, idle flushes and merges; without any one of them they
do not."""

import pytest
from delivery_log import Broken, Harm
from delivery_model import NEEDS_A_DISK, NEEDS_NO_DISK, Run, table

SEEDS_OF_THE_RULES = 100
SEEDS_TO_FIND_HARM = 250
"""A seed takes about 30 ms; the rarest harm shows within the first hundred."""

CRIPPLED = [(broken, False) for broken in Broken if broken not in NEEDS_A_DISK] + [
    (broken, True) for broken in Broken if broken not in NEEDS_NO_DISK
]


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


def test_the_table_has_a_row_for_the_rules_and_for_each_variant() -> None:
    lines = table(1).splitlines()
    assert len(lines) == 2 + 2 + len(CRIPPLED)
    assert lines[2] == "| **the rules**, no state | 1 | 0 | 0 | 0 | 0 | 0 |"
