"""Where settings come from: a file, the environment and the command line, each over the one before."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crackle_stream.errors import ConfigError

__all__ = [
    "ENVIRONMENT_PREFIX",
    "Address",
    "Layer",
    "Override",
    "Table",
    "command_line",
    "environment",
    "file_layer",
    "file_text",
    "leaves",
    "merge",
    "parsed",
]

Table = dict[str, Any]
"""Settings as TOML gives them: text, numbers, flags, lists and tables."""

Address = tuple[str, ...]
"""Keys from the top of the configuration to one setting."""

ENVIRONMENT_PREFIX = "CRACKLE__"

DEEPEST = 20
"""Most levels of tables and lists in each other: several times what any setting has, and no strain on the stack."""

TOO_DEEP = f"it is nested deeper than {DEEPEST} levels"


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one place.

    Attributes:
        table: the settings.
        name: how this place calls the setting of an address, for messages.
    """

    table: Table
    name: Callable[[Address], str]

    def has(self, address: Address) -> bool:
        """Whether this place gives a value for the address, or for something above or below it."""
        here: object = self.table
        for key in address:
            if not isinstance(here, dict):
                return True
            found = _spelt(key, here)
            if found is None:
                return False
            here = here[found]
        return True


@dataclass(frozen=True, slots=True)
class Override:
    """One setting of the command line.

    Attributes:
        address: what it sets.
        value: to what; text where it was written as text.
        option: the option as the user wrote it.
    """

    address: Address
    value: object
    option: str


def file_layer(path: Path) -> Layer:
    """The settings of a TOML file.

    Raises:
        ConfigError: it cannot be read or is no TOML.
    """
    try:
        table = parsed(file_text(path))
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError([f"is no TOML: {error}"], str(path)) from error
    return Layer(table, ".".join)


def file_text(path: Path) -> str:
    """A file's text.

    Raises:
        ConfigError: it cannot be read or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"cannot be read: {error.strerror or error}"], str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            [f"is no UTF-8 text: byte {error.start} is {error.object[error.start]:#04x}"], str(path)
        ) from error


def parsed(text: str) -> Table:
    """A TOML document.

    Raises:
        ValueError: it is none, or one that no setting needs; says why.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise
    except ValueError as error:  # int() refuses, and the parser lets it pass
        raise ValueError("it holds a number of thousands of digits") from error
    except RecursionError:
        # Without its cause, whose thousand frames are of no use to anybody.
        raise ValueError(TOO_DEEP) from None
    if _is_deep(table):
        raise ValueError(TOO_DEEP)
    return table


def environment(variables: Mapping[str, str]) -> Layer:
    """The settings of `CRACKLE__SECTION__KEY` variables."""
    table: Table = {}
    for variable in sorted(variables):
        if variable.startswith(ENVIRONMENT_PREFIX):
            address = tuple(variable.removeprefix(ENVIRONMENT_PREFIX).lower().split("__"))
            # What is deeper than any setting is unknown at its first key already.
            _put(table, address[:DEEPEST], variables[variable])
    return Layer(table, lambda address: ENVIRONMENT_PREFIX + "__".join(address).upper())


def command_line(overrides: Iterable[Override]) -> Layer:
    """The settings of the command line's options."""
    table: Table = {}
    options: dict[Address, str] = {}
    for override in overrides:
        _put(table, override.address, override.value)
        options[override.address] = override.option
    return Layer(table, lambda address: options.get(address, f"--set {'.'.join(address)}"))


def merge(layers: Iterable[Layer]) -> Table:
    """All layers as one table, later ones over earlier ones.

    Keys that differ only in case are one key, spelt as the earliest layer spells it: the environment knows no case.
    A source or sink whose `kind` a later layer changes begins anew, for the options of another kind mean nothing.
    """
    merged: Table = {}
    for layer in layers:
        _lay(layer.table, merged)
    return merged


def leaves(table: Mapping[str, object], above: Address = ()) -> Iterator[tuple[Address, object]]:
    """Every setting that is no table, with its address."""
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*above, key))
        else:
            yield (*above, key), value


def _is_deep(table: Table) -> bool:
    """Whether values are nested deeper than any setting; without recursion, which is what it is about."""
    level: list[object] = [table]
    for _ in range(DEEPEST + 1):
        level = [
            each
            for value in level
            if isinstance(value, dict | list)
            for each in (value.values() if isinstance(value, dict) else value)
        ]
    return bool(level)


def _lay(over: Table, under: Table) -> None:
    for key, value in over.items():
        known = _spelt(key, under) or key
        if not isinstance(value, dict):
            under[known] = value
            continue
        beneath = under.get(known)
        if not isinstance(beneath, dict) or value.get("kind", beneath.get("kind")) != beneath.get("kind"):
            beneath = under[known] = {}
        _lay(value, beneath)


def _put(table: Table, address: Address, value: object) -> None:
    """Set one value; what stands in its way gives way."""
    for key in address[:-1]:
        if not isinstance(table.get(key), dict):
            table[key] = {}
        table = table[key]
    table[address[-1]] = value


def _spelt(key: str, table: Mapping[str, object]) -> str | None:
    """The key as the table spells it, or None."""
    if key in table:
        return key
    return next((known for known in table if known.lower() == key.lower()), None)
