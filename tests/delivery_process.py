"""A process of the delivery model: the package's own pure classes, driven step by step, that may die after each."""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from delivery_log import CAPACITY, QUORUM, Broken, Log, Receiver, Row, Truth

from crackle_stream.alerting import AlertPolicy, Hush, Lifecycle, Sighting, Silence, SilenceBook
from crackle_stream.commit import (
    CommitMetadata,
    Committed,
    CutPlan,
    Fate,
    Kept,
    Ledger,
    LogRange,
    MetadataUnreadable,
    SettledPositions,
    Start,
    begin,
    decode,
    digests,
    encode,
    fate,
    revived,
)
from crackle_stream.model import (
    Alert,
    AlertStatus,
    CracklePattern,
    Nature,
    Onset,
    Partition,
    PatternKind,
    Position,
    digest,
)
from crackle_stream.schedule import CoolingSchedule, StreamTime

KILN = "kiln"
AGAIN = "again"
READER = "reader"

FOLLOWS_S = 0.25
"""How much later what follows from an episode begins."""


class Killed(Exception):
    """The process died here."""


def _shift(metric: str, episode: int, window: Waiting, later: float) -> CracklePattern:
    index = next(number for number, (_, row) in enumerate(window.rows) if row.episode == episode)
    onset = Onset(index, window.rows[index][1].time + later)
    return CracklePattern(
        PatternKind.PHASE_TRANSITION, metric, 1.0, metric_names=(metric,), nature=Nature.EVENT, at=onset
    )


def _lag(episode: int) -> CracklePattern:
    """The fact that one metric follows another."""
    names = (f"e{episode}", f"f{episode}")
    return CracklePattern(
        PatternKind.CORRELATION, "follows", 1.0, metric_names=names, form="lagged", metrics={"lag_seconds": FOLLOWS_S}
    )


def _named_late(before: Lifecycle, window: str) -> Lifecycle:
    """As if what is told late were named by the window that tells it."""
    return replace(
        before,
        active={
            name: replace(alert, held_id=digest([window, name], 32)) if alert.held_id else alert
            for name, alert in before.active.items()
        },
    )


@dataclass(frozen=True)
class News:
    """A notification, the window that made it, and that window in the truth's count."""

    alert: Alert
    window: str
    end: int
    counted: int


@dataclass
class Disk:
    """A state directory: survives every kill."""

    claim: str
    kept: dict[Partition, tuple[Kept, Lifecycle]] = field(default_factory=dict)
    outbox: dict[Partition, list[News]] = field(default_factory=dict)


@dataclass
class World:
    """What all processes share."""

    logs: dict[Partition, Log]
    truths: dict[Partition, Truth]
    receiver: Receiver
    rng: random.Random
    schedule: CoolingSchedule
    policy: AlertPolicy
    broken: Broken | None
    explaining: bool = False
    silences: tuple[tuple[float, float], ...] = ()
    now: float = 0.0
    deadly: float = 0.0

    @property
    def hush(self) -> Hush:
        """What is silenced now; the wall clock counts steps."""
        silences = (Silence(*times, "somebody", "for a while", metric=("*",)) for times in self.silences)
        return Hush(SilenceBook.of(silences), now=self.now)

    def danger(self, times: float = 1.0) -> None:
        if self.rng.random() < self.deadly * times:
            raise Killed

    def metadata(self, partition: Partition) -> CommitMetadata | None:
        try:
            return decode(self.logs[partition].text)
        except MetadataUnreadable as error:
            raise AssertionError(error) from error

    def deliver(self, news: News) -> None:
        made_up = self.broken is Broken.IDS_OF_THE_MOMENT
        self.receiver.take(replace(news.alert, id=str(self.rng.random())) if made_up else news.alert)


@dataclass
class Waiting:
    """A window that was cut and not cooled."""

    id: str
    end: int
    rows: tuple[tuple[int, Row], ...]
    new: tuple[int, ...]


