"""Cools surrogate streams window by window, as a pipeline does: same decoder, rings, schedule, memory and alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from crackle_stream.alerting import AlertPolicy, Lifecycle, Sighting
from crackle_stream.app.calibrate.measured import Measured, Raised, Seen
from crackle_stream.app.calibrate.recording import Recording
from crackle_stream.app.calibrate.surrogates import METHODS
from crackle_stream.budget import PER_WINDOW_LIMIT
from crackle_stream.commit import SettledPositions
from crackle_stream.cooling import CoolingReport, cool
from crackle_stream.errors import ConfigError
from crackle_stream.history import History
from crackle_stream.model import AlertStatus, CracklePattern, TaskBatch
from crackle_stream.profile import ThermalProfile
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sources.text import BATCH_RECORDS
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.kilns import KilnId
from crackle_stream.stream.options import KilnOptions
from crackle_stream.stream.pacing import UNTIMED_WINDOW_S
from crackle_stream.stream.scope import Scope
from crackle_stream.window import Window

__all__ = ["Rehearsal", "measure", "windows_of"]

MOST_VALUES = 20_000_000
"""Numbers of one surrogate stream, 160 MB; a longer one is made as several that begin anew."""

Progress = Callable[[str, int, int], None]
"""Told of the method, of the windows cooled, and of those wanted."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """How a pipeline would look at the stream.

    Attributes:
        profile: which detectors run, under which budget.
        schedule: when windows end.
        kiln: size of the rings, and their scope.
        policy: when patterns are alerts.
    """

    profile: ThermalProfile
    schedule: CoolingSchedule
    kiln: KilnOptions
    policy: AlertPolicy = field(default_factory=AlertPolicy)

    def paced(self, recording: Recording) -> Rehearsal:
        """A copy that lets windows of records without times earn the budget of so many seconds, as a pipeline does."""
        budget = self.profile.budget
        if not recording.untimed or budget.per_window is not None:
            return self
        least = min(budget.per_second * self.untimed_s, PER_WINDOW_LIMIT)
        return replace(self, profile=replace(self.profile, budget=replace(budget, least=least)))

    @property
    def untimed_s(self) -> float:
        """Seconds that a window of records without times counts for."""
        return self.schedule.every_seconds or UNTIMED_WINDOW_S


def windows_of(batch: TaskBatch, rehearsal: Rehearsal) -> Iterator[tuple[KilnId, Window]]:
    """The windows that end within a stream, which is handed over as a source hands it over."""
    settled = SettledPositions()
    kiln = rehearsal.kiln.resolved(keyed=batch.keys is not None)
    checkpoints = Checkpoints(settled, capacity=kiln.capacity)
    scope = Scope(kiln, rehearsal.schedule, settled, checkpoints, name="calibrate", monotonic=lambda: 0.0)
    for start in range(0, len(batch), BATCH_RECORDS):
        part = batch.take(np.arange(start, min(start + BATCH_RECORDS, len(batch))))
        yield from scope.feed(part)
        for name, last in scope.over():  # too many keys for their memory: the least recent go
            if last is not None:
                yield name, last


def measure(
    recording: Recording,
    rehearsal: Rehearsal,
    method: str,
    windows: int,
    rng: np.random.Generator,
    progress: Progress = lambda method, done, wanted: None,
) -> Measured:
    """Cool so many windows of surrogate streams.

    Args:
        recording: what they are made of.
        rehearsal: how they are looked at.
        method: one of `METHODS`.
        windows: how many.
        rng: makes the streams, and seeds the detectors.
        progress: told after every window.

    Raises:
        ConfigError: no window ends within the recording.
    """
    rehearsal = rehearsal.paced(recording)
    each = sum(1 for _ in windows_of(recording.batch, rehearsal))
    if not each:
        raise ConfigError([_too_short(recording, rehearsal)], origin=recording.batch.positions.partition.topic)
    most = max(MOST_VALUES // max(recording.batch.values.size, 1), 1)
    seen: list[Seen] = []
    kilns = 1
    while len(seen) < windows:
        tiles = min(-(-(windows - len(seen)) // each) + 1, most)
        stream = _Stream(rehearsal, int(rng.integers(2**31)), untimed=recording.untimed)
        batch = recording.surrogate(tiles, METHODS[method], rng)
        for name, window in windows_of(batch, rehearsal):
            seen.append(stream.look(name, window))
            progress(method, len(seen), windows)
            if len(seen) == windows:
                break
        kilns = max(kilns, len(stream.kilns))
    return Measured(method, seen, kilns)


def _too_short(recording: Recording, rehearsal: Rehearsal) -> str:
    schedule, kiln = rehearsal.schedule, rehearsal.kiln
    ends = []
    if schedule.every_tasks is not None:
        ends.append(f"every {min(schedule.every_tasks, kiln.capacity)} tasks")
    if schedule.every_seconds is not None:
        ends.append(f"every {schedule.every_seconds:g} s")
    return (
        f"no window ends within its {len(recording.batch)} records: one ends {' or '.join(ends) or 'when it is full'}. "
        "Record more, or lower kiln.every_tasks"
    )


class _Stream:
    """One surrogate stream as its kilns remember it.

    Attributes:
        kilns: by name, what each remembers and has told.
    """

    def __init__(self, rehearsal: Rehearsal, seed: int, *, untimed: bool) -> None:
        self._rehearsal = rehearsal
        self._policy = rehearsal.policy.with_least(rehearsal.profile.family.min_confidence)
        self._seed = seed
        self._untimed = untimed
        self.kilns: dict[KilnId, tuple[History, Lifecycle]] = {}

    def look(self, name: KilnId, window: Window) -> Seen:
        """Cool one window."""
        profile = self._rehearsal.profile
        history, lifecycle = self.kilns.get(name, (History(), Lifecycle()))
        kilns = len({*self.kilns, name})
        began = history.cooled_to
        elapsed = window.end_time - (float(window.times.min()) if began is None else began)
        report = cool(window, profile, history, seed=self._seed, kilns=kilns)
        sighting = Sighting.of(window, report.patterns, conclusive=report.conclusive)
        lifecycle, notices = lifecycle.after(sighting, self._policy)
        self.kilns[name] = report.history, lifecycle
        allowed = profile.budget.allowance(elapsed, kilns)
        raised = [notice.pattern for notice in notices if notice.status is AlertStatus.RAISED]
        return Seen(
            least=_least(report),
            raised=tuple(_raised(pattern, report, allowed) for pattern in raised),
            share=window.fresh / max(len(window), 1),
            seconds=self._rehearsal.untimed_s if self._untimed else max(elapsed, 0.0),
            failures=tuple(f"{failure.detector}: {failure.problem}" for failure in report.failures),
        )


def _least(report: CoolingReport) -> dict[str, float]:
    """By detector that tested anything, the smallest p value times the number of its tests."""
    return {
        name: min([1.0, *(one.p * made.tests for one in made.candidates if one.p is not None)])
        for name, made in report.examined.items()
        if made.tests
    }


def _raised(pattern: CracklePattern, report: CoolingReport, allowed: float) -> Raised:
    spent = pattern.evidence.q / allowed if pattern.evidence is not None and allowed > 0 else 1.0
    detector = _detector_of(pattern, report)
    return Raised(detector, str(pattern.kind), pattern.form, pattern.metric_names, pattern.confidence, min(spent, 1.0))


def _detector_of(pattern: CracklePattern, report: CoolingReport) -> str:
    """The detector that proposed it, or what it was folded into."""
    about = set(pattern.metric_names)
    best, name_of_best = -1, ""
    for name, made in report.examined.items():
        for candidate in made.candidates:
            other = candidate.pattern
            alike = 4 * (other.kind == pattern.kind) + 2 * (other.form == pattern.form)
            alike += bool(about & set(other.metric_names))
            if alike > best:
                best, name_of_best = alike, name
    return name_of_best or str(pattern.kind)
