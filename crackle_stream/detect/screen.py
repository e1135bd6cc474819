"""Which pairs of tasks may be nearer than a threshold: many at once as one matrix product, none missed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.distances import Encoding, Floats, Points, Rows

__all__ = ["Screen", "closest"]

CLIP: dict[type[np.floating], float] = {np.float32: 1e15, np.float64: 1e120}
"""Where scaled values are cut off, so that sums of their squares stay far from the precision's largest number."""


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
        encoding = Encoding.of(_scaled(points, threshold, CLIP[dtype]), dtype)
        terms = encoding.left.shape[1]
        unit = float(np.finfo(dtype).eps) / 2
        self._margin = (2 * terms + 32) * unit * (encoding.norms + 0.5)
        self._left, self._right = encoding.left, encoding.right
        self._left[:, -2] += self._margin + 0.5
        self._right[:, -1] += self._margin
        self._leaders = np.empty_like(self._right)
        self._count = 0
        self._have: npt.NDArray[np.float32] | None = None
        if points.present is not None and not points.always_comparable():
            self._have = points.present.astype(np.float32)
        self._leading = np.empty(len(points), dtype=np.intp)
        self._space = np.empty(0, dtype=dtype)

    @property
    def leaders(self) -> Rows:
        """The rows that lead, in the order they were added."""
        return self._leading[: self._count]

    def add(self, rows: Rows) -> None:
        """Take rows in as leaders."""
        place = slice(self._count, self._count + len(rows))
        self._leaders[place] = self._right[rows]
        self._leading[place] = rows
        self._count = place.stop

    def finer(self) -> Screen:
        """The same screen with the same leaders in float64."""
        screen = Screen(self._points, self._threshold, np.float64)
        screen.add(self.leaders)
        return screen

    def against_leaders(self, tasks: Rows, part: slice) -> npt.NDArray[np.floating]:
        """The product s of tasks, in rows, and a part of the leaders; valid until the next call."""
        return self._product(tasks, self._leading[part], self._leaders[part])

    def against_later(self, tasks: Rows) -> npt.NDArray[np.floating]:
        """The product s of each task, in rows, and the later ones among them; -inf elsewhere."""
        product = self._product(tasks, tasks, self._right[tasks])
        product[np.tri(len(tasks), dtype=bool)] = -np.inf
        return product

    def surely_near(self, tasks: Rows, others: Rows, product: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """For pairs and their products: whether they are near whatever the rounding was."""
        return np.asarray(product > 2 * (self._margin[tasks] + self._margin[others]))

    def _product(self, tasks: Rows, others: Rows, right: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
        size = len(tasks) * len(others)
        if len(self._space) < size:
            self._space = np.empty(size, dtype=self._left.dtype)
        product = self._space[:size].reshape(len(tasks), len(others))
        np.matmul(self._left[tasks], right.T, out=product)
        if self._have is not None:
            # The encoding knows no infinity: it takes two tasks without a common metric to be in one place.
            product[self._have[tasks] @ self._have[others].T == 0] = -np.inf
        return product


def closest(points: Points, threshold: float) -> tuple[int, int, float] | None:
    """The two closest of a few points and their distance, up to the screen's rounding; None where none compare.

    Args:
        points: at most a thousand or so.
        threshold: the scale at which rounding matters.
    """
    if len(points) < 2:
        return None
    product = Screen(points, threshold).against_later(np.arange(len(points)))
    first, second = divmod(int(product.argmax()), len(points))
    if first >= second:
        return None
    distance = float(points.distances(np.array([first]), np.array([second]))[0])
    return (first, second, distance) if np.isfinite(distance) else None


def _scaled(points: Points, threshold: float, clip: float) -> Points:
    """Centred, in units of the threshold, clipped; NaN stays NaN.

    A metric such as an epoch time is a small spread on a huge offset, and squares of the offset would drown it.
    """
    values = points.values
    if points.present is None:
        centre = (values / len(values)).sum(axis=0)
    else:
        counts = np.maximum(points.present.sum(axis=0), 1)
        centre = np.where(points.present, values / counts, 0.0).sum(axis=0)
    with np.errstate(over="ignore"):
        scaled: Floats = (values - centre) / threshold
    return Points(np.clip(scaled, -clip, clip, out=scaled), points.present)
