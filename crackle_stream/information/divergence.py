"""How far one sample's distribution lies from another's."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from crackle_stream.information.histogram import Floats, bin_codes, count_codes, metric_columns, sample

__all__ = ["distribution_shift", "jsd", "jsd_shift", "kl_divergence"]


def kl_divergence(current: npt.ArrayLike, baseline: npt.ArrayLike, bins: int = 10) -> float:
    """Kullback-Leibler divergence D(current || baseline), in bits.

    D = sum p log2(p / q) over equal-width bins on the range that both samples cover together [1]_: bins of each
    sample's own would make a pure shift and a pure change of scale invisible.

    Args:
        current: shape (n,); NaN is left out.
        baseline: shape (k,); NaN is left out.
        bins: number of bins; 0 or fewer give 0.

    Returns:
        Bits, at least 0; infinite where `current` has a bin that `baseline` leaves empty; 0 if either is empty.

    Raises:
        InvalidColumns: a sample is not one-dimensional, or a value is infinite.

    References:
        .. [1] S. Kullback and R. A. Leibler, "On Information and Sufficiency", 1951, doi:10.1214/aoms/1177729694

    >>> round(kl_divergence([0, 1, 1, 1], [0, 0, 0, 1], bins=2), 6)  # (log2 3) / 2
    0.792481
    """
    return float(_divergence(_kl, current, baseline, bins))


def jsd(current: npt.ArrayLike, baseline: npt.ArrayLike, bins: int = 10) -> float:
    """Jensen-Shannon divergence, in bits: symmetric and finite.

    JSD = (D(p || m) + D(q || m)) / 2 with m = (p + q) / 2 [1]_, binned as in `kl_divergence`.

    Args:
        current: shape (n,); NaN is left out.
        baseline: shape (k,); NaN is left out.
        bins: number of bins; 0 or fewer give 0.

    Returns:
        Bits in [0, 1], 1 where the samples share no bin; 0 if either is empty.

    Raises:
        InvalidColumns: a sample is not one-dimensional, or a value is infinite.

    References:
        .. [1] J. Lin, "Divergence measures based on the Shannon entropy", 1991, doi:10.1109/18.61115

    >>> jsd([1, 2, 3], [101, 102, 103])
    1.0
    """
    return float(_divergence(_jsd, current, baseline, bins))


def distribution_shift(names: Sequence[str], values: npt.ArrayLike, bins: int = 10) -> list[tuple[str, float]]:
    """D(second half || first half) of each metric, in bits, largest first.

    Args:
        names: m metric names.
        values: shape (n, m), n tasks in order; NaN where a task lacks a metric. A metric's halves are those of the
            tasks that have it; the first is the shorter one where their number is odd.
        bins: number of bins; 0 or fewer give 0.

    Returns:
        One (name, bits) a metric; equal ones by name; 0 for a metric that fewer than two tasks have.

    Raises:
        InvalidColumns: the table has not one column a name, or a value is infinite.
    """
    return _shift(_kl, names, values, bins)


def jsd_shift(names: Sequence[str], values: npt.ArrayLike, bins: int = 10) -> list[tuple[str, float]]:
    """Jensen-Shannon divergence between the halves of each metric, in bits, largest first.

    Arguments, results and errors are those of `distribution_shift`.

    >>> jsd_shift(["steady", "jumps"], [[1, 0], [2, 0], [1, 9], [2, 9]])
    [('jumps', 1.0), ('steady', 0.0)]
    """
    return _shift(_jsd, names, values, bins)


Divergence = Callable[[Floats, Floats], Floats]


def _divergence(rule: Divergence, current: npt.ArrayLike, baseline: npt.ArrayLike, bins: int) -> float | Floats:
    new, old = sample(current), sample(baseline)
    if bins <= 0 or not len(new) or not len(old):
        return 0.0
    low, high = min(new.min(), old.min()), max(new.max(), old.max())
    counts = [count_codes(bin_codes(column, bins, low, high), bins) for column in (new, old)]
    return rule(counts[0] / len(new), counts[1] / len(old))


def _shift(rule: Divergence, names: Sequence[str], values: npt.ArrayLike, bins: int) -> list[tuple[str, float]]:
    columns = metric_columns(names, values)
    figures = np.zeros(len(names))
    if bins > 0 and columns.size:
        old, new = _half_counts(columns, bins)
        size_old, size_new = old.sum(axis=1, keepdims=True), new.sum(axis=1, keepdims=True)
        both = (size_old > 0) & (size_new > 0)
        shares = rule(new / np.maximum(size_new, 1), old / np.maximum(size_old, 1))
        figures = np.where(both[:, 0], shares, 0.0)
    return sorted(zip(names, figures.tolist(), strict=True), key=lambda item: (-item[1], item[0]))


def _half_counts(columns: Floats, bins: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Counts of each metric's first and second half on its whole range, shapes (m, bins)."""
    present = ~np.isnan(columns)
    low = np.where(present, columns, np.inf).min(axis=1, keepdims=True)
    high = np.where(present, columns, -np.inf).max(axis=1, keepdims=True)
    absent = ~present.any(axis=1, keepdims=True)
    low[absent] = high[absent] = 0.0
    codes = bin_codes(np.where(present, columns, low), bins, low, high)
    place = present.cumsum(axis=1)
    second = place > place[:, -1:] // 2
    m = len(columns)
    cells = codes + bins * second + 2 * bins * np.arange(m)[:, np.newaxis]
    counts = count_codes(cells[present], 2 * bins * m).reshape(m, 2, bins)
    return counts[:, 0], counts[:, 1]


def _kl(p: Floats, q: Floats) -> Floats:
    """Divergence of each row of shares p from the same row of q."""
    support = p > 0
    unheard_of = (support & (q == 0)).any(axis=-1)
    ratio = np.divide(p, q, out=np.ones_like(p), where=support & (q > 0))
    divergence = np.maximum(0.0, (p * np.log2(ratio)).sum(axis=-1))
    return np.asarray(np.where(unheard_of, np.inf, divergence))


def _jsd(p: Floats, q: Floats) -> Floats:
    """Jensen-Shannon divergence of each row of shares p from the same row of q."""
    middle = (p + q) / 2
    return np.minimum(1.0, (_kl(p, middle) + _kl(q, middle)) / 2)
