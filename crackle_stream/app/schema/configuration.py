"""The JSON schema of a configuration file, made of what reads it: editors complete and check with it."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crackle_stream.app.config.delivery import SubscriptionSection
from crackle_stream.app.config.loading import SECTIONS
from crackle_stream.app.config.parameters import Parameter, parameters_of
from crackle_stream.app.config.routing import MuteSection, RouteSection
from crackle_stream.app.config.sections import MatchSection
from crackle_stream.app.plugins import SINKS, SOURCES, Catalogue, Plugin
from crackle_stream.model import Secret

__all__ = ["DIALECT", "configuration_schema", "documented"]

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"

DURATION = re.compile(r"(timeout|interval|seconds|grace|age|after|hold)$")
"""Names of settings that are durations: numbers of seconds, or text such as "15s"."""

SIZE = re.compile(r"bytes$")
"""Names of settings that are sizes: numbers of bytes, or text such as "64MiB"."""

REFERENCE = r"\$\{(env|file):[^{}]+\}"

SCALARS: Mapping[object, str] = {bool: "boolean", int: "integer", float: "number", str: "string", Path: "string"}


def configuration_schema() -> Schema:
    """The schema of a configuration file."""
    sections = {name: _table(cls, parameters_of(cls) or {}) for name, cls in SECTIONS.items()}
    return {
        "$schema": DIALECT,
        "title": "Configuration of crackle-stream",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "source": {"description": "Where records come from.", **_kinds(SOURCES, {})},
            "glaze": {
                "description": "Derived metrics: expressions over metric names with + - * / abs log sqrt min max.",
                "type": "object",
                "additionalProperties": {"type": "string"},
            },
            "sinks": {
                "description": "Where alerts go, by a name of your own; standard output where there are none.",
                "type": "object",
                "additionalProperties": _kinds(SINKS, _shared()),
            },
            "routes": {
                "description": "Where alerts go, from the top; without any each sink gets what its own match takes.",
                "type": "array",
                "items": _matching(RouteSection),
            },
            "mutes": {
                "description": "Hours of the week in which alerts wait, by a name of your own.",
                "type": "object",
                "additionalProperties": _matching(MuteSection),
            },
            **sections,
        },
    }


def documented(cls: type) -> dict[str, str]:
    """What the docstrings of a class and its bases say of each attribute, by name."""
    said: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        _, _, attributes = inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")
        section = re.split(r"\n(?=\S)", attributes)[0]
        for entry in re.split(r"\n(?= {4}\w+:)", "\n" + section):
            name, colon, text = entry.strip().partition(":")
            if colon:
                said[name] = " ".join(text.split())
    return said


def _kinds(catalogue: Catalogue, shared: Mapping[str, Schema]) -> Schema:
    """A table whose `kind` decides its other keys; those of third parties are their own."""
    built_in = [plugin for plugin in catalogue.built_in if (catalogue.noun, plugin.name) != ("source", "memory")]
    own = {"kind": {"type": "string", "not": {"enum": [plugin.name for plugin in built_in]}}}
    foreign = {
        "title": f"{catalogue.noun} of a third party",
        "type": "object",
        "required": ["kind"],
        "properties": {**own, **shared},
    }
    return {"oneOf": [*(_kind(plugin, shared) for plugin in built_in), foreign]}


def _kind(plugin: Plugin, shared: Mapping[str, Schema]) -> Schema:
    constructor = plugin.constructor()
    table = _table(typing.cast(type, constructor), parameters_of(constructor) or {})
    table["properties"] = {"kind": {"const": plugin.name}, **shared, **table["properties"]}
    table["required"] = ["kind", *table.get("required", [])]
    return {"title": plugin.name, **table, "description": f"{plugin.summary[0].upper()}{plugin.summary[1:]}."}


def _match() -> Schema:
    return _table(MatchSection, parameters_of(MatchSection) or {})


def _matching(cls: type) -> Schema:
    """A table that says beside its own keys what it is about."""
    table = _table(cls, parameters_of(cls) or {})
    return {**table, "properties": {"match": _match(), **table["properties"]}}


def _shared() -> dict[str, Schema]:
    """The keys of every sink."""
    return {"match": _match(), **_table(SubscriptionSection, parameters_of(SubscriptionSection) or {})["properties"]}


def _table(cls: type, parameters: Mapping[str, Parameter]) -> Schema:
    said = documented(cls)
    required = [name for name, parameter in parameters.items() if parameter.required]
    return {
        "description": inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0],
        "type": "object",
        "additionalProperties": False,
        **({"required": required} if required else {}),
        "properties": {
            name: _setting(parameter, said.get(parameter.argument, "")) for name, parameter in parameters.items()
        },
    }


def _setting(parameter: Parameter, description: str) -> Schema:
    schema: Schema = {"description": description} if description else {}
    schema |= _quantity(parameter) or _of_type(parameter.hint)
    default = _plain(parameter.default)
    return schema if default is None else {**schema, "default": default}


def _quantity(parameter: Parameter) -> Schema | None:
    """Durations and sizes may be written with a unit."""
    types = parameter.types
    if (DURATION.search(parameter.name) and float in types) or (SIZE.search(parameter.name) and int in types):
        return {"type": ["number", "string"]}
    return None


def _of_type(hint: object) -> Schema:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in SCALARS:
        return {"type": SCALARS[hint]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin in (tuple, list):
        return {"type": "array", "items": _of_type(arguments[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": {"type": "string"}}
    if Secret in arguments or hint is Secret:
        return {"type": "string", "pattern": REFERENCE}
    arms = [_of_type(arm) for arm in arguments if arm is not type(None)]
    return arms[0] if len(arms) == 1 else {"anyOf": arms}


def _plain(default: object) -> object:
    """A default as JSON; None where there is nothing to show."""
    if isinstance(default, bool | int | float | str):
        return default
    if isinstance(default, tuple | list) and default:
        return list(default)
    return None
