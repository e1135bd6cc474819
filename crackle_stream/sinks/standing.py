"""Which alerts stand in Alertmanager and which ended a moment ago; pure, so that time is passed in.

Alertmanager forgets an alert it does not hear of again, so what stands is pushed again and again. What ended is
pushed a while longer too: to an Alertmanager that was out of reach, and against a push of what stood before that
arrives late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from crackle_stream.render.moment import utc
from crackle_stream.sinks.formats.identity import fingerprint_of

__all__ = ["Notice", "Standing"]


@dataclass(frozen=True, slots=True)
class Notice:
    """An alert as Alertmanager knows it, but for its end.

    Attributes:
        labels: which alert it is.
        annotations: what is known of it.
        starts_at: RFC 3339; "" leaves it to Alertmanager.
        link: its generatorURL, or "".
    """

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: str = ""
    link: str = ""

    @property
    def fingerprint(self) -> str:
        """The pattern's, which ties notifications together though a label be lost."""
        return self.labels.get("fingerprint", "")

    def until(self, end: float) -> dict[str, object]:
        """What `/api/v2/alerts` takes.

        Args:
            end: epoch seconds of its end; in the future for one that stands.
        """
        return {
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            **({"startsAt": self.starts_at} if self.starts_at else {}),
            "endsAt": utc(end, "milliseconds"),
            **({"generatorURL": self.link} if self.link else {}),
        }


@dataclass(frozen=True, slots=True)
class _Told:
    """A notice, and when the pipeline last said something of it, or that it ended."""

    notice: Notice
    at: float


class Standing:
    """The alerts that stand, bounded in number and in time.

    Args:
        limit: most of them; of more, the one told of longest ago is let go, and expires.
        hold_s: seconds after which one is let go that nothing more is said of.
        expires_s: seconds that a push keeps an alert standing, and that an ended one is pushed again.

    Attributes:
        let_go: how many were let go because there were too many.
    """

    def __init__(self, *, limit: int, hold_s: float, expires_s: float) -> None:
        self.let_go = 0
        self._limit = limit
        self._hold_s = hold_s
        self._expires_s = expires_s
        self._standing: dict[str, _Told] = {}
        self._ended: dict[str, _Told] = {}

    def __bool__(self) -> bool:
        return bool(self._standing or self._ended)

    def __contains__(self, fingerprint: object) -> bool:
        return fingerprint in self._standing

    @property
    def fingerprints(self) -> frozenset[str]:
        """Of the patterns whose alerts stand."""
        return frozenset(self._standing)

    def stand(self, notice: Notice, now: float) -> list[dict[str, object]]:
        """An alert was raised or repeated.

        Returns:
            What to push. Where a label of it changed, Alertmanager takes it for another alert: the old one is ended.
        """
        before = self._standing.pop(notice.fingerprint, None)
        self._ended.pop(notice.fingerprint, None)
        ended = []
        if before is not None and before.notice.labels != notice.labels:
            self._end(fingerprint_of(before.notice.labels), before.notice, now)
            ended.append(before.notice.until(now))
        self._add(notice, now)
        return [*ended, notice.until(now + self._expires_s)]

    def end(self, notice: Notice, now: float) -> list[dict[str, object]]:
        """An alert was resolved.

        Returns:
            What to push: with the labels and the beginning it had, for these are what Alertmanager knows it by, and
            a pipeline that restarted may not know them all any more.
        """
        fingerprint = notice.fingerprint
        before = self._standing.pop(fingerprint, None)
        known = before or self._ended.get(fingerprint)
        if known is not None:
            notice = replace(notice, labels=known.notice.labels, starts_at=known.notice.starts_at)
        at = known.at if known is not None and before is None else now
        self._end(fingerprint, notice, at)
        return [notice.until(at)]

    def adopt(self, notice: Notice, now: float) -> None:
        """An alert stands that an earlier process pushed; what is known here already is newer."""
        fingerprint = notice.fingerprint
        if fingerprint and fingerprint not in self._standing and fingerprint not in self._ended:
            self._add(notice, now)

    def forget(self, fingerprints: Iterable[str]) -> None:
        """Others resolved these: they stand no more."""
        for fingerprint in fingerprints:
            self._standing.pop(fingerprint, None)

    def due(self, now: float) -> list[dict[str, object]]:
        """What to push on a heartbeat; what has been held or has ended for long enough leaves."""
        for told, bound_s in ((self._standing, self._hold_s), (self._ended, self._expires_s)):
            for key in [key for key, each in told.items() if now - each.at > bound_s]:
                del told[key]
        standing = [each.notice.until(now + self._expires_s) for each in self._standing.values()]
        return standing + [each.notice.until(each.at) for each in self._ended.values()]

    def ended_since(self, then: float) -> list[dict[str, object]]:
        """What to push after a heartbeat that was under way since then, and may have revived what ended meanwhile."""
        return [each.notice.until(each.at) for each in self._ended.values() if each.at >= then]

    def _add(self, notice: Notice, now: float) -> None:
        self._standing[notice.fingerprint] = _Told(notice, now)
        if len(self._standing) > self._limit:
            del self._standing[next(iter(self._standing))]
            self.let_go += 1

    def _end(self, key: str, notice: Notice, at: float) -> None:
        self._ended.pop(key, None)
        self._ended[key] = _Told(notice, at)
        if len(self._ended) > self._limit:
            del self._ended[next(iter(self._ended))]
