from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import beta

from crackle_stream.detect.evidence import law_supports
from crackle_stream.detect.evidence.concentration import concentrate
from crackle_stream.detect.evidence.law import Law
from crackle_stream.detect.evidence.law_coefficients import simplest
from crackle_stream.detect.evidence.law_search import Found, Search, find_laws, independent
from crackle_stream.detect.evidence.law_supports import Tight, tight_sets

Floats = npt.NDArray[np.float64]


def noise_table(rng: np.random.Generator, rows: int, columns: int) -> Floats:
    """Independent metrics with operational levels and spreads."""
    level = np.exp(rng.uniform(1.6, 7.6, columns))
    return level * (1 + rng.uniform(0.15, 1.0, columns) * rng.standard_normal((rows, columns)))


def whole(numbers: npt.ArrayLike) -> Floats:
    """Rounded to whole numbers."""
    return np.asarray(np.rint(numbers), dtype=np.float64)


def flow(rng: np.random.Generator, rows: int) -> tuple[Floats, Floats, Floats]:
    """Counts taken in, passed on and dropped."""
    taken = whole(np.exp(rng.normal(6, 0.5, rows)))
    dropped = np.round(taken * rng.beta(2, 18, rows))
    return taken, taken - dropped, dropped


def search(table: Floats, names: Sequence[str] | None = None) -> Search:
    return find_laws(table, names or [f"m{place:02d}" for place in range(table.shape[1])], np.random.default_rng(0))


def texts(table: Floats, names: Sequence[str] | None = None) -> list[str]:
    return [found.law.text for found in search(table, names).found]


@pytest.mark.parametrize("noise", [0.0, 0.001, 0.01, 0.02])
def test_a_balance_among_unrelated_metrics_is_named_exactly(noise: float) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        table = noise_table(rng, 500, 12)
        taken, passed, dropped = flow(rng, 500)
        table[:, 3] = taken * (1 + noise * rng.standard_normal(500))
        table[:, 7], table[:, 9] = passed, dropped
        (found,) = search(table).found
        assert found.law.text == "m03 = m07 + m09"
        assert found.law.exact == (noise == 0)
        assert found.p < 1e-50


def test_shares_that_sum_to_a_constant_are_found_up_to_five_percent_of_noise() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        table = noise_table(rng, 500, 12)
        table[:, :3] = rng.dirichlet([3, 2, 4], 500) * 100 + 0.05 * 100 / 3 * rng.standard_normal((500, 3))
        (found,) = search(table).found
        assert found.law.names == ("m00", "m01", "m02")
        assert found.law.constant == pytest.approx(100, abs=0.6)


def test_coefficients_other_than_one_are_read() -> None:
    rng = np.random.default_rng(5)
    table = noise_table(rng, 600, 8)
    table[:, 0] = 2 * table[:, 1] + 0.5 * table[:, 2]
    table[:, 5] = 1000 * table[:, 4]
    table[:, 7] = 3.7 * table[:, 6] + 2
    assert texts(table) == ["m07 = 3.7 m06 + 2", "m05 = 1000 m04", "m00 = 2 m01 + 0.5 m02"]


def test_two_laws_that_share_a_metric_are_reported_without_their_combinations() -> None:
    rng = np.random.default_rng(7)
    table = noise_table(rng, 500, 10)
    taken, passed, dropped = flow(rng, 500)
    hit = np.round(passed * rng.beta(4, 4, 500))
    table[:, :5] = np.column_stack([taken, passed, dropped, hit, passed - hit])
    names = ["taken", "passed", "dropped", "hit", "miss", *"vwxyz"]
    assert sorted(texts(table, names)) == ["passed = hit + miss", "taken = dropped + passed"]


def test_a_law_is_found_while_a_tenth_of_the_tasks_breaks_it() -> None:
    rng = np.random.default_rng(11)
    table = noise_table(rng, 500, 12)
    table[:, 0], table[:, 1], table[:, 2] = flow(rng, 500)
    wrong = rng.choice(500, 50, replace=False)
    table[wrong, 1] *= rng.uniform(0.3, 3, 50)
    (found,) = search(table).found
    assert (found.law.text, found.law.exact) == ("m00 = m01 + m02", True)
    assert found.broken == pytest.approx(0.1, abs=0.005)


def test_an_alias_does_not_hide_the_law_that_most_tasks_keep() -> None:
    """While next to nothing is dropped, produced and enqueued are all but aliases."""
    rng = np.random.default_rng(13)
    enqueued = np.round(np.exp(rng.normal(5, 0.5, 500)))
    grown = np.round(rng.normal(0, 20, 500))
    produced = enqueued.copy()
    produced[[100, 250, 400]] += 9
    table = np.column_stack([produced, enqueued, enqueued - grown, grown])
    assert texts(table, ["produced", "enqueued", "taken", "grown"]) == [
        "enqueued = produced",
        "enqueued = grown + taken",
    ]


