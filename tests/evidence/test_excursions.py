"""A handful of tasks at another level: found by ranks in company, not by lone outliers, with p values that hold."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.families import ar_noise
from crackle_stream.detect.evidence import ShiftDetector, look
from crackle_stream.detect.evidence.excursions import LENGTHS, find_excursions
from crackle_stream.detect.evidence.ranks import normal_scores
from crackle_stream.history import History
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]

WHITE = np.zeros((1, 1))


def noise(seed: int, rows: int = 1000, metrics: int = 4) -> Floats:
    return np.random.default_rng(seed).standard_normal((rows, metrics))


def edges(values: Floats, start: int = 0, history: History | None = None) -> tuple[list[tuple[str, int, str]], History]:
    n, m = values.shape
    rows = np.arange(start, start + n)
    window = Window.from_columns([f"t{row}" for row in rows], rows.astype(float), [f"m{c}" for c in range(m)], values)
    judged = look(window, (ShiftDetector(),), history)
    found = [
        (pattern.metric_names[0], pattern.at.index, pattern.direction)
        for pattern in judged.patterns
        if pattern.form == "mean" and pattern.at is not None
    ]
    return sorted(found), (history or History()).after(judged.examined)


@pytest.mark.parametrize("tasks", [8, 12, 16])
def test_a_few_far_tasks_of_a_thousand_are_a_step_up_and_a_step_back(tasks: int) -> None:
    values = noise(tasks)
    values[600 : 600 + tasks, 2] += 10
    found, _ = edges(values)
    assert [(metric, direction) for metric, _, direction in found] == [("m2", "up"), ("m2", "down")]
    assert [row for _, row, _ in found] == pytest.approx([600, 600 + tasks], abs=1)


def test_they_are_found_beside_a_step_that_lasts() -> None:
    values = noise(20)
    values[300:, 1] -= 2
    values[700:710, 1] += 8
    found, _ = edges(values)
    assert [direction for _, _, direction in found] == ["down", "up", "down"]
    assert [row for _, row, _ in found] == pytest.approx([300, 700, 710], abs=3)


def test_they_are_found_in_a_metric_that_is_known() -> None:
    history = None
    values = noise(21, rows=7 * 500)
    for start in range(0, 3000, 500):
        _, history = edges(values[start : start + 500], start, history)
    values[3200:3208, 3] += 10
    found, _ = edges(values[3000:], 3000, history)
    assert found == [("m3", 200, "up"), ("m3", 208, "down")]


@pytest.mark.parametrize("far", [1, 3])
def test_outliers_are_no_excursion_however_far_they_are(far: int) -> None:
    values = noise(22)
    values[500 : 500 + far, 0] += 1000
    found, _ = edges(values)
    assert found == []


def test_in_white_noise_the_statistic_is_the_sum_of_scores_over_the_root_of_their_number() -> None:
    y = noise(23, metrics=1)
    y[400:416] += 6
    (p,), ((start, end),) = find_excursions(y, WHITE)
    scores = normal_scores(y[1:])[:, 0]  # the first row has no past
    totals = np.convolve(scores, np.ones(16), "valid") / 4
    deflated = np.abs(totals[:-1]) / max(1.4826 * float(np.median(np.abs(totals[:-1]))), 1.0)
    assert (start, end) == (400, 416)
    assert int(np.argmax(deflated)) + 1 == start
    # a bound of the tail: every one of 980 rows counts at most once and seven lengths are tried
    assert p <= len(LENGTHS) * len(totals) * np.exp(-(float(deflated.max()) ** 2) / 2)


@pytest.mark.parametrize(("phi", "tails"), [(0.0, "normal"), (0.9, "normal"), (0.9, "t3")])
def test_p_values_of_noise_are_no_smaller_than_chance_makes_them(phi: float, tails: str) -> None:
    rng = np.random.default_rng(24)
    drawn = rng.standard_normal((900, 400)) if tails == "normal" else rng.standard_t(3, (900, 400))
    chances, _ = find_excursions(ar_noise(rng, 500, 400, phi, drawn), np.full((400, 1), phi), remembered=True)
    for bar in (0.05, 0.01):
        expected = 400 * bar
        assert np.count_nonzero(chances < bar) <= expected + 3 * np.sqrt(expected)


def test_a_window_too_short_for_the_shortest_excursion_has_none() -> None:
    y = noise(25, rows=30, metrics=2)
    chances, spans = find_excursions(y, np.zeros((2, 1)))
    assert chances.tolist() == [1.0, 1.0]
    assert spans == ((0, 0), (0, 0))
