"""Figures of a rehearsal in words, the same on the terminal and on the page."""

from __future__ import annotations

import math
from collections.abc import Iterator

from crackle_stream.app.replay.comparison import Comparison
from crackle_stream.app.replay.lives import Life, Told
from crackle_stream.app.replay.rehearsal import Rehearsal
from crackle_stream.model import Nature
from crackle_stream.render.headline import headline
from crackle_stream.render.moment import utc
from crackle_stream.render.numbers import counted

__all__ = ["day_of", "delay", "found", "lasted", "moment", "rate", "said", "summary", "takers", "verdict"]

UNITS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"))

LARGE = 100.0
"""From here on a rate is written without a fraction."""

NOBODY = "nobody"
"""Who gets an alert that no sink takes."""


def lasted(seconds: float) -> str:
    """A duration in the largest unit of which it is at least two.

    >>> lasted(90.0), lasted(7260.0), lasted(0.25)
    ('90 s', '2.02 h', '0.25 s')
    """
    for size, unit in UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"


def moment(told: Told, *, timed: bool, day: str = "") -> str:
    """When, or of records without a time where.

    Args:
        told: what.
        timed: whether records bear a time.
        day: the day that everything happened on, which is left out.
    """
    if not timed:
        return str(told.alert.position or "")
    text = utc(told.at)
    return text.replace("T", " ").removesuffix("Z").removeprefix(f"{day} ") if text else ""


def day_of(rehearsal: Rehearsal) -> str:
    """The day on which all of a stream happened; "" where it is several, or nobody knows."""
    begins, ends = utc(rehearsal.begins), utc(rehearsal.ends)
    same = rehearsal.timed and begins and ends and begins[:10] == ends[:10]
    return begins[:10] if same and begins else ""


def found(life: Life) -> str:
    """What was found, in one line."""
    return headline(life.alert, life.alert.exhibit)


def takers(life: Life) -> str:
    """The sinks that would have got it."""
    return ", ".join(life.raised.sinks) or NOBODY


def rate(rehearsal: Rehearsal) -> str:
    """Alerts in a week of stream time, where that can be said."""
    a_week = rehearsal.a_week
    if math.isnan(a_week):
        return ""
    return f"{float(f'{a_week:.3g}'):,.0f} a week" if a_week >= LARGE else f"{a_week:.3g} a week"


def summary(rehearsal: Rehearsal) -> str:
    """What was read and raised, in one sentence."""
    raised = len(rehearsal.lives)
    over = f" over {lasted(rehearsal.seconds)} of stream time" if rehearsal.timed and rehearsal.seconds else ""
    weekly = f" ({rate(rehearsal)})" if raised and rate(rehearsal) else ""
    events = sum(life.alert.pattern.nature is Nature.EVENT for life in rehearsal.lives)
    which = f", {counted(events, 'event')} and {counted(raised - events, 'fact')}" if raised != events else ""
    return (
        f"{counted(raised, 'alert')} raised{which}{weekly} from {counted(rehearsal.tasks, 'task')} in "
        f"{counted(rehearsal.windows, 'window')}{over}; it took {rehearsal.took_s:.1f} s"
    )


def said(rehearsal: Rehearsal) -> Iterator[str]:
    """What else there is to know of it, a sentence each."""
    if rehearsal.rejected:
        first = rehearsal.rejects[0]
        yield f"{counted(rehearsal.rejected, 'record')} could not be read, first {first.position}: {first.problem}"
    for why, count in rehearsal.hushed.items():
        yield f"{counted(count, 'notification')} held back: {why}"
    for name, count in rehearsal.failed.items():
        yield f"the detector {name} failed {'once' if count == 1 else f'{count:,} times'}"
    for name, count in rehearsal.hurried.items():
        yield f"the detector {name} ran out of time in {counted(count, 'window')}: a quicker machine may find more"
    if not rehearsal.timed:
        yield "records bear no time, so that places stand where times would: name the field with decode.time"
    yield from rehearsal.remarks
    if rehearsal.examined:
        yield f"examined: {rehearsal.examined['said']}"


def delay(seconds: float | None) -> str:
    """By how much the second configuration was later."""
    if seconds is None:
        return ""
    if not seconds:
        return "at the same time"
    return f"{lasted(abs(seconds))} {'later' if seconds > 0 else 'earlier'}"


def verdict(comparison: Comparison) -> Iterator[str]:
    """The difference in a few sentences."""
    for name, rehearsal in zip(comparison.names, comparison.rehearsals, strict=True):
        yield f"{name}: {summary(rehearsal)}"
    yield (
        f"both raised {len(comparison.both)}, only {comparison.names[0]} {len(comparison.only_first)}, "
        f"only {comparison.names[1]} {len(comparison.only_second)}"
    )
    if comparison.median_delay is not None:
        yield f"of what both raised, {comparison.names[1]} told it (median) {delay(comparison.median_delay)}"
