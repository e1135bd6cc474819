"""Cools windows one after another in a worker thread, so that the event loop keeps ticking.

Each window is a copy, made on the loop when it ended; a thread that overruns holds nothing that the loop needs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial

import anyio
import anyio.to_thread

from crackle_stream.budget import PER_WINDOW_LIMIT
from crackle_stream.cooling import CoolingReport, cool
from crackle_stream.history import History
from crackle_stream.model import CracklePattern, Failure
from crackle_stream.profile import EVIDENCE_DETECTORS, THRESHOLD_DETECTORS, ThermalProfile
from crackle_stream.protocols import Clock
from crackle_stream.stream.change import Change
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.deaths import Deaths
from crackle_stream.stream.ending import last_look, too_few
from crackle_stream.stream.events import (
    DetectorDisabled,
    DetectorFailed,
    Event,
    StreamTooShort,
    TasksDropped,
    WindowCooled,
    WindowMerged,
    WindowTold,
)
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.glance import glance
from crackle_stream.stream.kilns import KilnId
from crackle_stream.window import Window

__all__ = ["Cooler"]

MAX_PENDING = 8
"""Windows that may wait for the worker: enough to ride out a burst of keys, few enough to hold in memory."""

STRIKES = 3
"""Failures in a row after which a third party's detector is disabled."""

HARD_LIMIT_SHARE = 0.1
HARD_LIMIT_LEAST_S = 1.0
"""Beyond its limit a cooling gets a tenth more, at least a second, to notice; then its thread is given up."""

_BUILT_IN = (*THRESHOLD_DETECTORS, *EVIDENCE_DETECTORS)

Handler = Callable[[KilnId, Window, CoolingReport], Awaitable[None]]


@dataclass(slots=True)
class _Asked:
    """Somebody waits for a window's patterns."""

    patterns: tuple[CracklePattern, ...] = ()
    done: bool = False
    change: Change = field(default_factory=Change)

    async def wait(self) -> None:
        """Until the window was cooled, or will not be."""
        while not self.done:
            await self.change.wait()


@dataclass(slots=True)
class _Pending:
    """A window that waits; without one, the kiln is to be retired when its turn comes.

    Attributes:
        ending: kilns that end with their stream, this one among them; 0 while the stream goes on.
    """

    kiln: KilnId
    window: Window | None
    asked: list[_Asked]
    ending: int = 0
    abandoned: bool = False


