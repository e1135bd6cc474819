"""Where to begin on a partition that was assigned, and whose state continues its committed position."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import StrEnum

from crackle_stream.commit.cuts import CutPlan
from crackle_stream.commit.metadata import MAX_HANDOVERS, CommitMetadata, Handover, MetadataUnreadable, decode

__all__ = ["Committed", "Fate", "Kept", "LogRange", "Origin", "Start", "begin", "fate", "left_at"]


class Origin(StrEnum):
    """Whose state a partition begins with."""

    OWN = "own"
    """Our state directory's: the last commit bears its claim."""
    ADOPTED = "adopted"
    """The commit's metadata."""
    NEW = "new"
    """Nobody's: the group has committed nothing."""
    BY_HAND = "by hand"
    """Nobody's: the offset was set by hand, records are processed again on purpose."""
    UNREADABLE = "unreadable"
    """Nobody's: the metadata cannot be read."""
    MADE_ANEW = "made anew"
    """Nobody's: the topic is another one than the one that was committed."""


class Fate(StrEnum):
    """What becomes of news in an outbox."""

    DELIVER = "deliver"
    """Its position is committed: it is ours."""
    HOLD = "hold"
    """Its position is not committed yet, and nobody has taken over."""
    DROP = "drop"
    """Whoever took over makes it again."""


@dataclass(frozen=True, slots=True)
class Committed:
    """What the group knows of a partition.

    Attributes:
        offset: None where it has committed nothing.
        text: the metadata beside it.
    """

    offset: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class LogRange:
    """What there is to read.

    Attributes:
        start: the first offset that is kept.
        end: one past the last.
        topic: a mark of the topic's identity, "" where it is not known.
    """

    start: int
    end: int
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """What our state directory knows of a partition.

    Attributes:
        through: its state is as of this offset.
        refill_from: the first row of the ring as of it.
        stream_time: the partition's stream time as of it.
    """

    through: int
    refill_from: int
    stream_time: float = -math.inf


@dataclass(frozen=True, slots=True)
class Start:
    """How to begin.

    Attributes:
        origin: whose state it is.
        seek: the offset to read from; None for where `auto_offset_reset` says.
        through: rows up to here fill the ring and are neither cooled, learned nor reported; None with no `seek`.
        refill_from: the first row of the ring as of `through`, were it all there.
        stream_time: the partition's stream time as of `through`.
        metadata: the state, where it is adopted.
        plan: how windows end in what a former owner may have cooled.
        handovers: to be handed on with every commit.
        void_local: whether the local rows of this partition are to be overwritten before anything else.
        lost: rows that the log gave up before they were settled.
        short: rows of context that the log gave up, or that `max_refill` leaves out; windows that lack them prove
            nothing by what they do not show.
        reason: a sentence for the log.
    """

    origin: Origin
    seek: int | None
    reason: str
    through: int | None = None
    refill_from: int | None = None
    stream_time: float = -math.inf
    metadata: CommitMetadata | None = None
    plan: CutPlan = field(default_factory=CutPlan)
    handovers: tuple[Handover, ...] = ()
    void_local: bool = True
    lost: int = 0
    short: int = 0


def begin(committed: Committed, log: LogRange, *, claim: str = "", kept: Kept | None = None, max_refill: int) -> Start:
    """Decide where a partition begins.

    Whatever is decided, its claim is committed before the first record is read: from then on nobody else's state
    counts, and a group that begins at the latest record begins there only once.

    Args:
        committed: what the group knows.
        log: what there is to read.
        claim: our state directory's id, "" without one.
        kept: what our state directory knows of the partition.
        max_refill: most rows to read again only for context.
    """
    if committed.offset is None:
        return Start(Origin.NEW, None, "the group has committed nothing yet")
    offset = committed.offset
    if offset > log.end:
        why = f"{offset} is committed but the log ends at {log.end}: the topic was made anew"
        return Start(Origin.MADE_ANEW, None, why)
    try:
        metadata = decode(committed.text)
    except MetadataUnreadable as error:
        return _stateless(Origin.UNREADABLE, offset, log, f"{error}; records after {offset} are processed afresh")
    if metadata is None or metadata.through != offset - 1:
        why = f"the offset {offset} was set by hand; records after it are processed again"
        return _stateless(Origin.BY_HAND, offset, log, why)
    if metadata.topic and log.topic and metadata.topic != log.topic:
        return Start(Origin.MADE_ANEW, None, "the topic has another identity than the committed one: it was made anew")
    if claim and metadata.claim == claim and kept is not None and metadata.through <= kept.through < log.end:
        return _from(Origin.OWN, kept, metadata, log, max_refill)
    stored = Kept(metadata.through, metadata.refill_from, metadata.stream_time)
    return _from(Origin.ADOPTED, stored, metadata, log, max_refill)


def fate(end: int, claim: str, metadata: CommitMetadata | None) -> Fate:
    """What to do with news in our outbox that was not attempted yet.

    Args:
        end: the end offset of the window that made it.
        claim: our state directory's id.
        metadata: of the partition's last commit, whoever made it; None where it says nothing.
    """
    if metadata is None:
        return Fate.DELIVER
    if metadata.claim == claim:
        return Fate.DELIVER if end <= metadata.through else Fate.HOLD
    left = left_at(claim, metadata)
    # where nobody knows any more, twice is better than never
    return Fate.DROP if left is not None and end > left else Fate.DELIVER


def left_at(claim: str, metadata: CommitMetadata) -> int | None:
    """How far we had come when somebody else took the partition over; None where nobody did, or nobody knows."""
    if metadata.claim == claim:
        return None
    return next((handover.through for handover in metadata.handovers if handover.claim == claim), None)


def _stateless(origin: Origin, offset: int, log: LogRange, reason: str) -> Start:
    seek = max(offset, log.start)
    return Start(origin, seek, reason, offset - 1, offset, lost=seek - offset)


def _from(origin: Origin, state: Kept, metadata: CommitMetadata, log: LogRange, max_refill: int) -> Start:
    own = origin is Origin.OWN
    after = state.through + 1
    seek = max(state.refill_from, after - max_refill, log.start)
    return Start(
        origin,
        seek,
        f"goes on with {'state of our own' if own else 'the state in the metadata'} as of offset {state.through}",
        state.through,
        state.refill_from,
        state.stream_time,
        metadata=None if own else metadata,
        plan=CutPlan(metadata.cuts, log.end),
        handovers=metadata.handovers if own else _handed_on(metadata),
        void_local=not own,
        lost=max(0, log.start - after),
        short=max(0, min(seek, after) - state.refill_from),
    )


def _handed_on(metadata: CommitMetadata) -> tuple[Handover, ...]:
    """The former owners, with the one that is followed now in front."""
    before = metadata.handovers
    if metadata.claim:
        before = (Handover(metadata.claim, metadata.through), *(h for h in before if h.claim != metadata.claim))
    return before[:MAX_HANDOVERS]
