"""Every extension point of crackle_stream.

Implement one of these and hand it to a `Kiln`, a `ThermalProfile` or a `Pipeline`, or publish it under the entry
points `crackle_stream.sources`, `crackle_stream.sinks` or `crackle_stream.detectors`.

What is named in signatures alone is not loaded: a process that only reads the clock here, as the log does before its
first line, is spared numpy.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from types import TracebackType

    import numpy as np

    from crackle_stream.history import History
    from crackle_stream.model import (
        Alert,
        CracklePattern,
        Examination,
        LogStart,
        Partition,
        RecordBatch,
        TaskBatch,
        TaskOutput,
    )
    from crackle_stream.window import Window

__all__ = [
    "Clock",
    "Context",
    "CrackleTask",
    "DetectFunction",
    "Detector",
    "PartitionListener",
    "Sink",
    "Source",
    "SystemClock",
]


@runtime_checkable
class CrackleTask(Protocol):
    """Work that can be fired in a kiln.

    Two optional members are looked up by name: `label: str` (the class name by default) and
    `cool(output, all_metrics) -> Mapping[str, float]`, called once when the kiln cools, before the detectors run;
    what it returns overrides fired metrics of the same name. `all_metrics` is one shared sequence of
    (label, metrics) of every task in the kiln, as fired, before any hook.
    """

    def fire(self) -> TaskOutput[object]:
        """Do the work. Called once, in the caller's thread; what it raises reaches the caller."""
        ...


class Clock(Protocol):
    """Where time comes from."""

    def time(self) -> float:
        """Epoch seconds; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds since some start; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def time(self) -> float:
        """Epoch seconds."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since some start."""
        return time.monotonic()


class Context(Protocol):
    """What a cooling offers to a detector beside the window."""

    @property
    def history(self) -> History:
        """What the kiln remembers, read only."""
        ...

    @property
    def rng(self) -> np.random.Generator:
        """The detector's own generator; the same window and seed give the same draws."""
        ...

    def stop(self) -> bool:
        """Whether the cooling's time is used up.

        Ask at least every 50 ms of work; when True, return at once what you have with `complete=False`.
        """
        ...


@runtime_checkable
class Detector(Protocol):
    """Looks back over a window for one sort of pattern.

    A plain callable `detect(window) -> iterable of patterns` is adapted and need not implement this.

    Attributes:
        name: unique among the detectors of a profile; its memory and its failures go by it.
    """

    @property
    def name(self) -> str:
        """Unique among the detectors of a profile."""
        ...

    def examine(self, window: Window, context: Context) -> Examination:
        """Look for patterns.

        Called once a cooling in a worker thread, at the same time for different kilns: keep no state, block on
        nothing, change nothing. What it raises is reported as a failure of this detector and never ends the stream;
        after three failures or overruns in a row a third party's detector is disabled.
        """
        ...


class DetectFunction(Protocol):
    """The plain-callable form of a detector."""

    def __call__(self, window: Window, /) -> Iterable[CracklePattern]:
        """Patterns of a window; pure and thread-safe."""
        ...


class PartitionListener(Protocol):
    """Told by a source when partitions come and go."""

    async def assigned(self, partitions: Mapping[Partition, LogStart]) -> Mapping[Partition, int]:
        """These partitions are ours from now on.

        Returns:
            The offset from which to read each, where that is not the one it starts at.
        """
        ...

    async def revoked(self, partitions: Sequence[Partition]) -> None:
        """These partitions are ours no longer once this returns; settled positions may still be committed in it."""
        ...


class Source(Protocol):
    """Where task results come from. Subclass it to inherit the optional methods.

    The pipeline enters it, calls `read` again and again from one task, never two calls at once, and leaves it. While
    paused `read` is still called, so that a broker's session stays alive, and must return empty batches.

    Attributes:
        name: how messages and positions call it.
        replayable: whether records after a committed offset come again after a restart.
        live: whether waiting costs: windows of a live source may be merged when coolings cannot keep up.
        dated: whether records bear the time at which they were logged, whenever they are read.
    """

    name: str
    replayable: bool = False
    live: bool = False
    dated: bool = False

    async def __aenter__(self) -> Self:
        """Acquire what reading needs.

        Raises:
            SourceUnavailable: it cannot be reached now; the pipeline tries again until `start_timeout`.
            SourceError: it never will.
        """
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it; bounded in time, raises nothing."""
        return None

    async def read(self) -> RecordBatch | TaskBatch | None:
        """The next batch of one partition.

        Returns:
            A batch; an empty one when there is nothing yet (wait at most about a second); None at the end.
        """
        ...

    async def commit(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str] | None = None) -> None:
        """Remember that everything before these offsets is settled. At most about once a second; offsets never go
        back. A source that is not replayable does nothing.

        Args:
            offsets: by partition.
            notes: text to be stored with an offset, and handed back as `LogStart.note` to whoever reads on from it;
                at most 4,000 bytes. A source without a place for it stores nothing.
        """
        return None

    async def stored(self, partitions: Collection[Partition]) -> Mapping[Partition, str]:
        """The texts that were committed last with offsets of partitions, ours or another's; those of which nothing is
        known are left out.

        Raises:
            SourceUnavailable: it cannot be asked now.
        """
        return {}

    def listen(self, listener: PartitionListener) -> None:
        """Whom to tell when partitions come and go; called before entering. A source with fixed partitions does
        nothing."""
        return None

    def pause(self) -> None:
        """Fetch no more until `resume`; called when the ring or a sink is full."""
        return None

    def resume(self) -> None:
        """Fetch again."""
        return None

    def reached(self) -> Mapping[Partition, int]:
        """By partition, one past the last offset up to which `read` has returned all there is.

        Marks of transactions and records without a value are returned by nobody: where they end a log, this is how
        their offsets come to be committed. Partitions with records that wait to be returned are left out.
        """
        return {}

    def lag(self) -> int | None:
        """Records known to stand between the last one read and the end, or None where that is not known."""
        return None


class Sink(Protocol):
    """Where alerts go. Subclass it to inherit the optional methods.

    Delivery is at-least-once: the same `alert.id` may come twice, after an error whose outcome is unknown. The
    pipeline calls `send` from one task a sink, one alert at a time, and retries what is retryable.

    Attributes:
        name: how messages call it; the configuration's name overrides it.
    """

    name: str

    async def __aenter__(self) -> Self:
        """Acquire what sending needs."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it; bounded in time, raises nothing."""
        return None

    async def send(self, alert: Alert) -> None:
        """Deliver one alert; when it returns the receiver has it.

        Raises:
            SinkUnavailable: try again, perhaps after a stated time.
            SinkRefused: never try this alert again.
        """
        ...