class Cooler:
    """A queue of windows and the worker that cools them.

    Args:
        profile: which detectors run.
        checkpoints: what kilns remember; told when windows are merged or dropped.
        deaths: knows windows that end the process.
        merging: whether a waiting window may give way to a later one of the same kiln that holds all its new tasks.
        dropping: whether the oldest waiting window is dropped instead of making the source wait.
        max_bytes: of the windows that wait, together.
        seed: of the detectors' generators.
        clock: measures coolings.
        emit: where events go.
    """

    def __init__(
        self,
        profile: ThermalProfile,
        checkpoints: Checkpoints,
        deaths: Deaths,
        *,
        merging: bool,
        dropping: bool,
        max_bytes: int,
        seed: int,
        clock: Clock,
        emit: Callable[[Event], None],
    ) -> None:
        self._profile = profile
        self._checkpoints = checkpoints
        self._deaths = deaths
        self._merging = merging
        self._dropping = dropping
        self._max_bytes = max_bytes
        self._seed = seed
        self._clock = clock
        self._emit = emit
        self._pending: deque[_Pending] = deque()
        self._strikes: dict[str, int] = {}
        self._working: _Pending | None = None
        self._closed = False
        self._ended = False
        self._changed = Change()

    @property
    def waiting(self) -> int:
        """Windows not cooled yet, the one at work included."""
        return len(self._pending) + (self._working is not None)

    @property
    def ended(self) -> bool:
        """Whether nothing will be cooled any more."""
        return self._ended

    def pace(self, seconds: float) -> None:
        """Let every window earn at least the budget of so many seconds: the stream's own times say nothing."""
        budget = self._profile.budget
        if budget.per_window is None:
            least = max(budget.least, min(budget.per_second * seconds, PER_WINDOW_LIMIT))
            self._profile = replace(self._profile, budget=replace(budget, least=least))

    async def put(self, kiln: KilnId, window: Window, *, ending: int = 0) -> _Asked:
        """Hand a window over; waits for room unless windows may be dropped.

        Args:
            kiln: whose window it is.
            window: what is to be cooled.
            ending: how many kilns end with their stream now, where this is a last window; 0 elsewhere.
        """
        asked = _Asked()
        if self._merge(kiln, window, asked, ending):
            return asked
        await self._append(_Pending(kiln, window, [asked], ending))
        return asked

    async def retire(self, kiln: KilnId) -> None:
        """The kiln is gone: once its waiting windows are cooled, forget it and say so to `run`'s second handler."""
        await self._append(_Pending(kiln, None, []))

    async def run(self, handle: Handler, retired: Callable[[KilnId], Awaitable[None]]) -> None:
        """Cool windows until closed and empty; each report is handled before the next window is begun."""
        try:
            await self._run(handle, retired)
        finally:
            self._ended = True
            for pending in (*self._pending, *([self._working] if self._working else [])):
                self._finish(pending)

    async def _run(self, handle: Handler, retired: Callable[[KilnId], Awaitable[None]]) -> None:
        while True:
            while not self._pending:
                if self._closed:
                    return
                await self._changed.wait()
            self._working = work = self._pending.popleft()
            self._changed.happen()
            if work.window is None:
                await retired(work.kiln)
            else:
                await self._work(work, work.window, handle)
            self._working = None
            self._changed.happen()

    def close(self) -> None:
        """Nothing will be put any more."""
        self._closed = True
        self._changed.happen()

    def forget(self, kilns: Iterable[KilnId]) -> None:
        """Drop what is remembered, what waits and what is at work of kilns that are gone."""
        gone = set(kilns)
        if self._working is not None and self._working.kiln in gone:
            self._working.abandoned = True
        left = [pending for pending in self._pending if pending.kiln in gone]
        self._pending = deque(pending for pending in self._pending if pending.kiln not in gone)
        for pending in left:
            self._finish(pending)
        self._changed.happen()

    async def _append(self, pending: _Pending) -> None:
        while self._full(pending.window):
            if not (self._dropping and self._drop_oldest()):
                await self._changed.wait()
        self._pending.append(pending)
        self._changed.happen()

    def _full(self, window: Window | None) -> bool:
        """Whether there is no room for one more; where none waits, any window may."""
        if not self._pending:
            return False
        if len(self._pending) >= MAX_PENDING:
            return True
        held = sum(each.window.nbytes for each in self._pending if each.window is not None)
        more = 0 if window is None else window.nbytes
        return held > 0 and held + more > self._max_bytes

    async def _work(self, work: _Pending, window: Window, handle: Handler) -> None:
        profile = self._profile
        if work.ending:
            look = last_look(window, profile, self._history(work.kiln), work.ending)
            if look is None:
                self._checkpoints.settling(work.kiln, window)()
                self._finish(work)
                return
            window, profile = look.window, look.profile
            self._tell_too_few(window)
        if await self._deaths.may_cool(window):
            reach("cooling")
            report = glance(window, profile, self._history(work.kiln), self._clock)
            if report is None:
                report = await self._cool(work.kiln, window, profile)
        else:
            given_up = Failure("cooling", "not run: processes died in this window again and again")
            report = CoolingReport(failures=(given_up,), history=self._history(work.kiln))
        reach("cooled")
        if work.abandoned:
            self._finish(work)
            return
        self._note_failures(window, report)
        self._emit(WindowCooled(window, report))
        await handle(work.kiln, window, report)
        self._emit(WindowTold(window.key, window.id))
        self._finish(work, report.patterns)

    def _history(self, kiln: KilnId) -> History:
        return self._checkpoints.now(kiln).history

    def _tell_too_few(self, window: Window) -> None:
        needed = too_few(window, self._profile)
        if needed is not None:
            self._emit(StreamTooShort(window.key, len(window), needed))

    def _merge(self, kiln: KilnId, window: Window, asked: _Asked, ending: int) -> bool:
        """Let the kiln's last waiting window give way, if this one holds all its new tasks."""
        if not self._merging:
            return False
        pending = next((one for one in reversed(self._pending) if one.kiln == kiln), None)
        waiting = None if pending is None else pending.window
        if pending is None or waiting is None or waiting.fresh + window.fresh > len(window):
            return False
        if not self._checkpoints.may_merge(kiln, waiting):
            return False
        self._checkpoints.merge(kiln, waiting, window)
        self._emit(WindowMerged(kiln.key, waiting.fresh))
        pending.window = window.after(waiting)
        pending.ending = ending
        pending.asked.append(asked)
        return True

    def _drop_oldest(self) -> bool:
        """Let go of the oldest waiting window, if there is one; a kiln's retirement is never let go of."""
        oldest = next((pending for pending in self._pending if pending.window is not None), None)
        if oldest is None or oldest.window is None:
            return False
        self._pending.remove(oldest)
        self._checkpoints.cooled(oldest.kiln, oldest.window, self._checkpoints.now(oldest.kiln), news=False)
        self._checkpoints.settling(oldest.kiln, oldest.window)()
        self._emit(TasksDropped(oldest.kiln.key, oldest.window.fresh))
        self._finish(oldest)
        return True

    def _finish(self, pending: _Pending, patterns: tuple[CracklePattern, ...] = ()) -> None:
        for asked in pending.asked:
            asked.patterns, asked.done = patterns, True
            asked.change.happen()

    async def _cool(self, kiln: KilnId, window: Window, profile: ThermalProfile) -> CoolingReport:
        """Cool in a thread; without a third party's detector that never comes back, so that the others' stand."""
        given_up = tuple[Failure, ...]()
        while True:
            report, culprit = await self._try(kiln, window, profile)
            if given_up:
                report = replace(report, failures=(*given_up, *report.failures))
            if culprit is None or culprit in _BUILT_IN:
                return report
            given_up = report.failures
            profile = profile.without_detectors([culprit])

    async def _try(self, kiln: KilnId, window: Window, profile: ThermalProfile) -> tuple[CoolingReport, str | None]:
        """One cooling; and the name of the detector for which it was given up, if it was."""
        history = self._history(kiln)
        limit = profile.max_cooling_duration
        entered: list[str] = []
        call = partial(
            cool,
            window,
            profile,
            history,
            clock=self._clock,
            seed=self._seed,
            kilns=max(self._checkpoints.known, 1),
            entering=entered.append,
        )
        with anyio.move_on_after(limit + max(HARD_LIMIT_SHARE * limit, HARD_LIMIT_LEAST_S)):
            return await anyio.to_thread.run_sync(call, abandon_on_cancel=True), None
        name = entered[-1] if entered else "cooling"
        problem = f"given up after {limit:g} s: it does not ask stop() and its thread could not be ended"
        return CoolingReport(failures=(Failure(name, problem, overran=True),), history=history, duration=limit), name

    def _note_failures(self, window: Window, report: CoolingReport) -> None:
        """Report failures; a third party's detector that fails again and again runs no more."""
        failed = {failure.detector for failure in report.failures}
        for name in report.examined:
            if name not in failed:
                self._strikes.pop(name, None)
        for failure in report.failures:
            self._emit(DetectorFailed(failure.detector, failure.problem, window.id))
            if failure.detector in _BUILT_IN:
                continue
            strikes = self._strikes[failure.detector] = self._strikes.get(failure.detector, 0) + 1
            if strikes == STRIKES:
                self._profile = self._profile.without_detectors([failure.detector])
                self._emit(DetectorDisabled(failure.detector, strikes))
