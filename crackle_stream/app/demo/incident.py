"""Twenty minutes of a checkout service, with everything that goes wrong in them written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from crackle_stream.model import CracklePattern, Partition, PatternKind, Positions, TaskBatch

__all__ = ["Act", "Incident", "Planted", "checkout_incident"]

Column = npt.NDArray[np.float64]

TASKS = 2400
SECONDS_PER_TASK = 0.5
BEGINS = 1_767_621_600.0
"""2026-01-05T14:00:00Z: a day like any other, the same in every run."""

QUEUE_GROWS, QUEUE_FULL, QUEUE_DRAINS, QUEUE_EMPTY = 800, 830, 1500, 1530
LATENCY_LAG = 12
"""Tasks by which latency follows the queue: six seconds."""

ROWS_LEAK, LEAK = 1800, 0.06
"""From this task on, this share of the rows is neither written nor counted."""

PAYMENT_SWINGS = 2000

NEAR = 60
"""Tasks from where something was planted within which a change is taken for it: the queue takes 30 to fill."""


@dataclass(frozen=True, slots=True)
class Planted:
    """Something that was put into the data.

    Attributes:
        what: a sentence about it.
        task: where it begins.
        shown_by: whether a pattern reports it.
        unseen: why, where no pattern does.
    """

    what: str
    task: int
    shown_by: Callable[[CracklePattern], bool]
    unseen: str


@dataclass(frozen=True, slots=True)
class Act:
    """What the audience is told when a task is about to fire."""

    task: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Incident:
    """A stream with its truth.

    Attributes:
        batch: the tasks, columnar.
        acts: what is told, in order.
        planted: what was put in, in order.
    """

    batch: TaskBatch
    acts: tuple[Act, ...]
    planted: tuple[Planted, ...]

    def clock_of(self, task: int) -> str:
        """Minutes and seconds of the story at a task."""
        minutes, seconds = divmod(int(task * SECONDS_PER_TASK), 60)
        return f"{minutes:02}:{seconds:02}"


def checkout_incident(seed: int) -> Incident:
    """The incident; one seed, one stream.

    Args:
        seed: of the generator that draws all noise.
    """
    columns = _columns(np.random.default_rng(seed))
    batch = TaskBatch(
        labels=[f"checkout-{number}" for number in range(1, TASKS + 1)],
        times=BEGINS + SECONDS_PER_TASK * np.arange(TASKS, dtype=np.float64),
        names=tuple(columns),
        values=np.column_stack(list(columns.values())),
        positions=Positions(Partition("demo"), np.arange(TASKS, dtype=np.int64)),
    )
    return Incident(batch, ACTS, PLANTED)


def _columns(rng: np.random.Generator) -> dict[str, Column]:
    task = np.arange(TASKS, dtype=np.float64)
    turns = [QUEUE_GROWS, QUEUE_FULL, QUEUE_DRAINS, QUEUE_EMPTY]
    load = np.interp(task, turns, [0.0, 1.0, 1.0, 0.0])
    queue = np.maximum(6 + 34 * load + _autoregressive(rng, 0.7, 1.5), 0).round()
    latency = 90 + 6 * np.concatenate([queue[:1].repeat(LATENCY_LAG), queue[:-LATENCY_LAG]]) + rng.normal(0, 14, TASKS)
    rows_in = rng.normal(900, 180, TASKS).clip(200).round()
    dropped = rng.poisson(9, TASKS).astype(np.float64)
    leaked = np.where(task >= ROWS_LEAK, (LEAK * rows_in).round(), 0.0)
    spread = np.where(task >= PAYMENT_SWINGS, 90.0, 30.0)
    return {
        "queue_depth": queue,
        "latency_ms": latency.round(1),
        "rows_in": rows_in,
        "rows_out": rows_in - dropped - leaked,
        "dropped": dropped,
        "payment_ms": (220 + spread * rng.standard_normal(TASKS)).clip(1).round(1),
    }


def _autoregressive(rng: np.random.Generator, share: float, deviation: float) -> Column:
    """Noise in which each value keeps a share of the one before."""
    steps = rng.normal(0, deviation * np.sqrt(1 - share**2), TASKS)
    values = np.empty(TASKS)
    last = 0.0
    for task, step in enumerate(steps):
        values[task] = last = share * last + step
    return values


def _change(task: int, *metrics: str) -> Callable[[CracklePattern], bool]:
    """Whether a pattern reports that one of these metrics changed about then: one event may name several."""

    def shown_by(pattern: CracklePattern) -> bool:
        if pattern.kind != PatternKind.PHASE_TRANSITION or pattern.at is None:
            return False
        late = (pattern.at.time - BEGINS) / SECONDS_PER_TASK - task
        return -NEAR <= late <= NEAR and not set(metrics).isdisjoint(pattern.metric_names)

    return shown_by


def _lagged(pattern: CracklePattern) -> bool:
    return pattern.form == "lagged" and {"queue_depth", "latency_ms"} <= set(pattern.metric_names)


def _broken_law(pattern: CracklePattern) -> bool:
    return pattern.form == "broken law" and {"rows_in", "rows_out"} <= set(pattern.metric_names)


def _spread(pattern: CracklePattern) -> bool:
    return pattern.form == "variance" and "payment_ms" in pattern.metric_names


ACTS = (
    Act(0, "A normal day: two checkouts a second. Every row that comes in goes out, or is counted as dropped."),
    Act(QUEUE_GROWS, "One of the workers dies. The queue begins to grow, and latency follows it six seconds later."),
    Act(QUEUE_DRAINS, "The worker is started again. The queue drains."),
    Act(ROWS_LEAK, "A fix goes out that loses 6 % of the rows: rows_in = rows_out + dropped holds no longer."),
    Act(PAYMENT_SWINGS, "The payment provider begins to swing: three times the spread, the same mean."),
)

NOT_OUTSTANDING = "it did not stand out from the way these metrics move anyway"

PLANTED = (
    Planted("queue_depth grows from 6 to 40", QUEUE_GROWS, _change(QUEUE_GROWS, "queue_depth"), NOT_OUTSTANDING),
    Planted("latency_ms rises with it", QUEUE_GROWS, _change(QUEUE_GROWS, "latency_ms"), NOT_OUTSTANDING),
    Planted(
        f"latency_ms follows queue_depth by {LATENCY_LAG} checkouts",
        QUEUE_GROWS,
        _lagged,
        NOT_OUTSTANDING,
    ),
    Planted("both return", QUEUE_DRAINS, _change(QUEUE_DRAINS, "queue_depth", "latency_ms"), NOT_OUTSTANDING),
    Planted("rows_in = rows_out + dropped breaks", ROWS_LEAK, _broken_law, NOT_OUTSTANDING),
    Planted("payment_ms swings three times as far", PAYMENT_SWINGS, _spread, NOT_OUTSTANDING),
)
