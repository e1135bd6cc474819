"""A configuration as text, with the reason for each key beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator

from crackle_stream.app.starting.looking import PINNED, Look
from crackle_stream.profile import DEFAULT_BUDGET

__all__ = ["as_toml"]

TASKS = 500
SECONDS = 30.0
"""What the program takes where nothing is said."""

LEAST_IN_A_WINDOW = 100
"""Tasks of a window in which much can be proven."""

SPANS = (60, 300, 900, 3600, 21_600, 86_400)
"""Lengths of windows that people think in, in seconds."""

MOST_SHOWN = 8


def as_toml(look: Look) -> str:
    """The configuration of a stream that was looked at."""
    return "\n".join(_lines(look)) + "\n"


def _lines(look: Look) -> Iterator[str]:
    yield f"# Made by `crackle-stream init` from {look.records:,} records of {_plain(look.sample.origin)}."
    yield "# See what it would run: crackle-stream check THIS; how often it would be wrong: crackle-stream calibrate."
    if look.problem:
        yield f"# Some records cannot be read and are left out, the first at {_plain(look.problem)}."
    yield ""
    yield "[source]"
    for name, value, why in look.sample.source:
        yield f"{name} = {_value(value)}  # {why}"
    yield ""
    yield from _decode(look)
    yield ""
    yield from _kiln(look)
    yield ""
    yield from _profile(look)
    yield ""
    yield "[sinks.stdout]"
    yield 'kind = "stdout"  # JSON lines, cards on a terminal'
    yield 'match = { nature = ["fact", "event"] }  # events happened; facts hold, and are told once'
    yield ""
    yield "# [sinks.pager]"
    yield '# kind = "webhook"'
    yield '# url = "https://hooks.example.org/crackle"'
    yield '# secret = "${env:CRACKLE_WEBHOOK_SECRET}"  # signs what is sent'


def _decode(look: Look) -> Iterator[str]:
    yield "[decode]"
    if look.label is None:
        yield "# label: no field names the tasks, so they go by their position"
    elif look.label.default:
        yield f"# label: {_quoted(look.label.path)}, {look.label.why}"
    else:
        yield f"label = {_quoted(look.label.path)}  # {look.label.why}"
    if look.time is None:
        yield "# time: no field says when a task ended, so the time of arrival serves"
    elif look.time.default:
        yield f"# time: {_quoted(look.time.path)}, {look.time.why}"
    else:
        yield f"time = {_quoted(look.time.path)}  # {look.time.why}"
    for key in look.keys:
        yield f"# key = [{_quoted(key.path)}]  # a kiln for each of {_plain(key.why)}"
    if look.not_numbers:
        shown = ", ".join(_plain(each) for each in look.not_numbers[:MOST_SHOWN])
        yield f"# no metrics, for they are numbers written as text: {shown}"


def _kiln(look: Look) -> Iterator[str]:
    yield "[kiln]"
    rate = look.per_second
    if rate <= 0:
        yield f"every_tasks = {TASKS}  # a window ends after so many tasks; how many come a second is not known"
        return
    yield f"every_tasks = {TASKS}  # at {rate:.3g} tasks a second, every {_span(TASKS / rate)}"
    if rate * SECONDS >= LEAST_IN_A_WINDOW:
        yield f"every_seconds = {SECONDS:g}  # about {rate * SECONDS:,.0f} tasks"
        return
    longer = next((each for each in SPANS if rate * each >= LEAST_IN_A_WINDOW), None)
    if longer is None:
        yield 'every_seconds = "never"  # a day of them has fewer than a window needs'
    else:
        yield f"every_seconds = {longer}  # about {rate * longer:,.0f} tasks; of fewer little can be proven"


def _profile(look: Look) -> Iterator[str]:
    yield "[profile]"
    yield f'budget = "{DEFAULT_BUDGET}"  # false alarms you accept'
    pinned = [metric for metric in look.metrics if metric.type in PINNED]
    plain = [metric.name for metric in look.metrics if metric.type.tested and metric.type not in PINNED]
    if plain:
        more = len(plain) - MOST_SHOWN
        shown = ", ".join(_plain(name) for name in plain[:MOST_SHOWN])
        yield f"# {len(plain)} metrics are measurements: {shown}" + (f" and {more} more" if more > 0 else "")
    constant = [metric for metric in look.metrics if metric not in pinned and metric.name not in plain]
    if constant:
        shown = ", ".join(f"{_plain(metric.name)} ({metric.why})" for metric in constant[:MOST_SHOWN])
        yield f"# did not move, and are told when they do: {shown}"
    if pinned:
        yield ""
        yield "[profile.types]  # take a line out to have the type inferred in each window"
        for metric in pinned:
            yield f'{_quoted(metric.name)} = "{metric.type}"  # {metric.why}'


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_value(each) for each in value)}]"
    return _quoted(str(value))


def _quoted(text: str) -> str:
    """A text as TOML writes it, which for what JSON escapes is as JSON does; TOML has no halves of characters."""
    whole = text.encode("utf-8", "replace").decode()
    return json.dumps(whole, ensure_ascii=False).replace("\x7f", "\\u007f")


def _plain(text: str) -> str:
    """A text that cannot end a comment."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _span(seconds: float) -> str:
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