class Tenure:
    """A process's hold on one partition, from its assignment to its revocation or the process's death."""

    def __init__(self, world: World, partition: Partition, disk: Disk | None) -> None:
        self.world, self.partition, self.disk = world, partition, disk
        self.log, self.truth = world.logs[partition], world.truths[partition]
        self.claim = "" if disk is None else disk.claim
        kept = None if disk is None else disk.kept.get(partition)
        start = self._begin(None if kept is None else kept[0])
        life = self._adopt(start, kept)
        through = -1 if start.through is None else start.through
        self.through, self.offset = through, through + 1
        self.next = self.offset if start.seek is None else start.seek
        if world.broken is Broken.REFILLS_NOTHING:
            self.next = self.offset
        if world.broken is Broken.COOLS_REFILLED_ROWS:
            self.through = self.next - 1
        self.handovers = start.handovers
        self.plan = CutPlan(start.plan.cuts, 0) if world.broken is Broken.MERGES_WHILE_CATCHING_UP else start.plan
        refill_from = self.offset if start.refill_from is None else start.refill_from
        stream_time = -np.inf if world.broken is Broken.STREAM_TIME_FORGOTTEN else start.stream_time
        self.ledger = Ledger(through, refill_from, stream_time, {KILN: life}, self.plan.cuts)
        self.settled = SettledPositions()
        self.settled.assign(partition, self.through + 1)
        self.time, self.grid, self.shift = StreamTime(stream_time), world.schedule.grid(), self.next
        self.ring: deque[tuple[int, Row]] = deque(maxlen=CAPACITY)
        self.new: list[int] = []
        self.reached = stream_time
        self.waiting: deque[Waiting] = deque()
        self.news: deque[News] = deque()
        self.flying: list[News] = []
        world.danger()
        self.commit()

    def _begin(self, kept: Kept | None) -> Start:
        """Where to begin, by rules 17 to 20."""
        text, claim = self.log.text, self.claim
        if self.world.broken is Broken.NOT_FENCED and kept is not None and self.log.offset is not None:
            # as if the last commit were ours: offset and metadata of our own memory
            mine = CommitMetadata(self.log.offset - 1, 0, claim=claim)
            return begin(
                Committed(self.log.offset, encode(mine)),
                LogRange(0, self.log.end),
                claim=claim,
                kept=replace(kept, through=max(kept.through, self.log.offset - 1)),
                max_refill=4 * CAPACITY,
            )
        return begin(
            Committed(self.log.offset, text),
            LogRange(0, self.log.end),
            claim=claim,
            kept=kept,
            max_refill=4 * CAPACITY,
        )

    def _adopt(self, start: Start, kept: tuple[Kept, Lifecycle] | None) -> Lifecycle:
        if not start.void_local and kept is not None:
            return kept[1]
        life = Lifecycle() if start.metadata is None else revived(start.metadata.alerts).get("", Lifecycle())
        if self.disk is not None:
            self._drop_what_others_make()
            if start.through is not None and start.refill_from is not None:
                self.disk.kept[self.partition] = (Kept(start.through, start.refill_from, start.stream_time), life)
        return life

    def _drop_what_others_make(self) -> None:
        if self.disk is None or self.world.broken is Broken.OUTBOX_KEPT_AFTER_A_MOVE:
            return
        metadata = self.world.metadata(self.partition)
        box = self.disk.outbox.get(self.partition, [])
        self.disk.outbox[self.partition] = [
            news for news in box if fate(news.end, self.claim, metadata) is not Fate.DROP
        ]

    # -- rows ------------------------------------------------------------------------------------------------------

    @property
    def caught_up(self) -> bool:
        return self.next == self.log.end

    def read(self, count: int) -> None:
        """The next rows, as one batch."""
        first, self.next = self.next, self.next + count
        rows = list(enumerate(self.log.rows[first : self.next], first))
        for place in [place for place, row in rows if row.poison and place > self.through]:
            self.settled.hand(READER, self.partition, place, place)
        rows = [(place, row) for place, row in rows if not row.poison]
        times = self._stream_times(rows)
        counted = np.array([place for place, _ in rows], dtype=np.int64)
        if self.world.broken is Broken.GRID_FROM_THE_START:
            counted -= self.shift
        cuts = {cut.row: cut.closed_by for cut in self.grid.cuts(counted, times)}
        for number, (place, row) in enumerate(rows):
            if number in cuts:
                self._cut(cuts[number])
            self.ring.append((place, row))
            self.reached = float(times[number])
            if place > self.through:
                self._hand(place, on_grid=number + 1 in cuts)
        if len(rows) in cuts:
            self._cut(cuts[len(rows)])
        self.settled.release(READER)

    def _stream_times(self, rows: list[tuple[int, Row]]) -> npt.NDArray[np.float64]:
        """Rows that only fill the ring do not move stream time, which is known as of the last of them."""
        known = self.time.now
        refilled = np.isfinite(known)
        times = [known if refilled and place <= self.through else row.time for place, row in rows]
        return self.time.advance(np.array(times, dtype=np.float64))

    def _hand(self, place: int, *, on_grid: bool) -> None:
        self.settled.hand(KILN, self.partition, place, place)
        self.new.append(place)
        if on_grid:
            return
        if self.plan.forced(place, place):
            self._cut(AGAIN)
        if len(self.new) >= CAPACITY:
            self._cut("full")

    def extra_cut(self, why: str) -> None:
        if self.new and self.plan.may_add(self.next):
            self._cut(why)

    def _cut(self, why: str) -> None:
        if not self.new:
            return
        end = self.new[-1]
        if why in ("tasks", "time") and end in self.plan.cuts.merged:
            return
        waiting = Waiting(digest([str(self.partition), str(end)]), end, tuple(self.ring), tuple(self.new))
        self.ledger.cut(
            waiting.id,
            KILN,
            end,
            closed_by=why,
            refill_from=self.ring[0][0],
            stream_time=self.reached,
        )
        self.settled.cut(KILN, waiting.id)
        self.new = []
        self._merge(waiting)
        self.waiting.append(waiting)

    def _merge(self, later: Waiting) -> None:
        """The window that waits gives way, where this one holds all its new rows and nobody may know of it."""
        if not self.waiting:
            return
        before = self.waiting[-1]
        if len(before.new) + len(later.new) <= len(later.rows) and self.plan.may_merge(before.end):
            self.waiting.pop()
            self.ledger.merge(before.id)
            self.settled.merge(before.id, later.id)
            later.new = (*before.new, *later.new)

    # -- windows ---------------------------------------------------------------------------------------------------

    def cool(self) -> None:
        if not self.waiting:
            return
        window = self.waiting.popleft()
        self.world.now += 1
        before = self.ledger.now(KILN) or Lifecycle()
        if self.world.broken is Broken.LATE_IDS_OF_THE_MOMENT:
            before = _named_late(before, window.id)
        again = not self.plan.may_merge(window.end) and self.world.broken is not Broken.SILENCE_IS_BELIEVED
        sighting = Sighting(
            window.id,
            max(row.time for _, row in window.rows),
            self._patterns(window),
            position=Position(self.partition, window.end),
            again=again,
        )
        hush = self.world.hush
        after, alerts = before.after(sighting, self.world.policy, hush)
        loud = not any(silence.is_on(hush.now) for silence in hush.silences)
        self.truth.heard(alert.pattern.metric_names[0] for alert in after.active.values() if loud)
        pinning = [alert.id for alert in alerts if alert.status is not AlertStatus.REPEATED]
        counted = self.truth.window(window.new, pinning)
        made = [News(alert, window.id, window.end, counted) for alert in alerts]
        self.news.extend(made)
        if self.ledger.cooled(window.id, after, pinning) or self.world.broken is Broken.SETTLES_WHEN_COOLED:
            self.settled.settle(window.id)

    def _patterns(self, window: Waiting) -> tuple[CracklePattern, ...]:
        """What the window shows: bad rows, and where something explains them what follows from them a little longer."""
        rows = Counter(row.episode for _, row in window.rows if row.episode is not None)
        bad = sorted(episode for episode, count in rows.items() if count >= QUORUM)
        if not self.world.explaining:
            return tuple(
                CracklePattern("shift", "bad rows", 1.0, metric_names=(f"e{one}",), nature=Nature.EVENT) for one in bad
            )
        found: list[CracklePattern] = []
        for one in bad:
            found += [_shift(f"e{one}", one, window, 0.0), _lag(one)]
        lasting = sorted({*bad, *([] if window.rows[0][1].episode is None else [window.rows[0][1].episode])})
        return (*found, *(_shift(f"f{one}", one, window, FOLLOWS_S) for one in lasting))

    def commit(self) -> None:
        """A checkpoint where there is a disk, then the broker."""
        if self.disk is not None:
            for news in self.news:
                self._settle(news)
        offset = max(self.offset, self.settled.committable().get(self.partition, 0))
        if self.world.broken is Broken.COMMITS_WHAT_WAS_FETCHED:
            offset = max(self.offset, min(self.next + 3, self.log.end))
        as_of = self.ledger.as_of(offset)
        life = as_of.states.get(KILN, Lifecycle())
        if self.world.broken is Broken.STATE_AS_OF_NOW:
            life = self.ledger.now(KILN) or life
        if self.disk is not None:
            self.disk.outbox.setdefault(self.partition, []).extend(self.news)
            for news in self.news:
                self.truth.safe(news.counted, news.alert.id)
            self.news.clear()
            self.disk.kept[self.partition] = (Kept(as_of.through, as_of.refill_from, as_of.stream_time), life)
            if self.world.broken is Broken.SENT_BEFORE_THE_COMMIT:
                for news in self.disk.outbox[self.partition]:
                    self.world.deliver(news)
            self.world.danger(4)
        alerts = () if self.world.broken is Broken.NO_ALERTS_KEPT else digests({"": life})
        metadata = CommitMetadata(
            as_of.through,
            as_of.refill_from,
            as_of.stream_time,
            claim=self.claim,
            cuts=as_of.cuts,
            alerts=alerts,
            handovers=self.handovers,
        ).fitted()
        if self.world.broken is Broken.CUTS_NOT_LISTED:
            metadata = replace(metadata, cuts=type(metadata.cuts)())
        self.log.offset = offset
        self.log.text = "" if self.world.broken is Broken.NO_METADATA else encode(metadata)
        self.truth.committed(offset)
        self.world.danger()
        self.offset = offset
        self.ledger.committed(as_of, as_of.cuts if self.world.broken is Broken.CUTS_NOT_LISTED else metadata.cuts)
        self.settled.committed({self.partition: offset})

    # -- news ------------------------------------------------------------------------------------------------------

    def send(self) -> None:
        """A first attempt; where there is a disk, its outbox does it (`Process.send`)."""
        if self.disk is not None or not self.may_send:
            return
        news = self.news.popleft()
        self.world.deliver(news)
        self.world.danger()
        self.flying.append(news)

    @property
    def may_send(self) -> bool:
        if not self.news:
            return False
        return self.world.broken is Broken.SENT_BEFORE_THE_COMMIT or self.ledger.may_tell(self.news[0].window)

    def acknowledge(self) -> None:
        if self.flying:
            news = self.flying.pop(self.world.rng.randrange(len(self.flying)))
            self.truth.safe(news.counted, news.alert.id)
            self._settle(news)

    def _settle(self, news: News) -> None:
        for window in self.ledger.settle(news.alert.id):
            self.settled.settle(window)


