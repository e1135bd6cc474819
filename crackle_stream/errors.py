"""Every error crackle_stream raises, as one tree.

    CrackleError
    ├── KilnCooled                 the kiln is sealed until reset()
    ├── KilnFull                   the kiln's ring has no free row (also a BufferError)
    ├── InvalidColumns             columns that do not fit together (also a ValueError)
    ├── ExpressionError            a derived metric that cannot be read (also a ValueError)
    ├── ConfigError                one or more problems of a configuration, all at once
    │   └── PluginError            a source, sink or detector that cannot be found or built
    ├── RecordRefused              a bad record while the stream is strict
    ├── SourceError                a source failed
    │   ├── SourceUnavailable      ... and may come back (retryable)
    │   ├── SourceStuck            ... again and again, however often it was opened anew
    │   ├── QueueFull              no room in a queue now (retryable, also a BufferError)
    │   └── QueueClosed            nothing may be put into a queue any more
    ├── SinkError                  a sink failed
    │   ├── SinkUnavailable        ... and may come back (retryable), perhaps at a stated time
    │   └── SinkRefused            ... and will never take this notification
    │       ├── TargetForbidden    the address may not be connected to
    │       ├── SinkGone           ... nor any other: it asks never to be called again
    │       └── ReaderGone         whoever read the output has closed it
    ├── StateError                 the file in the state directory
    │   ├── StateUnusable          ... is torn, foreign, newer or in use: somebody must see to it
    │   └── StateUnavailable       ... cannot be written now: the disk is full, or it is locked (retryable)
    ├── DeadLettersUnavailable     dead letters cannot be kept now (retryable)
    ├── TooManyRejects             more bad records than the ceiling allows
    ├── NothingRead                a stream of which nothing could be read
    ├── AlertsRefused              required sinks refused alerts that nothing keeps
    └── NotDrained                 the pipeline stopped with work left over

Each class builds its message from data: what is wrong, where, and what to do. One is not raised but warned with:
CoolingIncomplete.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.model import Failure

__all__ = [
    "AlertsRefused",
    "ConfigError",
    "CoolingIncomplete",
    "CrackleError",
    "DeadLettersUnavailable",
    "ExpressionError",
    "InvalidColumns",
    "KilnCooled",
    "KilnFull",
    "NotDrained",
    "NothingRead",
    "PluginError",
    "QueueClosed",
    "QueueFull",
    "ReaderGone",
    "RecordRefused",
    "SinkError",
    "SinkGone",
    "SinkRefused",
    "SinkUnavailable",
    "SourceError",
    "SourceStuck",
    "SourceUnavailable",
    "StateError",
    "StateUnavailable",
    "StateUnusable",
    "TargetForbidden",
    "TooManyRejects",
]


class CrackleError(Exception):
    """Base of every error this package raises.

    Attributes:
        retryable: whether the same call may succeed later with nothing changed.
    """

    retryable: bool = False


class CoolingIncomplete(RuntimeWarning):
    """A kiln was cooled and not all of it was looked at: patterns may be missing.

    Attributes:
        failures: what failed or overran, and why.
    """

    def __init__(self, failures: Sequence[Failure]) -> None:
        self.failures = tuple(failures)
        told = "; ".join(f"{failure.detector}: {failure.problem}" for failure in self.failures)
        overran = any(failure.overran for failure in self.failures)
        cure = "; ThermalProfile.with_max_cooling_duration gives it more time" if overran else ""
        super().__init__(f"not all was looked at, so that no pattern means little: {told} (kiln.report.failures){cure}")


class KilnCooled(CrackleError):
    """A task was fired into a kiln that has been cooled."""

    def __init__(self) -> None:
        super().__init__("the kiln has been cooled and is sealed: call reset() to start the next cycle")


class KilnFull(CrackleError, BufferError):
    """A task was recorded in a kiln whose ring has no free row.

    Attributes:
        capacity: the ring's size in tasks.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        super().__init__(
            f"the kiln holds {capacity} tasks, its capacity: cool() and reset() it, "
            'or build it with overflow="drop_oldest"'
        )


class InvalidColumns(CrackleError, ValueError):
    """Columns whose shapes or contents do not fit together."""


class ExpressionError(CrackleError, ValueError):
    """A derived metric's expression that cannot be read.

    Attributes:
        expression: the text as given.
        column: where it goes wrong, counted from 1, or None for the whole.
    """

    def __init__(self, expression: str, problem: str, column: int | None = None) -> None:
        self.expression = expression
        self.column = column
        where = f" at column {column}" if column is not None else ""
        super().__init__(
            f"{problem}{where} in the expression {expression!r}: use metric names, numbers, "
            "+ - * /, parentheses and abs, log, sqrt, min, max"
        )


class ConfigError(CrackleError):
    """A configuration with one or more problems.

    Attributes:
        problems: one sentence each, all of them.
    """

    def __init__(self, problems: Sequence[str], origin: str = "configuration") -> None:
        self.problems = tuple(problems)
        self.origin = origin
        count = len(self.problems)
        head = f"{origin}: {count} problem{'s' if count != 1 else ''}"
        super().__init__("\n  ".join([head, *self.problems]))


class PluginError(ConfigError):
    """A source, sink or detector that cannot be found or built."""

    def __init__(self, problem: str, origin: str = "configuration") -> None:
        super().__init__([problem], origin)


class RecordRefused(CrackleError):
    """A bad record met while the stream is strict.

    Attributes:
        position: where the record stands, such as "stdin:17".
        problem: why it was refused.
    """

    def __init__(self, position: str, problem: str) -> None:
        self.position = position
        self.problem = problem
        super().__init__(f"bad record at {position}: {problem} (strict: the stream stops at the first one)")


