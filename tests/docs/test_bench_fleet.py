"""The model of many processes reproduces what can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fleet import STEP_S, Fleet, Move, Worker, phased, waits

WORKER = Worker(cpu_s=20e-6, refill_cpu_s=5e-6, base_mib=80.0, partition_kib=512.0)


def test_a_lone_partition_whose_windows_take_less_than_their_distance_never_waits() -> None:
    assert waits(phased(np.array([0.0]), 1.0, 100), 0.9).max() == 0.0


def test_windows_that_end_together_wait_for_those_before_them() -> None:
    # 4 partitions in phase, 0.1 s each:  0  .1  .2  .3  and again in the next period
    found = waits(phased(np.zeros(4), 1.0, 50), 0.1)
    np.testing.assert_allclose(found.reshape(50, 4), np.tile([0.0, 0.1, 0.2, 0.3], (50, 1)), atol=1e-9)


def test_an_overloaded_worker_falls_behind_by_the_difference_each_time() -> None:
    np.testing.assert_allclose(waits(phased(np.array([0.0]), 1.0, 5), 1.5), [0.0, 0.5, 1.0, 1.5, 2.0])


@pytest.mark.parametrize("load", [0.3, 0.6, 0.8])
def test_random_arrivals_wait_as_long_as_pollaczek_and_khinchine_say(load: float) -> None:
    arrivals = np.cumsum(np.random.default_rng(7).exponential(1.0, 400_000))
    assert waits(arrivals, load).mean() == pytest.approx(load**2 / (2 * (1 - load)), rel=0.05)


@given(
    st.floats(1.0, 1e5), st.floats(1.05, 20.0), st.floats(0.0, 10.0), st.floats(0.0, 5.0)
)  # fmt: skip
def test_a_rebalance_in_small_steps_is_the_closed_form(rate: float, spare: float, pause: float, refill: float) -> None:
    move = Move(rate, spare * rate, pause, refill)
    most, seconds = move.simulated()
    step = 3 * STEP_S  # the pause, the refill and the end are each rounded to a step
    assert most == pytest.approx(move.lag, abs=step * rate)
    assert seconds == pytest.approx(move.recovered_s, abs=step * (1 + spare / (spare - 1)))


def test_without_capacity_to_spare_a_rebalance_is_never_made_up_for() -> None:
    move = Move(rate=100.0, capacity=100.0, pause_s=1.0, refill_s=0.0)
    assert (move.recovered_s, move.simulated(within_s=5.0)[1]) == (math.inf, math.inf)


def test_processes_machines_and_memory_follow_from_the_work() -> None:
    # a million records of 20 us are 20 cores: at .7 of a core each 29 processes, the fullest with 35 partitions
    fleet = Fleet(WORKER, partitions=1000, rate=1e6, cores=8)
    assert (fleet.processes, fleet.machines) == (29, 4)
    assert fleet.load == pytest.approx(20 / 29)
    assert fleet.process_mib == pytest.approx(80 + 35 * 0.5)


def test_there_are_never_more_processes_than_partitions() -> None:
    fleet = Fleet(WORKER, partitions=4, rate=1e6)
    assert fleet.processes == 4
    assert fleet.load > 1


def test_a_move_of_the_fleet_is_that_of_a_process_with_its_share() -> None:
    fleet = Fleet(WORKER, partitions=1000, rate=1e6)
    move = fleet.move(pause_s=2.0, refill=4000)
    assert move.rate * fleet.processes == pytest.approx(1e6)
    assert move.refill_s == pytest.approx(1000 * 4000 / 29 * 5e-6)
    assert move.lag == pytest.approx(1e6 / 29 * (2.0 + move.refill_s))


def test_windows_of_random_phases_wait_less_than_those_that_end_together() -> None:
    fleet = Fleet(WORKER, partitions=1000, rate=1e6)
    found = fleet.window_waits(np.random.default_rng(3))
    together = (math.ceil(1000 / fleet.processes) - 1) * fleet.window_s
    assert 0.0 < found.mean() < together / 2
    assert found.max() < together
