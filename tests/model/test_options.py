from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from crackle_stream.errors import ConfigError
from crackle_stream.model.options import (
    did_you_mean,
    one_of,
    options_from,
    read_fields,
    read_flag,
    read_text,
    whole_number,
)


@dataclass(frozen=True, slots=True)
class PipeOptions:
    path: str
    size: int = 10
    tags: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ConfigError(["size must be at least 1"], origin="PipeOptions")


@dataclass(frozen=True, slots=True)
class BareOptions:
    loud: bool = False


def problems_of(given: object, named: dict[str, object], main: str | None = "path") -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        options_from(PipeOptions, given, named, main=main)
    assert caught.value.origin == "PipeOptions"
    return caught.value.problems


def test_a_bare_value_a_named_field_and_ready_options_say_the_same() -> None:
    expected = PipeOptions(path="a.log", size=3)
    assert expected == options_from(PipeOptions, "a.log", {"size": 3}, main="path")
    assert expected == options_from(PipeOptions, None, {"path": "a.log", "size": 3}, main="path")
    assert expected == options_from(PipeOptions, PipeOptions("a.log"), {"size": 3}, main="path")


def test_ready_options_without_other_fields_are_kept_as_they_are() -> None:
    given = PipeOptions("a.log")
    assert options_from(PipeOptions, given, {}, main="path") is given


def test_an_unknown_field_names_the_nearest_known_one() -> None:
    assert problems_of("a.log", {"szie": 3}) == ('unknown option "szie": did you mean "size"?',)
    assert problems_of(PipeOptions("a.log"), {"szie": 3}) == ('unknown option "szie": did you mean "size"?',)


def test_an_unknown_field_near_to_nothing_lists_all_known_ones() -> None:
    assert problems_of("a.log", {"colour": 3}) == ('unknown option "colour": known are path, size, tags',)


def test_all_problems_come_at_once() -> None:
    expected = ('unknown option "szie": did you mean "size"?', 'option "path" is missing')
    assert expected == problems_of(None, {"szie": 3})


def test_a_value_given_twice_is_refused() -> None:
    assert problems_of("a.log", {"path": "b.log"}) == ('option "path" is given twice: once bare and once by name',)


def test_a_bare_value_without_a_main_field_is_refused() -> None:
    with pytest.raises(ConfigError, match="a bare str means nothing here: give options by name"):
        options_from(BareOptions, "x", {}, main=None)
    assert options_from(BareOptions, None, {"loud": True}, main=None) == BareOptions(loud=True)


def test_what_the_dataclass_objects_to_passes_through() -> None:
    assert problems_of("a.log", {"size": 0}) == ("size must be at least 1",)
    assert problems_of(PipeOptions("a.log"), {"size": 0}) == ("size must be at least 1",)


def test_with_nothing_known_there_is_nothing_to_offer() -> None:
    assert did_you_mean("x", []) == "there are none"


@dataclass(frozen=True, slots=True)
class ReadOptions:
    topic: str = "t"
    loud: bool = False
    tries: int = 1
    mode: str = "a"

    def __post_init__(self) -> None:
        read_fields(self, topic=str.strip, loud=read_flag, tries=whole_number(0), mode=one_of("a", "b"))


def test_fields_are_replaced_by_what_their_readers_make_of_them() -> None:
    assert ReadOptions(topic=" t ").topic == "t"


def test_every_reader_objects_at_once_in_a_sentence_that_begins_with_the_field() -> None:
    with pytest.raises(ConfigError) as caught:
        options_from(ReadOptions, None, {"loud": 1, "tries": -1, "mode": "c"}, main=None)
    assert caught.value.problems == (
        "loud is true or false, not 1",
        "tries is a whole number of at least 0, not -1",
        "mode is one of a, b, not 'c'",
    )
    assert caught.value.origin == "ReadOptions"


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_a_whole_number_is_an_int_and_no_bool(value: object) -> None:
    with pytest.raises(ValueError, match="is a whole number of at least 0, not "):
        whole_number(0)(value)
    assert whole_number(0)(0) == 0


@pytest.mark.parametrize("value", ["", "  ", None, 3])
def test_text_holds_something(value: object) -> None:
    with pytest.raises(ValueError, match="is text that is not empty, not "):
        read_text(value)
    assert read_text("x") == "x"
