"""The figures at the top of the page: formatted here once, for the page as it is sent and for its updates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crackle_stream.app.web.gathering import Moment

__all__ = ["Gauge", "strip"]

NEAR_LIMIT = 0.8
"""Part of a limit from which on a figure is shown as a warning."""


@dataclass(frozen=True, slots=True)
class Gauge:
    """One figure.

    Attributes:
        name: its name in updates.
        title: what it is.
        text: the figure.
        note: what it is held against, or what is wrong.
        tone: "", "good", "warn" or "bad".
        share: how full, from 0 to 1, where that is what it says.
    """

    name: str
    title: str
    text: str
    note: str = ""
    tone: str = ""
    share: float | None = None


def strip(moment: Moment) -> tuple[Gauge, ...]:
    """The figures of a moment, in the order a record goes."""
    return (_state(moment), *_flow(moment), _cooling(moment), *_losses(moment), _sinks(moment))


def _state(moment: Moment) -> Gauge:
    if moment.state != "running":
        return Gauge("state", "state", moment.state, moment.source, "warn")
    if not moment.reasons:
        return Gauge("state", "state", "ok", moment.source, "good")
    first, *others = moment.reasons
    more = f" (+ {len(others)} more)" if others else ""
    return Gauge("state", "state", first.code.replace("_", " "), f"{first.said}{more}", "bad")


def _flow(moment: Moment) -> Iterator[Gauge]:
    counted = moment.statistics
    yield Gauge("rate", "tasks/s", f"{moment.rate:,.0f}" if moment.rate >= 10 else f"{moment.rate:.1f}",
                f"{counted.tasks:,} in all")  # fmt: skip
    kilns = max(counted.kilns, 1)
    size = min(moment.setup.every_tasks or moment.setup.capacity, moment.setup.capacity) * kilns
    wait = "nothing new" if not counted.fresh else _wait(moment.next_cooling_s)
    yield Gauge(
        "ring",
        "window",
        f"{counted.fresh:,}/{size:,}",
        wait if kilns == 1 else f"{kilns:,} kilns; {wait}".rstrip("; "),
        share=min(counted.fresh / size, 1.0),
    )
    lag = counted.lag
    yield Gauge("lag", "lag", "unknown" if lag is None else f"{lag:,}", "records to the log's end")


def _wait(due_s: float | None) -> str:
    if due_s is None:
        return ""
    return f"about {due_s:.0f} s to the next cooling" if due_s >= 1 else "a cooling is due"


def _cooling(moment: Moment) -> Gauge:
    counted, limit = moment.statistics, moment.setup.cooling_limit_s
    share = counted.cooling_p95_s / limit if limit else 0.0
    tone = "bad" if share >= 1 else "warn" if share >= NEAR_LIMIT else ""
    text = "none yet" if not counted.windows else f"{_milliseconds(counted.cooling_p95_s)}"
    return Gauge("cooling", "cooling p95", text, f"of {_milliseconds(limit)}; {counted.windows:,} windows", tone)


def _losses(moment: Moment) -> Iterator[Gauge]:
    counted = moment.statistics
    yield Gauge("dropped", "dropped", f"{counted.dropped:,}", "tasks in no window", "bad" if counted.dropped else "")
    yield Gauge("late", "late", f"{counted.late:,}", "tasks, kept", "warn" if counted.late else "")
    yield Gauge("rejected", "rejected", f"{counted.rejected:,}", "records", "bad" if counted.rejected else "")


def _sinks(moment: Moment) -> Gauge:
    counted, names = moment.statistics, moment.setup.sinks
    failing = {name: problem for name, problem in counted.failing.items() if name in names}
    waiting = sum(counted.backlog.values())
    notes = [f"{name}: {problem}" for name, problem in sorted(failing.items())]
    if waiting:
        notes.append(f"{waiting:,} alerts wait")
    lost = sum(counted.lost.values())
    if lost:
        notes.append(f"{lost:,} lost")
    tone = "bad" if failing or lost else ""
    return Gauge(
        "sinks", "sinks", f"{len(names) - len(failing)}/{len(names)}", "; ".join(notes) or ", ".join(names), tone
    )


def _milliseconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms" if seconds >= 0.01 else (
        f"{1000 * seconds:.1f} ms"
    )  # fmt: skip
