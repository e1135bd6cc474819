"""Silences: what somebody asked not to be told of, until when, and why."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self

from crackle_stream.alerting.routes import Match
from crackle_stream.model import Alert, digest

__all__ = ["MATCHERS", "MOST_SILENCES", "Silence", "SilenceBook", "TooManySilences"]

MOST_SILENCES = 1000
"""Silences held at once: each is asked about every alert, and nobody knows what a thousand of them hide."""

LONGEST_TEXT = 1000
"""Characters of a comment or an author."""

ID_DIGITS = 16

MATCHERS = ("kind", "form", "metric", "key", "fingerprint")
"""The parts of a silence that say what it is about."""


class TooManySilences(ValueError):
    """There is no room for another silence; the message says how many there are."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What is not to be told of for a while. All matchers that are given must fit; within one, a single glob is enough.

    Attributes:
        starts: epoch seconds.
        ends: epoch seconds.
        author: who asked for it.
        comment: why.
        kind: globs over the pattern's kind.
        form: globs over its form.
        metric: globs over its metric names.
        key: globs over the kiln's key.
        fingerprint: fingerprints.
        id: made of all the rest.
    """

    starts: float
    ends: float
    author: str
    comment: str
    kind: tuple[str, ...] = ()
    form: tuple[str, ...] = ()
    metric: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    fingerprint: tuple[str, ...] = ()
    id: str = field(init=False)

    def __post_init__(self) -> None:
        for name in MATCHERS:
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("starts", "ends"):
            object.__setattr__(self, name, float(getattr(self, name)))
        if not (math.isfinite(self.starts) and math.isfinite(self.ends)):
            raise ValueError("starts and ends must be moments")
        if not self.ends > self.starts:
            raise ValueError("ends must be later than starts")
        if not any(getattr(self, name) for name in MATCHERS):
            raise ValueError(
                f"one of {', '.join(MATCHERS)} is needed: without any it would silence everything "
                '(metric = ["*"] if that is meant)'
            )
        for name in ("author", "comment"):
            said = getattr(self, name)
            if not said.strip() or len(said) > LONGEST_TEXT:
                raise ValueError(f"{name} is text of 1 to {LONGEST_TEXT} characters")
        globs = [part for name in MATCHERS for part in (name, *getattr(self, name))]
        parts = [repr(self.starts), repr(self.ends), self.author, self.comment, *globs]
        object.__setattr__(self, "id", digest(parts, ID_DIGITS))

    def is_on(self, now: float) -> bool:
        """Whether it holds at this time."""
        return self.starts <= now < self.ends

    def covers(self, alert: Alert) -> bool:
        """Whether the alert is what it is about."""
        if self.fingerprint and alert.fingerprint not in self.fingerprint:
            return False
        return Match(self.kind, self.form, self.metric, self.key).takes(alert, natures=())

    def to_dict(self) -> dict[str, object]:
        """As JSON values."""
        said: dict[str, object] = {"id": self.id, "starts": self.starts, "ends": self.ends}
        said |= {"author": self.author, "comment": self.comment}
        return said | {name: list(getattr(self, name)) for name in MATCHERS}

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Self:
        """What `to_dict` wrote down.

        Raises:
            ValueError: something is missing or cannot be.
        """
        try:
            globs = (tuple(map(str, stored[name])) for name in MATCHERS)
            times = float(stored["starts"]), float(stored["ends"])
            return cls(*times, str(stored["author"]), str(stored["comment"]), *globs)
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no stored silence: {type(error).__name__}: {error}") from error


@dataclass(frozen=True, slots=True)
class SilenceBook:
    """Silences by id, at most `MOST_SILENCES`; a value."""

    silences: tuple[Silence, ...] = ()

    def __iter__(self) -> Iterator[Silence]:
        return iter(self.silences)

    def __len__(self) -> int:
        return len(self.silences)

    @classmethod
    def of(cls, silences: Iterable[Silence]) -> Self:
        """These; the same one twice is one.

        Raises:
            TooManySilences: there are too many.
        """
        known = {silence.id: silence for silence in silences}
        if len(known) > MOST_SILENCES:
            raise TooManySilences(f"there may be at most {MOST_SILENCES} silences, not {len(known)}")
        return cls(tuple(known.values()))

    def add(self, silence: Silence, now: float) -> Self:
        """With one more, and without those that are over.

        Raises:
            TooManySilences: there is no room for it.
        """
        return type(self).of((*self.current(now), silence))

    def expire(self, id: str, now: float) -> Self:  # noqa: A002 - what it is called everywhere
        """Without one, and without those that are over.

        Raises:
            KeyError: there is none of this id.
        """
        left = tuple(silence for silence in self if silence.id != id)
        if len(left) == len(self):
            raise KeyError(id)
        return replace(self, silences=left).current(now)

    def current(self, now: float) -> Self:
        """Without those that are over."""
        return replace(self, silences=tuple(silence for silence in self if now < silence.ends))

    def that_covers(self, alert: Alert, now: float) -> Silence | None:
        """A silence that is on and about the alert, the one that lasts longest."""
        covering = (silence for silence in self if silence.is_on(now) and silence.covers(alert))
        return max(covering, key=lambda silence: silence.ends, default=None)
