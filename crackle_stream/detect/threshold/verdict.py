"""What a threshold detector hands back: findings in a fixed order, and a word on what it did not test."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from crackle_stream.model import Candidate, CracklePattern, Examination, NearMiss, Skip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from crackle_stream.window import Window

__all__ = ["Verdict", "skips", "too_few_tasks"]

NAMED_APART = 20
"""Things skipped for one reason that are named one by one; more are counted."""


@dataclass(slots=True)
class Verdict:
    """Collects what one examination finds.

    Attributes:
        tests: number of tests made.
        skipped: what was not tested, and why.
        nearest: the best that did not pass.
        complete: False once `stop` ended it.
    """

    tests: int = 0
    skipped: list[Skip] = field(default_factory=list)
    nearest: NearMiss | None = None
    complete: bool = True
    _found: list[tuple[CracklePattern, int]] = field(default_factory=list)

    def add(self, pattern: CracklePattern, first_row: int) -> None:
        """Take a finding in; `first_row` is the first of its tasks and orders equals."""
        self._found.append((pattern, first_row))

    def stopping(self, stop: Callable[[], bool]) -> Callable[[], bool]:
        """`stop`, noting when it said so."""

        def asked() -> bool:
            if stop():
                self.complete = False
            return not self.complete

        return asked

    def examination(self) -> Examination:
        """The findings by confidence, then kind, metrics and first row, whatever the order they were found in."""
        ranked = sorted(
            self._found, key=lambda each: (-each[0].confidence, each[0].kind, each[0].metric_names, each[1])
        )
        return Examination(
            candidates=tuple(Candidate(pattern) for pattern, _ in ranked),
            tests=self.tests,
            skipped=tuple(self.skipped),
            nearest=self.nearest,
            complete=self.complete,
        )


def too_few_tasks(name: str, window: Window, least: int) -> Examination | None:
    """An examination that found nothing because of it, or None where there are enough."""
    if len(window) >= least:
        return None
    return Examination(skipped=(Skip(name, f"{len(window)} tasks, at least {least} are needed"),))


def skips(why: str, things: str, count: int, what: Iterable[str]) -> list[Skip]:
    """One skip a thing where they are few, else one that counts them; `what` is read only where they are few.

    >>> skips("too short", "metrics", 2, iter(["a", "b"]))
    [Skip(what='a', why='too short'), Skip(what='b', why='too short')]
    >>> skips("too short", "metrics", 99, iter(()))
    [Skip(what='99 metrics', why='too short')]
    """
    if count > NAMED_APART:
        return [Skip(f"{count} {things}", why)]
    return [Skip(thing, why) for thing in what]