class Process:
    """A process: its tenures, and its disk if it has one."""

    def __init__(self, world: World, disk: Disk | None) -> None:
        self.world, self.disk = world, disk
        self.tenures: dict[Partition, Tenure] = {}

    def assign(self, partition: Partition) -> None:
        self.tenures[partition] = Tenure(self.world, partition, self.disk)

    def revoke(self, partition: Partition) -> None:
        """An orderly move: what is acknowledged is committed, the rest is the next owner's."""
        tenure = self.tenures[partition]
        if self.world.rng.random() < 0.5:
            while tenure.flying:
                tenure.acknowledge()
        tenure.commit()
        del self.tenures[partition]

    def die(self) -> None:
        self.tenures.clear()

    def send(self) -> None:
        """First attempts from the outbox, where the position behind them is committed."""
        if self.disk is None:
            return
        for partition, box in self.disk.outbox.items():
            metadata = self.world.metadata(partition)
            for news in list(box):
                what = fate(news.end, self.disk.claim, metadata)
                if self.world.broken is Broken.SENT_BEFORE_THE_COMMIT and what is Fate.HOLD:
                    what = Fate.DELIVER
                if self.world.broken is Broken.OUTBOX_KEPT_AFTER_A_MOVE and what is Fate.DROP:
                    what = Fate.DELIVER
                if what is Fate.DELIVER:
                    self.world.deliver(news)
                    self.world.danger()
                if what is not Fate.HOLD:
                    box.remove(news)
