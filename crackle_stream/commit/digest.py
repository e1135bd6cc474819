"""What is remembered of an active alert where there are few bytes for it: enough to go on with its life.

A digest keeps what decides (when it was raised and last said, how often, how many coolings missed it) and what names
it to a receiver. The pattern's numbers and tasks are gone; the next window that shows it brings them again, and a
notification that it is over needs none.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from crackle_stream.alerting import ActiveAlert, Lifecycle
from crackle_stream.commit.packing import Packer, Torn, Unpacker
from crackle_stream.model import CracklePattern, Nature, Severity

__all__ = ["AlertDigest", "Identity", "digests", "pack", "revived", "unpack"]

CONFIDENCE_STEPS = 10_000
"""A confidence is kept in ten-thousandths, rounded down: bounds of routes are written with fewer digits."""

LAST_SECOND = 2.0**52
"""Times beyond it are a broken clock's; they are held here, so that what follows from them stays a short number."""

FORGOTTEN_KIND = "forgotten"
"""Kind of a revived pattern whose identity did not fit."""

_HEXADECIMAL = re.compile(r"[0-9a-f]{16}")
_SEVERITIES = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
_PLAIN_FINGERPRINT, _NAMED, _PENDING = 4, 8, 16


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
        pending: seen, but not often enough to be raised yet.
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
    identity: Identity | None = None


def pack(alerts: Sequence[AlertDigest], into: Packer) -> None:
    """Write digests, field by field over all of them: what is alike stands together and deflates well."""
    into.number(len(alerts))
    for alert in alerts:
        into.number(_flags(alert))
    for alert in alerts:
        if _is_plain(alert):
            into.packed += bytes.fromhex(alert.fingerprint)
        else:
            into.text(alert.fingerprint)
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
        if alert.identity is not None:
            _pack_identity(alert.identity, into)


def unpack(source: Unpacker) -> tuple[AlertDigest, ...]:
    """Read digests.

    Raises:
        Torn: the bytes are not those of digests.
    """
    flags = [source.number() for _ in range(source.number())]
    if any(flag % 4 >= len(_SEVERITIES) or flag >= 2 * _PENDING for flag in flags):
        raise Torn("an alert has a mark that this version does not know")
    names = [source.octets_of(8).hex() if flag & _PLAIN_FINGERPRINT else source.text() for flag in flags]
    keys = [source.text() for _ in flags]
    raised = _stepped(len(flags), source)
    said = [moment + source.signed() for moment in raised]
    seen = _stepped(len(flags), source)
    counts = [[source.number() for _ in flags] for _ in range(5)]
    identities = [_unpack_identity(source) if flag & _NAMED else None for flag in flags]
    severities = [_SEVERITIES[flag % 4] for flag in flags]
    pending = [bool(flag & _PENDING) for flag in flags]
    columns = (names, keys, severities, raised, said, seen, *counts, pending, identities)
    return tuple(AlertDigest(*fields) for fields in zip(*columns, strict=True))


def digests(lifecycles: Mapping[str, Lifecycle]) -> tuple[AlertDigest, ...]:
    """The active alerts of some kilns, those that matter most first: the severe, then those raised last.

    Args:
        lifecycles: by the kiln's key, the lifecycle as of the position beside which the digests are stored.
    """
    made = [_digest(key, alert) for key, life in lifecycles.items() for alert in life.active.values()]
    return tuple(sorted(made, key=lambda one: (-_SEVERITIES.index(one.severity), -one.raised_ms, one.fingerprint)))


def revived(alerts: Iterable[AlertDigest]) -> dict[str, Lifecycle]:
    """By key, the lifecycles that go on where the digests end; pending ones are left to whoever made them."""
    active: dict[str, dict[str, ActiveAlert]] = {}
    for alert in alerts:
        if not alert.pending:
            active.setdefault(alert.key, {})[alert.fingerprint] = _revive(alert)
    return {key: Lifecycle(alerts) for key, alerts in active.items()}


def _digest(key: str, alert: ActiveAlert) -> AlertDigest:
    pattern = alert.pattern
    return AlertDigest(
        fingerprint=pattern.fingerprint,
        key=key,
        severity=alert.severity,
        raised_ms=_milliseconds(alert.raised_at),
        said_ms=_milliseconds(alert.last_said),
        seen_ms=_milliseconds(alert.last_seen),
        windows=alert.windows,
        missed=alert.missed,
        repeats=alert.repeats,
        coolings=alert.coolings,
        # a hair above, so that 0.57 is 5,700 steps although its product in binary is not
        confidence=math.floor(alert.raised_confidence * CONFIDENCE_STEPS + 1e-6),
        identity=Identity(
            str(pattern.kind),
            pattern.form,
            pattern.nature,
            pattern.direction,
            pattern.metric_names,
            tuple((name, before, since) for name, (before, since) in alert.levels.items()),
        ),
    )


def _revive(alert: AlertDigest) -> ActiveAlert:
    named = alert.identity or Identity(FORGOTTEN_KIND)
    confidence = alert.confidence / CONFIDENCE_STEPS
    about = f" of {', '.join(named.metric_names)}" if named.metric_names else ""
    pattern = CracklePattern(
        named.kind,
        f"{named.kind}{about}, known from before a restart; its numbers were not kept",
        confidence,
        metric_names=named.metric_names,
        form=named.form,
        nature=named.nature,
        direction=named.direction,
        key=alert.key,
        fingerprint=alert.fingerprint,
    )
    return ActiveAlert(
        pattern,
        alert.severity,
        raised_at=alert.raised_ms / 1000,
        last_seen=alert.seen_ms / 1000,
        last_said=alert.said_ms / 1000,
        windows=alert.windows,
        missed=alert.missed,
        repeats=alert.repeats,
        coolings=alert.coolings,
        raised_confidence=confidence,
        levels={name: (before, since) for name, before, since in named.levels},
    )


def _is_plain(alert: AlertDigest) -> bool:
    return _HEXADECIMAL.fullmatch(alert.fingerprint) is not None


def _flags(alert: AlertDigest) -> int:
    flags = _SEVERITIES.index(alert.severity) | _PENDING * alert.pending
    return flags | _PLAIN_FINGERPRINT * _is_plain(alert) | _NAMED * (alert.identity is not None)


def _steps(moments: Sequence[int], into: Packer) -> None:
    before = 0
    for moment in moments:
        into.signed(moment - before)
        before = moment


def _stepped(count: int, source: Unpacker) -> list[int]:
    return list(accumulate(source.signed() for _ in range(count)))


def _milliseconds(seconds: float) -> int:
    return round(min(max(seconds, -LAST_SECOND), LAST_SECOND) * 1000)


def _pack_identity(identity: Identity, into: Packer) -> None:
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
