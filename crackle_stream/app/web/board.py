"""What the page and the interface show: bounded, and kept by one listener of the pipeline's events.

Listening must return at once, for it happens on the pipeline's loop: events are counted and kept, and what takes time,
the heat strip, is made later in a thread.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from dataclasses import dataclass

from crackle_stream.app.account import Account
from crackle_stream.app.web.heat import HeatStrips, kiln_of
from crackle_stream.app.web.rates import RecentShare, TaskRate
from crackle_stream.app.web.shown import Shelf
from crackle_stream.model import Nature
from crackle_stream.protocols import Clock
from crackle_stream.render.sentence import sentence
from crackle_stream.stream import events
from crackle_stream.stream.events import Event
from crackle_stream.window import Window

__all__ = ["COOLING_BUCKETS_S", "Board", "Rejected", "Uncharted"]

MOST_REJECTS = 20
"""Refused records shown, the latest ones."""

MOST_UNCHARTED = 16
"""Windows that may wait to be charted; of more, the oldest ones lack in the heat strip."""

MOST_KINDS = 30
"""Kinds of pattern told apart in metrics: a third party's detector may make them of its data."""

COOLING_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram of cooling times."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that could not be read.

    Attributes:
        position: where it stands.
        problem: why.
    """

    position: str
    problem: str


@dataclass(frozen=True, slots=True, eq=False)
class Uncharted:
    """A window that is not in the heat strip yet.

    Attributes:
        kiln: whose it is.
        window: what was cooled.
        found: metrics of the events found in it.
    """

    kiln: str
    window: Window
    found: frozenset[str]


class Board:
    """Listens to a pipeline's events.

    Args:
        clock: for rates.

    Attributes:
        state: "starting", "running" or "stopped".
        source: the source's name, "" before it is open.
        trouble: what is wrong with the source; "" while nothing is.
        assigned: partitions of this process, as text.
        shelf: alerts and facts.
        heat: metrics over windows.
        uncharted: windows on their way there.
        rejects: the last records that could not be read.
        seen: events by name.
        tests: tests made by detector.
        coolings: cooling times by bucket, the last one for all that took longer; sum of seconds beside.
        behind_at: monotonic seconds when coolings last could not keep up.
        full: sinks whose spool has no room.
        account: what was examined.
        moved: whether alerts may stand that nobody here has told of: a partition came with them, or the process did.
        said: the latest news in a sentence, for those who cannot see it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rate = TaskRate()
        self._share = RecentShare()
        self._kinds: set[str] = set()
        self.state = "starting"
        self.source = ""
        self.trouble = ""
        self.assigned: set[str] = set()
        self.shelf = Shelf()
        self.heat = HeatStrips()
        self.uncharted: deque[Uncharted] = deque(maxlen=MOST_UNCHARTED)
        self.rejects: deque[Rejected] = deque(maxlen=MOST_REJECTS)
        self.seen: Counter[str] = Counter()
        self.tests: Counter[str] = Counter()
        self.coolings = [0] * (len(COOLING_BUCKETS_S) + 1)
        self.cooling_s = 0.0
        self.cooled_at: float | None = None
        self.behind_at: float | None = None
        self.full: set[str] = set()
        self.account = Account()
        self.moved = True
        self.said = ""

    @property
    def tasks_per_second(self) -> float:
        """Over the last ten seconds."""
        return self._rate.per_second(self._clock.monotonic())

    @property
    def reject_share(self) -> float | None:
        """Of the last thousand records; None before as many were read."""
        return self._share.share

    def kind(self, kind: str) -> str:
        """A kind of pattern as a label: one of a bounded number, "other" beyond."""
        if kind in self._kinds or len(self._kinds) < MOST_KINDS:
            self._kinds.add(kind)
            return kind
        return "other"

    def __call__(self, event: Event) -> None:
        """Count an event, and keep what is shown of it."""
        self.seen[event.name] += 1
        match event:
            case events.BatchRead():
                self._rate.add(self._clock.monotonic(), event.tasks)
                self._share.read(event.tasks)
                self.trouble = ""
            case events.RecordRejected(reject=reject):
                self._share.reject()
                self.rejects.append(Rejected(str(reject.position), reject.problem))
            case events.WindowCooled():
                self._see_cooling(event)
            case events.AlertMade():
                self.shelf.see_alert(event.alert, event.sinks)
                self.said = sentence(event.alert)
            case events.WindowMerged() | events.TasksDropped():
                self.behind_at = self._clock.monotonic()
            case _:
                self._see_state(event)

    def _see_state(self, event: Event) -> None:
        """Whether the pipeline runs, what it reads, and where alerts get stuck."""
        match event:
            case events.PipelineStarted():
                self.state, self.source = "running", event.source
            case events.PipelineStopped():
                self.state = "stopped"
            case events.SourceFailed():
                self.trouble = event.problem
            case events.SourceReopened():
                self.trouble = ""
            case events.PartitionsAssigned():
                self.assigned.update(event.partitions)
            case events.PartitionsRevoked():
                self.assigned.difference_update(event.partitions)
                self.shelf.forget(event.partitions)
                self.moved = True
            case events.PartitionBegun():
                self.moved = True
            case events.SpoolFull():
                self.full.add(event.sink)
            case events.AlertSpooled() | events.AlertDelivered():
                self.full.discard(event.sink)

    def _see_cooling(self, event: events.WindowCooled) -> None:
        window, report = event.window, event.report
        self.cooled_at = self._clock.monotonic()
        self.coolings[bisect_left(COOLING_BUCKETS_S, report.duration)] += 1
        self.cooling_s += report.duration
        for name, made in report.examined.items():
            self.tests[name] += made.tests
        self.account.see(report)
        kiln = kiln_of(window)
        self.shelf.see_report(kiln, window, report)
        happened = (pattern for pattern in report.patterns if pattern.nature is Nature.EVENT)
        found = frozenset(name for pattern in happened for name in pattern.metric_names)
        self.uncharted.append(Uncharted(kiln, window, found))
