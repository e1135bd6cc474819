"""What is stored beside a committed offset, in a text short enough for every broker.

The text is a version's mark, then packed bytes with their checksum, deflated, in base 85. What does not fit is left
out in the order in which it is missed least, and counted.
"""

from __future__ import annotations

import base64
import math
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from crackle_stream.commit.cuts import Cuts
from crackle_stream.commit.digest import AlertDigest, pack, unpack
from crackle_stream.commit.packing import Packer, Torn, Unpacker

__all__ = ["MAX_ALERTS", "MAX_METADATA_BYTES", "CommitMetadata", "Handover", "MetadataUnreadable", "decode", "encode"]

MAX_METADATA_BYTES = 4_000
"""A broker takes 4,096 (`offset.metadata.max.bytes`); the rest is left to a later version's mark."""

MAX_ALERTS = 150
"""Alerts whose digests fit beside everything else, as a rule; more are counted."""

MAX_CUTS = 400
"""Listed cuts: two or three bytes each as a rule, so that they leave room for the alerts."""

MAX_HANDOVERS = 4
"""Former owners that are told how far they had come: as many as a rolling restart passes a partition through."""

MAX_OFFSET = 2**63 - 1

MAX_INFLATED = 1 << 20
"""Most bytes that a text may inflate to: ours are below 100 KiB, a forged one is refused."""

VERSION = "crackle1"

_CLAIM = re.compile(r"([0-9a-f]{16})?")
_MARK = re.compile(r"([0-9a-f]{8})?")


class MetadataUnreadable(ValueError):
    """A text beside a committed offset that this version cannot read; the message says why."""


@dataclass(frozen=True, slots=True)
class Handover:
    """How far a former owner's news counts.

    Attributes:
        claim: the state that was left behind.
        through: its news up to this offset are its own to deliver; later ones were made again by its successor.
    """

    claim: str
    through: int

    def __post_init__(self) -> None:
        _check_claim(self.claim)


@dataclass(frozen=True, slots=True)
class CommitMetadata:
    """All that a partition's next owner must know, as of one position.

    Attributes:
        through: all windows that end here or before are settled; -1 for none.
        refill_from: the first row of the ring as of `through`.
        stream_time: the partition's stream time as of `through`, minus infinity before the first row.
        claim: id of the state directory whose rows continue this position, 16 hexadecimal digits; "" for none.
        topic: a mark of the topic's identity, 8 hexadecimal digits; "" where it is not known.
        cuts: where windows after `through` ended, or did not end, against the grid.
        alerts: the active alerts as of `through`.
        left_out: active alerts that did not fit.
        handovers: former owners, the latest first.
    """

    through: int
    refill_from: int
    stream_time: float = -math.inf
    claim: str = ""
    topic: str = ""
    cuts: Cuts = field(default_factory=Cuts)
    alerts: tuple[AlertDigest, ...] = ()
    left_out: int = 0
    handovers: tuple[Handover, ...] = ()

    def __post_init__(self) -> None:
        if not -1 <= self.through <= MAX_OFFSET:
            raise ValueError(f"through must be between -1 and {MAX_OFFSET}, not {self.through}")
        if not 0 <= self.refill_from <= self.through + 1:
            raise ValueError(f"refill_from must be between 0 and {self.through + 1}, not {self.refill_from}")
        if math.isnan(self.stream_time):
            raise ValueError("stream_time must be a number, not nan")
        _check_claim(self.claim)
        if _MARK.fullmatch(self.topic) is None:
            raise ValueError(f"a topic's mark is 8 hexadecimal digits or empty, not {self.topic!r}")

    def fitted(self) -> CommitMetadata:
        """As much of it as fits: identities go first, then alerts, from the last on; then the farthest cuts."""
        bounded = replace(
            self,
            cuts=self.cuts.first(MAX_CUTS),
            alerts=self.alerts[:MAX_ALERTS],
            left_out=self.left_out + len(self.alerts[MAX_ALERTS:]),
            handovers=self.handovers[:MAX_HANDOVERS],
        )
        if _fits(bounded):
            return bounded
        bare = _with_identities(bounded, 0)
        if _fits(bare):
            return _with_identities(bounded, _most(len(bare.alerts), lambda n: _fits(_with_identities(bounded, n))))
        none = _with_alerts(bare, 0)
        if _fits(none):
            return _with_alerts(bare, _most(len(bare.alerts), lambda n: _fits(_with_alerts(bare, n))))
        return _with_cuts(none, _most(none.cuts.count, lambda n: _fits(_with_cuts(none, n))))


