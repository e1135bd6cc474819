"""What every evidence detector shares about a window: types, steps of counters, whitened ranks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, Self

import numpy as np
import numpy.typing as npt

from crackle_stream.detect.evidence.aliases import affine_copies
from crackle_stream.detect.evidence.dither import dithered
from crackle_stream.detect.evidence.drift import Drifts, drifts_of
from crackle_stream.detect.evidence.lengths import Lengths, closed
from crackle_stream.detect.evidence.metric_types import MIN_PRESENT, MetricType, TypedMetric, infer_all, steps_of
from crackle_stream.detect.evidence.pairs import seasons_of as seasons_seen
from crackle_stream.detect.evidence.pairs import steadied
from crackle_stream.detect.evidence.recall import memories_of, recalled, trusted
from crackle_stream.detect.evidence.steps import worth_removing
from crackle_stream.detect.evidence.whitening import TOGETHER_ROWS, White, seasons_of, whiten
from crackle_stream.model import Skip
from crackle_stream.protocols import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from crackle_stream.detect.evidence.memory import MetricMemory
    from crackle_stream.history import History
    from crackle_stream.window import Window

__all__ = ["Batch", "Block", "Prepared", "PreparedContext", "Whitened", "prepared_of"]

Floats = npt.NDArray[np.float64]

HUGE = 1e75
"""Numbers up to here can be raised to the fourth power."""

PART_VALUES = 40_000
"""Values whitened at once: some forty arrays of this size stay in a core's second cache."""

ALIKE_SHARE = 0.8
"""Share of its rows that every metric of a table must fill, so that little work is done on what is empty."""

MEMORY_NAME = "shift"
"""The detector under whose name the history keeps what is known of each metric."""


@dataclass(frozen=True, slots=True)
class Block:
    """Tested metrics that are present in the same rows.

    Attributes:
        rows: rows of the window where they are present.
        columns: their places among the tested metrics.
        white: what whitening made of them.
    """

    rows: npt.NDArray[np.intp]
    columns: tuple[int, ...]
    white: White


@dataclass(frozen=True, slots=True)
class Batch:
    """Metrics that were whitened in one table.

    Attributes:
        blocks: by the rows in which they are present.
        white: what whitening made of all of them, in the order of the blocks.
        lengths: their lengths, where they are present in different rows.
    """

    blocks: tuple[Block, ...]
    white: White
    lengths: Lengths | None

    @classmethod
    def of(cls, parts: Sequence[_Alike], white: White) -> Self:
        """The batch that whitening made of some metrics."""
        if len(parts) == 1:
            return cls((Block(parts[0].rows, parts[0].columns, white),), white, None)
        ends = np.cumsum([len(part.columns) for part in parts]).tolist()
        blocks = tuple(
            Block(part.rows, part.columns, white.of(range(end - len(part.columns), end), len(part.rows)))
            for part, end in zip(parts, ends, strict=True)
        )
        return cls(blocks, white, Lengths.of([len(part.rows) for part in parts for _ in part.columns]))

    @property
    def columns(self) -> list[int]:
        """Places of all of them among the tested metrics."""
        return [column for block in self.blocks for column in block.columns]

    def table(self, values: Floats) -> Floats:
        """These metrics of a table of all k tested ones, closed up over their gaps as they were for whitening."""
        if self.lengths is None:
            (block,) = self.blocks
            return np.asarray(values[block.rows][:, list(block.columns)])
        return closed([values[block.rows, column] for block in self.blocks for column in block.columns])[0]


