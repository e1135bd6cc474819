"""Watching a law: since when it is broken, by how much, and by whom."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from math import exp, log, pi, sqrt

import numpy as np
import numpy.typing as npt
from scipy.special import erfc, gammaln

from crackle_stream.detect.evidence.law import NEGLIGIBLE_SHARE, Law
from crackle_stream.detect.evidence.law_exactness import EXACT

__all__ = ["Break", "Standing", "Watch", "cusum_p", "hypergeometric_tail", "watch"]

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

LONG = 100
"""Tasks in a row that must keep an exact law before a single one that does not is news."""

CLIP = 4.0
"""Robust standard deviations at which a residual is clipped: one wild task must not look like a break."""

TRIM = 0.02
"""Share of a window at either end in which no break of a noisy law is looked for."""

SPLIT_P = 1e-3
"""Chance below which a stretch of residuals is split once more when a break is located."""

CLUSTERED_P = 1e-6
"""Chance, over all stretches, below which violations of an exact law are too crowded to be sporadic."""

RULE_SHARE = 0.2
"""Share of a window from which its first stretch is the rule and what follows the exception."""

LEAST_STEP = 0.25
"""Standard deviations a stretch must be off beyond its error to be called broken."""

LEAST_UNITS = 20
"""Residuals a noisy law needs for its level to be tested."""

WHITE = 0.1
STRONG = 0.5
"""Autocorrelation from row to row, once steps are taken off, up to which residuals are white; and up to which the steps
were steps and no part of the autocorrelation."""

SHORT = 120
"""Residuals under which they are never taken for white: two steps taken off so few hide an autocorrelation of .5."""

PROPORTIONAL = 0.2
"""Correlation of |residual| with the turnover from which noise is taken to grow with it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How well a law has been kept before this window.

    Attributes:
        rows: tasks that were held against it.
        violations: those that broke it, in windows that counted as keeping it.
        scale: noise of the residual, per unit of turnover where it is proportional; 0.0 for an exact law.
        proportional: whether the noise grows with the turnover.
    """

    rows: int = 0
    violations: int = 0
    scale: float = 0.0
    proportional: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Break:
    """Tasks that do not keep a law.

    Attributes:
        p: chance of such tasks if the law still held.
        rows: their rows, most guilty first.
        first: row where it begins.
        residual: their mean residual, left side less right.
        share: the same as a share of what they turn over.
    """

    p: float
    rows: Rows
    first: int
    residual: float
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Watch:
    """A law held against a window.

    Attributes:
        rows: tasks that carry all its members.
        violations: rows that break an exact law, whether or not that is news; largest residual first.
        broken: the break, or None where the law is kept.
        nearest: p value of the best break looked for.
        standing: what is known of the law after this window, if it is kept.
        correction: what the constant of a law found broken has to be raised by.
    """

    rows: int
    violations: Rows
    broken: Break | None
    nearest: float
    standing: Standing
    correction: float = 0.0


def watch(law: Law, members: Floats, before: Standing | None, part: tuple[int, int], alpha: float) -> Watch:
    """Hold a law against a window.

    Args:
        law: the law.
        members: shape (n, k), columns in the order of `law.names`, NaN where absent.
        before: what earlier windows said of it, or None for a law that this window showed.
        part: first row of the part in which this window showed it, and the row after the part.
        alpha: p value from which a break of a noisy law is reported; the budget decides later.
    """
    present = np.flatnonzero(~np.isnan(members).any(axis=1))
    rows = members[present]
    if law.exact:
        return _watch_exact(law, rows, present, before)
    low, high = np.searchsorted(present, part)
    return _watch_noisy(law, rows, present, before, (int(low), int(high)), alpha)


# ------------------------------------------------------------------------------------------------ exact laws


def _watch_exact(law: Law, rows: Floats, present: Rows, before: Standing | None) -> Watch:
    residual = law.residual(rows)
    largest = np.abs(rows * law.coefficients).max(axis=1, initial=abs(law.constant))
    bad = np.flatnonzero(np.abs(residual) > EXACT * largest)
    ordered = present[bad[np.argsort(-np.abs(residual[bad]), kind="stable")]]
    known = before or Standing()
    after = Standing(known.rows + len(rows), known.violations + len(bad))
    if not len(bad):
        return Watch(len(rows), ordered, None, 1.0, after)
    p, guilty = _crowded(bad, len(rows)) if before is None or known.rows < LONG else _more_than(known, bad, len(rows))
    if p > CLUSTERED_P:
        return Watch(len(rows), ordered, None, p, after)
    chosen = guilty[np.argsort(-np.abs(residual[guilty]), kind="stable")]
    return Watch(len(rows), ordered, _break(law, rows, present, residual, chosen, p), p, known)


def _more_than(known: Standing, bad: Rows, rows: int) -> tuple[float, Rows]:
    """Chance of so many violations at the rate known so far; none at all where there never was one."""
    if known.violations == 0:
        return 0.0, bad
    return hypergeometric_tail(len(bad), rows, known.violations + len(bad), rows + known.rows), bad


def _crowded(bad: Rows, rows: int) -> tuple[float, Rows]:
    """Chance that violations which may fall anywhere leave so long a start clean, or crowd so much into a stretch."""
    if bad[0] >= LONG:
        return 0.0, bad
    gain = np.full(rows, -max(0.5, 2.0 * len(bad) / rows))
    gain[bad] += 1.0
    total = np.cumsum(gain)
    floor = np.minimum.accumulate(np.concatenate([[0.0], total[:-1]]))
    last = int(np.argmax(total - floor))
    first = int(np.argmin(np.concatenate([[0.0], total[:last]])))
    inside = bad[(bad >= first) & (bad <= last)]
    stretches = rows * (rows + 1) / 2
    tail = hypergeometric_tail(len(inside), last - first + 1, len(bad), rows)
    return min(1.0, stretches * tail), inside


def hypergeometric_tail(hits: int, drawn: int, marked: int, total: int) -> float:
    """Chance that `drawn` of `total` rows hold `hits` or more of the `marked` ones."""
    counts = np.arange(hits, min(drawn, marked) + 1)
    counts = counts[total - marked >= drawn - counts]
    if not len(counts):
        return 1.0
    logs = _choose(marked, counts) + _choose(total - marked, drawn - counts) - _choose(total, np.array([drawn]))
    return float(min(1.0, np.exp(logs).sum()))


def _choose(n: int, k: npt.NDArray[np.int_]) -> Floats:
    chosen: Floats = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return chosen


# ------------------------------------------------------------------------------------------------ noisy laws


def _watch_noisy(
    law: Law, rows: Floats, present: Rows, before: Standing | None, part: tuple[int, int], alpha: float
) -> Watch:
    residual, turnover = law.residual(rows), law.turnover(rows)
    own = _standing(residual[part[0] : part[1]], turnover[part[0] : part[1]])
    known = before if before is not None and before.scale > 0 else own
    units = _units(residual, turnover, known)
    empty = np.array([], dtype=np.intp)
    if len(units) < LEAST_UNITS:
        return Watch(len(rows), empty, None, 1.0, known)
    p, wild = _surprise(units, before)
    after = _pooled(before, own, len(rows))
    if p > alpha:
        return Watch(len(rows), empty, None, p, after)
    cuts = [0, *sorted(_cuts(units, 0, wild)), len(units)]
    shift = 0.0
    if before is None and law.constant != 0:
        # A constant read off the window itself mixes what came before and after: the law is what came first.
        shift = _relevelled(law, residual, turnover, cuts)
        residual = residual - shift
        units = _units(residual, turnover, known)
    guilty = _off_rows(units, cuts, wild)
    if not len(guilty):
        return Watch(len(rows), empty, None, p, after, shift)
    order = np.argsort(-np.sign(np.mean(residual[guilty])) * residual[guilty], kind="stable")
    broken = _break(law, rows, present, residual, guilty[order], p)
    return Watch(len(rows), empty, broken, p, before or own, shift)


def _standing(residual: Floats, turnover: Floats) -> Standing:
    """The noise of a stretch that keeps the law."""
    size = np.abs(residual - np.median(residual))
    even = bool(np.ptp(turnover) > 0 and np.ptp(size) > 0)
    grows = (
        even and float(np.corrcoef(np.minimum(size, CLIP * 1.4826 * np.median(size)), turnover)[0, 1]) > PROPORTIONAL
    )
    scaled = size / np.maximum(turnover, 1e-300) if grows else size
    return Standing(len(residual), 0, 1.4826 * float(np.median(scaled)), grows)


def _pooled(before: Standing | None, own: Standing, rows: int) -> Standing:
    if before is None or before.scale == 0 or before.proportional != own.proportional:
        return own if before is None else before
    weight = rows / (before.rows + rows)
    scale = sqrt((1 - weight) * before.scale**2 + weight * own.scale**2)
    return Standing(before.rows + rows, before.violations, scale, before.proportional)


def _units(residual: Floats, turnover: Floats, known: Standing) -> Floats:
    """Residuals in robust standard deviations, clipped."""
    scale = known.scale * (np.maximum(turnover, 1e-300) if known.proportional else 1.0)
    clipped: Floats = np.clip(residual / np.maximum(scale, 1e-300), -CLIP, CLIP)
    return clipped


def _surprise(units: Floats, before: Standing | None) -> tuple[float, float]:
    """Chance of the residuals if nothing changed, and their long-run standard deviation."""
    peak, where = _cusum(units)
    wild = _long_run(units, where)
    p = cusum_p(peak / wild, max(TRIM, 2 / len(units)))
    if before is None:
        return p, wild
    error = wild * sqrt(1 / len(units) + 1 / max(before.rows, 1))
    level = float(erfc(abs(float(units.mean())) / error / sqrt(2)))
    return min(1.0, 2 * min(p, level)), wild


def _without_steps(units: Floats, where: int) -> Floats:
    """Residuals without their largest step and the largest that is left: a break that was mended makes two."""
    once = _flattened(units, [where])
    _, second = _cusum(once)
    return _flattened(units, sorted({where, second}))


def _flattened(units: Floats, cuts: list[int]) -> Floats:
    return np.concatenate([part - part.mean() for part in np.split(units, cuts)])


def _cusum(units: Floats) -> tuple[float, int]:
    """The largest weighted CUSUM and the first row after the split."""
    n = len(units)
    k = np.arange(1, n)
    sums = np.cumsum(units)
    weighted = np.abs(sums[:-1] - k / n * sums[-1]) / np.sqrt(k * (n - k) / n)
    edge = max(2, int(TRIM * n))
    weighted[: edge - 1] = 0.0
    weighted[n - edge :] = 0.0
    where = int(np.argmax(weighted))
    return float(weighted[where]), where + 1


def cusum_p(peak: float, trim: float) -> float:
    """Chance that the supremum of |B(t)| / sqrt(t (1 - t)) over [trim, 1 - trim] exceeds `peak`, B a Brownian bridge.

    References:
        .. [1] Vostrikova, L. Yu. (1981). Detection of a "disorder" in a Wiener process. Theory Probab. Appl. 26,
           356-362. doi:10.1137/1126034
    """
    if peak < 1.0:
        return 1.0
    span = 2 * log((1 - trim) / trim)
    density = peak * exp(-peak * peak / 2) / sqrt(2 * pi)
    return min(1.0, density * (span * (1 - 1 / peak**2) + 4 / peak**2))


def _long_run(units: Floats, where: int) -> float:
    """Standard deviation that a mean of autocorrelated residuals behaves as if it had.

    Steps make residuals look autocorrelated, so they are taken off first. If what is left is autocorrelated still, some
    of the steps may have been part of it: then its upper bound counts, and if it is strong, nothing is taken off.
    """
    left = _without_steps(units, where)
    pull = _pull(left)
    if pull > STRONG:
        left = units - units.mean()
        pull = _pull(left)
    elif pull > WHITE or len(units) < SHORT:
        pull += 2 / sqrt(len(units))
    # The estimate is too small by about (1 + 3 rho) / n, and by as much again for the best split being looked for.
    pull = min(max(pull, 0.0) + 2 * (1 + 3 * max(pull, 0.0)) / len(units), 0.98)
    return float(left.std()) * sqrt((1 + pull) / (1 - pull)) + 1e-300


def _pull(left: Floats) -> float:
    """Autocorrelation from row to row."""
    return float(np.mean(left[1:] * left[:-1]) / (np.mean(left * left) + 1e-300))


def _relevelled(law: Law, residual: Floats, turnover: Floats, cuts: list[int]) -> float:
    """What the first stretch that is long enough to be the rule says the constant should be raised by."""
    stretches = list(itertools.pairwise(cuts))
    first, last = next((one for one in stretches if one[1] - one[0] >= RULE_SHARE * len(residual)), stretches[0])
    shift = float(np.median(residual[first:last]))
    nought = abs(law.constant + shift) <= NEGLIGIBLE_SHARE * float(np.median(turnover[first:last]))
    return -law.constant if nought else shift


def _off_rows(units: Floats, cuts: list[int], wild: float) -> Rows:
    """Rows of the stretches whose level is not zero."""
    off = []
    for first, last in itertools.pairwise(cuts):
        error = wild / sqrt(last - first)
        if abs(float(units[first:last].mean())) > 3.0 * error + LEAST_STEP * wild:
            off.append(np.arange(first, last))
    return np.concatenate(off) if off else np.array([], dtype=np.intp)


def _cuts(units: Floats, offset: int, wild: float) -> list[int]:
    if len(units) < 10:
        return []
    peak, where = _cusum(units)
    if cusum_p(peak / wild, max(TRIM, 2 / len(units))) > SPLIT_P:
        return []
    return [*_cuts(units[:where], offset, wild), offset + where, *_cuts(units[where:], offset + where, wild)]


def _break(law: Law, rows: Floats, present: Rows, residual: Floats, guilty: Rows, p: float) -> Break:
    amount = float(np.mean(residual[guilty]))
    turned = float(np.mean(law.turnover(rows[guilty])))
    return Break(p, present[guilty], int(present[guilty.min()]), amount, amount / turned if turned else 0.0)
