from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import chi2_contingency, norm, pearsonr, rankdata
from sklearn.cluster import HDBSCAN  # type: ignore[import-untyped]
from sklearn.metrics import adjusted_rand_score  # type: ignore[import-untyped]

from benchmarks.families import ar_noise
from crackle_stream.detect.evidence.group_metrics import dependent_sets, nearest_pair, pair_chances
from crackle_stream.detect.evidence.group_modes import density_modes, nearest_neighbours
from crackle_stream.detect.evidence.group_patterns import centres, spreads
from crackle_stream.detect.evidence.group_search import find_groups, on_a_curve, runs_z, valley
from crackle_stream.detect.evidence.groups import GroupDetector
from crackle_stream.history import History
from crackle_stream.model import CracklePattern, Examination, Nature
from crackle_stream.protocols import Detector
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]


@dataclass
class Cooling:
    """A context; `patience` is how often `stop()` says no."""

    history: History = field(default_factory=History)
    patience: float = float("inf")

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(0)

    def stop(self) -> bool:
        self.patience -= 1
        return self.patience < 0


def examine(table: Floats, patience: float = float("inf")) -> Examination:
    names = [f"m{place:02d}" for place in range(table.shape[1])]
    labels = [f"task-{row}" for row in range(len(table))]
    window = Window.from_columns(labels, np.arange(len(table)), names, table)
    return GroupDetector().examine(window, Cooling(patience=patience))


def only(examined: Examination) -> CracklePattern:
    (candidate,) = examined.candidates
    return candidate.pattern


def blobs(
    rng: np.random.Generator, count: int, apart: float, rows: int = 500, strays: float = 0.1
) -> tuple[Floats, Labels]:
    """Groups in metrics 3, 5, 7 and 9 of 12, some tasks of no group."""
    middles, nearest = np.zeros((count, 4)), 0.0
    while nearest < 0.8:
        middles = rng.standard_normal((count, 4))
        gaps = np.linalg.norm(middles[:, None] - middles, axis=2)[np.triu_indices(count, 1)]
        nearest = float(gaps.min())
    middles *= apart / nearest
    labels = rng.integers(0, count, rows)
    points = middles[labels] + rng.standard_normal((rows, 4))
    stray = rng.random(rows) < strays
    points[stray] = rng.uniform(middles.min() - 4, middles.max() + 4, (int(stray.sum()), 4))
    table = 100 + 20 * rng.standard_normal((rows, 12))
    table[:, [3, 5, 7, 9]] = 50 + 7 * points
    return table, np.where(stray, -1, labels)


def partition(pattern: CracklePattern, rows: int) -> Labels:
    """The groups a pattern names, the largest being all other tasks."""
    labels = np.zeros(rows, dtype=np.intp)
    sizes = [int(size) for name, size in pattern.metrics.items() if name.startswith("group ")]
    tasks = [int(label.removeprefix("task-")) for label in pattern.involved_tasks]
    assert len(tasks) == sum(sizes[:-1])
    for group, size in enumerate(sizes[:-1], start=1):
        labels[tasks[:size]] = group
        tasks = tasks[size:]
    return labels


def odd(rng: np.random.Generator, tasks: int, rows: int = 500) -> tuple[Floats, Labels]:
    """A few scattered tasks stand 6 sd apart in metrics 2, 4 (higher) and 8 (lower)."""
    table = rng.standard_normal((rows, 12))
    apart = rng.choice(rows, tasks, replace=False)
    for column, step in ((2, 6.0), (4, 6.0), (8, -6.0)):
        table[apart, column] += step
    return table, apart


def test_the_detector_is_one() -> None:
    assert isinstance(GroupDetector(), Detector)
    assert GroupDetector().name == "groups"


@pytest.mark.parametrize(("count", "apart"), [(2, 8.0), (3, 6.0), (5, 8.0)])
def test_groups_among_strays_are_found_with_their_members(count: int, apart: float) -> None:
    scores = []
    for seed in range(10):
        table, labels = blobs(np.random.default_rng([seed, count]), count, apart)
        pattern = only(examine(table))
        kept = labels >= 0
        scores.append(adjusted_rand_score(labels[kept], partition(pattern, 500)[kept]))
        assert set(pattern.metric_names) <= {"m03", "m05", "m07", "m09"}
    assert min(scores) > 0.95


def test_the_metrics_named_are_those_whose_middles_differ_by_a_standard_deviation() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 2, 1000)
    table = rng.standard_normal((1000, 6))
    table[:, :4] += np.outer(labels, [8.0, 5.0, 1.5, 0.5])
    assert only(examine(table)).metric_names == ("m00", "m01", "m02")