@pytest.mark.parametrize("rho", [0.8, 0.95, 0.99])
def test_a_correlation_is_no_law(rho: float) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        table = noise_table(rng, 500, 8)
        table[:, 0] = table[:, 1].mean() + rho * (table[:, 1] - table[:, 1].mean())
        table[:, 0] += (1 - rho**2) ** 0.5 * table[:, 1].std() * rng.standard_normal(500)
        assert search(table).found == ()


def walks(rng: np.random.Generator) -> Floats:
    return rng.standard_normal((500, 12)).cumsum(axis=0)


def counts(rng: np.random.Generator) -> Floats:
    return rng.poisson(rng.uniform(0.2, 60, 12), (500, 12)).astype(float)


def heavy(rng: np.random.Generator) -> Floats:
    return rng.standard_t(1.5, (500, 12))


def flags(rng: np.random.Generator) -> Floats:
    return (rng.random((500, 12)) < rng.uniform(0.005, 0.1, 12)).astype(float)


def waves(rng: np.random.Generator) -> Floats:
    periods, phases = rng.uniform(12, 120, 12), rng.uniform(0, 6.28, 12)
    rows = np.arange(500)[:, None]
    return 100 + 30 * np.sin(2 * np.pi * rows / periods + phases) + 3 * rng.standard_normal((500, 12))


def one_driver(rng: np.random.Generator) -> Floats:
    return rng.standard_normal((500, 1)).cumsum(axis=0) + 0.3 * rng.standard_normal((500, 12))


@pytest.mark.parametrize("family", [walks, counts, heavy, flags, waves, one_driver])
def test_no_law_is_seen_where_there_is_none(family: object) -> None:
    assert callable(family)
    assert [search(family(np.random.default_rng(seed))).found for seed in range(15)] == [()] * 15


def test_what_came_nearest_is_named() -> None:
    rng = np.random.default_rng(3)
    table = noise_table(rng, 500, 4)
    table[:, 2] = 0.37 * table[:, 0] / table[:, 0].std() + 0.83 * table[:, 1] / table[:, 1].std()
    table[:, 2] += 0.1 * rng.standard_normal(500)
    made = search(table)
    assert made.found == ()
    assert made.nearest is not None
    assert made.nearest[0] == ("m00", "m01", "m02")
    assert 0.1 < made.nearest[1] < 0.45


def test_a_search_stops_when_it_is_told_to() -> None:
    table = noise_table(np.random.default_rng(0), 500, 12)
    made = find_laws(table, [f"m{place}" for place in range(12)], np.random.default_rng(0), lambda: True)
    assert (made.found, made.complete) == ((), False)


@pytest.mark.parametrize("shape", [(0, 3), (5, 3), (500, 0), (500, 1)])
def test_too_few_rows_or_columns_give_no_law(shape: tuple[int, int]) -> None:
    assert find_laws(np.ones(shape), ["a", "b", "c"][: shape[1]], np.random.default_rng(0)).found == ()


def test_a_long_window_is_searched_in_a_draw_of_its_rows_that_the_seed_decides() -> None:
    rng = np.random.default_rng(21)
    table = noise_table(rng, 6000, 6)
    table[:, 0], table[:, 1], table[:, 2] = flow(rng, 6000)
    first, second = search(table), search(table)
    assert [found.law.text for found in first.found] == ["m00 = m01 + m02"]
    assert first == second


def test_the_order_of_the_metrics_does_not_matter() -> None:
    rng = np.random.default_rng(23)
    table = noise_table(rng, 400, 6)
    table[:, 0], table[:, 1], table[:, 2] = flow(rng, 400)
    names = list("abcdef")
    order = rng.permutation(6)
    assert texts(table, names) == texts(table[:, order], [names[place] for place in order])


def test_elimination_ends_with_the_sets_that_listing_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(29)
    table = noise_table(rng, 500, 12)
    taken, passed, dropped = flow(rng, 500)
    table[:, :3] = np.column_stack([taken * (1 + 0.01 * rng.standard_normal(500)), passed, dropped])
    table[:, 7] = table[:, 3] + table[:, 4] + table[:, 5] - table[:, 6]
    listed = texts(table)
    monkeypatch.setattr(law_supports, "MOST_SETS", 0)
    assert texts(table) == listed == ["m03 + m04 + m05 = m06 + m07", "m00 = m01 + m02"]


