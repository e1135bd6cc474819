"""Finding groups of tasks: dense, apart from each other, and not a stretch of time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import chdtri

from crackle_stream.detect.evidence.group_modes import density_modes, nearest_neighbours
from crackle_stream.detect.evidence.ranks import median, medians

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Groups", "find_groups", "on_a_curve", "runs_z", "valley"]

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

SAMPLE = 400
"""Tasks whose distances to each other are computed; the others are assigned to the groups found."""

FARTHEST = 150
"""Tasks of a long window, those farthest from the middle, that are searched for small groups of their own."""

SHARE_OF_NEIGHBOURS = 25
"""Points a neighbour for the large scale: 20 neighbours of 500 points make a density that noise moves by e^.2."""

LEAST_NEIGHBOURS = 8
"""Neighbours for the small scale, which a group of a dozen tasks still has among itself."""

PROMINENCE = 1.0
"""Log density by which a mode must rise above its saddle at the large scale. Of 60 draws each of normal, uniform,
lognormal and t3 clouds in 2 to 6 dimensions none has a second mode above 1.0; what does is left to the valley."""

SMALL_PROMINENCE = 2.5
"""The same at the small scale, where the density is noisier: the highest of the same draws was 2.2."""

LEAST_TASKS = 10
"""Tasks of a group; fewer are outliers, which are named by no group."""

LINEAR = 4.0
"""Robust standard deviations from which distances grow with the logarithm: a heavy tail is no group far away."""

DEEPEST = 0.3
"""Density in the valley between two groups, over the lesser peak's, from which they are one. Two normal groups have
.32 at 4 standard deviations and .2 at 4.5; a cloud cut in halves has .8 and more."""

OUTSIDE = 1e-4
"""Share of a normal group that lies beyond the distance at which a task belongs to no group."""

ROUNDS = 4
"""Times that groups are fitted and tasks assigned in turn."""

GAP = 0.04
"""Density in a valley of a single metric, over the lesser peak's, under which there is a gap: an empty window
beside a dozen tasks. A curve of a few hundred tasks has windows with one or two."""

FOLLOWED = 0.2
"""Share of a metric's variance within the groups that another explains, from which it follows that other."""

KEPT = 0.75
"""Share of a group's tasks, the nearest ones, whose covariance shapes it."""

SHRUNK = 2.0
"""Tasks' worth of independence added to a group's covariance: two dozen tasks do not fix six correlations."""

LONGEST_RUNS_Z = 4.0
"""Standard errors by which labels may run in time; beyond, they are a shift, which another detector locates."""


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """Groups of tasks.

    Attributes:
        labels: shape (n,): 0 for the largest group, 1 for the next ...; -1 for tasks of no group.
        count: number of groups.
        valley: the shallowest valley between two of them, density over the lesser peak's.
        runs: standard errors by which the labels run in time.
    """

    labels: Labels
    count: int
    valley: float
    runs: float

    @property
    def lasting(self) -> bool:
        """Whether the groups stand side by side in time rather than one after the other."""
        return self.runs <= LONGEST_RUNS_Z


def find_groups(table: Floats, rng: np.random.Generator, stop: Callable[[], bool] = lambda: False) -> Groups | None:
    """Groups of tasks in a few metrics; None where all tasks are one cloud, or where there was no time to tell.

    Args:
        table: shape (n, d), no NaN.
        rng: draws the tasks whose distances are computed.
        stop: the cooperative deadline; still true afterwards if it was why nothing is told.
    """
    points = _scaled(table)
    if len(points) < 4 * LEAST_TASKS:
        return None
    rows = np.arange(len(points))
    drawn = rows if len(rows) <= SAMPLE else np.sort(rng.choice(len(rows), SAMPLE, replace=False))
    cores = [drawn[core] for core in _cores(points[drawn])]
    if len(rows) > SAMPLE:
        cores += _outlying(points, cores)
    if len(cores) < 2:
        return None
    settled = _settled(points, cores, stop)
    if settled is None or stop():
        return None
    labels, shallowest = _apart(points, settled)
    if labels.max() < 1 or stop():
        return None
    groups = Groups(labels, int(labels.max()) + 1, shallowest, runs_z(labels))
    # A stretch of time is no group whether or not it lies on a curve.
    return groups if not groups.lasting or not on_a_curve(points, labels) else None


def _scaled(table: Floats) -> Floats:
    centre = medians(table)
    deviation = 1.4826 * medians(np.abs(table - centre))
    scale = np.where(deviation > 0, deviation, np.where(table.std(axis=0) > 0, table.std(axis=0), 1.0))
    points: Floats = LINEAR * np.arcsinh((table - centre) / scale / LINEAR)
    return points