@pytest.mark.parametrize(("tasks", "rows"), [(20, 500), (12, 300), (20, 3000)])
def test_a_small_odd_group_is_named_task_by_task(tasks: int, rows: int) -> None:
    table, apart = odd(np.random.default_rng([tasks, rows]), tasks, rows)
    pattern = only(examine(table))
    assert {int(label.removeprefix("task-")) for label in pattern.involved_tasks} == set(apart.tolist())
    assert set(pattern.metric_names) == {"m02", "m04", "m08"}
    assert pattern.description.startswith(f"{tasks} of {rows} tasks stand apart from the others: ")
    assert " lower by " in pattern.description
    assert pattern.metrics["m08 of group 1, sd from the largest"] == pytest.approx(-6, abs=1)
    assert (pattern.kind, pattern.form, pattern.nature) == ("clustering", "groups", Nature.FACT)


def test_a_sentence_counts_the_groups_and_shows_three_metrics() -> None:
    table, _ = blobs(np.random.default_rng(2), 3, 9.0, strays=0.0)
    text = only(examine(table)).description
    assert text.startswith("500 tasks fall into 3 groups of ")
    assert text.endswith("than the largest")


def cloud(rng: np.random.Generator) -> Floats:
    mixing = rng.standard_normal((4, 4))
    return rng.standard_normal((500, 4)) @ mixing


def box(rng: np.random.Generator) -> Floats:
    table = rng.random((500, 3))
    table[:, 1] = 0.7 * table[:, 0] + 0.3 * table[:, 1]
    return table


def skewed(rng: np.random.Generator) -> Floats:
    shared = rng.lognormal(0, 1, (500, 1))
    return shared * rng.lognormal(0, 0.3, (500, 3))


def tails(rng: np.random.Generator) -> Floats:
    shared = rng.standard_t(2, (500, 1))
    return shared + 0.5 * rng.standard_t(2, (500, 3))


def ring(rng: np.random.Generator) -> Floats:
    angle = rng.uniform(0, 2 * np.pi, 500)
    return np.column_stack([np.cos(angle), np.sin(angle)]) + 0.2 * rng.standard_normal((500, 2))


def sine(rng: np.random.Generator) -> Floats:
    x = rng.uniform(-1, 1, 500)
    return np.column_stack([x, np.sin(3 * np.pi * x) + 0.2 * rng.standard_normal(500)])


def parabola(rng: np.random.Generator) -> Floats:
    x = rng.uniform(-1, 1, 500)
    return np.column_stack([x, x * x + 0.1 * rng.standard_normal(500)])


def counts(rng: np.random.Generator) -> Floats:
    shared = rng.poisson(0.7, (500, 1))
    return (shared + rng.poisson(0.4, (500, 3))).astype(float)


@pytest.mark.parametrize("family", [cloud, box, skewed, tails, ring, sine, parabola, counts])
def test_one_cloud_of_any_shape_is_no_group(family: object) -> None:
    assert callable(family)
    found = [examine(family(np.random.default_rng(seed))).candidates for seed in range(12)]
    assert found == [()] * 12


def independent(rng: np.random.Generator) -> Floats:
    return rng.standard_normal((500, 12))


def bimodal(rng: np.random.Generator) -> Floats:
    """Every metric has two modes of its own: no two tasks belong together for it."""
    return rng.standard_normal((500, 6)) + 8 * rng.integers(0, 2, (500, 6))


@pytest.mark.parametrize("family", [independent, bimodal])
def test_metrics_that_do_not_depend_on_each_other_carry_no_groups(family: object) -> None:
    assert callable(family)
    for seed in range(12):
        examined = examine(family(np.random.default_rng(seed)))
        assert examined.candidates == ()
        assert examined.nearest is not None
        assert examined.nearest.value < examined.nearest.bar == 3.0


def test_groups_one_after_the_other_are_a_shift_and_the_report_says_so() -> None:
    rng = np.random.default_rng(3)
    table = rng.standard_normal((500, 4))
    table[260:, :3] += 8
    examined = examine(table)
    assert examined.candidates == ()
    said = [skip for skip in examined.skipped if skip.why == "they follow each other in time: a shift"]
    assert len(said) == 1
    assert sorted(said[0].what.removeprefix("groups in ").split(", ")) == ["m00", "m01", "m02"]


def test_random_walks_are_no_groups() -> None:
    found = [
        examine(np.random.default_rng(seed).standard_normal((500, 6)).cumsum(axis=0)).candidates for seed in range(15)
    ]
    assert found == [()] * 15