def encode(metadata: CommitMetadata) -> str:
    """The text to commit, at most `MAX_METADATA_BYTES` long, of `metadata.fitted()`."""
    return _text(metadata.fitted())


def decode(text: str) -> CommitMetadata | None:
    """What a committed text says; None for an empty one, which an offset set by hand has.

    Raises:
        MetadataUnreadable: it is torn, somebody else's, or another version's.
    """
    if not text:
        return None
    version, found, body = text.partition(".")
    if not found or not version.startswith("crackle"):
        raise MetadataUnreadable("the commit's metadata were not written by crackle_stream")
    if version != VERSION:
        raise MetadataUnreadable(f"the commit's metadata are of version {version[7:]!r}; this process knows 1")
    try:
        packed = _inflated(base64.b85decode(body))
        return _unpack(Unpacker(packed))
    except (ValueError, zlib.error) as error:
        raise MetadataUnreadable(f"the commit's metadata are torn: {error}") from error


def _check_claim(claim: str) -> None:
    if _CLAIM.fullmatch(claim) is None:
        raise ValueError(f"a claim is 16 hexadecimal digits or empty, not {claim!r}")


def _text(metadata: CommitMetadata) -> str:
    packed = _pack(metadata)
    checked = zlib.crc32(packed).to_bytes(4, "big") + packed
    return f"{VERSION}.{base64.b85encode(zlib.compress(checked, 9)).decode('ascii')}"


def _inflated(deflated: bytes) -> bytes:
    inflater = zlib.decompressobj()
    checked = inflater.decompress(deflated, MAX_INFLATED)
    if not inflater.eof or inflater.unused_data or len(checked) < 4:
        raise Torn("it is not whole")
    if zlib.crc32(checked[4:]) != int.from_bytes(checked[:4], "big"):
        raise Torn("its checksum does not fit")
    return checked[4:]


def _with_identities(metadata: CommitMetadata, count: int) -> CommitMetadata:
    bare = (replace(alert, identity=None) for alert in metadata.alerts[count:])
    return replace(metadata, alerts=(*metadata.alerts[:count], *bare))


def _with_alerts(metadata: CommitMetadata, count: int) -> CommitMetadata:
    left_out = metadata.left_out + len(metadata.alerts[count:])
    return replace(metadata, alerts=metadata.alerts[:count], left_out=left_out)


def _with_cuts(metadata: CommitMetadata, count: int) -> CommitMetadata:
    return replace(metadata, cuts=metadata.cuts.first(count))


def _fits(metadata: CommitMetadata) -> bool:
    return len(_text(metadata)) <= MAX_METADATA_BYTES


def _most(limit: int, fits: Callable[[int], bool]) -> int:
    """The most of something that fits, where none of it does."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _pack(metadata: CommitMetadata) -> bytes:
    into = Packer()
    into.number(metadata.through + 1)
    into.number(metadata.through + 1 - metadata.refill_from)
    into.packed += struct.pack(">d", metadata.stream_time)
    into.octets(bytes.fromhex(metadata.claim))
    into.octets(bytes.fromhex(metadata.topic))
    into.rising(metadata.cuts.extra, metadata.through + 1)
    into.rising(metadata.cuts.merged, metadata.through + 1)
    into.number(len(metadata.handovers))
    for handover in metadata.handovers:
        into.octets(bytes.fromhex(handover.claim))
        into.number(handover.through + 1)
    into.number(metadata.left_out)
    pack(metadata.alerts, into)
    return bytes(into.packed)


def _unpack(source: Unpacker) -> CommitMetadata:
    after = source.number()
    refill_from = after - source.number()
    (stream_time,) = struct.unpack(">d", source.octets_of(8))
    claim, topic = source.octets().hex(), source.octets().hex()
    cuts = Cuts(source.rising(after), source.rising(after))
    handovers = tuple(Handover(source.octets().hex(), source.number() - 1) for _ in range(source.number()))
    left_out = source.number()
    alerts = unpack(source)
    source.end()
    return CommitMetadata(after - 1, refill_from, stream_time, claim, topic, cuts, alerts, left_out, handovers)
