"""What came of a rehearsal, gathered from the pipeline's events."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from crackle_stream.app.account import Account
from crackle_stream.app.replay.lives import Life, Told, lives_of
from crackle_stream.model import AlertStatus, Reject
from crackle_stream.stream.events import (
    AlertHushed,
    AlertMade,
    BatchRead,
    DetectorFailed,
    Event,
    RecordRejected,
    StreamUntimed,
    WindowCooled,
)

__all__ = ["WEEK_S", "Rehearsal", "Scribe"]

WEEK_S = 7 * 86_400.0

MOST_SHOWN = 200
"""Alerts whose plots are kept: a page with more of them is one that nobody reads, and each has some thousand points."""

MOST_REJECTS = 20
"""Refused records that are kept to be shown; all are counted."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a configuration would have done.

    Attributes:
        told: the notifications, in order.
        tasks: read and understood.
        rejected: records that could not be decoded.
        rejects: the first of them.
        windows: cooled.
        begins: stream time of the first task in a window; infinite where there was none.
        ends: stream time of the last one.
        longest: seconds between the first and the last task of the longest window.
        hushed: how many notifications were held back, by reason.
        failed: how often a detector failed, by name.
        hurried: in how many windows a detector ran out of time, by name.
        examined: what was looked at, in numbers and in a sentence; empty where nothing was.
        tests: most tests of a window, by detector.
        timed: False where the records bear no time, so that stream time is the time of reading.
        took_s: how long it took.
        remarks: what there is to say of the records.
    """

    told: tuple[Told, ...] = ()
    tasks: int = 0
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    windows: int = 0
    begins: float = math.inf
    ends: float = -math.inf
    longest: float = 0.0
    hushed: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    hurried: Mapping[str, int] = field(default_factory=dict)
    examined: Mapping[str, Any] = field(default_factory=dict)
    tests: Mapping[str, int] = field(default_factory=dict)
    timed: bool = True
    took_s: float = 0.0
    remarks: tuple[str, ...] = ()

    @property
    def lives(self) -> tuple[Life, ...]:
        """The alerts, each from its first notification on."""
        return lives_of(self.told)

    @property
    def seconds(self) -> float:
        """Stream time from the first task to the last."""
        return max(self.ends - self.begins, 0.0)

    @property
    def a_week(self) -> float:
        """Alerts raised in a week of stream time; NaN where the stream has no length."""
        raised = sum(one.alert.status is AlertStatus.RAISED for one in self.told)
        return raised * WEEK_S / self.seconds if self.seconds and self.timed else math.nan


class Scribe:
    """Writes down what happens; hand it to the pipeline as `on_event`."""

    def __init__(self) -> None:
        self._told: list[Told] = []
        self._shown = 0
        self._so_far = Rehearsal()
        self._now = math.nan
        self._rejects: list[Reject] = []
        self._hushed: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._hurried: Counter[str] = Counter()
        self._tests: dict[str, int] = {}
        self._account = Account()

    def __call__(self, event: Event) -> None:
        """One more event."""
        match event:
            case WindowCooled():
                self._see(event)
            case AlertMade():
                self._tell(event)
            case BatchRead(tasks=tasks):
                self._so_far = replace(self._so_far, tasks=self._so_far.tasks + tasks)
            case RecordRejected(reject=reject):
                self._so_far = replace(self._so_far, rejected=self._so_far.rejected + 1)
                if len(self._rejects) < MOST_REJECTS:
                    self._rejects.append(reject)
            case AlertHushed(why=why):
                self._hushed[why] += 1
            case DetectorFailed(detector=detector):
                self._failed[detector] += 1
            case StreamUntimed():
                self._so_far = replace(self._so_far, timed=False)

    @property
    def tasks(self) -> int:
        """Tasks so far."""
        return self._so_far.tasks

    def written(self, took_s: float, remarks: tuple[str, ...] = ()) -> Rehearsal:
        """All of it."""
        return replace(
            self._so_far,
            told=tuple(self._told),
            rejects=tuple(self._rejects),
            hushed=dict(self._hushed),
            failed=dict(self._failed),
            hurried=dict(self._hurried),
            examined=self._account.told(),
            tests=dict(self._tests),
            took_s=took_s,
            remarks=remarks,
        )

    def _see(self, event: WindowCooled) -> None:
        """A window: its alerts follow before the next one does."""
        self._account.see(event.report)
        for name, made in event.report.examined.items():
            self._tests[name] = max(self._tests.get(name, 0), made.tests)
            self._hurried.update([] if made.complete else [name])
        so_far = replace(self._so_far, windows=self._so_far.windows + 1)
        if len(event.window):
            begins, self._now = float(event.window.times.min()), event.window.end_time
            so_far = replace(
                so_far,
                begins=min(so_far.begins, begins),
                ends=max(so_far.ends, self._now),
                longest=max(so_far.longest, self._now - begins),
            )
        self._so_far = so_far

    def _tell(self, event: AlertMade) -> None:
        alert = event.alert
        if alert.status is AlertStatus.RAISED and self._shown < MOST_SHOWN:
            self._shown += 1
        else:
            alert = replace(alert, exhibit=None)
        self._told.append(Told(alert, event.sinks, self._now))
