"""Which change of this window is one that earlier windows showed: a name that stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.detect.evidence.places import LEAST_ERROR, location_error, row_of
from crackle_stream.model import CracklePattern, Identity

if TYPE_CHECKING:
    from crackle_stream.window import Window

__all__ = ["FORGET_AFTER", "Event", "named", "recalled_events", "to_remember"]

FORGET_AFTER = 6
"""Windows in a row that did not show an event after which it is forgotten."""

MOST_EVENTS = 50
"""Events remembered, the latest ones; more at a time are nothing that anybody follows one by one."""

MOST_METRICS = 40
"""Metrics remembered of an event."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change that a window showed.

    Attributes:
        time: epoch seconds of its onset, as last located.
        identity: what it is known by.
        metrics: metrics that have shown it.
        missed: windows in a row that did not show it.
    """

    time: float
    identity: Identity
    metrics: tuple[str, ...]
    missed: int = 0


def named(
    found: Sequence[CracklePattern], known: Sequence[Event], window: Window
) -> tuple[list[CracklePattern], list[Event]]:
    """The events with the identities they keep, and what is remembered after this window.

    Which metrics show a change, and which of them most, varies from window to window; where it began does not. So an
    event takes the identity of the remembered one that began there; one that began before the window that of the
    latest which shares a metric with it; and where an onset was located anew, that of the one with the same change
    of a metric. Only what matches nothing gets a new one, after its leading metric, and no two remembered events
    share theirs.

    Args:
        found: the window's events, the metric that changed most first in each.
        known: the events remembered.
        window: the window.
    """
    same = _matched(found, known, window)
    taken = {event.identity for event in known}
    events, seen = [], []
    for number, pattern in enumerate(found):
        event = known[same[number]] if number in same else None
        identity = _new_identity(pattern, taken) if event is None else event.identity
        taken.add(identity)
        events.append(replace(pattern, identity=identity, fingerprint=""))
        seen.append(_seen(pattern, event, identity))
    matched = set(same.values())
    missed = [replace(event, missed=event.missed + 1) for index, event in enumerate(known) if index not in matched]
    kept = [event for event in missed if event.missed < FORGET_AFTER]
    return events, sorted([*kept, *seen], key=lambda event: event.time)[-MOST_EVENTS:]


def _matched(found: Sequence[CracklePattern], known: Sequence[Event], window: Window) -> dict[int, int]:
    """For events found, by number, the number of the remembered one: the surest test first, the nearest each."""
    same: dict[int, int] = {}
    for test in (_same_place, _same_metrics, _same_change):
        for number, pattern in enumerate(found):
            if number in same:
                continue
            free = [index for index in range(len(known)) if index not in same.values()]
            gaps = [(test(pattern, known[index], window), index) for index in free]
            near = min(((gap, index) for gap, index in gaps if gap is not None), default=None)
            if near is not None:
                same[number] = near[1]
    return same


def recalled_events(learned: Mapping[str, object]) -> list[Event]:
    """The events that `to_remember` wrote down; none from an empty memory."""
    rows = learned.get("events", ())
    assert isinstance(rows, Sequence)
    return [_recall(row) for row in rows]


def to_remember(events: Iterable[Event]) -> dict[str, object]:
    """Plain data for the history."""
    return {
        "events": [
            {
                "time": event.time,
                "form": event.identity.form,
                "named": list(event.identity.metric_names),
                "direction": event.identity.direction,
                "metrics": list(event.metrics),
                "missed": event.missed,
            }
            for event in events
        ]
    }


def _same_place(found: CracklePattern, event: Event, window: Window) -> float | None:
    row = _row_at(event.time, window)
    if row is None or not row_of(found):
        return None
    gap = abs(row_of(found) - row)
    return gap if gap <= location_error(found, len(window)) + LEAST_ERROR else None


def _same_metrics(found: CracklePattern, event: Event, window: Window) -> float | None:
    if row_of(found) or not set(found.metric_names) & set(event.metrics):
        return None
    return -event.time  # the latest


def _same_change(found: CracklePattern, event: Event, window: Window) -> float | None:
    row = _row_at(event.time, window)
    form, names, direction = event.identity.form, event.identity.metric_names, event.identity.direction
    alike = found.form == form and found.direction == direction.partition(" ")[0] and set(names) & {*found.metric_names}
    return abs(row_of(found) - row) if alike and row is not None and row_of(found) else None


def _row_at(time: float, window: Window) -> int | None:
    """The row of the window nearest to a time, or None where the window does not reach there."""
    times = window.times
    if not len(times) or not float(times.min()) <= time <= float(times.max()):
        return None
    return int(np.argmin(np.abs(times - time)))


def _new_identity(leading: CracklePattern, taken: set[Identity]) -> Identity:
    """The leading change's own; a further one of the same metric while the first is remembered says so."""
    identity = Identity(leading.form, leading.metric_names[:1], leading.direction)
    number = 2
    while identity in taken:
        identity = replace(identity, direction=f"{leading.direction} {number}")
        number += 1
    return identity


def _seen(found: CracklePattern, event: Event | None, identity: Identity) -> Event:
    begun = 0.0 if found.at is None else found.at.time
    if event is None:
        return Event(begun, identity, tuple(sorted(found.metric_names))[:MOST_METRICS])
    metrics = tuple(dict.fromkeys((*event.metrics, *sorted(found.metric_names))))
    return Event(begun if row_of(found) else event.time, identity, metrics[:MOST_METRICS])


def _recall(row: Mapping[str, object]) -> Event:
    time, missed, named_, metrics = row["time"], row["missed"], row["named"], row["metrics"]
    assert isinstance(time, int | float)
    assert isinstance(missed, int)
    assert isinstance(named_, Sequence)
    assert isinstance(metrics, Sequence)
    identity = Identity(str(row["form"]), tuple(map(str, named_)), str(row["direction"]))
    return Event(float(time), identity, tuple(map(str, metrics)), missed)
