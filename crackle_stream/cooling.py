"""Cooling: run a profile's detectors over a window and report what they found, what they tested and what failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.budget import judge
from crackle_stream.detect import built_in
from crackle_stream.detect.threshold import Table
from crackle_stream.history import History
from crackle_stream.model import Candidate, CracklePattern, Examination, Failure, digest
from crackle_stream.profile import Family, ThermalProfile
from crackle_stream.protocols import Clock, Detector, SystemClock
from crackle_stream.window import Window

if TYPE_CHECKING:
    from crackle_stream.detect.evidence import Prepared

__all__ = ["CoolingReport", "cool"]


@dataclass(frozen=True, slots=True)
class CoolingReport:
    """What one cooling gave.

    Attributes:
        patterns: the findings, most confident first; the same window gives the same ones in the same order.
        examined: by detector name, what it tested and skipped, and how far its best candidate stayed under the bar.
        failures: detectors that raised or overran.
        history: what the kiln remembers now; the history given is untouched.
        duration: seconds it took.
    """

    patterns: tuple[CracklePattern, ...] = ()
    examined: Mapping[str, Examination] = field(default_factory=dict)
    failures: tuple[Failure, ...] = ()
    history: History = field(default_factory=History)
    duration: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "examined", MappingProxyType(dict(self.examined)))

    @property
    def conclusive(self) -> bool:
        """Whether the absence of a pattern means that it is gone: something was tested and nothing failed."""
        return not self.failures and any(made.tests for made in self.examined.values())


def cool(
    window: Window,
    profile: ThermalProfile,
    history: History | None = None,
    *,
    clock: Clock | None = None,
    seed: int = 0,
    kilns: int = 1,
    entering: Callable[[str], None] | None = None,
) -> CoolingReport:
    """Look back over a window.

    Detectors run one after another. One that raises, or is still at work when `profile.max_cooling_duration` is used
    up, becomes a failure of the report; the others' findings stand.

    Args:
        window: the tasks to look at.
        profile: which detectors run and how sensitive they are.
        history: what the kiln remembers; nothing by default.
        clock: measures the duration; the machine's by default.
        seed: of the generators handed to the detectors; one seed, one result.
        kilns: kilns that share the profile's budget.
        entering: told the name of each detector before it runs.
    """
    clock = SystemClock() if clock is None else clock
    history = History() if history is None else history
    began = clock.monotonic()
    deadline = began + profile.max_cooling_duration
    examined: dict[str, Examination] = {}
    failures: list[Failure] = []
    prepared = _Preparation(window, history, profile, lambda: clock.monotonic() >= deadline)
    for detector in detectors_of(profile):
        name = detector.name
        if entering is not None:
            entering(name)
        context = _Context(history, seed, name, clock, deadline, prepared)
        made = _examine(detector, window, context, profile.max_cooling_duration)
        if isinstance(made, Failure):
            failures.append(made)
            continue
        examined[name] = made
        if not made.complete:
            failures.append(_overran(name, profile.max_cooling_duration))
    told = _told(examined, window, history, profile, kilns)
    return CoolingReport(
        patterns=tuple(pattern.in_window(window.key, window.id) for pattern in told.patterns),
        examined=told.examined,
        failures=tuple(failures),
        history=history.after({**examined, **told.remembered}, window.end_time),
        duration=clock.monotonic() - began,
    )


def detectors_of(profile: ThermalProfile) -> Iterator[Detector]:
    """The detectors a profile runs, built-in ones first, plain callables adapted."""
    yield from built_in(profile)
    for own in profile.detectors:
        detector = own if isinstance(own, Detector) else _Callable(own)
        if detector.name not in profile.without:
            yield detector


@dataclass(frozen=True, slots=True)
class _Told:
    """What is reported of the candidates, and what the kiln remembers of that beside the detectors' memories."""

    patterns: Iterable[CracklePattern]
    examined: Mapping[str, Examination]
    remembered: Mapping[str, Examination] = field(default_factory=dict)


