"""What a rehearsal is expected to give, as a file of JSON lines.

It holds what stays the same from machine to machine: which alerts, of what, and where. Confidences, texts and numbers
of the findings are left out.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from crackle_stream.app.replay.lives import Told
from crackle_stream.app.replay.rehearsal import Rehearsal
from crackle_stream.errors import ConfigError
from crackle_stream.render.moment import utc
from crackle_stream.render.text import plain

__all__ = ["differences", "golden", "read_golden", "write_golden"]

Line = dict[str, Any]

FIELDS = ("status", "kind", "form", "metrics", "fingerprint", "partition", "offset", "at")

SAME = ("status", "fingerprint", "partition")
"""What two lines have in common that tell of one alert, here and there at another place."""

WIDTH = 14


def golden(rehearsal: Rehearsal) -> list[Line]:
    """The lines of a rehearsal, by where they stand in the stream."""
    lines = [_line(told, timed=rehearsal.timed) for told in rehearsal.told]
    return sorted(lines, key=lambda line: (line["offset"] is not None, line["offset"] or 0, json.dumps(line)))


def _line(told: Told, *, timed: bool) -> Line:
    pattern, where = told.alert.pattern, told.alert.position
    return {
        "status": str(told.alert.status),
        "kind": str(pattern.kind),
        "form": pattern.form,
        "metrics": list(pattern.metric_names),
        "fingerprint": told.alert.fingerprint,
        "partition": None if where is None else where.partition.number,
        "offset": None if where is None else where.offset,
        # of records without a time, it is the time of reading
        "at": round(pattern.at.time, 3) if timed and pattern.at is not None else None,
    }


def write_golden(path: Path, lines: Iterable[Line]) -> None:
    """Write the file.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path} cannot be written: {error.strerror or error}"], "--expect") from error


def read_golden(path: Path) -> list[Line]:
    """The lines of a file.

    Raises:
        ConfigError: there is none, or it holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        cure = "--write makes it of what this replay gives; look at it before you keep it"
        raise ConfigError([f"there is no file {path}: {cure}"], "--expect") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            [f"{path} cannot be read: {getattr(error, 'strerror', None) or error}"], "--expect"
        ) from error
    return [_read(path, number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]


def _read(path: Path, number: int, text: str) -> Line:
    try:
        line = json.loads(text)
    except ValueError:
        line = None
    if not isinstance(line, dict) or line.keys() != set(FIELDS):
        cure = f"write a new one with --write; a line has {', '.join(FIELDS)}"
        raise ConfigError([f"{path}, line {number}, is no line of a golden file: {cure}"], "--expect")
    return line


def differences(expected: Iterable[Line], found: Iterable[Line]) -> list[str]:
    """What tells one from the other, a line each; empty where nothing does."""
    missing, extra = _left(expected, found), _left(found, expected)
    told = []
    for line in list(missing):
        moved = next((other for other in extra if all(other[key] == line[key] for key in SAME)), None)
        if moved is not None:
            missing.remove(line)
            extra.remove(moved)
            told.append(f"{'changed':<{WIDTH}}{_said(line)}: {_changes(line, moved)}")
    told += [f"{'missing':<{WIDTH}}{_said(line)}{_where(line)}" for line in missing]
    told += [f"{'not expected':<{WIDTH}}{_said(line)}{_where(line)}" for line in extra]
    return told


def _left(these: Iterable[Line], those: Iterable[Line]) -> list[Line]:
    """The lines of one that the other has not, as often as it has not."""
    known = Counter(json.dumps(line, sort_keys=True) for line in those)
    left = []
    for line in these:
        text = json.dumps(line, sort_keys=True)
        if known[text]:
            known[text] -= 1
        else:
            left.append(line)
    return left


def _said(line: Mapping[str, Any]) -> str:
    form = f", {line['form']}" if line["form"] else ""
    of = f" of {', '.join(map(str, line['metrics']))}" if line["metrics"] else ""
    return plain(f"{line['status']} {line['kind']}{form}{of} ({line['fingerprint']})")


def _where(line: Mapping[str, Any]) -> str:
    return "".join(f", {name} {_value(name, line[name])}" for name in ("offset", "at") if line[name] is not None)


def _changes(line: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    return ", ".join(_change(name, line, other) for name in FIELDS if line[name] != other[name])


def _change(name: str, line: Mapping[str, Any], other: Mapping[str, Any]) -> str:
    return f"{name} {_value(name, line[name])} -> {_value(name, other[name])}"


def _value(name: str, value: object) -> str:
    if name == "at" and isinstance(value, int | float):
        return utc(value, "milliseconds") or str(value)
    return plain(", ".join(map(str, value)) if isinstance(value, list) else str(value))
