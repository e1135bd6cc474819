"""What stands outside the processes of the delivery model: logs, a broker's memory, a receiver, and the truth."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from crackle_stream.model import Alert, AlertStatus, Nature

CAPACITY = 12
QUORUM = 4
"""Bad rows that show in a window. Of twice as many, less one, some window shows enough, wherever windows end."""

QUIET_ROWS = 10 * CAPACITY


class Broken(StrEnum):
    """A rule that the processes of a run do not keep."""

    COMMITS_WHAT_WAS_FETCHED = "commits the consumer's position"
    SETTLES_WHEN_COOLED = "a window is settled once it is cooled"
    NO_METADATA = "no metadata beside the offset"
    COOLS_REFILLED_ROWS = "refilled rows are cooled again"
    REFILLS_NOTHING = "no refill of the ring"
    NO_ALERTS_KEPT = "no alerts in the metadata"
    STATE_AS_OF_NOW = "state stored as of now"
    CUTS_NOT_LISTED = "cuts off the grid are not listed"
    SENT_BEFORE_THE_COMMIT = "sent before the commit"
    MERGES_WHILE_CATCHING_UP = "merges while catching up"
    STREAM_TIME_FORGOTTEN = "stream time begins anew"
    GRID_FROM_THE_START = "the grid counts from where reading began"
    IDS_OF_THE_MOMENT = "ids are made up for each attempt"
    NOT_FENCED = "local state is believed without a claim"
    OUTBOX_KEPT_AFTER_A_MOVE = "uncommitted news are delivered after a move"
    LATE_IDS_OF_THE_MOMENT = "what a silence held back is named by when it ends"
    SILENCE_IS_BELIEVED = "what is silenced now counts as untold before"


class Harm(StrEnum):
    """What must never happen."""

    LOST = "rows lost"
    COMMITTED_UNSETTLED = "commit above unsettled"
    ANOTHER_ID = "same fact under another id"
    NEVER_RAISED = "never raised"
    OPEN_FOR_EVER = "open for ever"


@dataclass(frozen=True, slots=True)
class Row:
    time: float
    episode: int | None
    poison: bool


@dataclass(slots=True)
class Log:
    """One partition, written beforehand and uncovered bit by bit; its offsets are the places in `rows`."""

    rows: list[Row]
    end: int = 0
    offset: int | None = None
    text: str = ""


@dataclass(slots=True)
class Receiver:
    """Where alerts go: it knows them by id."""

    ids: dict[tuple[str, AlertStatus], set[str]] = field(default_factory=dict)

    def take(self, alert: Alert) -> None:
        if alert.pattern.nature is Nature.FACT:
            return  # facts are remembered with the state directory only, and told again without
        self.ids.setdefault((alert.pattern.metric_names[0], alert.status), set()).add(alert.id)
        self.names[alert.fingerprint] = alert.pattern.metric_names[0]

    names: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Truth:
    """What really happened to the rows of one partition, by simple means of its own."""

    log: Log
    waiting: dict[int, tuple[frozenset[int], set[str]]] = field(default_factory=dict)
    settled: set[int] = field(default_factory=set)
    cooled: set[int] = field(default_factory=set)
    harms: Counter[Harm] = field(default_factory=Counter)
    windows: int = 0
    audible: set[str] = field(default_factory=set)

    def heard(self, names: Iterable[str]) -> None:
        """These were active when nothing was silenced."""
        self.audible.update(names)

    def window(self, rows: Iterable[int], notices: Iterable[str]) -> int:
        """A window was cooled: its new rows, and the notices that must be safe before they are settled."""
        self.windows += 1
        new, pins = frozenset(rows), set(notices)
        self.cooled |= new
        self.waiting[self.windows] = (new, pins)
        self._settle(self.windows)
        return self.windows

    def safe(self, window: int, notice: str) -> None:
        """A notice of a window is at the receiver, or synced to a disk that does not break."""
        if window in self.waiting:
            self.waiting[window][1].discard(notice)
            self._settle(window)

    def committed(self, offset: int) -> None:
        before = (place for place in range(offset) if not self.log.rows[place].poison)
        if not self.settled.issuperset(before):
            self.harms[Harm.COMMITTED_UNSETTLED] += 1

    def _settle(self, window: int) -> None:
        rows, pins = self.waiting[window]
        if not pins:
            self.settled |= rows
            del self.waiting[window]

    def lost(self) -> int:
        return sum(not row.poison and place not in self.cooled for place, row in enumerate(self.log.rows))


def written_log(rng: random.Random, name: int, longest: int) -> Log:
    """A log with some stretches of bad rows, each a fact of its own, and a long quiet end."""
    rows: list[Row] = []
    now = 1_000.0
    episode = name * 100

    def stretch(length: int, bad: int | None) -> None:
        nonlocal now
        for _ in range(length):
            now += rng.choice((0.5, 1.0, 1.0, 2.0))
            odd = rng.random()
            time = now - 5 if odd < 0.05 else now + 40 if odd > 0.96 else now
            rows.append(Row(time, bad, poison=bad is None and rng.random() < 0.05))

    for _ in range(rng.randint(2, 4)):
        stretch(rng.randint(5, 3 * CAPACITY), None)
        episode += 1
        stretch(longest if longest > CAPACITY else rng.randint(2 * QUORUM - 1, longest), episode)
    stretch(QUIET_ROWS, None)
    return Log(rows)


def episodes(log: Log) -> set[str]:
    return {f"e{row.episode}" for row in log.rows if row.episode is not None}


def followers(log: Log) -> set[str]:
    return {f"f{row.episode}" for row in log.rows if row.episode is not None}


def harms_of(truth: Truth, receiver: Receiver, silences: tuple[tuple[float, float], ...]) -> Counter[Harm]:
    """What went wrong on one partition, once everything has come to rest.

    An episode that is over before a silence ends is rightly never told, and what follows from another one need not be.
    Where a silence only ends, whatever was active without it is told, whoever is killed meanwhile.
    """
    names = episodes(truth.log)
    only_ends = all(begins <= 0 for begins, _ in silences)
    must_be_raised = names if not silences else truth.audible & names if only_ends else set()
    found = Counter(truth.harms)
    found[Harm.LOST] += truth.lost()
    for name in sorted(names | followers(truth.log)):
        raised = receiver.ids.get((name, AlertStatus.RAISED), set())
        resolved = receiver.ids.get((name, AlertStatus.RESOLVED), set())
        found[Harm.ANOTHER_ID] += len(raised) > 1
        found[Harm.ANOTHER_ID] += len(resolved) > 1
        found[Harm.NEVER_RAISED] += not raised and name in must_be_raised
        found[Harm.OPEN_FOR_EVER] += bool(raised) and not resolved
    return +found
