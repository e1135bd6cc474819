"""How likely a scan's maximum is, by draws that all reach it: for rows whose statistics have much in common."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

from crackle_stream.detect.evidence.autoregression import Autoregression, innovations
from crackle_stream.detect.evidence.scan import scan_step

__all__ = ["drawn_scan_tail"]

Floats = npt.NDArray[np.float64]

DRAWS = 256
"""Draws a tail is estimated from; its relative error is about .05 in slow noise and .1 in white, whatever its size."""


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
    e = rng.standard_normal((rows, DRAWS)) + rng.standard_normal(DRAWS) / np.sqrt(prior_rows)
    draws = np.arange(DRAWS)
    model = phi[None]
    free = scan_step(e, model, prior_rows)
    looked_at = len(free.statistic)
    place = (draws + rng.random(DRAWS)) * looked_at // DRAWS
    place = place.astype(np.intp)
    steps = (np.arange(-len(phi), rows)[:, None] >= place + free.first).astype(np.float64)
    profiles = innovations(steps, Autoregression(np.tile(phi, (DRAWS, 1)), np.zeros(DRAWS)))
    reached = -special.ndtri(special.ndtr(-x) * (1 - rng.random(DRAWS)))
    seen = scan_step(profiles, model, prior_rows).statistic[place, draws]  # the root of the profile's own norm
    given = e + profiles * (reached - free.statistic[place, draws]) / seen
    crowd = np.sum(np.abs(scan_step(given, model, prior_rows).statistic) >= x * (1 - 1e-9), axis=0)
    return float(min(2 * looked_at * special.ndtr(-x) * np.mean(1 / np.maximum(crowd, 1)), 1.0))
