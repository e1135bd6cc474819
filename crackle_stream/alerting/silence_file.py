"""Silences as a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime

from crackle_stream.alerting.silences import MATCHERS, Silence, SilenceBook, TooManySilences
from crackle_stream.errors import ConfigError
from crackle_stream.model.options import did_you_mean

__all__ = ["read_silences"]

TIMES, TEXTS = ("starts", "ends"), ("author", "comment")
KEYS = (*TIMES, *TEXTS, *MATCHERS)

EXAMPLE = "such as 2026-11-27T18:00:00+01:00, without quotes"


def read_silences(text: str, origin: str) -> SilenceBook:
    """The silences of a file: a table `[[silences]]` each.

    Args:
        text: the file.
        origin: its name, for messages.

    Raises:
        ConfigError: everything that is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"is no TOML: {error}"], origin) from error
    tables = document.pop("silences", [])
    problems = [f'"{name}" is unknown: silences stand in tables [[silences]]' for name in document]
    if not isinstance(tables, list):
        problems.append("silences is a list of tables: write [[silences]], in two brackets")
        tables = []
    found = []
    for number, table in enumerate(tables, 1):
        objections = list(_objections(table))
        problems += [f"silence {number}: {objection}" for objection in objections]
        if not objections:
            try:
                found.append(_silence(table))
            except ValueError as error:
                problems.append(f"silence {number}: {error}")
    try:
        book = SilenceBook.of(found)
    except TooManySilences as error:
        problems.append(str(error))
    if problems:
        raise ConfigError(problems, origin)
    return book


def _objections(table: object) -> Iterator[str]:
    if not isinstance(table, Mapping):
        yield f"is a table, not {table!r}"
        return
    for name in table:
        if name not in KEYS:
            yield f'"{name}" is unknown: {did_you_mean(name, KEYS)}'
    for name in TIMES:
        value = table.get(name)
        if not isinstance(value, datetime) or value.tzinfo is None:
            state = "is missing" if value is None else f"is no moment with its time zone but {str(value)!r}"
            yield f"{name} {state}: write one, {EXAMPLE}"
    for name in TEXTS:
        if not isinstance(table.get(name), str):
            yield f"{name} is missing: write who silences, and why"
    for name in MATCHERS:
        if not _is_texts(table.get(name, [])):
            yield f"{name} is a list of texts, not {table[name]!r}"


def _is_texts(value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _silence(table: Mapping[str, object]) -> Silence:
    globs = {}
    for name in MATCHERS:
        value = table.get(name, ())
        globs[name] = (value,) if isinstance(value, str) else tuple(map(str, value))  # type: ignore[call-overload]
    starts, ends = (table[name].timestamp() for name in TIMES)  # type: ignore[attr-defined]
    return Silence(starts, ends, str(table["author"]), str(table["comment"]), **globs)