@dataclass(frozen=True, slots=True)
class Whitened:
    """All tested metrics, whitened.

    Attributes:
        batches: as they were whitened.
        scores: shape (n, k), standard normal and independent from row to row; NaN where absent or without a past.
    """

    batches: tuple[Batch, ...]
    scores: Floats

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The metrics by the rows in which they are present."""
        return tuple(block for batch in self.batches for block in batch.blocks)


class Prepared:
    """A window as the evidence detectors see it; every part is computed once, when it is first asked for.

    Attributes:
        window: the window.
        history: what the kiln remembers.
        given: metric types that the configuration states.
        stop: whether the cooling's time is used up; what is not whitened by then stays NaN.
    """

    def __init__(
        self,
        window: Window,
        history: History,
        given: Mapping[str, MetricType] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.window = window
        self.history = history
        self.stop = stop
        self.given = dict(given or {})

    @cached_property
    def typed(self) -> tuple[TypedMetric, ...]:
        """The m metrics with their types and reasons, in the window's order."""
        return infer_all(self.window.names, self.window.values, self.given)

    @cached_property
    def scale(self) -> Floats:
        """Shape (m,): 1, or the largest number of a metric whose numbers are so large that their squares overflow."""
        largest = np.abs(np.nan_to_num(self.window.values)).max(axis=0, initial=0.0)
        return np.where(largest > HUGE, largest, 1.0)

    @cached_property
    def table(self) -> Floats:
        """Shape (n, m): the window's values, counters replaced by what they gained at each task (NaN at resets).

        Metrics are divided by their `scale`.
        """
        table = self.window.values / self.scale
        for column, metric in enumerate(self.typed):
            if metric.type is MetricType.COUNTER:
                table[:, column] = steps_of(table[:, column])
        return table

    @cached_property
    def aliases(self) -> dict[int, int]:
        """Columns of `table` that are another one in other units, each with that earlier one."""
        return affine_copies(self.table, [c for c, metric in enumerate(self.typed) if metric.type.tested])

    @cached_property
    def tested(self) -> tuple[int, ...]:
        """Columns of `table` that carry enough varying numbers to be tested, k of them; of aliases the first."""
        enough = np.count_nonzero(~np.isnan(self.table), axis=0) >= MIN_PRESENT
        return tuple(
            column
            for column, metric in enumerate(self.typed)
            if metric.type.tested and enough[column] and column not in self.aliases
        )

    @cached_property
    def skipped(self) -> tuple[Skip, ...]:
        """The metrics that no detector tests as numbers, and why."""
        tested = set(self.tested)
        return tuple(
            Skip(metric.name, self._why_not(column, metric))
            for column, metric in enumerate(self.typed)
            if column not in tested
        )

    def _why_not(self, column: int, metric: TypedMetric) -> str:
        if not metric.type.tested:
            return f"{metric.type}: {metric.why}"
        if column in self.aliases:
            return f"alias: {self.window.names[self.aliases[column]]} in other units"
        return "present in too few tasks"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the k tested metrics."""
        return tuple(self.window.names[column] for column in self.tested)

    @cached_property
    def untied(self) -> Floats:
        """Shape (n, k): the tested columns of `table`, discrete values dithered within their cells."""
        table = self.table[:, list(self.tested)]
        for column in range(table.shape[1]):
            table[:, column] = dithered(table[:, column])
        return table

    @cached_property
    def memories(self) -> tuple[MetricMemory | None, ...]:
        """What earlier windows taught about each of the k tested metrics."""
        return tuple(memories_of(self.history.of(MEMORY_NAME), self.names))

    def calibrated(self, *columns: int) -> bool:
        """Whether memory is long enough for all of these tested metrics, given by their places."""
        return all((memory := self.memories[column]) is not None and memory.calibrated for column in columns)

    @cached_property
    def whitened(self) -> Whitened:
        """Innovations of the k tested metrics and the changes found in each."""
        nothing = np.full((len(self.window), len(self.tested)), np.nan)
        if self.stop():  # of a long window the types alone take their time
            return Whitened((), nothing)
        untied = self.untied
        present = ~np.isnan(untied)
        alike: dict[bytes, list[int]] = {}
        for column in range(untied.shape[1]):
            alike.setdefault(present[:, column].tobytes(), []).append(column)
        scores = nothing
        batches: list[Batch] = []
        waiting: list[_Alike] = []
        for columns in _parts(alike.values(), len(untied)):
            if self.stop():
                break
            waiting += self._alike(np.flatnonzero(present[:, columns[0]]), columns)
            if len(alike) == 1:
                batches += self._judged(waiting)
                waiting.clear()
        batches += self._judged(waiting)
        whitened = Whitened(tuple(batches), scores)
        for block in whitened.blocks:
            scores[block.rows[:, None], block.columns] = block.white.scores
        return whitened

    @cached_property
    def steady(self) -> Floats:
        """Shape (n, k): the whitened scores over the spread that their seasons give them."""
        return steadied(self.whitened.scores, seasons_seen(self))

    def _alike(self, rows: npt.NDArray[np.intp], columns: list[int]) -> Iterator[_Alike]:
        """Those of some metrics that are judged by their memories, and those that are by the window alone."""
        values = self.untied[rows][:, columns]
        drifts = drifts_of(values)
        seasons = seasons_of(drifts.taken_from(values))
        known = {
            place: memory
            for place, column in enumerate(columns)
            if (memory := self.memories[column]) is not None and trusted(memory, seasons[place], len(rows))
        }
        new = [place for place in range(len(columns)) if place not in known]
        for places in filter(None, (list(known), new)):
            yield _Alike(
                rows,
                tuple(columns[place] for place in places),
                values[:, places],
                [seasons[place] for place in places],
                drifts.of(places),
                [known[place] for place in places if place in known],
            )

    def _judged(self, waiting: list[_Alike]) -> Iterator[Batch]:
        """Metrics whitened; those that are present in different rows close up over their gaps in one table."""
        bar = worth_removing(len(self.tested))
        for by_memory in (True, False):
            for some in _together(one for one in waiting if bool(one.memories) == by_memory):
                white = None if self.stop() else _whitened_together(some, bar, self.stop)
                if white is None:
                    return
                yield Batch.of(some, white)


@dataclass(frozen=True, slots=True, eq=False)
class _Alike:
    """Metrics that are present in the same rows, and are judged in the same way.

    Attributes:
        rows: rows of the window where they are present, n of them.
        columns: their places among the tested metrics, k of them.
        values: shape (n, k).
        seasons: frequencies of the sinusoids in each.
        drifts: the straight drifts of each.
        memories: what each is judged by; none where that is the window alone.
    """

    rows: npt.NDArray[np.intp]
    columns: tuple[int, ...]
    values: Floats
    seasons: list[tuple[float, ...]]
    drifts: Drifts
    memories: list[MetricMemory]


def _together(new: Iterable[_Alike]) -> Iterator[list[_Alike]]:
    """Metrics that are whitened in one table: of about as many rows, and few enough for a core's cache."""
    batch: list[_Alike] = []
    for one in sorted(new, key=lambda one: len(one.rows)):
        if batch and not (
            TOGETHER_ROWS <= len(batch[0].rows) >= ALIKE_SHARE * len(one.rows)
            and sum(len(each.columns) for each in (*batch, one)) <= _part_size(len(one.rows))
        ):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _whitened_together(some: list[_Alike], bar: float, stop: Callable[[], bool]) -> White | None:
    memories = [memory for one in some for memory in one.memories]
    drifts = some[0].drifts if len(some) == 1 else Drifts.together([one.drifts for one in some])
    if len(some) == 1:
        table, lengths = some[0].values, None
    else:
        flat = (one.values if memories else one.drifts.taken_from(one.values) for one in some)
        table, lengths = closed([column for values in flat for column in values.T])
    if memories:
        return recalled(table, memories, bar, stop, lengths)
    return whiten(table, [seasons for one in some for seasons in one.seasons], drifts, bar, stop, lengths)


def _parts(alike: Iterable[list[int]], rows: int) -> Iterator[list[int]]:
    """Columns in parts that fit a core's cache, and between which the deadline is asked for."""
    size = _part_size(rows)
    for columns in alike:
        for start in range(0, len(columns), size):
            yield columns[start : start + size]


def _part_size(rows: int) -> int:
    """Metrics whitened at once."""
    return int(np.clip(PART_VALUES // max(rows, 1), 2, 16))


class PreparedContext(Context, Protocol):
    """A cooling's context that offers the shared preparation."""

    @property
    def prepared(self) -> Prepared:
        """The window's preparation, the same object for every detector of a cooling."""
        ...


def prepared_of(window: Window, context: Context) -> Prepared:
    """The preparation a cooling shares between its detectors, or one of our own where it offers none.

    Third-party detectors call this in `examine`:

    >>> def examine(self, window, context):
    ...     prepared = prepared_of(window, context)
    ...     scores = prepared.whitened.scores  # shape (n, k), standard normal, independent from row to row
    """
    shared = getattr(context, "prepared", None)
    if isinstance(shared, Prepared) and shared.window is window:
        return shared
    return Prepared(window, context.history, stop=context.stop)
