"""Derived metrics of a whole batch at once."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from crackle_stream.glaze.expression import Apply, Expression, Metric, Number, check_expressions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from crackle_stream.model import TaskBatch

__all__ = ["Glaze"]

Column = npt.NDArray[np.float64]

_OPERATIONS: dict[str, Callable[[Sequence[Column]], Column]] = {
    "+": lambda operands: operands[0] + operands[1],
    "-": lambda operands: operands[0] - operands[1],
    "*": lambda operands: operands[0] * operands[1],
    "/": lambda operands: operands[0] / operands[1],
    "neg": lambda operands: -operands[0],
    "abs": lambda operands: np.abs(operands[0]),
    "log": lambda operands: np.log(operands[0]),
    "sqrt": lambda operands: np.sqrt(operands[0]),
    "min": lambda operands: reduce(np.minimum, operands),
    "max": lambda operands: reduce(np.maximum, operands),
}


class Glaze:
    """Derived metrics by expression.

    Each expression sees the metrics of the batch and those derived before it. Its result overrides a metric of the
    same name, so `latency = "latency / 1000"` changes a unit. A result is absent (NaN) in a row where an operand is
    absent, and where any step is undefined or not finite: division by zero, the logarithm of zero or less, the
    square root of less than zero, overflow.

    Args:
        expressions: expression by the name of the metric it derives, in the order they are computed.

    Raises:
        ExpressionError: the first of what `check_expressions` finds.

    >>> glaze = Glaze({"error_ratio": "errors / requests"})
    >>> names, values = glaze.apply(("errors", "requests"), np.array([[1.0, 4.0], [1.0, 0.0]]))
    >>> names, values[:, 2].tolist()
    (('errors', 'requests', 'error_ratio'), [0.25, nan])
    """

    def __init__(self, expressions: Mapping[str, str]) -> None:
        for problem in check_expressions(expressions):
            raise problem
        self._expressions = {name: Expression.parse(text) for name, text in expressions.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics it derives, in order."""
        return tuple(self._expressions)

    def apply(
        self, names: Sequence[str], values: npt.NDArray[np.float64]
    ) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
        """Derive the metrics of n rows.

        Args:
            names: m metric names.
            values: shape (n, m); NaN where a row lacks the metric. Left as it is.

        Returns:
            The names, new ones at the end, and the values of shape (n, their number).
        """
        if not self._expressions:
            return tuple(names), values
        columns: dict[str, Column] = {name: values[:, column] for column, name in enumerate(names)}
        absent = np.full(len(values), np.nan)
        with np.errstate(all="ignore"):
            for name, expression in self._expressions.items():
                columns[name] = _evaluate(expression, columns, absent)
        return tuple(columns), np.column_stack(list(columns.values()))

    def apply_to(self, batch: TaskBatch) -> TaskBatch:
        """The batch with the derived metrics in it."""
        names, values = self.apply(batch.names, batch.values)
        return replace(batch, names=names, values=values)


def _evaluate(expression: Expression, columns: Mapping[str, Column], absent: Column) -> Column:
    stack: list[Column] = []
    for step in expression.steps:
        match step:
            case Number(value):
                stack.append(np.full(absent.shape, value))
            case Metric(name):
                stack.append(columns.get(name, absent))
            case Apply(operation, arity):
                result = _OPERATIONS[operation](stack[-arity:])
                # At once, or a later step could turn an overflow back into a number: 1 / (a * b).
                result[~np.isfinite(result)] = np.nan
                stack[-arity:] = [result]
    # Adding zero leaves everything but minus zero, which is made plain zero.
    return stack[0] + 0.0
