"""Which numbers of a record are kept, and under which names."""

from __future__ import annotations

import re
from fnmatch import translate
from typing import TYPE_CHECKING

from crackle_stream.decode.options import METRICS_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crackle_stream.decode.options import DecodeOptions

__all__ = ["METRICS_PREFIX", "MetricNames"]

METRICS_PREFIX = f"{METRICS_FIELD}."

_REMEMBERED = 16_384
"""Paths whose names are remembered before all are forgotten: a stream of random names must not own the memory."""


class MetricNames(dict[str, str | None]):
    """The metric's name by its path; None where it is left out.

    The name is the path without a leading `metrics.`. Look names up as in any mapping; what is not yet known is
    worked out on the way.
    """

    def __init__(self, options: DecodeOptions) -> None:
        super().__init__()
        self._include = _matcher(options.include)
        self._exclude = _matcher(options.exclude)

    def __missing__(self, path: str) -> str | None:
        if len(self) >= _REMEMBERED:
            self.clear()
        name = path.removeprefix(METRICS_PREFIX)
        kept = self._include is None or _matches(self._include, name, path)
        if self._exclude is not None and _matches(self._exclude, name, path):
            kept = False
        self[path] = verdict = name if kept else None
        return verdict


def _matcher(globs: Iterable[str]) -> re.Pattern[str] | None:
    patterns = [translate(glob) for glob in globs]
    return re.compile("|".join(patterns)) if patterns else None


def _matches(pattern: re.Pattern[str], *texts: str) -> bool:
    return any(pattern.match(text) for text in texts)
