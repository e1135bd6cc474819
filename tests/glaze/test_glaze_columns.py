from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackle_stream.errors import ExpressionError
from crackle_stream.glaze import Expression, Glaze
from crackle_stream.glaze.expression import Apply, Metric, Number
from crackle_stream.model import Partition, Positions, TaskBatch

NAN = math.nan


def derive(text: str, **metrics: float) -> float:
    names = tuple(metrics)
    found, values = Glaze({"result": text}).apply(names, np.array([list(metrics.values())], dtype=np.float64))
    assert found == (*names, "result")
    return float(values[0, -1])


SCALAR: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "neg": lambda a: -a,
    "abs": abs,
    "log": math.log,
    "sqrt": math.sqrt,
    "min": min,
    "max": max,
}


def oracle(text: str, metrics: dict[str, float]) -> float:
    """The expression in Python's own floats; NaN as soon as a step is undefined."""
    stack: list[float] = []
    for step in Expression.parse(text).steps:
        match step:
            case Number(value):
                stack.append(value)
            case Metric(name):
                stack.append(metrics.get(name, NAN))
            case Apply(operation, arity):
                operands = stack[-arity:]
                try:
                    result = NAN if any(map(math.isnan, operands)) else SCALAR[operation](*operands)
                except (ValueError, ZeroDivisionError, OverflowError):
                    result = NAN
                stack[-arity:] = [result if math.isfinite(result) else NAN]
    return stack[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("errors / requests", 0.25),
        ("-errors + 3", 1.0),
        ("+errors - 2 - 3", -3.0),
        ("errors - (2 - 3)", 3.0),
        ("requests / 2 / 2", 2.0),
        ("2 * errors + requests / 4", 6.0),
        ("min(errors, requests, 1)", 1.0),
        ("max(errors, requests, 1)", 8.0),
        ("sqrt(errors * requests)", 4.0),
        ("log(requests) / log(2)", 3.0),
        ("abs(errors - requests)", 6.0),
        ("-errors * 0", 0.0),
    ],
)
def test_an_expression_is_computed(text: str, expected: float) -> None:
    assert derive(text, errors=2.0, requests=8.0) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "metrics"),
    [
        ("a / b", {"a": 1.0, "b": 0.0}),
        ("a / b", {"a": 0.0, "b": 0.0}),
        ("a + b", {"a": 1.0, "b": NAN}),
        ("a + c", {"a": 1.0}),
        ("0 * c", {"a": 1.0}),
        ("log(a)", {"a": 0.0}),
        ("log(a)", {"a": -1.0}),
        ("sqrt(a)", {"a": -1e-9}),
        ("a * a", {"a": 1e200}),
        ("1 / (a * a)", {"a": 1e200}),
        ("max(1, a * a)", {"a": 1e200}),
        ("min(a, c)", {"a": 1.0}),
        ("max(1, log(a))", {"a": -1.0}),
    ],
)
def test_what_is_undefined_is_absent_and_warns_of_nothing(text: str, metrics: dict[str, float]) -> None:
    assert math.isnan(derive(text, **metrics))


@given(
    text=st.sampled_from(
        [
            "a / b - c * 2",
            "min(a, b, -c) + max(a / c, 1)",
            "log(abs(a)) * sqrt(b)",
            "(a - b) / (a + b) / c",
            "abs(-a) - -b * 1e10",
            "missing + a",
            "sqrt(a * a + b * b) / max(abs(a), abs(b))",
        ]
    ),
    rows=st.lists(st.tuples(*[st.floats(-1e300, 1e300) | st.just(NAN) | st.just(-0.0)] * 3), min_size=1, max_size=8),
)
def test_columns_agree_with_pythons_own_floats(text: str, rows: list[tuple[float, float, float]]) -> None:
    _, values = Glaze({"result": text}).apply(("a", "b", "c"), np.array(rows))
    expected = [oracle(text, dict(zip("abc", row, strict=True))) for row in rows]
    np.testing.assert_allclose(values[:, 3], expected, rtol=1e-13, atol=0)


def test_zero_is_never_minus_zero() -> None:
    assert math.copysign(1.0, derive("a * -1", a=0.0)) == 1.0
    assert math.copysign(1.0, derive("-a", a=0.0)) == 1.0


def test_an_expression_sees_those_before_it_and_overrides_a_metric_of_its_name() -> None:
    glaze = Glaze({"latency": "latency / 1000", "twice": "latency * 2"})
    names, values = glaze.apply(("latency", "x"), np.array([[500.0, 7.0], [NAN, 8.0]]))
    assert names == ("latency", "x", "twice")
    np.testing.assert_array_equal(values, [[0.5, 7.0, 1.0], [NAN, 8.0, NAN]])
    assert glaze.names == ("latency", "twice")


def test_the_given_columns_stay_as_they_are() -> None:
    given_values = np.array([[1.0, 2.0]])
    given_values.flags.writeable = False
    Glaze({"a": "abs(a) + b", "c": "a"}).apply(("a", "b"), given_values)
    assert given_values.tolist() == [[1.0, 2.0]]


def test_without_expressions_nothing_changes() -> None:
    values = np.array([[1.0]])
    names, same = Glaze({}).apply(["a"], values)
    assert names == ("a",)
    assert same is values


@pytest.mark.parametrize("shape", [(0, 0), (0, 2), (3, 0)])
def test_batches_without_rows_or_metrics_get_the_derived_columns(shape: tuple[int, int]) -> None:
    names, values = Glaze({"r": "m0 / 2"}).apply([f"m{column}" for column in range(shape[1])], np.ones(shape))
    assert len(names) == shape[1] + 1
    assert values.shape == (shape[0], shape[1] + 1)


def test_a_batch_of_tasks_is_glazed_whole() -> None:
    values: npt.NDArray[np.float64] = np.array([[1.0], [4.0]])
    batch = TaskBatch(["a", "b"], np.zeros(2), ("m",), values, Positions(Partition("t"), np.arange(2)), ["k", "k"])
    glazed = Glaze({"root": "sqrt(m)"}).apply_to(batch)
    assert glazed.names == ("m", "root")
    assert glazed.values.tolist() == [[1.0, 1.0], [4.0, 2.0]]
    assert glazed.labels == ["a", "b"]
    assert glazed.keys == ["k", "k"]


def test_an_expression_that_cannot_be_read_stops_the_construction() -> None:
    with pytest.raises(ExpressionError, match="'//' is not known at column 3 in the expression 'a // b'"):
        Glaze({"fine": "a", "wrong": "a // b"})
