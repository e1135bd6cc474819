"""What a card says, before any skin: every skin draws this and adds nothing of its own.

Text is as the data have it. Each skin makes it harmless in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crackle_stream.model import Alert, CracklePattern
from crackle_stream.render.headline import headline
from crackle_stream.render.meaning import confidence_text, meaning
from crackle_stream.render.moment import utc
from crackle_stream.render.numbers import counted, short
from crackle_stream.render.replay import replay_command

if TYPE_CHECKING:
    from crackle_stream.model import AlertStatus, Exhibit, Figure, Severity, Span

__all__ = ["Content", "content_of"]

SHOWN_TASKS = 5
"""Labels a card names; it says how many more there are."""

SHOWN_METRICS = 12
"""Numbers a card shows; it says how many more there are."""

SHOWN_SPANS = 3
"""Partitions a card names of a window over several."""

FOUND = "found"


@dataclass(frozen=True, slots=True)
class Content:
    """What a card says.

    Attributes:
        status: of the alert; None for a pattern that raised none.
        severity: likewise.
        headline: one sentence.
        said: the detector's own words, where the headline has others; else "".
        kind: kind and form.
        confidence: between 0 and 1, as text.
        meaning: what the confidence rests on, a phrase each.
        numbers: names and values.
        more_numbers: how many are not shown.
        tasks: responsible tasks, most responsible first.
        more_tasks: how many are not shown.
        ruled_out: what it is not, a phrase each.
        where: a phrase each.
        when: a phrase each.
        replay: a command, or "".
        fingerprint: its identity.
        figure: a plot, or None.
    """

    status: AlertStatus | None
    severity: Severity | None
    headline: str
    said: str
    kind: str
    confidence: str
    meaning: tuple[str, ...]
    numbers: tuple[tuple[str, str], ...]
    more_numbers: int
    tasks: tuple[str, ...]
    more_tasks: int
    ruled_out: tuple[str, ...]
    where: tuple[str, ...]
    when: tuple[str, ...]
    replay: str
    fingerprint: str
    figure: Figure | None

    @property
    def standing(self) -> str:
        """The alert's status, or that a pattern was found."""
        return FOUND if self.status is None else str(self.status)


def content_of(subject: Alert | CracklePattern, figure: Figure | None = None) -> Content:
    """What the card of an alert says, or that of a pattern that raised none.

    Args:
        subject: what it is about; an alert's exhibit has a say.
        figure: a plot in the place of the exhibit's own.
    """
    alert = subject if isinstance(subject, Alert) else None
    pattern = subject.pattern if isinstance(subject, Alert) else subject
    exhibit = alert.exhibit if alert else None
    numbers = list(pattern.metrics.items())
    first = headline(subject, exhibit)
    tasks = pattern.involved_tasks[:SHOWN_TASKS]
    form = f" ({pattern.form})" if pattern.form else ""
    return Content(
        status=alert.status if alert else None,
        severity=alert.severity if alert else None,
        headline=first,
        said="" if " ".join(pattern.description.split()) in first else pattern.description,
        kind=f"{pattern.kind}{form}",
        confidence=confidence_text(pattern.confidence),
        meaning=tuple(meaning(pattern)),
        numbers=tuple((name, short(value)) for name, value in numbers[:SHOWN_METRICS]),
        more_numbers=max(len(numbers) - SHOWN_METRICS, 0),
        tasks=tasks,
        more_tasks=pattern.involved_count - len(tasks),
        ruled_out=exhibit.ruled_out if exhibit else (),
        where=tuple(_where(alert, pattern, exhibit)),
        when=tuple(_when(alert)),
        replay=replay_command(exhibit.span) if exhibit else "",
        fingerprint=pattern.fingerprint,
        figure=figure or (exhibit.figure if exhibit else None),
    )


def _where(alert: Alert | None, pattern: CracklePattern, exhibit: Exhibit | None) -> list[str]:
    places = [f"key {pattern.key}"] if pattern.key else []
    if exhibit is not None and exhibit.span:
        places += [_stretch(one) for one in exhibit.span[:SHOWN_SPANS]]
        more = len(exhibit.span) - SHOWN_SPANS
        places += [f"{counted(more, 'partition')} more"] if more > 0 else []
    elif alert is not None and alert.position is not None:
        places.append(f"up to {alert.position}")
    if pattern.at is not None:
        moment = utc(pattern.at.time)
        places.append(f"begins at row {pattern.at.index} of the window{f', {moment}' if moment else ''}")
    return places


def _stretch(span: Span) -> str:
    """Text streams are counted from 1, as editors do."""
    text = span.partition.number is None
    unit = "lines" if text else "offsets"
    return f"{span.partition}, {unit} {span.first + text} to {span.last + text}"


def _when(alert: Alert | None) -> list[str]:
    if alert is None:
        return []
    raised, seen = utc(alert.raised_at) or "at no known time", utc(alert.last_seen)
    last = [f"last seen {seen}"] if seen and alert.last_seen != alert.raised_at else []
    return [f"first seen {raised}", *last, f"in {counted(alert.windows, 'window')}"]
