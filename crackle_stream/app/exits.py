"""How the process ends, as numbers for scripts and supervisors (`docs/exit-codes.md`)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from crackle_stream.errors import (
    ConfigError,
    CrackleError,
    NotDrained,
    NothingRead,
    ReaderGone,
    SourceStuck,
    SourceUnavailable,
    StateUnusable,
    TooManyRejects,
)
from crackle_stream.model import Alert, Severity

__all__ = ["Exit", "FailOn", "exit_of"]


SEVERITIES = tuple(Severity)
"""From the least to the most."""


class Exit(IntEnum):
    """Exit codes. A second signal ends the process at once with 128 plus its number."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Exit:
        """A code with the sentence that help and documents show."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DONE = 0, "done, also after a first SIGTERM or SIGINT that was drained"
    FAILED = 1, "a failure while running, also a bad record under --strict"
    USAGE = 2, "wrong usage or configuration"
    FOUND = 3, "patterns were found that --fail-on names, or a replay gave something else than --expect says"
    NOT_DRAINED = 4, "stopped with alerts that no sink had taken, or positions not committed, within the grace"
    STUCK = 5, "the consumer was stuck, and building it anew did not help"
    DEAD_LETTERS = 6, "more of what was read is bad than dead_letters.max_share allows"
    UNREACHABLE = 7, "the broker could not be reached within start_timeout"


@dataclass(frozen=True, slots=True)
class FailOn:
    """Which alerts make the process exit with 3.

    Attributes:
        words: "any", a severity, which stands for itself and what is above it, or kinds.
    """

    words: tuple[str, ...] = ()

    def names(self, alert: Alert) -> bool:
        """Whether the alert is one of them."""
        return any(self._names(word, alert) for word in self.words)

    def _names(self, word: str, alert: Alert) -> bool:
        if word in SEVERITIES:
            return SEVERITIES.index(alert.severity) >= SEVERITIES.index(Severity(word))
        return word in ("any", alert.pattern.kind)


def exit_of(error: CrackleError) -> Exit:
    """The code for an error that ends the process."""
    match error:
        case ReaderGone():
            return Exit.DONE
        case ConfigError():
            return Exit.USAGE
        case NotDrained():
            return Exit.NOT_DRAINED
        case SourceStuck():
            return Exit.STUCK
        case TooManyRejects() | NothingRead():
            return Exit.DEAD_LETTERS
        case StateUnusable():
            return Exit.USAGE
        case SourceUnavailable():
            return Exit.UNREACHABLE
    return Exit.FAILED
