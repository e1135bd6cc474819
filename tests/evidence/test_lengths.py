"""Columns of different lengths in one table, beside each column in a table of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.families import ar_noise
from crackle_stream.detect.evidence import ShiftDetector, prepared
from crackle_stream.detect.evidence.autoregression import clipped, gram, innovations, middle_and_width, robust_fit
from crackle_stream.detect.evidence.bumps import find_level
from crackle_stream.detect.evidence.drift import Drifts, drifts_of
from crackle_stream.detect.evidence.lengths import Lengths, closed, filled_below, means, variances
from crackle_stream.detect.evidence.level import Levels
from crackle_stream.detect.evidence.look import Context
from crackle_stream.detect.evidence.memory import MetricMemory
from crackle_stream.detect.evidence.prepared import Prepared
from crackle_stream.detect.evidence.ranks import legendre_of_ranks, medians, normal_scores, standard_legendre_of_ranks
from crackle_stream.detect.evidence.scan import neighbour_drops, scan_step, scan_white, split_off, white_drops
from crackle_stream.detect.evidence.spread import Shapes, scan_shape
from crackle_stream.detect.evidence.staircase import find_staircases
from crackle_stream.detect.evidence.tails import chi_scan_tail
from crackle_stream.detect.evidence.whitening import White, seasons_of, whiten
from crackle_stream.history import History
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]
SEEDS = st.integers(0, 10_000)


def series(rng: np.random.Generator, n: int) -> Floats:
    """Noise of some kind with or without an event, off zero, shape (n,)."""
    phi = rng.choice([0.0, 0.4, 0.9])
    y = 3.0 + rng.choice([0.1, 40.0]) * ar_noise(rng, n, 1, phi)[:, 0]
    kind, at = rng.integers(7), int(rng.integers(n // 5, n - n // 5))
    if kind == 0:
        y[at:] += 4 * y.std()
    elif kind == 1:
        y[at : at + n // 6] += 3 * y.std()
    elif kind == 2:
        y[at : at + 12] += 6 * y.std()
    elif kind == 3:
        y[at:] = y.mean() + 3 * (y[at:] - y.mean())
    elif kind == 4:
        y = np.exp(y / np.abs(y).max())
    elif kind == 5:
        y += 2 * y.std() * np.sin(np.arange(n) / 9)
    return np.asarray(y)


def columns(seed: int, least: int, most: int, k: int = 5) -> list[Floats]:
    """Series of odd lengths: of an even number of values two are as far from the median, and rounding ranks them."""
    rng = np.random.default_rng(seed)
    return [series(rng, int(rng.integers(least, most + 1)) // 2 * 2 + 1) for _ in range(k)]


def same(found: Floats, alone: Floats) -> None:
    np.testing.assert_allclose(found, alone, rtol=1e-9, atol=1e-10 * max(float(np.abs(alone).max(initial=0)), 1.0))


@given(SEEDS, st.integers(20, 60), st.integers(0, 30))
@settings(deadline=None, max_examples=40)
def test_moments_and_ranks_of_a_column_are_its_own(seed: int, least: int, more: int) -> None:
    each = columns(seed, least, least + more)
    table, lengths = closed(each)
    same(means(table, lengths), np.array([one.mean() for one in each]))
    same(variances(table, lengths), np.array([one.var() for one in each]))
    same(medians(table, lengths), np.array([np.median(one) for one in each]))
    scores, shapes = normal_scores(table, lengths), legendre_of_ranks(table, 2, 3, lengths)
    standard = standard_legendre_of_ranks(table, 3, lengths)
    for place, one in enumerate(each):
        n, column = len(one), one[:, None]
        assert np.array_equal(scores[:n, [place]], normal_scores(column))
        assert np.array_equal(shapes[:n, place :: len(each)], legendre_of_ranks(column, 2, 3))
        assert np.array_equal(standard[:n, place :: len(each)], standard_legendre_of_ranks(column, 3))
        assert not scores[n:, place].any()
        assert not shapes[n:, place :: len(each)].any()


def test_a_value_is_written_below_the_last_rows_alone() -> None:
    table = np.ones((5, 3))
    assert filled_below(table, Lengths.of([5, 3, 4]), 7.0)[3:].tolist() == [[1, 7, 1], [1, 7, 7]]
    assert not (table[:3] != 1.0).any()


@given(SEEDS, st.sampled_from([(180, 200), (320, 420), (980, 1060)]))
@settings(deadline=None, max_examples=25)
def test_fits_and_scans_of_a_column_are_its_own(seed: int, rows: tuple[int, int]) -> None:
    each, p = columns(seed, *rows), 8
    table, lengths = closed(each)
    flat, ends = split_off(table, lengths), lengths.without(p)
    products, (model, orders) = gram(flat, p, lengths), robust_fit(flat, p, lengths=lengths)
    e = innovations(flat, model, lengths)
    middle, width = middle_and_width(e, ends)
    scan, white = scan_step(e, model.phi, lengths=ends), scan_white(e - means(e, ends), 0.08, ends)
    drops, same_drops = neighbour_drops(len(e), model.phi, lengths=ends), white_drops(len(e), 0.08, ends)
    two = np.full(len(each), 2.5)
    tails, white_tails = chi_scan_tail(two, drops), chi_scan_tail(two, same_drops)
    for place, one in enumerate(each):
        n, alone = len(one), split_off(one[:, None])
        same(flat[:n, [place]], alone)
        same(products[place] / np.abs(products[place]).max(), gram(alone, p)[0] / np.abs(products[place]).max())
        own, order = robust_fit(alone, p)
        assert order[0] == orders[place]
        np.testing.assert_allclose(model.phi[place], own.phi[0], rtol=1e-7, atol=1e-9)
        left = e[: n - p, [place]]
        same(left, innovations(alone, own))
        assert not e[n - p :, place].any()
        same(np.array([middle[place], width[place]]), np.concatenate(middle_and_width(left)))
        same(clipped(e, lengths=ends)[: n - p, [place]], clipped(left))
        phi = model.phi[[place]]
        for both, plainly in (
            (scan, scan_step(left, phi)),
            (white, scan_white(left - left.mean(), 0.08)),
        ):
            first = plainly.first - both.first
            same(both.statistic[first : first + len(plainly.statistic), [place]], plainly.statistic)
            same(both.size[first : first + len(plainly.statistic), [place]], plainly.size)
            assert np.count_nonzero(both.statistic[:, place]) <= len(plainly.statistic)
        same(tails[[place]], chi_scan_tail(two[:1], neighbour_drops(n - p, phi)))
        same(white_tails[[place]], chi_scan_tail(two[:1], white_drops(n - p, 0.08)))


@given(SEEDS)
@settings(deadline=None, max_examples=15)
def test_levels_staircases_and_shapes_of_a_column_are_its_own(seed: int) -> None:
    each = columns(seed, 330, 400)
    table, lengths = closed(each)
    levels, (chances, starts) = find_level(table, lengths), find_staircases(table, lengths)
    shapes = scan_shape(table, lengths)
    for place, one in enumerate(each):
        alike(levels.of(np.array([place])), find_level(one[:, None]))
        chance, start = find_staircases(one[:, None])
        np.testing.assert_allclose(chances[place], chance[0], rtol=1e-6)
        assert starts[place] == start[0]
        alike(shapes.of(np.array([place])), scan_shape(one[:, None]))


def alike(found: Levels | Shapes, alone: Levels | Shapes) -> None:
    """Refits that have converged differ by less than matters, and either may be taken."""
    for field in fields(alone):
        np.testing.assert_allclose(getattr(found, field.name), getattr(alone, field.name), rtol=1e-5, atol=1e-7)


@given(SEEDS, st.sampled_from([(340, 400), (880, 1020)]))
@settings(deadline=None, max_examples=15)
def test_metrics_are_whitened_together_as_each_alone(seed: int, rows: tuple[int, int]) -> None:
    each = columns(seed, *rows)
    drifts = [drifts_of(one[:, None]) for one in each]
    level = [drift.taken_from(one[:, None]) for drift, one in zip(drifts, each, strict=True)]
    seasons = [seasons_of(one)[0] for one in level]
    table, lengths = closed([one[:, 0] for one in level])
    together = whiten(table, seasons, Drifts.together(drifts), lengths=lengths)
    assert together is not None
    for place, one in enumerate(each):
        alone = whiten(one[:, None])
        assert alone is not None
        as_whitened(together.of([place], len(one)), alone)


def as_whitened(found: White, alone: White) -> None:
    assert (found.transforms, found.frequencies) == (alone.transforms, alone.frequencies)
    assert [step.row for step in found.steps[0]] == [step.row for step in alone.steps[0]]
    for step, other in zip(found.steps[0], alone.steps[0], strict=True):
        assert (step.size, step.p) == pytest.approx((other.size, other.p), rel=1e-5, abs=1e-200)
    for name in ("levels", "spreads", "amplitudes", "shapes"):
        alike(getattr(found, name), getattr(alone, name))
    for name in ("y", "innovations", "scores", "phi", "effective_n"):
        np.testing.assert_allclose(getattr(found, name), getattr(alone, name), rtol=1e-6, atol=1e-8)


def with_gaps(values: Floats) -> Window:
    """A window in which each metric is present an odd number of times."""
    values = values.copy()
    for column in values.T:
        present = np.flatnonzero(~np.isnan(column))
        if len(present) % 2 == 0:
            column[present[0]] = np.nan
    names = [f"m{column}" for column in range(values.shape[1])]
    return Window.from_columns(["task"] * len(values), np.arange(len(values)), names, values)


def taught(window: Window, history: History) -> Mapping[str, MetricMemory]:
    learned = ShiftDetector().examine(window, Context(window, history, None, 0)).learned["metrics"]
    assert isinstance(learned, Mapping)
    return {name: MetricMemory.from_dict(memory) for name, memory in learned.items()}


def as_taught(found: Mapping[str, MetricMemory], alone: Mapping[str, MetricMemory]) -> None:
    assert sorted(found) == sorted(alone)
    for name, memory in found.items():
        for field in fields(MetricMemory):
            one, other = getattr(memory, field.name), getattr(alone[name], field.name)
            if isinstance(other, str):
                assert one == other
            else:
                np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8 * np.abs(other).max(initial=1e-300))


@given(SEEDS)
@settings(deadline=None, max_examples=8)
def test_metrics_of_different_lengths_teach_as_each_alone(seed: int) -> None:
    values = np.column_stack(columns(seed, 480, 480, 6))
    values[np.random.default_rng(seed).random(values.shape) < 0.1] = np.nan
    window = with_gaps(values)
    together = taught(window, History())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prepared, "ALIKE_SHARE", 2.0)
        as_taught(together, taught(window, History()))


def test_remembered_metrics_with_gaps_are_judged_as_each_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    values = np.hstack([ar_noise(rng, 3500, 4, phi) for phi in (0.0, 0.5, 0.9)])
    values[:, 3] *= np.exp(ar_noise(rng, 3500, 1, 0.95)[:, 0] / 3)  # spells
    values[:, 5] = np.exp(values[:, 5])
    values[3100:, 0] += 1.0
    values[3300:, 1] *= 2.0
    values[3200:3212, 2] += 4.0
    values[rng.random(values.shape) < 0.1] = np.nan
    history = History()
    for start in range(0, 3000, 500):
        earlier = with_gaps(values[start : start + 500])
        history = history.after({"shift": ShiftDetector().examine(earlier, Context(earlier, history, None, 0))})
    window = with_gaps(values[3000:])
    together, memories = Prepared(window, history).whitened, taught(window, history)
    assert len(together.batches) == 1
    assert all(block.white.calibrated.all() for block in together.blocks)
    monkeypatch.setattr(prepared, "ALIKE_SHARE", 2.0)
    alone = Prepared(window, history).whitened
    as_taught(memories, taught(window, history))
    for block, other in zip(together.blocks, alone.blocks, strict=True):
        assert block.columns == other.columns
        as_whitened(block.white, other.white)


def test_a_window_with_gaps_is_whitened_as_its_metrics_are(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.column_stack([one for seed in range(3) for one in columns(seed, 500, 500, 6)])
    values[np.random.default_rng(1).random(values.shape) < 0.1] = np.nan
    values[:, 3] = np.where(np.isnan(values[:, 2]), np.nan, np.nan_to_num(values[:, 3], nan=1.0))  # as metric 2 is
    values[150:, 5] = np.nan  # too few to be among the others
    window = with_gaps(values)
    together = Prepared(window, History()).whitened
    assert sorted(column for block in together.blocks for column in block.columns) == list(range(18))
    monkeypatch.setattr(prepared, "ALIKE_SHARE", 2.0)
    alone = Prepared(window, History()).whitened
    np.testing.assert_allclose(together.scores, alone.scores, rtol=1e-6, atol=1e-8)
    for block, other in zip(together.blocks, alone.blocks, strict=True):
        assert block.columns == other.columns
        assert np.array_equal(block.rows, other.rows)
        as_whitened(block.white, other.white)