def test_scales_and_order_of_the_metrics_do_not_matter() -> None:
    table, _ = blobs(np.random.default_rng(4), 3, 8.0)
    plain = partition(only(examine(table)), 500)
    order = np.random.default_rng(5).permutation(12)
    other = partition(only(examine((table * np.logspace(-3, 4, 12) + 1e3)[:, order])), 500)
    assert adjusted_rand_score(plain, other) > 0.98


def test_tasks_without_a_metric_are_in_no_group() -> None:
    table, labels = blobs(np.random.default_rng(6), 2, 8.0, strays=0.0)
    table[::20, 5] = np.nan
    pattern = only(examine(table))
    kept = np.ones(500, dtype=bool)
    kept[::20] = False
    assert adjusted_rand_score(labels[kept], partition(pattern, 500)[kept]) > 0.95
    assert not {f"task-{row}" for row in range(0, 500, 20)} & set(pattern.involved_tasks)


def test_a_metric_of_few_tasks_is_skipped() -> None:
    table, _ = blobs(np.random.default_rng(7), 2, 8.0)
    table[:250, 0] = np.nan
    assert ("m00", "absent from too many tasks") in [(skip.what, skip.why) for skip in examine(table).skipped]


@pytest.mark.parametrize("shape", [(0, 4), (39, 4), (500, 1)])
def test_too_few_tasks_or_metrics_are_said_to_be(shape: tuple[int, int]) -> None:
    examined = examine(np.random.default_rng(8).standard_normal(shape))
    assert examined.candidates == ()
    assert "too few tasks or metrics" in [skip.why for skip in examined.skipped]


def test_a_search_stops_when_it_is_told_to() -> None:
    table, _ = blobs(np.random.default_rng(9), 2, 8.0)
    examined = examine(table, patience=0)
    assert (examined.candidates, examined.complete) == ((), False)


# ------------------------------------------------------------------------------------------------ the parts


def test_pairs_are_tested_by_the_least_of_three_tests() -> None:
    rng = np.random.default_rng(10)
    table = rng.standard_normal((400, 2))
    table[:, 1] += 0.15 * table[:, 0] ** 2
    bins = (rankdata(table, axis=0, method="ordinal").astype(int) - 1) * 4 // 400
    counted = np.zeros((4, 4))
    np.add.at(counted, (bins[:, 0], bins[:, 1]), 1)
    associated = chi2_contingency(counted).pvalue
    clipped = pearsonr(table[:, 0], table[:, 1]).pvalue
    least = pair_chances(table)[0, 1]
    # white noise seems to remember a little, so that a pair is a little less sure than rows would make it
    assert 0.2 * min(associated, clipped) <= least <= 3 * min(associated, clipped)
    assert nearest_pair(pair_chances(table))[2] == pytest.approx(min(1.0, 3 * least))


def test_slow_metrics_that_have_nothing_to_do_with_each_other_are_no_dependent_pair() -> None:
    chances = pair_chances(ar_noise(np.random.default_rng(11), 500, 40, 0.9)[-500:])
    assert np.mean(chances[np.triu_indices(40, 1)] < 0.01) < 0.06  # three tests of .01 each; without widening half


def test_independent_metrics_are_seldom_taken_for_dependent() -> None:
    sets = [dependent_sets(pair_chances(np.random.default_rng(seed).standard_normal((300, 12)))) for seed in range(300)]
    assert sum(bool(one) for one in sets) <= 3


def test_metrics_joined_by_a_chain_of_pairs_are_one_set() -> None:
    rng = np.random.default_rng(11)
    table = rng.standard_normal((500, 6))
    table[:, 4] = table[:, 1] + table[:, 5]
    (one,) = dependent_sets(pair_chances(table))
    assert one.columns[0] == 4
    assert set(one.columns) == {1, 4, 5}


def test_modes_agree_with_a_reference_where_the_groups_are_plain() -> None:
    rng = np.random.default_rng(12)
    labels = rng.integers(0, 3, 300)
    points = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])[labels] + rng.standard_normal((300, 2))
    squared = np.square(points[:, None] - points).sum(axis=2)
    mine = density_modes(*nearest_neighbours(squared, 20), 2, 1.0)
    reference = HDBSCAN(min_cluster_size=20, copy=True).fit_predict(points)
    kept = reference >= 0
    assert mine.max() == 2
    assert adjusted_rand_score(mine[kept], reference[kept]) > 0.99
    assert np.all(np.diff(np.bincount(mine)) <= 0)


def test_a_mode_that_hardly_rises_above_its_saddle_is_absorbed() -> None:
    points = np.random.default_rng(13).standard_normal((400, 2))
    squared = np.square(points[:, None] - points).sum(axis=2)
    assert density_modes(*nearest_neighbours(squared, 20), 2, 1.0).max() == 0
    assert density_modes(*nearest_neighbours(squared, 5), 2, 0.0).max() > 5


