"""What is remembered of an active alert where there are few bytes for it: enough to go on with its life.

A digest keeps what decides (when it was raised and last said, how often, how many coolings missed it) and what names
it to a receiver. The pattern's numbers and tasks are gone; the next window that shows it brings them again, and a
notification that it is over needs none.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from crackle_stream.commit.packing import Packer, Torn, Unpacker
from crackle_stream.model import Nature, Severity

__all__ = ["CONFIDENCE_STEPS", "SEVERITIES", "AlertDigest", "Identity", "pack", "unpack"]

CONFIDENCE_STEPS = 10_000
"""A confidence is kept in ten-thousandths, rounded down: bounds of routes are written with fewer digits."""

_HEXADECIMAL = re.compile(r"[0-9a-f]{16}")
SEVERITIES = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
_PLAIN_FINGERPRINT, _NAMED, _PENDING = 4, 8, 16
_UNSAID, _PERHAPS, _HELD, _INHIBITED, _OVER, _PLACED = 32, 64, 128, 256, 512, 1024
_KNOWN_MARKS = 2048
"""Marks beyond it are a later version's. Those from `_UNSAID` on came after the first, which refuses them."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What routes and receivers ask of a pattern, without its numbers.

    Attributes:
        kind: the pattern's.
        form: the pattern's.
        nature: the pattern's.
        direction: the pattern's.
        metric_names: the pattern's.
        levels: by metric, from where to where it went; an alert without them is over when it is missed or accepted.
    """

    kind: str
    form: str = ""
    nature: Nature = Nature.FACT
    direction: str = ""
    metric_names: tuple[str, ...] = ()
    levels: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class AlertDigest:
    """An active alert in about 20 bytes, or 60 with its identity.

    Attributes:
        fingerprint: the pattern's.
        key: the kiln's key.
        severity: as raised.
        raised_ms: epoch milliseconds.
        said_ms: epoch milliseconds of its last notification.
        seen_ms: epoch milliseconds.
        windows: number of windows that showed it.
        missed: conclusive coolings without it since it was last seen.
        repeats: how often it was said again.
        coolings: conclusive coolings since it was raised.
        confidence: of the window that raised it, in ten-thousandths.
        pending: seen, but not often enough to be raised yet; then `coolings` counts the coolings that could show it,
            and the bits of `repeats` say which did, the latest in the lowest.
        onset_ms: epoch milliseconds of a pending shift's onset, where that was measured.
        held_id: the id of the notification that is held back, 32 hexadecimal digits, or "".
        unsaid: whether nobody was told that it was raised.
        perhaps: whether it may have been told all the same.
        inhibited_by: fingerprint of the alert that holds it back, 16 hexadecimal digits, or "".
        over: whether it is over and only held.
        identity: what names it; None where there was no room.
    """

    fingerprint: str
    key: str = ""
    severity: Severity = Severity.INFO
    raised_ms: int = 0
    said_ms: int = 0
    seen_ms: int = 0
    windows: int = 1
    missed: int = 0
    repeats: int = 0
    coolings: int = 0
    confidence: int = CONFIDENCE_STEPS
    pending: bool = False
    onset_ms: int | None = None
    held_id: str = ""
    unsaid: bool = False
    perhaps: bool = False
    inhibited_by: str = ""
    over: bool = False
    identity: Identity | None = None


def pack(alerts: Sequence[AlertDigest], into: Packer) -> None:
    """Write digests, field by field over all of them: what is alike stands together and deflates well."""
    into.number(len(alerts))
    for alert in alerts:
        into.number(_flags(alert))
    for alert in alerts:
        _pack_name(alert, into)
    for alert in alerts:
        into.text(alert.key)
    _steps([alert.raised_ms for alert in alerts], into)
    for alert in alerts:
        into.signed(alert.said_ms - alert.raised_ms)
    _steps([alert.seen_ms for alert in alerts], into)
    for counts in zip(
        *((one.windows, one.missed, one.repeats, one.coolings, one.confidence) for one in alerts), strict=True
    ):
        for count in counts:
            into.number(count)
    for alert in alerts:
        into.packed += bytes.fromhex(alert.held_id) + bytes.fromhex(alert.inhibited_by)
    for alert in alerts:
        _pack_onset(alert, into)
    for alert in alerts:
        _pack_identity(alert.identity, into)


def unpack(source: Unpacker) -> tuple[AlertDigest, ...]:
    """Read digests.

    Raises:
        Torn: the bytes are not those of digests.
    """
    flags = [source.number() for _ in range(source.number())]
    if any(flag % 4 >= len(SEVERITIES) or flag >= _KNOWN_MARKS for flag in flags):
        raise Torn("an alert has a mark that this version does not know")
    names = [source.octets_of(8).hex() if flag & _PLAIN_FINGERPRINT else source.text() for flag in flags]
    keys = [source.text() for _ in flags]
    raised = _stepped(len(flags), source)
    said = [moment + source.signed() for moment in raised]
    seen = _stepped(len(flags), source)
    counts = [[source.number() for _ in flags] for _ in range(5)]
    held = [_unpack_held(flag, source) for flag in flags]
    onsets = [when + source.signed() if flag & _PLACED else None for flag, when in zip(flags, seen, strict=True)]
    identities = [_unpack_identity(source) if flag & _NAMED else None for flag in flags]
    severities = [SEVERITIES[flag % 4] for flag in flags]
    marks = (_PENDING, _UNSAID, _PERHAPS, _OVER)
    pending, unsaid, perhaps, over = ([bool(flag & mark) for flag in flags] for mark in marks)
    held_ids, inhibitors = [held_id for held_id, _ in held], [by for _, by in held]
    columns = (
        *(names, keys, severities, raised, said, seen, *counts, pending),
        *(onsets, held_ids, unsaid, perhaps, inhibitors, over, identities),
    )
    return tuple(AlertDigest(*fields) for fields in zip(*columns, strict=True))


def _is_plain(alert: AlertDigest) -> bool:
    return _HEXADECIMAL.fullmatch(alert.fingerprint) is not None


def _flags(alert: AlertDigest) -> int:
    flags = SEVERITIES.index(alert.severity) | _PENDING * alert.pending | _PERHAPS * alert.perhaps
    flags |= _HELD * bool(alert.held_id) | _UNSAID * alert.unsaid | _INHIBITED * bool(alert.inhibited_by)
    flags |= _OVER * alert.over | _PLACED * (alert.onset_ms is not None)
    return flags | _PLAIN_FINGERPRINT * _is_plain(alert) | _NAMED * (alert.identity is not None)


def _steps(moments: Sequence[int], into: Packer) -> None:
    before = 0
    for moment in moments:
        into.signed(moment - before)
        before = moment


def _stepped(count: int, source: Unpacker) -> list[int]:
    return list(accumulate(source.signed() for _ in range(count)))


def _unpack_held(flag: int, source: Unpacker) -> tuple[str, str]:
    """The id that a notification is to have, and the fingerprint of what holds it back."""
    held_id = source.octets_of(16).hex() if flag & _HELD else ""
    return held_id, source.octets_of(8).hex() if flag & _INHIBITED else ""


def _pack_name(alert: AlertDigest, into: Packer) -> None:
    if _is_plain(alert):
        into.packed += bytes.fromhex(alert.fingerprint)
    else:
        into.text(alert.fingerprint)


def _pack_onset(alert: AlertDigest, into: Packer) -> None:
    if alert.onset_ms is not None:
        into.signed(alert.onset_ms - alert.seen_ms)


def _pack_identity(identity: Identity | None, into: Packer) -> None:
    if identity is None:
        return
    into.number(int(identity.nature == Nature.EVENT))
    for text in (identity.kind, identity.form, identity.direction):
        into.text(text)
    into.number(len(identity.metric_names))
    for name in identity.metric_names:
        into.text(name)
    into.number(len(identity.levels))
    for name, before, since in identity.levels:
        into.text(name)
        into.packed += struct.pack(">2d", before, since)


def _unpack_identity(source: Unpacker) -> Identity:
    nature = Nature.EVENT if source.number() else Nature.FACT
    kind, form, direction = (source.text() for _ in range(3))
    metric_names = tuple(source.text() for _ in range(source.number()))
    levels = tuple((source.text(), *_two_numbers(source)) for _ in range(source.number()))
    return Identity(kind, form, nature, direction, metric_names, levels)


def _two_numbers(source: Unpacker) -> tuple[float, float]:
    before, since = struct.unpack(">2d", source.octets_of(16))
    return before, since
