"""Silences as the interface takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from crackle_stream.alerting import Silence, TooManySilences
from crackle_stream.alerting.silences import MATCHERS
from crackle_stream.app.web.problem import Problem
from crackle_stream.model import did_you_mean, seconds
from crackle_stream.stream.silencing import Silencing

__all__ = ["EXAMPLE", "LONGEST_S", "MOST_GLOBS", "asked", "begin", "end"]

LONGEST_S = 366 * 24 * 3600.0
"""A silence by request ends within a year: one that nobody remembers hides what nobody misses."""

MOST_GLOBS = 50
"""Entries of a matcher."""

LONGEST_GLOB = 200

KEYS = ("starts", "ends", "lasts", "author", "comment", *MATCHERS)


def asked(body: bytes, now: float) -> Silence:
    """The silence that a request asks for.

    Args:
        body: a JSON object.
        now: epoch seconds; when it starts, where it does not say.

    Raises:
        Problem: it is none; says why.
    """
    try:
        table = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"the body is no JSON: {error}") from error
    if not isinstance(table, dict):
        raise Problem(400, "the body is a JSON object, such as " + EXAMPLE)
    for name in table:
        if name not in KEYS:
            raise Problem(422, f"{name} is unknown: {did_you_mean(name, KEYS)}")
    try:
        starts = _moment(table, "starts", now)
        ends = _ends(table, starts)
        if ends - now > LONGEST_S:
            raise ValueError("ends must be within a year")
        globs = {name: _globs(table, name) for name in MATCHERS}
        return Silence(starts, ends, _text(table, "author"), _text(table, "comment"), **globs)
    except ValueError as error:
        raise Problem(422, str(error)) from error


EXAMPLE = '{"lasts": "2h", "author": "ada", "comment": "deploying", "metric": ["latency_*"]}'


def begin(silencing: Silencing, silence: Silence) -> None:
    """Add it.

    Raises:
        Problem: there is no room.
    """
    try:
        silencing.add(silence)
    except TooManySilences as error:
        raise Problem(409, f"{error}: end some first") from error


def end(silencing: Silencing, id: str) -> None:  # noqa: A002 - what it is called everywhere
    """End it.

    Raises:
        Problem: there is none of this id that was asked for.
    """
    try:
        silencing.expire(id)
    except KeyError as error:
        raise Problem(404, "no silence of this id was asked for here; one of the file is ended in the file") from error


def _moment(table: Mapping[str, Any], name: str, default: float) -> float:
    value = table.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is a number of epoch seconds, not {value!r}")
    return float(value)


def _ends(table: Mapping[str, Any], starts: float) -> float:
    if ("ends" in table) == ("lasts" in table):
        raise ValueError('give one of ends, in epoch seconds, and lasts, such as "2h"')
    if "ends" in table:
        return _moment(table, "ends", 0.0)
    try:
        return starts + seconds(table["lasts"])
    except ValueError as error:
        raise ValueError(f"lasts {error}") from error


def _text(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is text, not {value!r}")
    return value


def _globs(table: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = table.get(name, [])
    texts = isinstance(value, list) and all(isinstance(each, str) and 0 < len(each) <= LONGEST_GLOB for each in value)
    if not texts or len(value) > MOST_GLOBS:
        raise ValueError(f"{name} is a list of at most {MOST_GLOBS} texts of 1 to {LONGEST_GLOB} characters")
    return tuple(value)