def test_the_valley_of_two_normal_groups_is_that_of_their_mixture() -> None:
    """Middles 4 sd apart: mean of phi(u) + phi(u - 4) over the standard deviation around 2, over that around 0."""
    rng = np.random.default_rng(14)
    labels = rng.integers(0, 2, 20_000)
    points = np.column_stack([4.0 * labels, np.zeros(20_000)]) + rng.standard_normal((20_000, 2))
    middle = norm.cdf(2.5) - norm.cdf(1.5) + norm.cdf(-1.5) - norm.cdf(-2.5)
    peak = norm.cdf(0.5) - norm.cdf(-0.5) + norm.cdf(-3.5) - norm.cdf(-4.5)
    assert valley(points, labels, 0, 1) == pytest.approx(middle / peak, abs=0.02)


def test_two_halves_of_one_cloud_have_no_valley() -> None:
    points = np.random.default_rng(15).standard_normal((1000, 3))
    labels: Labels = (points[:, 0] > 0).astype(np.intp)
    assert valley(points, labels, 0, 1) > 0.8


def test_arms_of_a_curve_are_known_by_the_metric_that_passes_through_all() -> None:
    points = sine(np.random.default_rng(16))
    arms: Labels = np.digitize(points[:, 0], [-0.5, -1 / 6, 1 / 6, 0.5]).astype(np.intp)
    assert on_a_curve(points, arms)
    rng = np.random.default_rng(17)
    labels = rng.integers(0, 2, 500)
    assert not on_a_curve(rng.standard_normal((500, 2)) + 8.0 * labels[:, None], labels)


def test_labels_in_random_order_run_as_chance_has_it() -> None:
    rng = np.random.default_rng(18)
    found = [runs_z(rng.choice([0, 1, 2, -1], 400, p=[0.5, 0.3, 0.1, 0.1])) for _ in range(2000)]
    assert np.mean(found) == pytest.approx(0, abs=0.08)
    assert np.std(found) == pytest.approx(1, abs=0.06)


def test_labels_in_two_blocks_run_as_much_as_labels_can() -> None:
    assert runs_z(np.repeat([0, 1], 200)) == pytest.approx(19.87, abs=0.1)


def test_the_spread_of_the_middles_is_free_of_what_chance_adds() -> None:
    rng = np.random.default_rng(19)
    labels = np.repeat([0, 1], [200, 40])
    found = []
    for _ in range(400):
        table = rng.standard_normal((240, 1)) + labels[:, None]
        middles, within = centres(table, labels)
        found.append(spreads(middles, within, labels)[0] ** 2)
    assert np.mean(found) == pytest.approx(1.0, abs=0.08)


def test_a_draw_of_a_long_window_finds_what_the_whole_would() -> None:
    table, labels = blobs(np.random.default_rng(20), 3, 8.0, rows=4000)
    found = find_groups(table[:, [3, 5, 7, 9]], np.random.default_rng(0))
    assert found is not None
    kept = labels >= 0
    assert adjusted_rand_score(labels[kept], found.labels[kept]) > 0.95
    assert found.lasting
    assert found.valley < 0.1


def test_only_the_most_dependent_sets_are_looked_at_and_the_others_are_named() -> None:
    rng = np.random.default_rng(21)
    table = rng.standard_normal((500, 10))
    for pair, strength in enumerate((5.0, 4.0, 3.0, 2.0, 1.0)):
        table[:, 2 * pair] += strength * table[:, 2 * pair + 1]
    skipped = [(skip.what, skip.why) for skip in examine(table).skipped]
    assert skipped == [
        ("groups in m06, m07", "other sets depend more"),
        ("groups in m08, m09", "other sets depend more"),
    ]


def test_a_short_curve_is_hardly_ever_a_group() -> None:
    found = []
    for seed in range(15):
        x = np.random.default_rng(seed).uniform(-1, 1, 200)
        noise = 0.2 * np.random.default_rng([seed, 1]).standard_normal(200)
        found.append(examine(np.column_stack([x, np.sin(3 * np.pi * x) + noise])).candidates)
    assert sum(bool(one) for one in found) <= 1


def test_density_is_looked_at_in_the_six_most_dependent_metrics() -> None:
    rng = np.random.default_rng(22)
    labels = rng.integers(0, 2, 500)
    table = rng.standard_normal((500, 9)) + np.outer(labels, [2.0, 8, 8, 8, 8, 8, 8, 2, 2])
    (one,) = dependent_sets(pair_chances(table))
    assert set(one.columns) == {1, 2, 3, 4, 5, 6}
    assert len(only(examine(table)).metric_names) == 9
