import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import hypergeom

from crackle_stream.detect.evidence.law import Law
from crackle_stream.detect.evidence.law_watch import Standing, Watch, cusum_p, hypergeometric_tail, watch

Floats = npt.NDArray[np.float64]

BALANCE = Law.of({"in": 1, "out": -1, "lost": -1})  # columns: in, lost, out
NOISY = Law.of({"in": 1, "out": -1, "lost": -1}, noise=5.0)
WHOLE = (0, 500)


def flow(rng: np.random.Generator, rows: int = 500, noise: float = 0.0) -> Floats:
    taken = np.round(np.exp(rng.normal(6, 0.5, rows)))
    lost = np.round(taken * rng.beta(2, 18, rows))
    return np.column_stack([taken * (1 + noise * rng.standard_normal(rows)), lost, taken - lost])


def held(law: Law, members: Floats, before: Standing | None = None) -> Watch:
    return watch(law, members, before, (0, len(members)), 1e-3)


# ------------------------------------------------------------------------------------------------ exact laws


def test_a_law_that_every_task_keeps_is_not_broken() -> None:
    made = held(BALANCE, flow(np.random.default_rng(0)))
    assert (made.rows, made.broken, made.nearest, made.standing) == (500, None, 1.0, Standing(500, 0))


def test_one_task_is_enough_once_the_law_was_kept_for_long() -> None:
    #  known:  500 tasks kept it     now:  . . . x . . .
    members = flow(np.random.default_rng(1))
    members[3, 2] -= 7
    made = held(BALANCE, members, Standing(500, 0))
    assert made.broken is not None
    assert (made.broken.first, made.broken.rows.tolist(), made.broken.residual, made.broken.p) == (3, [3], 7.0, 0.0)
    assert made.standing == Standing(500, 0)


def test_one_task_after_a_hundred_that_kept_it_is_a_break_in_a_first_window() -> None:
    members = flow(np.random.default_rng(2))
    members[[300, 420], 2] -= [7, 30]
    made = held(BALANCE, members)
    assert made.broken is not None
    assert (made.broken.first, made.broken.rows.tolist()) == (300, [420, 300])


def test_violations_here_and_there_are_named_and_are_no_event() -> None:
    rng = np.random.default_rng(3)
    members = flow(rng)
    wrong = np.sort(np.append(rng.choice(np.arange(80, 500), 19, replace=False), 5))
    members[wrong, 2] -= rng.integers(1, 50, 20)
    made = held(BALANCE, members)
    assert made.broken is None
    assert sorted(made.violations.tolist()) == wrong.tolist()
    assert made.standing == Standing(500, 20)


def test_violations_crowded_into_a_stretch_are_a_break_with_a_beginning() -> None:
    #  . x . . . [x x . x x x x . x] . . .
    rng = np.random.default_rng(4)
    members = flow(rng)
    members[7, 2] += 4
    stretch = np.arange(60, 110)[rng.random(50) < 0.9]
    members[stretch, 2] -= 9
    made = held(BALANCE, members)
    assert made.broken is not None
    assert made.broken.first == stretch[0]
    assert sorted(made.broken.rows.tolist()) == stretch.tolist()
    assert made.broken.p < 1e-20


def test_a_known_rate_of_violations_is_no_news_and_a_higher_one_is() -> None:
    rng = np.random.default_rng(5)
    usual, more = flow(rng), flow(rng)
    usual[rng.choice(500, 25, replace=False), 2] -= 3
    more[rng.choice(500, 90, replace=False), 2] -= 3
    known = Standing(5000, 250)
    kept = held(BALANCE, usual, known)
    assert kept.broken is None
    assert kept.standing == Standing(5500, 275)
    broken = held(BALANCE, more, known).broken
    assert broken is not None
    assert broken.p == pytest.approx(hypergeom.sf(89, 5500, 340, 500), rel=1e-9)


def test_the_tail_of_the_hypergeometric_law_is_that_of_the_tables() -> None:
    for hits, drawn, marked, total in [
        (0, 10, 5, 100),
        (3, 10, 5, 100),
        (5, 10, 5, 100),
        (1, 1, 1, 7),
        (4, 50, 60, 70),
    ]:
        assert hypergeometric_tail(hits, drawn, marked, total) == pytest.approx(
            hypergeom.sf(hits - 1, total, marked, drawn), rel=1e-9
        )


def test_tasks_without_a_member_are_left_out() -> None:
    members = flow(np.random.default_rng(6))
    members[::2, 1] = np.nan
    members[301, 2] -= 7
    made = held(BALANCE, members, Standing(500, 0))
    assert made.rows == 250
    assert made.broken is not None
    assert made.broken.rows.tolist() == [301]


def test_rounding_of_the_last_digit_breaks_nothing() -> None:
    rng = np.random.default_rng(7)
    parts = rng.random((500, 2))
    members = np.column_stack([parts.sum(axis=1), parts[:, 1], (parts.sum(axis=1) - parts[:, 1])])
    assert held(BALANCE, members, Standing(500, 0)).broken is None


# ------------------------------------------------------------------------------------------------ noisy laws


