"""How the constructors of sources and sinks turn what they are given into their options.

Sources and sinks take a ready options object, the one value that matters most, or single fields by name; all three
say the same, and a misspelt field names the one that was meant. Values may come from a configuration file, so a
dataclass reads its own fields with `read_fields` and the readers below it: what they object to completes a sentence
that begins with the field's name.
"""

from __future__ import annotations

import difflib
from dataclasses import MISSING, Field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar, cast

from crackle_stream.errors import ConfigError
from crackle_stream.model.quantity import octets, seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from _typeshed import DataclassInstance

__all__ = [
    "Options",
    "did_you_mean",
    "one_of",
    "optional",
    "options_from",
    "positive_octets",
    "positive_seconds",
    "read_fields",
    "read_flag",
    "read_path",
    "read_text",
    "share",
    "whole_number",
]


class Options(Protocol):
    """A frozen dataclass whose `__post_init__` raises ConfigError for what cannot be."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


OptionsT = TypeVar("OptionsT", bound=Options)


def options_from(cls: type[OptionsT], given: object, named: Mapping[str, object], *, main: str | None) -> OptionsT:
    """Build options from what a constructor was called with.

    Args:
        cls: the options dataclass.
        given: an instance of it, the value of the `main` field, or None.
        named: fields by name; they override those of an instance.
        main: the field a bare value stands for, or None where there is no such field.

    Raises:
        ConfigError: unknown, missing or doubled fields, all at once; or whatever the dataclass itself objects to.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True, slots=True)
    ... class Kettle:
    ...     litres: float
    ...     whistle: bool = True
    >>> options_from(Kettle, 1.5, {"whistle": False}, main="litres")
    Kettle(litres=1.5, whistle=False)
    >>> options_from(Kettle, 1.5, {"wistle": False}, main="litres")
    Traceback (most recent call last):
      ...
    crackle_stream.errors.ConfigError: Kettle: 1 problem
      unknown option "wistle": did you mean "whistle"?
    """
    known = {each.name: each for each in fields(cast("type[DataclassInstance]", cls)) if each.init}
    problems = [f'unknown option "{name}": {did_you_mean(name, known)}' for name in named if name not in known]
    values = dict(named)
    if given is not None and not isinstance(given, cls):
        problems += _place(given, values, main)
    if not isinstance(given, cls):
        problems += [f'option "{name}" is missing' for name in _required(known.values()) if name not in values]
    if problems:
        raise ConfigError(problems, origin=cls.__name__)
    if isinstance(given, cls):
        return replace(given, **values) if values else given
    return cls(**values)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The cure for a misspelt name: the nearest known one, or all of them.

    >>> did_you_mean("secrt", ["url", "secret"])
    'did you mean "secret"?'
    >>> did_you_mean("colour", ["url", "secret"])
    'known are secret, url'
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=1)
    if near:
        return f'did you mean "{near[0]}"?'
    return f"known are {', '.join(names)}" if names else "there are none"


def read_fields(options: Options, **readers: Callable[[Any], object]) -> None:
    """Replace fields of a frozen dataclass by what their readers make of them; for its `__post_init__`.

    Args:
        options: the dataclass under construction.
        readers: by field name; each returns the value to keep, or raises ValueError with the rest of a sentence that
            begins with the field's name.

    Raises:
        ConfigError: every objection at once.
    """
    problems = []
    for name, read in readers.items():
        try:
            object.__setattr__(options, name, read(getattr(options, name)))
        except ValueError as error:
            problems.append(f"{name} {error}")
    if problems:
        raise ConfigError(problems, origin=type(options).__name__)


def read_path(value: object) -> Path:
    """A path, `~` being a home directory.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(value, str | Path) or not str(value).strip():
        raise ValueError(f"is a path, not {value!r}")
    if "\0" in str(value):
        raise ValueError(f"holds a NUL character, which no path may: {str(value)!r}")
    try:
        return Path(value).expanduser()
    except RuntimeError as error:
        raise ValueError(f"begins with the home of a user who is not known here: {str(value)!r}") from error


def read_flag(value: object) -> bool:
    """True or False, nothing that merely looks like one."""
    if not isinstance(value, bool):
        raise ValueError(f"is true or false, not {value!r}")
    return value


def read_text(value: object) -> str:
    """Text with something in it."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"is text that is not empty, not {value!r}")
    return value


def whole_number(minimum: int) -> Callable[[object], int]:
    """A reader of whole numbers from `minimum` up."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
            raise ValueError(f"is a whole number of at least {minimum}, not {value!r}")
        return value

    return read


def one_of(*words: str) -> Callable[[object], str]:
    """A reader of one of a few words."""

    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"is one of {', '.join(words)}, not {value!r}")
        return str(value)

    return read


def _place(given: object, values: dict[str, object], main: str | None) -> list[str]:
    """Put a bare value where it belongs; what is wrong with it."""
    if main is None:
        return [f"a bare {type(given).__name__} means nothing here: give options by name"]
    if main in values:
        return [f'option "{main}" is given twice: once bare and once by name']
    values[main] = given
    return []


def _required(known: Iterable[Field[Any]]) -> list[str]:
    return [each.name for each in known if each.default is MISSING and each.default_factory is MISSING]


def positive_seconds(value: float | str) -> float:
    """A duration (`quantity.seconds`) of more than nothing."""
    duration = seconds(value)
    if duration <= 0:
        raise ValueError("must be more than 0 seconds")
    return duration


def positive_octets(value: float | str) -> int:
    """A size (`quantity.octets`) of at least one byte."""
    size = octets(value)
    if size < 1:
        raise ValueError(f"must be at least 1 byte, not {value!r}")
    return size


def share(value: object) -> float:
    """A part of a whole."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"is a number from 0 to 1, not {value!r}")
    return float(value)


def optional(read: Callable[[Any], object]) -> Callable[[Any], object]:
    """A reader that lets None pass."""
    return lambda value: None if value is None else read(value)
