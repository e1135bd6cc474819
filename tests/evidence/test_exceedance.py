"""Tails of a scan by draws that all reach them."""

from __future__ import annotations

import numpy as np
import pytest

from crackle_stream.detect.evidence import recall
from crackle_stream.detect.evidence.exceedance import drawn_scan_tail
from crackle_stream.detect.evidence.level import Levels
from crackle_stream.detect.evidence.scan import neighbour_drops, scan_step
from crackle_stream.detect.evidence.tails import chi_scan_tail

PRIOR = 2500.0


def largest(phi: list[float], series: int) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]], float]:
    """The largest statistic of many quiet windows, and the closed form's tail at its .99 quantile."""
    rng = np.random.default_rng(7)
    e = rng.standard_normal((300, series)) + rng.standard_normal(series) / np.sqrt(PRIOR)
    scan = scan_step(e, np.tile(phi, (series, 1)), PRIOR)
    top = np.abs(scan.statistic).max(axis=0)
    return top, float(chi_scan_tail(np.quantile(top, [0.99]), neighbour_drops(len(e), np.array([phi]), PRIOR))[0])


@pytest.mark.parametrize("phi", [[0.0], [0.9], [1.2, -0.4]])
def test_drawn_tails_are_the_frequencies_of_quiet_windows(phi: list[float]) -> None:
    top, _ = largest(phi, 6000)
    for quantile in (0.95, 0.99):
        x = float(np.quantile(top, quantile))
        assert drawn_scan_tail(x, 300, np.array(phi), PRIOR) == pytest.approx(1 - quantile, rel=0.3)


def test_in_slow_noise_the_closed_form_is_at_least_one_and_a_half_times_too_large() -> None:
    top, closed = largest([0.9], 6000)
    assert closed > 1.5 * drawn_scan_tail(float(np.quantile(top, 0.99)), 300, np.array([0.9]), PRIOR)


def test_far_out_both_agree_where_noise_is_white() -> None:
    drops = neighbour_drops(300, np.zeros((1, 1)), PRIOR)
    closed = float(chi_scan_tail(np.array([8.0]), drops)[0])
    assert 1e-14 < closed < 1e-11
    assert drawn_scan_tail(8.0, 300, np.zeros(1), PRIOR) == pytest.approx(closed, rel=0.25)


def test_the_same_question_has_the_same_answer() -> None:
    phi = np.array([0.7])
    assert drawn_scan_tail(4.0, 200, phi, PRIOR) == drawn_scan_tail(4.0, 200, phi, PRIOR)


@pytest.mark.parametrize("x", [36.9, 37.1, 60.0, 1e6])
def test_however_far_out_there_is_an_answer(x: float) -> None:
    assert 0.0 <= drawn_scan_tail(x, 300, np.array([0.9]), PRIOR) < 1e-290


def test_only_levels_in_doubt_are_drawn_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither what is likely by chance nor what nobody doubts: a p value of 1e-15 or a third of it decides nothing."""
    asked: list[float] = []

    def tail(x: float, rows: int, phi: np.ndarray, prior_rows: float) -> float:
        asked.append(x)
        return 0.004

    monkeypatch.setattr(recall, "drawn_scan_tail", tail)
    p = np.array([0.2, 0.005, 1e-15])
    reached = np.array([2.0, 4.0, recall.WITHOUT_DOUBT + 0.5])
    none, orders = np.zeros(3), np.ones(3, dtype=np.intp)
    levels = Levels(p, orders, none, reached, np.zeros((3, 1)), orders, none, reached**2)
    assert recall._drawn(levels, np.full(3, 300), np.full(3, PRIOR)).p.tolist() == [0.2, 0.004, 1e-15]
    assert asked == [4.0]
