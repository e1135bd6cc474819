"""Whether two findings are faces of one change: windows name it by other metrics in front, or as another form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from crackle_stream.alerting.facts import DISSOLVED
from crackle_stream.alerting.told import same_place, subjects
from crackle_stream.model import CracklePattern

__all__ = ["Known", "other_face", "same_face"]


class Known(Protocol):
    """Something that is about a pattern."""

    @property
    def pattern(self) -> CracklePattern:
        """Which."""
        ...


KnownT = TypeVar("KnownT", bound=Known)


def other_face(pattern: CracklePattern, known: Iterable[KnownT], pace: float) -> KnownT | None:
    """What is known of the same change, found as another form or with other metrics before it.

    Args:
        pattern: an event.
        known: what may be about the same change.
        pace: seconds from one task to the next.
    """
    own = set(subjects(pattern))
    for one in known:
        like = one.pattern.kind == pattern.kind and own & set(subjects(one.pattern))
        if like and one.pattern.form != DISSOLVED and same_place(one.pattern, pattern, pace):
            return one
    return None


def same_face(known: CracklePattern, found: CracklePattern) -> bool:
    """Whether an alert may be told in the words of this finding: who read of latency is not told that depth is fine."""
    if not known.description:
        return known.fingerprint == found.fingerprint  # brought back from a digest, which has no words
    faces = [(one.fingerprint, one.form, one.metric_names[:1]) for one in (known, found)]
    return faces[0] == faces[1]
