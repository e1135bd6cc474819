from __future__ import annotations

import pytest

from crackle_stream.errors import ExpressionError
from crackle_stream.glaze import Expression, check_expressions
from crackle_stream.glaze.expression import MAX_DEPTH, MAX_EXPRESSIONS, MAX_LENGTH, Apply, Metric, Number


def problem_of(text: str) -> str:
    with pytest.raises(ExpressionError) as caught:
        Expression.parse(text)
    return str(caught.value)


def test_an_expression_becomes_steps_for_a_stack() -> None:
    steps = Expression.parse("(a - 2) / max(b, c, 1.5)").steps
    assert steps == (
        Metric("a"),
        Number(2.0),
        Apply("-", 2),
        Metric("b"),
        Metric("c"),
        Number(1.5),
        Apply("max", 3),
        Apply("/", 2),
    )


def test_names_are_listed_once_in_order_of_appearance() -> None:
    assert Expression.parse("b + a * b - log(c)").names == ("b", "a", "c")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("http.server.errors * 1", "http.server.errors"),
        ("http . errors * 1", "http.errors"),
        ("'p95-latency' / 2", "p95-latency"),
        ('"p95 latency" / 2', "p95 latency"),
        ("'queue#1' / 2", "queue#1"),
        ("max / 2", "max"),
        ("'log' / 2", "log"),
        ("'it isn\u2019t' / 2", "it isn\u2019t"),
        ("größe + 1", "größe"),
    ],
)
def test_a_metric_is_named_bare_dotted_or_in_quotes(text: str, name: str) -> None:
    assert Expression.parse(text).names == (name,)


def test_a_name_is_taken_as_written_though_pythons_parser_would_fold_it() -> None:
    micro, greek = "latency_\u00b5s", "latency_\u03bcs"
    assert Expression.parse(f"{micro} / 1000").names == (micro,)
    assert Expression.parse(f"{greek} / 1000").names == (greek,)
    assert Expression.parse(f"net.{micro} / 1000").names == (f"net.{micro}",)


def test_an_expression_may_span_lines_and_be_indented() -> None:
    assert Expression.parse("\n    errors\n    / requests\n").names == ("errors", "requests")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nothing is written"),
        ("   \n ", "nothing is written"),
        ("errors //  requests", "'//' is not known at column 8"),
        ("errors % requests", "'%' is not known"),
        ("a + errors ** 2", "'**' is not known at column 12"),
        ("  errors @ b", "'@' is not known at column 10"),
        ("p95-", "cannot be read (names such as p95-latency need quotes)"),
        ("a) + (b", "cannot be read"),
        ("a b", "cannot be read (names such as p95-latency need quotes) at column"),
        ("a; b", "cannot be read"),
        ("a = b", "cannot be read"),
        ("class + 1", "cannot be read"),
        ("a + \0b", "cannot be read"),
        ("queue#1 / 2", "'#' has no meaning here at column 6"),
        ("a + 'b\\n'", "'\\\\' has no meaning here at column 7"),
        ("1 + 2", "no metric is named"),
        ("a if b else c", "'a if b else c' is not known"),
        ("a < b", "'a < b' is not known at column 1"),
        ("a and b", "'a and b' is not known"),
        ("not a", "'not a' is not known"),
        ("~a", "'~a' is not known"),
        ("a[0]", "'a[0]' is not known"),
        ("[a]", "'[a]' is not known"),
        ("lambda: a", "'lambda: a' is not known"),
        ("(a := 3)", "'a := 3' is not known at column 2"),
        ("f'{a}'", "is not known"),
        ("(yield a)", "is not known"),
        ("a + b'c'", "b'c' is no number; a metric of that name needs quotes at column 5"),
        ("a + r'c'", "r'c' is no quoted name"),
        ("'a' 'b'", "'a' 'b' is no quoted name"),
        ("a + ''", "'' is no quoted name"),
        ("a + '''b'''", "'''b''' is no quoted name"),
        ("a + True", "True is no number; a metric of that name needs quotes"),
        ("a + None", "None is no number"),
        ("a + 1j", "1j is no number"),
        ("a + ...", "... is no number"),
        ("a + 1e999", "a number is too large at column 5"),
        ("a + " + "9" * 400, "a number is too large"),
        ("__import__('os')", "'__import__' is no function"),
        ("exp(a)", "'exp' is no function at column 1"),
        ("a.log(b)", "'a.log' is no function"),
        ("(min)(a, b)(c)", "is no function"),
        ("abs(a, b)", "abs takes one argument, 2 are given"),
        ("log()", "log takes one argument, 0 are given"),
        ("min(a)", "min takes two or more arguments, 1 are given"),
        ("max(*a)", "max takes plain arguments only"),
        ("abs(x=a)", "abs takes plain arguments only"),
        ("min(a, b).real", "is no metric's name"),
        ("(a).b + c", "'(a).b' is no metric's name"),
        ("größe + größe %  2", "'%' is not known at column 15"),
        ("\ud800", "cannot be read"),
    ],
)
def test_what_is_no_expression_is_named_with_its_column(text: str, message: str) -> None:
    problem = problem_of(text)
    assert message in problem
    assert "use metric names, numbers" in problem