class SourceError(CrackleError):
    """A source failed for good.

    Attributes:
        source: the source's name.
    """

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        super().__init__(f"source {source}: {problem}")


class SourceUnavailable(SourceError):
    """A source cannot be reached now."""

    retryable = True


class SourceStuck(SourceError):
    """A source failed again and again; a new process may do better.

    Attributes:
        failures: how often in a row.
    """

    def __init__(self, source: str, failures: int, last: str) -> None:
        self.failures = failures
        super().__init__(
            source,
            f"failed {failures} times in a row without giving a record, the last time with: {last}. Let a supervisor "
            "start the process again; if it comes back, look at the brokers",
        )


class QueueFull(SourceError, BufferError):
    """A queue had no room for what was put without waiting.

    Attributes:
        limit: the queue's bound in tasks.
    """

    retryable = True

    def __init__(self, source: str, limit: int) -> None:
        self.limit = limit
        super().__init__(
            source,
            f"holds {limit} tasks, its limit: `await put(...)` to wait for room, put again later, or raise limit",
        )


class QueueClosed(SourceError):
    """Something was put into a queue that is closed."""

    def __init__(self, source: str) -> None:
        super().__init__(source, "is closed and takes nothing more: put before close(), or build another queue")


class SinkError(CrackleError):
    """A sink failed.

    Attributes:
        sink: the sink's name.
    """

    def __init__(self, sink: str, problem: str) -> None:
        self.sink = sink
        super().__init__(f"sink {sink}: {problem}")


class SinkUnavailable(SinkError):
    """A sink cannot take the notification now.

    Attributes:
        retry_after: seconds the receiver asks to wait, or None.
    """

    retryable = True

    def __init__(self, sink: str, problem: str, retry_after: float | None = None) -> None:
        self.retry_after = retry_after
        super().__init__(sink, problem)


class SinkRefused(SinkError):
    """A sink will never take this notification; sending it again is of no use."""


class TargetForbidden(SinkRefused):
    """The target's address is private, reserved or otherwise not to be connected to."""


class SinkGone(SinkRefused):
    """The receiver asks never to be called again, as HTTP does with 410; the sink takes nothing more."""


class ReaderGone(SinkRefused):
    """Whoever read the output has closed it, as `head` does once it has enough; nothing is wrong."""

    def __init__(self, sink: str) -> None:
        super().__init__(sink, "the reader of its output is gone")


class StateError(CrackleError):
    """The file in the state directory failed.

    Attributes:
        path: the file.
    """

    def __init__(self, path: str, problem: str) -> None:
        self.path = path
        super().__init__(f"state file {path}: {problem}")


class StateUnusable(StateError):
    """The state file is torn, is none of ours, is of a newer version, or another process works with it."""


class StateUnavailable(StateError):
    """The state file cannot be read or written now."""

    retryable = True


class DeadLettersUnavailable(CrackleError):
    """Dead letters cannot be kept now; what they are about stays unsettled."""

    retryable = True

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        super().__init__(f"dead letters cannot be kept in {where}: {problem}")


class TooManyRejects(CrackleError):
    """More records could not be read than the ceiling allows.

    Attributes:
        rejects: how many of the last `records`.
        records: how many were looked at.
    """

    def __init__(self, rejects: int, records: int, share: float, example: str) -> None:
        self.rejects = rejects
        self.records = records
        super().__init__(
            f"{rejects} of the last {records} records could not be read, more than the {share:.0%} that "
            f"dead_letters.max_share allows; the last one: {example}. Is this the right topic, and does [decode] fit "
            "what it holds? Nothing of them is committed: mend it and start again, or raise max_share to 1 to go on "
            "whatever comes"
        )


class NothingRead(CrackleError):
    """A stream ended, and none of its records could be read.

    Attributes:
        rejects: how many there were.
    """

    def __init__(self, rejects: int, example: str) -> None:
        self.rejects = rejects
        super().__init__(
            f"none of {rejects} records could be read; the last one: {example}. Is this the right stream, and does "
            "[decode] fit what it holds?"
        )


class AlertsRefused(CrackleError):
    """Required sinks refused alerts for good, and nothing but the log keeps them.

    Attributes:
        refused: how many, by sink name.
    """

    def __init__(self, refused: dict[str, int]) -> None:
        self.refused = dict(refused)
        counts = ", ".join(f"{name}: {count}" for name, count in sorted(refused.items()))
        super().__init__(
            f"alerts were refused for good and are only in this log, as alert.refused ({counts}): see what the "
            "receiver objects to, and set [dead_letters] path to keep the next ones"
        )


class NotDrained(CrackleError):
    """The pipeline stopped with work left over.

    Attributes:
        left: alerts not yet taken, by sink name.
        windows: windows not yet cooled.
        committed: whether the source knows what is settled.
    """

    def __init__(self, left: dict[str, int], windows: int, grace_s: float, *, committed: bool = True) -> None:
        self.left = dict(left)
        self.windows = windows
        self.committed = committed
        parts = [f"alerts left for sink {name}: {count}" for name, count in sorted(left.items())]
        if windows:
            parts.append(f"windows not cooled: {windows}")
        if not committed:
            parts.append(
                "positions not committed: what was delivered is read again, and comes again under the same ids"
            )
        who = "the receivers answer" if committed else "the brokers answer"
        super().__init__(
            f"not drained within {grace_s:g} s; {'; '.join(parts) or 'a delivery was under way'}. "
            f"Check that {who}, or raise shutdown_grace"
        )
