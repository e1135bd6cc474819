"""How likely a scan's maximum is, by draws that all reach it: for rows whose statistics have much in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.autoregression import Autoregression, innovations
from crackle_stream.detect.evidence.scan import scan_step

__all__ = ["drawn_scan_tail"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

DRAWS = 256
"""Draws a tail is estimated from; its relative error is about .05 in slow noise and .1 in white, whatever its size."""

AT_ONCE = 32
"""Draws made at once: their arrays stay in a core's second cache, which halves what they take."""

FARTHEST = 37.0
"""Statistic from which nothing is drawn: a normal tail that far out cannot be told from 0, and all rows' together are a
bound that serves as well."""


def drawn_scan_tail(x: float, rows: int, phi: Floats, prior_rows: float) -> float:
    """Probability that the largest of the statistics of `scan_step` reaches x in Gaussian innovations.

    The closed form of `tails.chi_scan_tail` knows how much neighbouring statistics share, not that those of all rows
    share something: in AR .9 each is a pulse of its own plus a level common to hundreds of rows, exceedances come in
    crowds far apart, and p values are three times too large. Here a row is drawn, the innovations given that its
    statistic lies beyond x, and the exceedances N counted: P(max >= x) = sum_t P(X_t >= x) E[1 / N]. Every draw is an
    exceedance, so small tails cost no more than large ones. The draws are the same for every call.

    Args:
        x: an observed maximum of absolute statistics.
        rows: innovations of the window.
        phi: shape (p,), coefficients.
        prior_rows: rows of memory, more than 0.

    References:
        [1] D. Naiman, C. Priebe, Computing scan statistic p values using importance sampling, J. Comput. Graph.
            Statist. 10, 2001. doi:10.1198/10618600152627997
    """
    if x > FARTHEST:
        return float(2 * rows * special.ndtr(-x))
    rng = np.random.default_rng(DRAWS)
    scan = scan_step(np.zeros((rows, 1)), phi[None], prior_rows)
    looked_at = len(scan.statistic)
    places = scan.first + ((np.arange(DRAWS) + rng.random(DRAWS)) * looked_at // DRAWS).astype(np.intp)
    beyond = -special.ndtri(special.ndtr(-x) * (1 - rng.random(DRAWS)))
    crowds = [
        _crowd(x, rows, phi, prior_rows, places[first : first + AT_ONCE], beyond[first : first + AT_ONCE], rng)
        for first in range(0, DRAWS, AT_ONCE)
    ]
    return float(min(2 * looked_at * special.ndtr(-x) * np.mean(1 / np.concatenate(crowds)), 1.0))


def _crowd(
    x: float, rows: int, phi: Floats, prior_rows: float, places: Ints, beyond: Floats, rng: np.random.Generator
) -> Floats:
    """How many statistics reach x in d draws whose statistic at the row of a place is given: shape (d,), at least 1."""
    count = len(places)
    e = rng.standard_normal((count, rows)).T
    e += rng.standard_normal(count) / np.sqrt(prior_rows)
    steps = (np.arange(-len(phi), rows) >= places[:, None]).astype(np.float64).T
    profiles = innovations(steps, Autoregression(np.tile(phi, (count, 1)), np.zeros(count)))
    mass, total = profiles.sum(axis=0), rows + prior_rows
    norm = np.sum(profiles * profiles, axis=0) - mass * mass / total
    free = (np.sum(profiles * e, axis=0) - mass * e.sum(axis=0) / total) / np.sqrt(norm)  # as `scan_step` has it there
    e += profiles * ((beyond - free) / np.sqrt(norm))
    reached = np.abs(scan_step(e, phi[None], prior_rows).statistic) >= x * (1 - 1e-9)
    return np.asarray(np.maximum(np.count_nonzero(reached, axis=0), 1.0))