def test_the_column_counts_characters_of_the_text_as_written() -> None:
    with pytest.raises(ExpressionError) as caught:
        Expression.parse("\n  größe + (a % 2)")
    assert caught.value.column == 15


def test_an_expression_may_have_as_many_characters_as_the_limit() -> None:
    text = "a+" * (MAX_LENGTH // 2 - 1) + "ab"
    assert len(text) == MAX_LENGTH
    assert Expression.parse(text).names == ("a", "ab")
    problem = problem_of(text + "c")
    assert f"{MAX_LENGTH + 1} characters are more than the limit of {MAX_LENGTH}" in problem
    assert len(problem) < 300


@pytest.mark.parametrize("wrap", ["-{}", "abs({})", "max(1, {})", "1 - ({})"])
def test_nesting_is_allowed_up_to_the_limit(wrap: str) -> None:
    text = "a"
    for _ in range(MAX_DEPTH - 1):
        text = wrap.format(text)
    assert Expression.parse(text).names == ("a",)
    assert f"nested more than {MAX_DEPTH} levels deep" in problem_of(wrap.format(text))


def test_a_sum_of_many_terms_is_not_deep() -> None:
    text = "+".join(["a"] * 400)
    assert len(Expression.parse(text).steps) == 799


def test_brackets_beyond_what_pythons_parser_takes_are_refused() -> None:
    assert "cannot be read" in problem_of("(" * 499 + "a" + ")" * 499)
    assert "nested more than" in problem_of("-" * 999 + "a")


def test_expressions_are_checked_all_at_once() -> None:
    found = check_expressions({"ratio": "errors // requests", "good": "1 - errors", "other": "sin(x)"})
    assert [error.expression for error in found] == ["errors // requests", "sin(x)"]


def test_a_good_set_of_expressions_has_no_problems() -> None:
    assert check_expressions({"b": "b / 1000", "a": "b + 1", "c": "a * 2"}) == []


def test_an_expression_may_not_use_what_is_derived_after_it() -> None:
    (error,) = check_expressions({"a": "b + 1", "b": "c * 2"})
    assert "'a' uses 'b', which is derived after it (put 'b' first)" in str(error)


def test_the_number_of_expressions_is_limited() -> None:
    most = {f"m{number}": "x + 1" for number in range(MAX_EXPRESSIONS)}
    assert check_expressions(most) == []
    (error,) = check_expressions({**most, "one_more": "x"})
    assert f"{MAX_EXPRESSIONS + 1} derived metrics are more than the limit of {MAX_EXPRESSIONS}" in str(error)
    assert "'one_more' is too many" in str(error)


def test_a_derived_metric_needs_a_name_of_reasonable_length() -> None:
    assert check_expressions({"n" * 128: "x"}) == []
    (long,) = check_expressions({"n" * 129: "x"})
    assert "has 129 characters, more than 128" in str(long)
    (empty,) = check_expressions({" ": "x"})
    assert "the derived metric has an empty name" in str(empty)