def _cores(points: Floats) -> list[Labels]:
    """Places of the points of each mode, at a large scale and, for small groups, a small one."""
    count, dimensions = points.shape
    squared = _squared_distances(points)
    wide = max(LEAST_NEIGHBOURS + 2, count // SHARE_OF_NEIGHBOURS)
    least = max(LEAST_NEIGHBOURS + 1, LEAST_TASKS * count // max(count, SAMPLE))
    near, distances = nearest_neighbours(squared, wide)
    labels = density_modes(near, distances, dimensions, PROMINENCE)
    few = slice(None), slice(LEAST_NEIGHBOURS)
    small = density_modes(near[few], distances[few], dimensions, SMALL_PROMINENCE)
    for mode in range(int(small.max()) + 1):
        members = np.flatnonzero(small == mode)
        around = np.flatnonzero(labels == np.bincount(labels[members]).argmax())
        # A mode that most of a large one's points belong to has been seen already.
        if len(members) >= least and 2 * np.isin(around, members).sum() < len(around):
            labels[members] = labels.max() + 1
    modes = (np.flatnonzero(labels == mode) for mode in range(int(labels.max()) + 1))
    return [members for members in modes if len(members) >= least]


def _squared_distances(points: Floats) -> Floats:
    """Of every two points, shape (n, n)."""
    norms = np.einsum("ij,ij->i", points, points)
    squared = -2 * points @ points.T
    squared += norms
    squared += norms[:, None]
    return np.maximum(squared, 0.0, out=squared)


def _outlying(points: Floats, cores: list[Labels]) -> list[Labels]:
    """Small groups among the tasks farthest out, of which a draw of a long window holds too few."""
    norms = np.einsum("ij,ij->i", points, points)
    far = np.sort(np.argpartition(norms, len(norms) - FARTHEST)[-FARTHEST:])
    near = nearest_neighbours(_squared_distances(points[far]), LEAST_NEIGHBOURS)
    labels = density_modes(*near, points.shape[1], SMALL_PROMINENCE)
    seen = np.concatenate(cores) if cores else np.array([], dtype=np.intp)
    modes = (far[labels == mode] for mode in range(int(labels.max()) + 1))
    return [mode for mode in modes if len(mode) >= LEAST_TASKS and not _inside(points, mode, seen)]


def _inside(points: Floats, mode: Labels, seen: Labels) -> bool:
    """Whether a mode's middle is no farther from other tasks already in groups than its own tasks are."""
    middle = medians(points[mode])
    own = median(np.square(points[mode] - middle).sum(axis=1))
    others = np.setdiff1d(seen, mode)
    return len(others) > 0 and float(np.square(points[others] - middle).sum(axis=1).min()) <= own


def _settled(points: Floats, cores: list[Labels], stop: Callable[[], bool]) -> Labels | None:
    """Every task's group, after fitting a normal distribution to each group and assigning the tasks in turn.

    None where it was stopped between two rounds. Rounds that change nothing are the last.
    """
    labels = np.full(len(points), -1, dtype=np.intp)
    for group, core in enumerate(cores):
        labels[core] = group
    for _ in range(ROUNDS):
        if stop():
            return None
        before, labels = labels, _assigned(points, labels)
        if np.array_equal(before, labels):
            break
    return _by_size(labels)


def _assigned(points: Floats, labels: Labels) -> Labels:
    dimensions = points.shape[1]
    groups = [group for group in range(int(labels.max()) + 1) if np.count_nonzero(labels == group) > dimensions]
    if not groups:
        return np.full(len(points), -1, dtype=np.intp)
    cost = np.empty((len(points), len(groups)))
    distance = np.empty_like(cost)
    for place, group in enumerate(groups):
        distance[:, place], log_volume = _distances(points, points[labels == group])
        cost[:, place] = distance[:, place] + log_volume
    nearest = cost.argmin(axis=1)
    reached = distance[np.arange(len(points)), nearest] <= chdtri(dimensions, OUTSIDE)
    assigned: Labels = np.where(reached, nearest, -1)
    return assigned


def _distances(points: Floats, members: Floats) -> tuple[Floats, float]:
    """Squared Mahalanobis distances from a group's middle, and the logarithm of its squared volume."""
    middle = medians(members)
    off = members - middle
    # Half the members lie within the median distance, however far the strays among them are.
    plain = off.T @ off / len(members) + 1e-9 * np.eye(points.shape[1])
    inside = np.einsum("ij,ij->i", off @ np.linalg.inv(plain), off)
    last = int(KEPT * (len(inside) - 1))
    near = off[inside <= np.partition(inside, last)[last]]
    spread = near.T @ near / len(near)
    spread += SHRUNK / len(near) * np.diag(np.diagonal(spread)) + 1e-9 * np.eye(points.shape[1])
    half = median(np.einsum("ij,ij->i", off @ np.linalg.inv(spread), off))
    factor = half / float(chdtri(points.shape[1], 0.5))
    spread *= max(factor, 1e-9)
    away = points - middle
    squared: Floats = np.einsum("ij,ij->i", away @ np.linalg.inv(spread), away)
    return squared, float(np.linalg.slogdet(spread)[1])


def _by_size(labels: Labels) -> Labels:
    """Groups numbered by size, those too small left out."""
    groups, sizes = np.unique(labels[labels >= 0], return_counts=True)
    ordered = [
        group for group, size in sorted(zip(groups, sizes, strict=True), key=lambda one: -one[1]) if size >= LEAST_TASKS
    ]
    named = np.full(len(labels), -1, dtype=np.intp)
    for number, group in enumerate(ordered):
        named[labels == group] = number
    return named


def _apart(points: Floats, labels: Labels) -> tuple[Labels, float]:
    """The groups with those joined that no valley parts, and the shallowest valley that is left.

    Joined by chains: the arms of a curve have valleys between them, but each goes over into the next.
    """
    valleys = {pair: valley(points, labels, *pair) for pair in combinations(range(int(labels.max()) + 1), 2)}
    joined = np.arange(int(labels.max()) + 1)
    for pair, depth in valleys.items():
        if depth > DEEPEST:
            joined[joined == joined[pair[1]]] = joined[pair[0]]
    left = [depth for (one, other), depth in valleys.items() if joined[one] != joined[other]]
    return _by_size(np.where(labels >= 0, joined[labels], -1)), max(left, default=1.0)


def valley(points: Floats, labels: Labels, one: int, other: int) -> float:
    """Least density between two groups over the lesser density of their middles, along the line that parts them best.

    Args:
        points: shape (n, d).
        labels: shape (n,), groups.
        one: a group.
        other: another.
    """
    first, second = points[labels == one], points[labels == other]
    within = np.cov(first, rowvar=False) + np.cov(second, rowvar=False)
    within = within.reshape(points.shape[1], -1) + 1e-9 * np.eye(points.shape[1])
    line = np.linalg.solve(within, second.mean(axis=0) - first.mean(axis=0))
    low, high = median(first @ line), median(second @ line)
    if high <= low:
        return 1.0
    along = (np.concatenate([first, second]) @ line - low) / (high - low)
    # A window as wide as a third of the lesser group's own spread, but wide enough for a few of its tasks.
    spreads = [float(np.std(part @ line)) / (high - low) for part in (first, second)]
    half = min(max(0.5 * min(spreads), 0.04), 0.2)
    centres = np.linspace(0.0, 1.0, 41)
    ordered = np.sort(along)
    counts = np.searchsorted(ordered, centres + half) - np.searchsorted(ordered, centres - half)
    inner = (centres >= 0.2) & (centres <= 0.8)
    peak = min(counts[~inner & (centres < 0.5)].max(), counts[~inner & (centres > 0.5)].max())
    return (float(counts[inner].min()) + 0.5) / (float(peak) + 0.5)


def on_a_curve(points: Floats, labels: Labels) -> bool:
    """Whether one metric passes through all groups without a gap and the others follow it within each group.

    Then the groups are arms of a curve, such as a sine: a dependence, and no groups.

    Args:
        points: shape (n, d).
        labels: shape (n,), groups.
    """
    parts = [points[labels == group] for group in range(int(labels.max()) + 1)]
    for metric in range(points.shape[1]):
        along = sorted((part[:, [metric]] for part in parts), key=lambda part: median(part[:, 0]))
        gapless = all(
            valley(np.vstack(pair), np.repeat([0, 1], [len(pair[0]), len(pair[1])]), 0, 1) > GAP
            for pair in pairwise(along)
        )
        if gapless and all(
            np.median([_followed(part[:, metric], part[:, other]) for part in parts]) > FOLLOWED
            for other in range(points.shape[1])
            if other != metric
        ):
            return True
    return False


def _followed(x: Floats, y: Floats) -> float:
    """Share of y's variance that a step function of x explains (the correlation ratio, less what chance explains)."""
    bins = max(2, min(8, len(x) // 8))
    place = x.argsort().argsort() * bins // len(x)
    sums = np.bincount(place, weights=y, minlength=bins)
    counts = np.bincount(place, minlength=bins)
    between = float((sums**2 / counts).sum() - y.sum() ** 2 / len(y))
    total = float(((y - y.mean()) ** 2).sum())
    if total <= 0:
        return 0.0
    return 1.0 - (1.0 - between / total) * (len(y) - 1) / max(len(y) - bins, 1)


def runs_z(labels: Labels) -> float:
    """How much more often neighbours in time share a group than chance has it, in standard errors.

    The number of neighbouring pairs of one group among tasks in random order has a known mean and variance [1]_.

    References:
        .. [1] Wald, A., Wolfowitz, J. (1940). On a test whether two samples are from the same population. Ann. Math.
           Statist. 11, 147-162. doi:10.1214/aoms/1177731909
    """
    kept = labels[labels >= 0]
    n = len(kept)
    sizes = np.bincount(kept).astype(np.float64)
    if n < 3 or len(sizes) < 2:
        return 0.0
    same = float(np.count_nonzero(kept[1:] == kept[:-1]))
    pairs, squares, cubes = sizes @ sizes - n, sizes @ sizes, float((sizes**3).sum())
    mean = pairs / n
    variance = (squares * (squares + n * (n + 1)) - 2 * n * cubes - n**3) / (n**2 * (n - 1))
    return float((same - mean) / np.sqrt(max(float(variance), 1e-12)))