def test_concentration_leaves_out_the_rows_that_break_a_law() -> None:
    rng = np.random.default_rng(31)
    table = rng.standard_normal((300, 3))
    table[:, 2] = table[:, 0] + table[:, 1]
    table[:30, 2] += 3 * rng.standard_normal(30)
    (block,) = concentrate([table])
    assert block.rows == 240
    assert np.linalg.eigvalsh(block.correlation)[0] == pytest.approx(0, abs=1e-12)
    plain = np.linalg.eigvalsh(np.corrcoef(table, rowvar=False))[0]
    assert plain > 0.05


def test_concentration_lets_a_metric_be_constant() -> None:
    table = np.random.default_rng(37).standard_normal((100, 3))
    table[:, 1] = 0.0
    (block,) = concentrate([table])
    assert block.varying.tolist() == [0, 2]
    assert block.correlation[1].tolist() == [0.0, 0.0, 0.0]


def test_the_open_share_of_a_member_is_that_of_its_regression() -> None:
    rng = np.random.default_rng(41)
    table = rng.standard_normal((400, 3))
    table[:, 2] = table[:, 0] - table[:, 1] + 0.2 * rng.standard_normal(400)
    (block,) = concentrate([table])
    (tight,) = [one for batch in tight_sets(block) for one in batch]
    matrix = block.correlation
    explained = matrix[2, :2] @ np.linalg.solve(matrix[:2, :2], matrix[2, :2])
    assert tight.unexplained[2] == pytest.approx((1 - explained) * block.rows / (block.rows - 3), rel=1e-6)


def test_members_of_a_common_driver_do_not_agree_on_signs() -> None:
    """All partial correlations positive: every regression puts the others on its own far side."""
    rng = np.random.default_rng(43)
    table = rng.standard_normal((500, 1)) + 0.2 * rng.standard_normal((500, 3))
    assert [one for batch in tight_sets(*concentrate([table])) for one in batch] == []


def test_the_bound_on_chance_is_the_tail_of_the_regressions_open_share() -> None:
    """500 independent rows, one set of three among three metrics, eleven views and parts at most."""
    rng = np.random.default_rng(47)
    table = rng.standard_normal((500, 3))
    table[:, 2] = table[:, 0] + table[:, 1] + 0.3 * rng.standard_normal(500)
    (found,) = search(table).found
    worst = max(
        one.unexplained.max() for batch in tight_sets(*concentrate([table / table.std(axis=0)])) for one in batch
    )
    nominal = beta.logcdf(worst, (400 - 3) / 2, 1) + np.log(11)
    assert np.log(found.p) == pytest.approx(nominal, rel=0.15)


def tight(width: float, ratios: tuple[float, ...] = (1.0, 1.0, 1.0)) -> Tight:
    """Three members whose law has the given coefficients, noise of the given share in each."""
    direction = np.array(ratios) / np.linalg.norm(ratios)
    precision = np.outer(direction, direction) / width**2 + np.eye(3)
    return Tight((0, 1, 2), precision, 1 / np.diagonal(precision), np.ones(3), 400)


def test_a_sharp_ratio_is_less_likely_chance_than_a_blurred_one() -> None:
    sharp, blurred = simplest(tight(0.01), np.ones(3)), simplest(tight(0.1), np.ones(3))
    assert sharp is not None
    assert blurred is not None
    assert sharp.coefficients == blurred.coefficients == (1.0, 1.0, 1.0)
    assert sharp.chance < 1e-4 < blurred.chance


def test_ratios_that_are_no_fractions_are_refused() -> None:
    assert simplest(tight(0.02, (1.0, 0.618, 0.9)), np.ones(3)) is None


def law(coefficients: dict[str, float], **more: float) -> Found:
    noise = more.get("noise", 0.0)
    return Found(Law.of(coefficients, noise=noise), 1e-99, 1e-9, noise, more.get("broken", 0.0), 0, 500)


def test_a_law_that_known_ones_imply_is_no_news() -> None:
    known = [Law.of({"a": 1, "b": -1, "c": -1}), Law.of({"b": 1, "d": -1})]
    assert independent([law({"a": 1, "d": -1, "c": -1})], known) == ()
    assert len(independent([law({"a": 1, "d": -1, "e": -1})], known)) == 1


def test_the_larger_law_wins_where_the_smaller_one_only_forgot_a_member() -> None:
    small, large = law({"in": 1, "out": -1}, noise=9.0), law({"in": 1, "out": -1, "lost": -1}, noise=0.1)
    assert independent([small, large]) == (large,)
