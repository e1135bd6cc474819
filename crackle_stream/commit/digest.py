"""What is remembered of an active alert where there are few bytes for it: enough to go on with its life.

A digest keeps what decides (when it was raised and last said, how often, how many coolings missed it) and what names
it to a receiver. The pattern's numbers and tasks are gone; the next window that shows it brings them again, and a
notification that it is over needs none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from crackle_stream.alerting import ActiveAlert, Lifecycle
from crackle_stream.commit.packing import Packer, Torn, Unpacker
from crackle_stream.model import CracklePattern, Nature, Severity

__all__ = ["AlertDigest", "Identity", "digests", "revived"]

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
    """

    kind: str
    form: str = ""
    nature: Nature = Nature.FACT
    direction: str = ""
    metric_names: tuple[str, ...] = ()


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
    confidence: int = CONFIDENCE_STEPS
    pending: bool = False
    identity: Identity | None = None

    def pack(self, into: Packer, since_ms: int) -> None:
        """Write it; times count from `since_ms`."""
        plain = _HEXADECIMAL.fullmatch(self.fingerprint) is not None
        flags = _SEVERITIES.index(self.severity)
        flags |= _PLAIN_FINGERPRINT * plain | _NAMED * (self.identity is not None) | _PENDING * self.pending
        into.number(flags)
        if plain:
            into.packed += bytes.fromhex(self.fingerprint)
        else:
            into.text(self.fingerprint)
        into.text(self.key)
        into.signed(self.raised_ms - since_ms)
        into.signed(self.said_ms - self.raised_ms)
        into.signed(self.seen_ms - self.said_ms)
        for count in (self.windows, self.missed, self.repeats, self.confidence):
            into.number(count)
        if self.identity is not None:
            _pack_identity(self.identity, into)

    @classmethod
    def unpack(cls, source: Unpacker, since_ms: int) -> AlertDigest:
        """Read one.

        Raises:
            Torn: the bytes are not those of a digest.
        """
        flags = source.number()
        if flags % 4 >= len(_SEVERITIES) or flags >= 2 * _PENDING:
            raise Torn("an alert has a mark that this version does not know")
        fingerprint = source.octets_of(8).hex() if flags & _PLAIN_FINGERPRINT else source.text()
        key = source.text()
        raised_ms = since_ms + source.signed()
        said_ms = raised_ms + source.signed()
        seen_ms = said_ms + source.signed()
        windows, missed, repeats, confidence = (source.number() for _ in range(4))
        identity = _unpack_identity(source) if flags & _NAMED else None
        return cls(
            fingerprint,
            key,
            _SEVERITIES[flags % 4],
            raised_ms,
            said_ms,
            seen_ms,
            windows,
            missed,
            repeats,
            confidence,
            bool(flags & _PENDING),
            identity,
        )


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
        # a hair above, so that 0.57 is 5,700 steps although its product in binary is not
        confidence=math.floor(alert.raised_confidence * CONFIDENCE_STEPS + 1e-6),
        identity=Identity(str(pattern.kind), pattern.form, pattern.nature, pattern.direction, pattern.metric_names),
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
        raised_confidence=confidence,
    )


def _milliseconds(seconds: float) -> int:
    return round(min(max(seconds, -LAST_SECOND), LAST_SECOND) * 1000)


def _pack_identity(identity: Identity, into: Packer) -> None:
    into.number(int(identity.nature == Nature.EVENT))
    for text in (identity.kind, identity.form, identity.direction):
        into.text(text)
    into.number(len(identity.metric_names))
    for name in identity.metric_names:
        into.text(name)


def _unpack_identity(source: Unpacker) -> Identity:
    nature = Nature.EVENT if source.number() else Nature.FACT
    kind, form, direction = (source.text() for _ in range(3))
    return Identity(kind, form, nature, direction, tuple(source.text() for _ in range(source.number())))