def test_a_leak_of_two_percent_is_located_and_its_tasks_are_named() -> None:
    errors = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        members = flow(rng, noise=0.01)
        start = int(rng.integers(200, 350))
        members[start:, 2] *= 0.98
        broken = held(NOISY, members).broken
        assert broken is not None
        assert broken.p < 1e-12
        assert broken.share == pytest.approx(0.018, abs=0.006)
        errors.append(abs(broken.first - start))
        assert broken.rows.size == pytest.approx(500 - start, abs=15)
    assert np.median(errors) <= 3


def test_the_most_guilty_task_stands_first() -> None:
    members = flow(np.random.default_rng(8), noise=0.01)
    members[300:, 2] *= 0.9
    broken = held(NOISY, members).broken
    assert broken is not None
    residual = NOISY.residual(members)[broken.rows]
    assert np.all(np.diff(residual) <= 0)


def test_noise_alone_breaks_a_law_as_seldom_as_its_p_value_says() -> None:
    found = [held(NOISY, flow(np.random.default_rng(seed), noise=0.02)).nearest for seed in range(400)]
    assert np.mean(np.array(found) < 0.05) <= 0.05 + 2 * (0.05 * 0.95 / 400) ** 0.5
    assert np.mean(np.array(found) < 0.005) <= 0.01


def test_autocorrelated_noise_breaks_a_law_no_more_often() -> None:
    found = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        noise = np.zeros(550)
        for row in range(1, 550):
            noise[row] = 0.6 * noise[row - 1] + rng.standard_normal()
        members = flow(rng)
        members[:, 0] += 4 * noise[50:]
        found.append(held(NOISY, members).nearest)
    assert np.mean(np.array(found) < 0.01) <= 0.02


def test_a_law_that_is_off_through_a_whole_window_is_broken_from_its_first_task() -> None:
    rng = np.random.default_rng(9)
    before = held(NOISY, flow(rng, noise=0.01)).standing
    members = flow(rng, noise=0.01)
    members[:, 2] *= 0.99
    assert held(NOISY, members).broken is None  # within one window nothing changed
    broken = held(NOISY, members, before).broken
    assert broken is not None
    assert (broken.first, broken.rows.size) == (0, 500)


def test_a_stretch_that_returns_is_named_alone() -> None:
    #  _____----_____
    members = flow(np.random.default_rng(10), noise=0.01)
    members[200:280, 2] *= 0.95
    broken = held(NOISY, members).broken
    assert broken is not None
    assert broken.first == pytest.approx(200, abs=3)
    assert broken.rows.max() == pytest.approx(279, abs=3)


def test_a_constant_read_off_a_window_that_breaks_is_the_one_that_came_first() -> None:
    rng = np.random.default_rng(11)
    members = rng.dirichlet([3, 2, 4], 500) * 100 + 0.3 * rng.standard_normal((500, 3))
    members[260:, 0] += 3.0
    law = Law.of({"a": 1, "b": 1, "c": 1}, constant=101.5, noise=0.5)
    made = held(law, members)
    assert made.broken is not None
    assert made.broken.first == pytest.approx(260, abs=2)
    assert law.constant + made.correction == pytest.approx(100, abs=0.1)
    assert made.broken.residual == pytest.approx(3.0, abs=0.2)


def test_a_few_wild_tasks_do_not_look_like_a_break() -> None:
    members = flow(np.random.default_rng(12), noise=0.01)
    members[[30, 31, 200, 470], 0] *= 3
    assert held(NOISY, members).broken is None


def test_too_short_a_window_says_nothing_of_a_noisy_law() -> None:
    made = held(NOISY, flow(np.random.default_rng(13), rows=12, noise=0.01))
    assert (made.broken, made.nearest) == (None, 1.0)


def test_the_noise_of_several_windows_is_pooled() -> None:
    rng = np.random.default_rng(14)
    standing = None
    for _ in range(20):
        standing = held(NOISY, flow(rng, noise=0.02), standing).standing
    assert standing is not None
    assert standing.rows == 10_000
    assert standing.proportional
    assert standing.scale == pytest.approx(0.02, rel=0.05)


def test_the_cusum_table_is_the_brownian_bridges() -> None:
    """Simulated suprema of |B(t)| / sqrt(t (1 - t)) over [.02, .98], 20,000 bridges of 1,000 steps."""
    rng = np.random.default_rng(15)
    k = np.arange(20, 981)
    peaks = []
    for _ in range(20):
        walk = rng.standard_normal((1000, 1000)).cumsum(axis=1)
        bridge = walk[:, k - 1] - k / 1000 * walk[:, [-1]]
        peaks.append(np.abs(bridge / np.sqrt(k * (1000 - k) / 1000)).max(axis=1))
    supremum = np.concatenate(peaks)
    for peak in (3.2, 3.6, 4.0):
        simulated = float(np.mean(supremum > peak))
        # On a grid the supremum is a little smaller than the continuous one of the table.
        assert 0.6 * cusum_p(peak, 0.02) < simulated < 1.05 * cusum_p(peak, 0.02)


def test_a_small_peak_is_no_evidence() -> None:
    assert cusum_p(0.5, 0.02) == 1.0
