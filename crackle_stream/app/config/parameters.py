"""What a constructor takes, and how a table of settings becomes its arguments.

Options dataclasses and third parties' constructors are read the same way: by their signature. Types convert text
only, for a variable or an option is always text; every other judgement is the constructor's own.
"""

from __future__ import annotations

import contextlib
import inspect
import keyword
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any, TypeVar

from crackle_stream.app.config.layers import Address, Table, parsed
from crackle_stream.app.config.problems import Problems
from crackle_stream.errors import ConfigError

__all__ = ["Parameter", "build", "from_text", "parameters_of"]

T = TypeVar("T")

FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a constructor.

    Attributes:
        name: its name, and the key of its setting.
        hint: its type; `object` where none is given.
        default: its value where nothing is set; `inspect.Parameter.empty` where one must be.
    """

    name: str
    hint: object
    default: object = inspect.Parameter.empty

    @property
    def argument(self) -> str:
        """What the constructor calls it: Python's own words get an underscore."""
        return f"{self.name}_" if keyword.iskeyword(self.name) else self.name

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is inspect.Parameter.empty

    @property
    def types(self) -> frozenset[object]:
        """The plain types a union is made of, containers without their contents."""
        return frozenset(_types(self.hint))

    @property
    def contents(self) -> frozenset[object]:
        """The plain types of what a list of it holds."""
        if typing.get_origin(self.hint) not in (tuple, list):
            return frozenset()
        return frozenset(each for argument in typing.get_args(self.hint) for each in _types(argument))


@dataclass(frozen=True, slots=True)
class Site:
    """Where a constructor is called from.

    Attributes:
        address: of its table.
        names: what it takes.
        missing: names already objected to.
    """

    address: Address
    names: frozenset[str]
    missing: frozenset[str] = frozenset()

    def object(self, problem: str, problems: Problems) -> None:
        """Add a constructor's objection; one that begins with a name is about that setting."""
        first, _, rest = problem.partition(" ")
        first = first.removesuffix("_")
        if first in self.missing:
            return
        if first in self.names:
            problems.add((*self.address, first), rest)
        else:
            problems.tell(self.address, problem)


def parameters_of(constructor: Callable[..., object]) -> Mapping[str, Parameter] | None:
    """The arguments that may be given by name; None where any name is taken."""
    try:
        signature = inspect.signature(constructor, eval_str=True)
    except NameError:  # a third party's types that exist for type checkers only
        signature = inspect.signature(constructor)
    hints = typing.get_type_hints(constructor) if is_dataclass(constructor) else {}
    found = {}
    for parameter in signature.parameters.values():
        if parameter.kind is parameter.VAR_KEYWORD:
            return None
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            hint = hints.get(parameter.name, parameter.annotation)
            hint = object if hint is parameter.empty or isinstance(hint, str) else hint
            name = parameter.name.removesuffix("_")
            name = name if keyword.iskeyword(name) else parameter.name
            found[name] = Parameter(name, hint, parameter.default)
    return found


def build(constructor: Callable[..., T], table: Table, address: Address, problems: Problems) -> T | None:
    """Call a constructor with a table of settings.

    Args:
        constructor: an options dataclass or a third party's class.
        table: its arguments by name.
        address: where the table stands.
        problems: told of keys that are unknown or missing, and of everything the constructor objects to.

    Returns:
        What it made, or None after an objection.
    """
    known = parameters_of(constructor)
    if known is None:
        return _call(constructor, table, Site(address, frozenset(table)), problems)
    arguments = {key: from_text(known[key], value) for key, value in table.items() if key in known}
    for key in table:
        if key not in known:
            problems.unknown((*address, key), known)
    missing = [name for name, parameter in known.items() if parameter.required and name not in table]
    for name in missing:
        problems.add((*address, name), "is missing")
    if missing and not is_dataclass(constructor):
        return None
    # an options dataclass reads each field by itself, so the others are judged although some are missing
    arguments |= dict.fromkeys(missing)
    named = {known[key].argument: value for key, value in arguments.items()}
    made = _call(constructor, named, Site(address, frozenset(known), frozenset(missing)), problems)
    return None if missing or table.keys() - known.keys() else made


def from_text(parameter: Parameter, value: object) -> object:
    """A text as the parameter's type wants it; unchanged where it wants text, or where the text does not fit.

    >>> from_text(Parameter("keep", int), "5"), from_text(Parameter("topics", tuple[str, ...]), "a, b")
    (5, ['a', 'b'])
    """
    if not isinstance(value, str):
        return value
    types = parameter.types
    if bool in types and value.lower() in FLAGS:
        return FLAGS[value.lower()]
    for number in (int, float):
        if number in types and str not in types:
            with contextlib.suppress(ValueError):
                return number(value)
    if types & {tuple, list, frozenset, set}:
        return _list(value)
    if types & {dict, Mapping}:
        return _toml(value, value)
    return value


def _list(text: str) -> object:
    """A TOML array, or words with commas between them."""
    if text.lstrip().startswith("["):
        return _toml(text, text)
    return [word.strip() for word in text.split(",") if word.strip()]


def _toml(text: str, otherwise: object) -> Any:
    try:
        return parsed(f"value = {text}")["value"]
    except ValueError:
        return otherwise


def _call(constructor: Callable[..., T], arguments: Table, site: Site, problems: Problems) -> T | None:
    try:
        return constructor(**arguments)
    except ConfigError as error:
        for problem in error.problems:
            site.object(problem, problems)
    except (TypeError, ValueError) as error:
        site.object(str(error), problems)
    return None


def _types(hint: object) -> list[object]:
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _types(typing.get_args(hint)[0])
    if origin is typing.Literal:
        return []  # words of a few: text that is none of them may be meant as another type
    if origin is None:
        return [hint]
    if isinstance(origin, type) and not _is_union(origin):
        return [origin]
    return [each for arm in typing.get_args(hint) for each in _types(arm)]


def _is_union(origin: type) -> bool:
    return origin.__name__ in ("UnionType", "Union")
