"""Expressions for derived metrics: read with Python's own parser, checked node by node, never evaluated as Python.

The grammar is metric names, numbers, + - * /, unary minus and plus, parentheses, and abs, log (natural), sqrt, min
and max. A name is an identifier (`errors`), identifiers joined by dots (`http.errors`), or anything in quotes
(`'p95-latency'`). What comes out is a short program for a stack, which needs no recursion to run.
"""

from __future__ import annotations

import ast
import math
import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crackle_stream.errors import ExpressionError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MAX_EXPRESSIONS", "Apply", "Expression", "Metric", "Number", "Step", "check_expressions"]

MAX_LENGTH = 1_000
"""Characters of one expression; what a person can still read is far shorter."""

MAX_DEPTH = 50
"""Levels of nesting; also bounds the columns held at once while it is computed."""

MAX_EXPRESSIONS = 64
"""Derived metrics of one stream: each costs a pass over its columns for every batch."""

MAX_NAME_LENGTH = 128
"""Characters of a derived metric's name, as of any metric's."""

_OPERATORS: dict[type[ast.operator], str] = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_ONE_ARGUMENT = ("abs", "log", "sqrt")
_SEVERAL_ARGUMENTS = ("min", "max")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(frozen=True, slots=True)
class Number:
    """Push a number."""

    value: float


@dataclass(frozen=True, slots=True)
class Metric:
    """Push a metric's values."""

    name: str


@dataclass(frozen=True, slots=True)
class Apply:
    """Replace the topmost `arity` operands by a result.

    Attributes:
        operation: + - * /, neg, abs, log, sqrt, min or max.
        arity: number of operands, the last one on top.
    """

    operation: str
    arity: int


Step = Number | Metric | Apply


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression.

    Attributes:
        text: as written.
        steps: what to do, in order, on an empty stack; one value is left at the end.

    >>> Expression.parse("errors / requests").names
    ('errors', 'requests')
    >>> Expression.parse("errors // requests")
    Traceback (most recent call last):
      ...
    crackle_stream.errors.ExpressionError: '//' is not known at column 8 in the expression 'errors // requests': use \
