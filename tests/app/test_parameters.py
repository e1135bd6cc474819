from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import pytest

from crackle_stream.app.config.parameters import Parameter, from_text, parameters_of
from crackle_stream.model import Secret

if TYPE_CHECKING:
    from decimal import Decimal


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (int, "5", 5),
        (int, "64MiB", "64MiB"),
        (int | None, "5", 5),
        (float, "0.5", 0.5),
        (float, "30s", "30s"),
        (float | Literal["never"], "5", 5.0),
        (int | Literal["never"], "never", "never"),
        (bool, "true", True),
        (bool, "False", False),
        (bool, "yes", "yes"),
        (str, "5", "5"),
        (str | None, "true", "true"),
        (Path, "a", "a"),
        (Secret | str | None, "5", "5"),
        (tuple[str, ...], "a, b,", ["a", "b"]),
        (tuple[str, ...], '["a,b", "c"]', ["a,b", "c"]),
        (list[int], "[1, 2", "[1, 2"),
        (Mapping[str, str], '{ a = "b" }', {"a": "b"}),
        (Mapping[str, str], "a", "a"),
        (Annotated[int, "seconds"], "5", 5),
        (object, "5", "5"),
    ],
)
def test_text_becomes_what_the_type_wants_where_it_can(hint: object, text: str, value: object) -> None:
    assert from_text(Parameter("x", hint), text) == value


@pytest.mark.parametrize("value", [5, None, ["a"], {"a": 1}, 0.5, True])
def test_what_is_no_text_stays_as_it_is(value: object) -> None:
    assert from_text(Parameter("x", bool), value) is value


def test_the_parameters_of_a_dataclass_are_its_fields_those_of_its_bases_first() -> None:
    @dataclass
    class Base:
        a: int

    @dataclass
    class Derived(Base):
        b: tuple[str, ...] = ()

    found = parameters_of(Derived) or {}
    assert [(name, each.hint, each.required) for name, each in found.items()] == [
        ("a", int, True),
        ("b", tuple[str, ...], False),
    ]


def test_types_for_type_checkers_only_say_nothing() -> None:
    def build(amount: "Decimal", *, name: str = "x") -> None: ...

    found = parameters_of(build) or {}
    assert [(name, each.hint) for name, each in found.items()] == [("amount", object), ("name", str)]


def test_positional_only_parameters_cannot_be_set_and_open_keywords_take_anything() -> None:
    def closed(a: int, /, b: int = 1) -> None: ...

    def opened(a: int, **more: int) -> None: ...

    assert list(parameters_of(closed) or {}) == ["b"]
    assert parameters_of(opened) is None