def _told(
    examined: Mapping[str, Examination], window: Window, history: History, profile: ThermalProfile, kilns: int
) -> _Told:
    """What is reported of the candidates: by the detectors' own thresholds, or by the budget."""
    if profile.family is Family.THRESHOLD:
        found = [candidate.pattern for made in examined.values() for candidate in made.candidates]
        return _Told(sorted(found, key=_rank), examined)
    from crackle_stream.detect.evidence import FOLDING, folded

    began = history.cooled_to
    if began is None:
        began = float(window.times.min()) if len(window) else 0.0
    judged = judge(examined, profile.budget.allowance(window.end_time - began, kilns))
    folding = folded(judged.patterns, window, history)
    return _Told(folding.patterns, judged.examined, {FOLDING: Examination(learned=folding.learned)})


class _Preparation:
    """The window as the detectors of each family share it, made when the first of them asks."""

    def __init__(self, window: Window, history: History, profile: ThermalProfile, stop: Callable[[], bool]) -> None:
        self._window = window
        self._stop = stop
        self._history = history
        self._types = profile.metric_types

    @cached_property
    def table(self) -> Table:
        return Table(self._window)

    @cached_property
    def made(self) -> Prepared:
        from crackle_stream.detect.evidence import MetricType, Prepared

        given = {name: MetricType(type_) for name, type_ in self._types.items()}
        return Prepared(self._window, self._history, given, stop=self._stop)


@dataclass
class _Context:
    """What a detector is handed beside the window."""

    history: History
    seed: int
    name: str
    clock: Clock
    deadline: float
    preparation: _Preparation

    @cached_property
    def rng(self) -> np.random.Generator:
        """The detector's own; most ask for none, and making one takes longer than to look over a handful of tasks."""
        return np.random.default_rng([self.seed, int(digest([self.name]), 16)])

    @property
    def table(self) -> Table:
        """What the threshold detectors share."""
        return self.preparation.table

    @property
    def prepared(self) -> Prepared:
        """What the evidence detectors share; also a third party's, by `prepared_of`."""
        return self.preparation.made

    def stop(self) -> bool:
        return self.clock.monotonic() >= self.deadline


class _Callable:
    """A plain `detect(window) -> patterns` as a detector."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function
        name = getattr(function, "name", None) or getattr(function, "__name__", None)
        self.name = name if isinstance(name, str) else type(function).__name__

    def examine(self, window: Window, context: object) -> Examination:
        found = self._function(window)
        patterns: list[object] = [] if found is None else list(found)  # type: ignore[call-overload]
        candidates = tuple(Candidate(pattern) for pattern in patterns)  # type: ignore[arg-type]
        return Examination(candidates=candidates, tests=1)


def _examine(detector: Detector, window: Window, context: _Context, limit_s: float) -> Examination | Failure:
    if context.stop():
        return Failure(detector.name, f"not run: the cooling had used up its {limit_s:g} s", overran=True)
    try:
        made = detector.examine(window, context)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a third party's code: its fault is reported, never fatal
        return Failure(detector.name, f"{type(error).__name__}: {error}")
    strange = _strange(made)
    return Failure(detector.name, strange) if strange else made


def _strange(made: object) -> str:
    """What is wrong with what a detector handed back; empty where nothing is."""
    if not isinstance(made, Examination):
        return f"examine() must return an Examination, not {type(made).__name__}"
    for candidate in made.candidates:
        if not isinstance(candidate, Candidate):
            return f"candidates must hold a Candidate, not {type(candidate).__name__}: wrap it, Candidate(pattern)"
        pattern = candidate.pattern
        if not isinstance(pattern, CracklePattern):
            return f"candidates must hold a CracklePattern, not {type(pattern).__name__}"
        if pattern.confidence != pattern.confidence:
            return f"the confidence of {pattern.kind!r} is NaN: it must be a number in [0, 1]"
    return ""


def _overran(name: str, limit_s: float) -> Failure:
    return Failure(name, f"stopped: the cooling took longer than its {limit_s:g} s", overran=True)


def _rank(pattern: CracklePattern) -> tuple[object, ...]:
    return (-pattern.confidence, str(pattern.kind), pattern.form, pattern.metric_names, pattern.description)
