"""A rehearsal, or the difference between two, as JSON lines."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from crackle_stream.app.replay.comparison import Comparison, Pair
from crackle_stream.app.replay.lives import Life, Told
from crackle_stream.app.replay.rehearsal import Rehearsal

__all__ = ["comparison_lines", "rehearsal_lines"]


def rehearsal_lines(rehearsal: Rehearsal) -> Iterator[str]:
    """A line for each notification: the alert as sinks get it, when it would have gone out, and to whom."""
    for told in rehearsal.told:
        yield json.dumps(_told(told), allow_nan=False)


def comparison_lines(comparison: Comparison) -> Iterator[str]:
    """A line for each alert that either raised, and at the end one with the rates."""
    for pair in comparison.pairs:
        yield json.dumps({"what": "alert", **_pair(pair, comparison.names)}, allow_nan=False)
    yield json.dumps({"what": "comparison", **_rates(comparison)}, allow_nan=False)


def _told(told: Told) -> dict[str, object]:
    return {**told.alert.to_dict(), "at": told.at, "sinks": list(told.sinks)}


def _pair(pair: Pair, names: tuple[str, str]) -> dict[str, object]:
    sides = [(name, life) for name, life in zip(names, (pair.first, pair.second), strict=True) if life is not None]
    return {
        "by": [name for name, _ in sides],
        "onset": pair.life.onset,
        "delay_s": pair.delay,
        "raised": {name: _side(life) for name, life in sides},
        "alert": _told(pair.life.raised),
    }


def _side(life: Life) -> dict[str, object]:
    return {"at": life.raised.at, "over_at": life.over_at, "sinks": list(life.raised.sinks)}


def _rates(comparison: Comparison) -> dict[str, object]:
    sides = zip(comparison.names, comparison.rehearsals, strict=True)
    return {
        "configurations": {name: _counts(rehearsal) for name, rehearsal in sides},
        "both": len(comparison.both),
        "only": {
            comparison.names[0]: len(comparison.only_first),
            comparison.names[1]: len(comparison.only_second),
        },
        "median_delay_s": comparison.median_delay,
    }


def _counts(rehearsal: Rehearsal) -> dict[str, object]:
    return {
        "alerts": len(rehearsal.lives),
        "alerts_a_week": None if math.isnan(rehearsal.a_week) else rehearsal.a_week,
        "stream_s": rehearsal.seconds,
        "tasks": rehearsal.tasks,
        "rejected": rehearsal.rejected,
        "windows": rehearsal.windows,
    }
