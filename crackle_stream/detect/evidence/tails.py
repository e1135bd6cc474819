"""Tail probabilities in closed form, good far beyond what resampling could show."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import special

__all__ = ["chi_scan_tail", "overshoot"]

Floats = npt.NDArray[np.float64]


def overshoot(u: Floats) -> Floats:
    """Siegmund's correction for a maximum that is looked at in discrete steps only.

    nu(u) = (2/u) (Phi(u/2) - 1/2) / ((u/2) Phi(u/2) + phi(u/2)); 1 at u = 0, 2/u^2 for large u.

    References:
        [1] D. Siegmund, B. Yakir, The Statistics of Gene Mapping, 2007, equation 5.4. doi:10.1007/978-0-387-49686-3
    """
    half = np.maximum(u, 1e-6) / 2
    below = special.ndtr(half)
    density = np.exp(-half * half / 2) / np.sqrt(2 * np.pi)
    result: Floats = (below - 0.5) / half / (half * below + density)
    return result


def chi_scan_tail(x: Floats, drops: Floats, degrees: int = 1, times: Floats | float = 1.0) -> Floats:
    """Probability that the largest of a sequence of correlated chi variables reaches x.

    P(max_k X_k >= x) ~ P(X_1 >= x) + x f(x) sum_k c_k nu(x sqrt(2 c_k)), where f is the density of chi with d degrees
    and c_k = 1 - corr(X_k, X_k+1) of the Gaussian sequences beneath. It holds from sequences that hardly change from
    step to step (a scan for a level) to independent ones (a scan for single outliers, where it is Bonferroni's bound).

    Args:
        x: shape (k,), observed maxima.
        drops: shape (s, k), the c_k of each step.
        degrees: number of Gaussian sequences whose squares are added.
        times: how often each step occurs, shape (k,) or a number.

    Returns:
        Shape (k,), at most 1.

    References:
        [1] D. Siegmund, Approximate tail probabilities for the maxima of some random fields, Ann. Probab. 16, 1988.
            doi:10.1214/aop/1176991769
        [2] M. Csorgo, L. Horvath, Limit Theorems in Change-Point Analysis, 1997, section 1.3: the same for d degrees.
    """
    top = np.maximum(x, 1e-3)
    log_density = (
        (degrees - 1) * np.log(top) - top * top / 2 - (degrees / 2 - 1) * np.log(2.0) - special.gammaln(degrees / 2)
    )
    steps = np.clip(drops, 0.0, 1.0)
    crossings = times * np.sum(steps * overshoot(top * np.sqrt(2 * steps)), axis=0)
    single = special.gammaincc(degrees / 2, top * top / 2)
    result: Floats = np.minimum(single + top * np.exp(log_density) * crossings, 1.0)
    return result