metric names, numbers, + - * /, parentheses and abs, log, sqrt, min, max
    """

    text: str
    steps: tuple[Step, ...]

    @classmethod
    def parse(cls, text: str) -> Expression:
        """Read and check an expression.

        Raises:
            ExpressionError: it is empty, too long or too deep, is no expression of the grammar, or names no metric.
        """
        expression = cls(text, tuple(_Reader(text).read()))
        if not expression.names:
            raise ExpressionError(text, "no metric is named")
        return expression

    @property
    def names(self) -> tuple[str, ...]:
        """The metrics it uses, each once, in order of appearance."""
        return tuple(dict.fromkeys(step.name for step in self.steps if isinstance(step, Metric)))


def check_expressions(expressions: Mapping[str, str]) -> list[ExpressionError]:
    """Everything that is wrong with a set of derived metrics.

    Args:
        expressions: expression by the name of the metric it derives, in the order they are computed.
    """
    problems = []
    if len(expressions) > MAX_EXPRESSIONS:
        last = list(expressions)[MAX_EXPRESSIONS]
        problem = (
            f"{len(expressions)} derived metrics are more than the limit of {MAX_EXPRESSIONS}: {last!r} is too many"
        )
        problems.append(ExpressionError(expressions[last], problem))
    later = set(expressions)
    for name, text in expressions.items():
        later.discard(name)
        try:
            _check_name(name, text)
            _check_order(name, Expression.parse(text), later)
        except ExpressionError as error:
            problems.append(error)
    return problems


def _check_name(name: str, text: str) -> None:
    if not name.strip():
        raise ExpressionError(text, "the derived metric has an empty name")
    if len(name) > MAX_NAME_LENGTH:
        problem = f"the derived metric's name {name[:20]!r}... has {len(name)} characters, more than {MAX_NAME_LENGTH},"
        raise ExpressionError(text, problem)


def _check_order(name: str, expression: Expression, later: set[str]) -> None:
    """An expression may use its own name, the raw metric then, but none that is derived after it: it would be
    ambiguous which of the two it means."""
    for used in expression.names:
        if used in later:
            problem = f"{name!r} uses {used!r}, which is derived after it (put {used!r} first),"
            raise ExpressionError(expression.text, problem)


class _Reader:
    """Turns one text into steps."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._steps: list[Step] = []
        # Line ends become blanks and leading blanks go, because Python's parser minds both.
        flat = re.sub(r"\s", " ", text)
        self._source = flat.strip()
        self._indent = len(flat) - len(flat.lstrip())
        self._bytes = self._source.encode("utf-8", "replace")

    def read(self) -> list[Step]:
        self._check_text()
        self._compile(self._parse(), depth=1)
        return self._steps

    def _check_text(self) -> None:
        if not self._source:
            raise ExpressionError(self._text, "nothing is written")
        if len(self._text) > MAX_LENGTH:
            shown = self._text[:40] + "..."
            raise ExpressionError(shown, f"{len(self._text)} characters are more than the limit of {MAX_LENGTH}")
        # Both would change the meaning of what follows without a trace in the syntax tree.
        bare = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), self._source)
        for stray in ("#", "\\"):
            at = (self._source if stray == "\\" else bare).find(stray)
            if at >= 0:
                raise ExpressionError(self._text, f"{stray!r} has no meaning here", at + self._indent + 1)

    def _parse(self) -> ast.expr:
        try:
            with warnings.catch_warnings():
                # What Python only warns of is refused below, or harmless.
                warnings.simplefilter("ignore")
                return ast.parse(self._source, mode="eval").body
        except SyntaxError as error:
            column = None if not error.offset else error.offset + self._indent
            raise ExpressionError(
                self._text, "it cannot be read (names such as p95-latency need quotes)", column
            ) from None
        except (ValueError, RecursionError, MemoryError):
            raise ExpressionError(self._text, "it cannot be read") from None

    def _compile(self, node: ast.expr, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._error(node, f"it is nested more than {MAX_DEPTH} levels deep")
        match node:
            case ast.BinOp():
                self._compile_chain(node, depth)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd()):
                self._compile(node.operand, depth + 1)
                if isinstance(node.op, ast.USub):
                    self._steps.append(Apply("neg", 1))
            case ast.Call():
                self._compile_call(node, depth)
            case ast.Name() | ast.Attribute():
                self._steps.append(Metric(self._dotted(node)))
            case ast.Constant():
                self._steps.append(self._constant(node))
            case _:
                raise self._error(node, f"{self._excerpt(node)} is not known")

    def _compile_chain(self, node: ast.expr, depth: int) -> None:
        """A sum or product of many terms leans to the left and is no deeper than its terms."""
        rest: list[tuple[ast.BinOp, str]] = []
        while isinstance(node, ast.BinOp):
            rest.append((node, self._operator(node)))
            node = node.left
        self._compile(node, depth + 1)
        for each, operator in reversed(rest):
            self._compile(each.right, depth + 1)
            self._steps.append(Apply(operator, 2))

    def _operator(self, node: ast.BinOp) -> str:
        operator = _OPERATORS.get(type(node.op))
        if operator is None:
            between = self._bytes[node.left.end_col_offset : node.right.col_offset]
            written = between.strip(b" ()")
            at = (node.left.end_col_offset or 0) + between.index(written)
            raise self._error_at(at, f"{written.decode()!r} is not known")
        return operator

    def _compile_call(self, node: ast.Call, depth: int) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name not in (*_ONE_ARGUMENT, *_SEVERAL_ARGUMENTS):
            raise self._error(node, f"{self._excerpt(node.func)} is no function")
        if node.keywords or any(isinstance(each, ast.Starred) for each in node.args):
            raise self._error(node, f"{name} takes plain arguments only")
        if name in _ONE_ARGUMENT and len(node.args) != 1:
            raise self._error(node, f"{name} takes one argument, {len(node.args)} are given")
        if name in _SEVERAL_ARGUMENTS and len(node.args) < 2:
            raise self._error(node, f"{name} takes two or more arguments, {len(node.args)} are given")
        for argument in node.args:
            self._compile(argument, depth + 1)
        self._steps.append(Apply(name, len(node.args)))

    def _constant(self, node: ast.Constant) -> Step:
        segment = self._segment(node)
        if isinstance(node.value, str):
            name = segment[1:-1]
            if not _QUOTED.fullmatch(segment) or not name:
                raise self._error(node, f"{segment} is no quoted name")
            return Metric(name)
        if type(node.value) not in (int, float):
            raise self._error(node, f"{segment} is no number; a metric of that name needs quotes")
        try:
            value = float(node.value)  # type: ignore[arg-type]  # an int or a float, see above
        except OverflowError:
            value = math.inf
        if not math.isfinite(value):
            raise self._error(node, "a number is too large")
        return Number(value)

    def _dotted(self, node: ast.Name | ast.Attribute) -> str:
        """The name as written: Python's parser would fold the micro sign into the Greek letter and the like."""
        inner: ast.expr = node
        while isinstance(inner, ast.Attribute):
            inner = inner.value
        parts = [part.strip() for part in self._segment(node).split(".")]
        if not isinstance(inner, ast.Name) or not all(part.isidentifier() for part in parts):
            raise self._error(node, f"{self._excerpt(node)} is no metric's name")
        return ".".join(parts)

    def _segment(self, node: ast.expr) -> str:
        return self._bytes[node.col_offset : node.end_col_offset].decode()

    def _excerpt(self, node: ast.expr) -> str:
        segment = self._segment(node)
        return repr(segment if len(segment) <= 40 else segment[:37] + "...")

    def _error(self, node: ast.expr, problem: str) -> ExpressionError:
        return self._error_at(node.col_offset, problem)

    def _error_at(self, offset: int, problem: str) -> ExpressionError:
        # Syntax trees count columns in UTF-8 bytes, people in characters.
        column = len(self._bytes[:offset].decode()) + self._indent + 1
        return ExpressionError(self._text, problem, column)
