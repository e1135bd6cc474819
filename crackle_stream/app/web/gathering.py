"""All that is shown, at one moment: what views are made of, so that none of them looks at what changes meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from crackle_stream.alerting import Silence
from crackle_stream.app.web.board import Board, Rejected
from crackle_stream.app.web.heat import HeatStrip
from crackle_stream.app.web.readiness import Reason, reasons
from crackle_stream.app.web.setup import Setup
from crackle_stream.app.web.shown import Fact, Shown
from crackle_stream.model import Alert, CracklePattern
from crackle_stream.protocols import Clock
from crackle_stream.stream.silencing import Silencing
from crackle_stream.stream.statistics import Statistics

__all__ = ["FRESH_S", "Gathering", "Moment", "Watched"]

FRESH_S = 0.2
"""How old a moment may be that is shown again: with ten thousand kilns the sums over them take milliseconds."""


class Watched(Protocol):
    """What is asked of a pipeline."""

    def statistics(self) -> Statistics:
        """Counts so far."""
        ...

    def standing(self) -> tuple[Alert, ...]:
        """Alerts that were told and are not resolved."""
        ...

    @property
    def silencing(self) -> Silencing:
        """Adds and ends silences."""
        ...

    async def cool_now(self) -> tuple[CracklePattern, ...]:
        """End a window in every kiln with new tasks, and wait until they are cooled."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """What stands at one moment.

    Attributes:
        setup: what was promised.
        statistics: the pipeline's counts.
        state: "starting", "running" or "stopped".
        source: the source's name.
        trouble: what is wrong with it.
        partitions: of this process.
        reasons: why the process is not ready.
        rate: tasks a second.
        reject_share: of the last thousand records.
        next_cooling_s: about how long until a window ends; None where nothing says.
        loop_late_s: the worst lateness of the event loop in the last minute.
        active: alerts raised and not resolved.
        resolved: alerts that are over.
        not_held: active alerts that are only counted.
        facts: what holds.
        rejects: records that could not be read.
        examined: what was looked at, in one sentence; "" before the first window.
        said: the latest news.
        revision: of alerts and facts.
        heat_revision: of the heat strip.
        kilns: those with a heat strip, the latest first.
        silences: that are not over.
    """

    setup: Setup
    statistics: Statistics
    state: str
    source: str
    trouble: str
    partitions: tuple[str, ...]
    reasons: tuple[Reason, ...]
    rate: float
    reject_share: float | None
    next_cooling_s: float | None
    loop_late_s: float
    active: tuple[Shown, ...]
    resolved: tuple[Shown, ...]
    not_held: int
    facts: tuple[Fact, ...]
    rejects: tuple[Rejected, ...]
    examined: Mapping[str, Any]
    said: str
    revision: int
    heat_revision: int
    kilns: tuple[str, ...]
    silences: tuple[Silence, ...]


class Gathering:
    """Gathers moments of a pipeline; on the loop.

    Args:
        board: what was heard.
        setup: what was promised.
        clock: the machine's.
        fresh_s: how old a moment may be that is shown again.

    Attributes:
        pipeline: what is watched, once there is one.
        loop_late_s: the worst lateness of the loop in the last minute; kept by the server.
    """

    def __init__(self, board: Board, setup: Setup, clock: Clock, fresh_s: float = FRESH_S) -> None:
        self._board = board
        self._setup = setup
        self._clock = clock
        self._fresh_s = fresh_s
        self._last: tuple[float, Moment] | None = None
        self.pipeline: Watched | None = None
        self.loop_late_s = 0.0

    def heat(self, kiln: str) -> HeatStrip:
        """The heat strip of a kiln; an empty one where there is none."""
        return self._board.heat[kiln]

    def now(self) -> Moment:
        """What stands now, or stood a moment ago."""
        at = self._clock.monotonic()
        if self._last is None or at - self._last[0] >= self._fresh_s:
            self._last = at, self._gathered(at)
        return self._last[1]

    def _gathered(self, at: float) -> Moment:
        board, setup, pipeline = self._board, self._setup, self.pipeline
        statistics = Statistics() if pipeline is None else pipeline.statistics()
        if pipeline is not None and board.moved and board.state == "running":
            board.moved = False
            board.shelf.seed(pipeline.standing())
        return Moment(
            setup=setup,
            statistics=statistics,
            state=board.state,
            source=board.source,
            trouble=board.trouble,
            partitions=tuple(sorted(board.assigned)),
            reasons=reasons(board, setup, statistics, at),
            rate=board.tasks_per_second,
            reject_share=board.reject_share,
            next_cooling_s=_next_cooling_s(board, setup, statistics, at),
            loop_late_s=self.loop_late_s,
            active=board.shelf.active,
            resolved=board.shelf.resolved,
            not_held=board.shelf.not_held,
            facts=board.shelf.facts,
            rejects=tuple(reversed(board.rejects)),
            examined=board.account.told(),
            said=board.said,
            revision=board.shelf.revision,
            heat_revision=board.heat.revision,
            kilns=board.heat.kilns,
            silences=() if pipeline is None else pipeline.silencing.silences,
        )


def _next_cooling_s(board: Board, setup: Setup, statistics: Statistics, at: float) -> float | None:
    """When the next window is likely to end: by the rate of the last seconds, and by the clock.

    An estimate: the grid follows the log's own offsets and times, which a burst or a replay moves at its own pace.
    """
    if not statistics.fresh:
        return None
    ends = []
    if setup.every_tasks is not None and board.tasks_per_second > 0:
        missing = min(setup.every_tasks, setup.capacity) * max(statistics.kilns, 1) - statistics.fresh
        ends.append(max(missing, 0) / board.tasks_per_second)
    if setup.every_seconds is not None and board.cooled_at is not None:
        ends.append(max(setup.every_seconds - (at - board.cooled_at), 0.0))
    return min(ends) if ends else None
