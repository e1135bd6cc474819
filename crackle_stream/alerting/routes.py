"""Which alerts go where."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from crackle_stream.model import Alert, Nature

__all__ = ["Match"]

EVENTS = (Nature.EVENT,)
"""What a route takes that does not say: something happened. What merely holds is for those who ask."""


@dataclass(frozen=True, slots=True)
class Match:
    """What a sink takes. Every part that is given must fit; within a part one of its globs is enough.

    Facts are taken only where `nature` asks for them.

    Attributes:
        kind: globs over the pattern's kind, such as "phase transition".
        form: globs over its form, such as "broken *".
        metric: globs over its metric names; one metric that fits is enough.
        key: globs over the kiln's key.
        nature: "fact", "event"; only events where nothing is given.
        severity: "info", "warning", "critical".
        confidence: least confidence.
    """

    kind: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    metric: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    nature: tuple[str, ...] = ()
    severity: tuple[str, ...] = ()
    confidence: float = 0.0

    def takes(self, alert: Alert) -> bool:
        """Whether the alert fits."""
        pattern = alert.pattern
        # what was told once is told to its end, however sure later windows were
        confidence = pattern.confidence if alert.raised_confidence is None else alert.raised_confidence
        return (
            confidence >= self.confidence
            and _fits(self.kind, [pattern.kind])
            and _fits(self.form, [pattern.form])
            and _fits(self.metric, pattern.metric_names)
            and _fits(self.key, [pattern.key])
            and _fits(self.nature or EVENTS, [pattern.nature])
            and _fits(self.severity, [alert.severity])
        )


def _fits(globs: tuple[str, ...], words: tuple[str, ...] | list[str]) -> bool:
    return not globs or any(fnmatchcase(str(word), glob) for word in words for glob in globs)
