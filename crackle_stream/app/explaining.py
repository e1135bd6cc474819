"""Finding an alert again: in a file of alerts, in a state directory, or at a running process."""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from crackle_stream.errors import ConfigError
from crackle_stream.model import Alert
from crackle_stream.render.sentence import sentence
from crackle_stream.render.text import clip, plain

if TYPE_CHECKING:
    from crackle_stream.app.top.asking import Process

__all__ = ["NotOne", "alerts_at", "alerts_in_file", "alerts_in_state", "listed", "the_one", "with_exhibit"]

SHOWN = 10
"""Findings listed where it is not clear which one is meant."""

SENTENCE_CELLS = 90
"""Of a sentence in such a list."""

MOST_ASKED_FOR = 500
"""Alerts asked for of a process, the latest: what it answers at once."""


class NotOne(LookupError):
    """No alert, or more than one, has a fingerprint that begins like this; the message lists what there is instead."""

    def __init__(self, problem: str, known: Sequence[Alert]) -> None:
        super().__init__("\n".join([f"{problem}:", *(f"  {line}" for line in listed(known))]))


def alerts_in_file(path: Path) -> list[Alert]:
    """The last notification of each finding in a file of JSON lines, the latest first; lines that are none are passed.

    Raises:
        ConfigError: it cannot be read, or holds no alert.
    """
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            found = [alert for line in file if (alert := _read(line)) is not None]
    except OSError as error:
        raise ConfigError([f"{path} cannot be read: {error.strerror or error}"], origin="--input") from error
    if not found:
        raise ConfigError([f"{path} holds no alert: give a file as `crackle-stream run` writes it"], origin="--input")
    return _latest(found)


def alerts_in_state(directory: Path) -> list[Alert]:
    """The alerts that a process keeps in its state directory, the latest first; it may be running.

    Raises:
        ConfigError: there is no state, or no alert in it.
        StateError: it cannot be used.
    """
    # what only this needs must not cost the others its time
    import anyio

    from crackle_stream.stream.gallery import GALLERY, shown
    from crackle_stream.stream.store import Store

    store = Store(directory, [GALLERY], exclusive=False)
    if not store.path.exists():
        raise ConfigError(
            [f"{directory} holds no {store.path.name}: no process kept its state there"], origin="--state"
        )

    def read(connection: sqlite3.Connection) -> list[Alert]:
        return shown(connection)

    async def opened() -> list[Alert]:
        async with store:
            return await store.run(read)

    found = anyio.run(opened)
    if not found:
        raise ConfigError([f"{directory} holds no alert yet"], origin="--state")
    return found


def alerts_at(process: Process) -> list[Alert]:
    """The alerts that the status server of a running process shows, without their exhibits.

    Raises:
        NoAnswer: it cannot be asked.
        ConfigError: it shows none.
    """
    told = process.get(f"/api/alerts?show=all&limit={MOST_ASKED_FOR}")
    found = _alerts_in(told)
    if not found:
        raise ConfigError(["the process shows no alert"], origin="--url")
    return found


def with_exhibit(alert: Alert, process: Process) -> Alert:
    """The alert as the process tells it alone: with its exhibit, where that is still held.

    Raises:
        NoAnswer: it cannot be asked.
    """
    told = _alerts_in(process.get(f"/api/patterns/{quote(alert.fingerprint, safe='')}"))
    return next((each for each in told if each.exhibit is not None), alert)


def _alerts_in(told: Mapping[str, Any]) -> list[Alert]:
    listed = told.get("alerts")
    found = [_alert(each) for each in listed] if isinstance(listed, list) else []
    return [each for each in found if each is not None]


def the_one(alerts: Iterable[Alert], wanted: str) -> Alert:
    """The alert whose fingerprint begins as wanted.

    Raises:
        NotOne: none does, or several do; the message names them, or the nearest.
    """
    known = list(alerts)
    found = [alert for alert in known if alert.fingerprint.startswith(wanted.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotOne(f"{len(found)} findings have a fingerprint that begins with {wanted!r}", found)
    near = difflib.get_close_matches(wanted.lower(), [alert.fingerprint for alert in known], n=3, cutoff=0.4)
    nearest = [alert for alert in known if alert.fingerprint in near]
    problem = f"no finding has a fingerprint that begins with {wanted!r}"
    raise NotOne(f"{problem}; the nearest" if nearest else f"{problem}; the latest", nearest or known)


def listed(alerts: Sequence[Alert]) -> list[str]:
    """A line for each, fingerprint first, of at most ten."""
    lines = [f"{plain(alert.fingerprint)}  {clip(sentence(alert), SENTENCE_CELLS)}" for alert in alerts[:SHOWN]]
    more = len(alerts) - SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def _read(text: str) -> Alert | None:
    """An alert from JSON, or None where it is none."""
    try:
        return _alert(json.loads(text))
    except (RecursionError, ValueError):
        return None


def _alert(stored: Any) -> Alert | None:
    try:
        return Alert.from_dict(stored)
    except (AttributeError, ValueError):
        return None


def _latest(alerts: Iterable[Alert]) -> list[Alert]:
    """The last of each fingerprint with the last exhibit there was, the latest first."""
    last: dict[str, Alert] = {}
    for alert in alerts:
        before = last.pop(alert.fingerprint, None)
        exhibit = alert.exhibit or (before.exhibit if before else None)
        last[alert.fingerprint] = replace(alert, exhibit=exhibit)
    return list(reversed(last.values()))
