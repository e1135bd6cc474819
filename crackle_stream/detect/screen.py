"""Which pairs of tasks may be nearer than a threshold: many at once as one matrix product, none missed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.distances import Encoding, Floats, Points, Rows, gathered

__all__ = ["Screen", "Screened", "closest", "surely_near"]

CLIP: dict[type[np.floating], float] = {np.float32: 1e15, np.float64: 1e120}
"""Where scaled values are cut off, so that sums of their squares stay far from the precision's largest number."""


MEASURED_POINTS = 32
"""Points up to which all pairs are measured to find the closest; a screen of their own costs more below."""

PRODUCT_SPACE = 1 << 20
"""Numbers that the space for products holds from the start; a larger product makes it grow."""


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """Some tasks, ready for comparing.

    Attributes:
        rows: shape (k,), which tasks.
        left: shape (k, terms), one factor of the product.
        right: shape (k, terms), the other.
        margin: shape (k,), what rounding may cost.
    """

    rows: Rows
    left: npt.NDArray[np.floating]
    right: npt.NDArray[np.floating]
    margin: Floats

    def take(self, places: Rows | npt.NDArray[np.bool_]) -> Screened:
        """Some of them."""
        kept: Rows = np.flatnonzero(places) if places.dtype == np.bool_ else places.astype(np.intp, copy=False)
        return Screened(self.rows[kept], gathered(self.left, kept), gathered(self.right, kept), self.margin[kept])


class Screen:
    """Rules out pairs that are surely not near, and knows some that surely are.

    Values are centred and divided by the threshold, so that near means d < 1, and encoded so that a product gives
    s = (1 - d^2) / 2. In arithmetic of unit roundoff u, a product of k terms is off by at most

        (k + c) u · sum |terms| <= (k + c) u (|a|^2 + |b|^2 + 1)

    where c, a small number, covers the rounding of the encoded numbers themselves [1]_. Each row's norm column takes
    in its margin e = (2 k + 32) u (|a|^2 + 1/2), so the product is s + e_a + e_b: not positive means surely not near,
    more than 2 (e_a + e_b) surely near. Values too large to square are clipped; that only draws points nearer, and
    the margins of such rows are so wide that none of their pairs is sure.

    Attributes:
        coarse: whether it works in float32.

    References:
        .. [1] N. J. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd ed., 2002, section 3.1,
           doi:10.1137/1.9780898718027
    """

    def __init__(self, points: Points, threshold: float, dtype: type[np.floating] = np.float32) -> None:
        self.coarse = dtype is np.float32
        self._points = points
        self._threshold = threshold
        self._dtype = dtype
        self._centre = points.centre
        self._shared = points.shared()
        self._comparable = points.always_comparable(self._shared)
        metrics = points.values.shape[1]
        self._terms = 2 + metrics if self._shared is None else 2 + 3 * metrics - 2 * int(self._shared.sum())
        self._right = np.empty((len(points), self._terms), dtype=dtype)
        self._margin = np.empty(len(points))
        self._leading = np.empty(len(points), dtype=np.intp)
        self._count = 0
        # Room for the usual product, reserved once: pages that are not written to cost nothing.
        self._space = np.empty(min(PRODUCT_SPACE, len(points) ** 2), dtype=dtype)

    @property
    def leaders(self) -> Rows:
        """The rows that lead, in the order they were added."""
        return self._leading[: self._count]

    def encode(self, rows: Rows) -> Screened:
        """Prepare some tasks for comparing: the work is done a block at a time, so that stopping can be asked."""
        neighbours = len(rows) and rows[-1] - rows[0] == len(rows) - 1
        points = self._points.take(slice(rows[0], rows[-1] + 1) if neighbours else rows)
        with np.errstate(over="ignore"):
            scaled: Floats = points.values - self._centre
            scaled /= self._threshold
        np.clip(scaled, -CLIP[self._dtype], CLIP[self._dtype], out=scaled)
        encoding = Encoding.of(Points(scaled, points.present), self._shared, self._dtype)
        unit = float(np.finfo(self._dtype).eps) / 2
        margin = (2 * self._terms + 32) * unit * (encoding.norms + 0.5)
        encoding.left[:, -2] += margin + 0.5
        encoding.right[:, -1] += margin
        return Screened(rows, encoding.left, encoding.right, margin)

    def add(self, tasks: Screened) -> None:
        """Take tasks in as leaders."""
        place = slice(self._count, self._count + len(tasks.rows))
        self._leading[place], self._right[place], self._margin[place] = tasks.rows, tasks.right, tasks.margin
        self._count = place.stop

    def finer(self) -> Screen:
        """The same screen with the same leaders in float64."""
        screen = Screen(self._points, self._threshold, np.float64)
        screen.add(screen.encode(self.leaders))
        return screen

    def led(self, part: slice) -> Screened:
        """A part of the leaders."""
        right = self._right[part]
        return Screened(self._leading[part], right, right, self._margin[part])

    def product(self, tasks: Screened, others: Screened) -> npt.NDArray[np.floating]:
        """The product s of each task, in rows, and each of the others; valid until the next call."""
        size = len(tasks.rows) * len(others.rows)
        if len(self._space) < size:
            self._space = np.empty(size, dtype=self._dtype)
        product = self._space[:size].reshape(len(tasks.rows), len(others.rows))
        np.matmul(tasks.left, others.right.T, out=product)
        if not self._comparable and self._points.present is not None:
            # The encoding knows no infinity: it takes two tasks without a common metric to be in one place.
            have = [self._points.present[rows].astype(np.float32) for rows in (tasks.rows, others.rows)]
            product[have[0] @ have[1].T == 0] = -np.inf
        return product

    def product_with_later(self, tasks: Screened) -> npt.NDArray[np.floating]:
        """The product s of each task, in rows, and the later ones among them; -inf elsewhere."""
        product = self.product(tasks, tasks)
        product[np.tri(len(tasks.rows), dtype=bool)] = -np.inf
        return product


def surely_near(product: npt.NDArray[np.floating], tasks: Floats, others: Floats) -> npt.NDArray[np.bool_]:
    """For pairs with their products and margins: whether they are near whatever the rounding was."""
    return np.asarray(product > 2 * (tasks + others))


def closest(points: Points, threshold: float) -> tuple[int, int, float] | None:
    """The two closest of a few points and their distance; None where none compare.

    Args:
        points: at most a thousand or so; from some dozens on the closest two up to the screen's rounding.
        threshold: the scale at which rounding matters.
    """
    if len(points) < 2:
        return None
    if len(points) <= MEASURED_POINTS:
        one, other = np.triu_indices(len(points), 1)
        distances = points.distances(one, other)
        place = int(distances.argmin())
        least = float(distances[place])
        return (int(one[place]), int(other[place]), least) if np.isfinite(least) else None
    screen = Screen(points, threshold)
    product = screen.product_with_later(screen.encode(np.arange(len(points))))
    first, second = divmod(int(product.argmax()), len(points))
    if first >= second:
        return None
    distance = float(points.distances(np.array([first]), np.array([second]))[0])
    return (first, second, distance) if np.isfinite(distance) else None
