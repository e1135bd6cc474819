"""Dithering, seasons, scales and whitening."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from statsmodels.tsa.stattools import acf  # type: ignore[import-untyped]

from benchmarks.families import ar_noise
from crackle_stream.detect.evidence import ShiftDetector
from crackle_stream.detect.evidence.aliases import affine_copies
from crackle_stream.detect.evidence.autoregression import MAX_ORDER
from crackle_stream.detect.evidence.dither import dithered
from crackle_stream.detect.evidence.look import Context
from crackle_stream.detect.evidence.memory import MetricMemory
from crackle_stream.detect.evidence.memory_models import series_models
from crackle_stream.detect.evidence.prepared import Block, Prepared
from crackle_stream.detect.evidence.ranks import legendre_scores, uniform_ranks
from crackle_stream.detect.evidence.recall import learned
from crackle_stream.detect.evidence.seasonality import find_frequencies, without_sinusoids
from crackle_stream.detect.evidence.spread import SHAPE_DEGREES
from crackle_stream.detect.evidence.staircase import find_staircases
from crackle_stream.detect.evidence.whitening import Transform, whiten
from crackle_stream.history import History
from crackle_stream.window import Window


def test_dithering_keeps_the_order_of_different_values_and_repeats_itself() -> None:
    counts = np.random.default_rng(0).poisson(2.0, 500).astype(float)
    spread = dithered(counts)
    assert np.abs(spread - counts).max() <= 1.0
    assert np.all(np.diff(counts[np.argsort(spread)]) >= 0)
    assert len(np.unique(spread)) == 500
    assert np.array_equal(spread, dithered(counts))


def test_measurements_are_not_dithered() -> None:
    x = np.random.default_rng(1).standard_normal(300)
    x[7] = np.nan
    assert np.array_equal(dithered(x), x, equal_nan=True)


def test_two_cycles_between_the_bins_are_found_and_taken_out() -> None:
    t = np.arange(500)
    noise = 0.5 * np.random.default_rng(2).standard_normal(500)
    y = np.sin(2 * np.pi * t / 37.3) + 0.8 * np.cos(2 * np.pi * t / 11.9) + noise
    found = sorted(find_frequencies(y))
    assert found == pytest.approx([1 / 37.3, 1 / 11.9], abs=2e-4)
    assert np.std(without_sinusoids(y, tuple(found))) == pytest.approx(0.5, rel=0.1)


def test_slow_noise_has_no_season() -> None:
    y = ar_noise(np.random.default_rng(3), 500, 40, 0.9)
    assert sum(len(find_frequencies(y[:, column])) for column in range(40)) <= 2


def test_whitened_scores_have_no_memory_left() -> None:
    rng = np.random.default_rng(4)
    series = np.hstack([ar_noise(rng, 800, 4, 0.9), np.exp(ar_noise(rng, 800, 4, 0.9)), rng.pareto(1.3, (800, 4))])
    white = whiten(series)
    assert white is not None
    scores = white.scores[8:]
    for column in range(12):
        assert np.abs(acf(scores[:, column], nlags=5)[1:]).max() < 4 / np.sqrt(792)
    assert Transform.RAW not in white.transforms[4:8]
    assert set(white.transforms[8:]) == {Transform.SCORES}


def test_effective_observations_of_slow_noise_are_few() -> None:
    rng = np.random.default_rng(5)
    white = whiten(np.hstack([ar_noise(rng, 2000, 3, 0.9), rng.random((2000, 3))]))
    assert white is not None
    assert np.median(white.effective_n[:3]) == pytest.approx(2000 * 0.1 / 1.9, rel=0.35)
    assert white.effective_n[3:].min() > 1500


def test_legendre_scores_are_orthonormal() -> None:
    u = (np.arange(4000) + 0.5) / 4000
    scores = np.column_stack([legendre_scores(u, degree) for degree in range(1, SHAPE_DEGREES + 1)])
    assert scores.T @ scores / 4000 == pytest.approx(np.eye(SHAPE_DEGREES), abs=1e-3)
    assert uniform_ranks(np.array([[3.0], [1.0], [2.0]])).ravel().tolist() == pytest.approx([5 / 6, 1 / 6, 1 / 2])


def test_a_staircase_is_told_from_a_random_walk() -> None:
    rng = np.random.default_rng(7)
    levels = np.repeat([0.0, 6, 2, 8, 3, 9], 80)[:, None] + rng.standard_normal((480, 1))
    walks = np.cumsum(rng.standard_normal((480, 20)), axis=0)
    chances, starts = find_staircases(np.hstack([levels, walks]))
    assert chances[0] < 1e-10
    assert list(starts[0]) == pytest.approx([80, 160, 240, 320, 400], abs=2)
    assert chances[1:].min() > 0.01


def test_affine_copies_name_the_first_of_their_kind() -> None:
    x = np.random.default_rng(8).standard_normal((50, 2))
    table = np.column_stack([x[:, 0], 5 - 3 * x[:, 0], x[:, 1], x[:, 0] + 1e-6 * x[:, 1]])
    assert affine_copies(table, [0, 1, 2, 3]) == {1: 0}


def test_a_memory_survives_being_stored() -> None:
    white = whiten(ar_noise(np.random.default_rng(9), 500, 1, 0.8))
    assert white is not None
    (memory,) = learned(white, ar_noise(np.random.default_rng(9), 500, 1, 0.8), [None], [True], 1.0)
    assert memory is not None
    again = MetricMemory.from_dict(memory.to_dict())
    assert again.to_dict() == memory.to_dict()
    assert series_models([again]).phi.sum() == pytest.approx(0.8, abs=0.1)


def window_of(values: npt.NDArray[np.float64]) -> Window:
    n, m = values.shape
    return Window.from_columns([f"t{row}" for row in range(n)], np.arange(n), [f"m{c}" for c in range(m)], values)


def test_known_metrics_are_judged_by_memory_beside_new_and_seasonal_ones_by_the_window() -> None:
    rng = np.random.default_rng(31)
    values = np.hstack([ar_noise(rng, 3500, 2, 0.6), rng.standard_normal((3500, 2))])
    values[3000:, 1] += 5 * np.sin(np.arange(500) / 7)
    history = History()
    for start in range(0, 3000, 500):
        earlier = window_of(values[start : start + 500, :3])
        history = history.after({"shift": ShiftDetector().examine(earlier, Context(earlier, history, None, 0))})
    whitened = Prepared(window_of(values[3000:]), history).whitened
    judged = {column: bool(one) for block in whitened.blocks for column, one in _calibrated(block)}
    assert judged == {0: True, 1: False, 2: True, 3: False}
    assert np.isfinite(whitened.scores[MAX_ORDER:]).all()


def _calibrated(block: Block) -> list[tuple[int, bool]]:
    return list(zip(block.columns, block.white.calibrated.tolist(), strict=True))


@pytest.mark.parametrize("asks", range(5))
def test_whitening_gives_up_between_any_two_of_its_parts(asks: int) -> None:
    answers = iter([False] * asks + [True] * 9)
    assert whiten(ar_noise(np.random.default_rng(3), 300, 2, 0.5), stop=lambda: next(answers)) is None


def test_what_was_not_whitened_in_time_is_in_no_block() -> None:
    values = ar_noise(np.random.default_rng(3), 300, 2, 0.5)
    window = Window.from_columns(["t"] * 300, np.arange(300.0), ["a", "b"], values)
    answers = iter([False, False, False, True])
    prepared = Prepared(window, History(), stop=lambda: next(answers, True))
    assert prepared.whitened.blocks == ()
    assert np.isnan(prepared.whitened.scores).all()
