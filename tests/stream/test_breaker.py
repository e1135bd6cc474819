"""A sink that fails is left alone for a while, then tried once."""

import random

import pytest

from crackle_stream.stream.breaker import Breaker, BreakerState, full_jitter
from crackle_stream.stream.options import BreakerOptions


def breaker(**options: float) -> Breaker:
    return Breaker(BreakerOptions(**options), random.Random(0))  # type: ignore[arg-type]


def opened(**options: float) -> Breaker:
    made = breaker(**options)
    for _ in range(5):
        made.begin()
        made.fail(0.0)
    return made


def test_the_fifth_failure_in_a_row_opens_it_for_thirty_seconds() -> None:
    made = breaker()
    for _ in range(4):
        assert not made.begin()
        made.fail(100.0)
        assert (made.state, made.wait(100.0)) == (BreakerState.CLOSED, 0.0)
    made.fail(100.0)
    assert made.state is BreakerState.OPEN
    assert (made.wait(100.0), made.wait(129.0), made.wait(130.0)) == (30.0, 1.0, 0.0)


def test_a_success_between_failures_starts_the_count_anew() -> None:
    made = breaker()
    for _ in range(3):
        for _ in range(4):
            made.fail(0.0)
        made.succeed()
    assert made.state is BreakerState.CLOSED


def test_one_try_shows_whether_the_sink_is_back() -> None:
    made = opened()
    assert made.begin()
    assert made.state is BreakerState.HALF_OPEN
    made.succeed()
    assert (made.state, made.wait(0.0)) == (BreakerState.CLOSED, 0.0)
    assert not made.begin()


def test_a_probe_that_fails_opens_it_for_longer_never_beyond_five_minutes_and_never_less_than_thirty_seconds() -> None:
    made = opened()
    now, longest = 0.0, 30.0
    for _ in range(200):
        wait = made.wait(now)
        longest = max(longest, wait)
        assert 30.0 <= wait <= 300.0
        now += wait
        assert made.begin()
        made.fail(now)
    assert longest > 250.0


def test_waits_are_spread_so_that_processes_do_not_come_back_in_step() -> None:
    waits = set()
    for seed in range(50):
        made = Breaker(BreakerOptions(failures=1), random.Random(seed))
        for _ in range(6):
            made.begin()
            made.fail(0.0)
        waits.add(round(made.wait(0.0)))
    assert len(waits) > 30


@pytest.mark.parametrize(("asked", "waits"), [(7.0, 7.0), (0.0, 0.0), (86_400.0, 3600.0)])
def test_a_receivers_wish_is_honoured_up_to_an_hour_without_opening_it(asked: float, waits: float) -> None:
    made = breaker()
    made.fail(10.0, retry_after=asked)
    assert (made.state, made.wait(10.0)) == (BreakerState.CLOSED, waits)


def test_a_receivers_wish_does_not_shorten_the_wait_of_an_open_one() -> None:
    made = breaker(failures=1)
    made.fail(0.0, retry_after=2.0)
    assert made.wait(0.0) == 30.0


def test_whoever_asks_has_it_tried_at_once_and_once() -> None:
    made = opened()
    made.ask()
    assert made.wait(0.0) == 0.0
    assert made.begin()
    made.fail(0.0)
    assert made.wait(0.0) >= 30.0


def test_waits_of_one_alert_double_up_to_their_bound_and_are_spread_over_all_of_it() -> None:
    rng = random.Random(0)
    for failures, most in ((1, 1.0), (2, 2.0), (5, 16.0), (7, 60.0), (500, 60.0)):
        waits = [full_jitter(rng, 1.0, 60.0, failures) for _ in range(300)]
        assert min(waits) < 0.2 * most
        assert 0.9 * most < max(waits) <= most
