"""The kiln: fire tasks into a bounded ring, then cool it and look at the cracks.

This is the crate's API for a handful of tasks or a batch in one process; a stream uses `Pipeline`.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from crackle_stream import information
from crackle_stream.cooling import CoolingReport, cool
from crackle_stream.errors import CoolingIncomplete, InvalidColumns, KilnCooled, KilnFull
from crackle_stream.model import CracklePattern, Failure, TaskBatch, TaskEntry, TaskOutput
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import Clock, CrackleTask, SystemClock
from crackle_stream.ring import Ring
from crackle_stream.window import Window

__all__ = ["Kiln"]

T = TypeVar("T")


@dataclass(slots=True)
class _Fired:
    """What a kiln keeps of a task it fired, beside the ring's row."""

    task: object
    output: TaskOutput[object]
    duration: float
    cooled: Mapping[str, float] = field(default_factory=dict)


class Kiln:
    """Records task results, then detects patterns across them.

    Args:
        profile: which detectors run and how sensitive they are.
        capacity: most tasks it holds; None for no bound.
        overflow: what a full kiln does: "error" raises KilnFull, "drop_oldest" forgets the oldest task.
        clock: times the tasks and the cooling.

    Safe to use from several threads. Sealed by `cool` until `reset`.
    """

    def __init__(
        self,
        profile: ThermalProfile | None = None,
        *,
        capacity: int | None = None,
        overflow: Literal["error", "drop_oldest"] = "error",
        clock: Clock | None = None,
    ) -> None:
        if overflow not in ("error", "drop_oldest"):
            raise ValueError(f'overflow must be "error" or "drop_oldest", not {overflow!r}')
        self._profile = ThermalProfile.default() if profile is None else profile
        self._overflow = overflow
        self._clock: Clock = SystemClock() if clock is None else clock
        self._lock = threading.RLock()
        self._ring = Ring(capacity)
        self._recorded = 0
        self._fired: dict[int, _Fired] = {}
        self._report: CoolingReport | None = None
        self._cooled = False

    @property
    def profile(self) -> ThermalProfile:
        """Which detectors run and how sensitive they are."""
        return self._profile

    @property
    def capacity(self) -> int | None:
        """Most tasks it holds, or None."""
        return self._ring.capacity

    @property
    def task_count(self) -> int:
        """Tasks held now."""
        return len(self._ring)

    @property
    def is_cooled(self) -> bool:
        """Whether it is sealed."""
        return self._cooled

    @property
    def report(self) -> CoolingReport | None:
        """What the last cooling gave, or None before the first."""
        return self._report

    @property
    def entries(self) -> tuple[TaskEntry, ...]:
        """The tasks held, oldest first, each built when asked for."""
        with self._lock:
            labels, times, names, values = self._ring.last()
            first = self._recorded - len(labels)
            return tuple(
                self._entry(first + row, label, float(times[row]), names, values[row])
                for row, label in enumerate(labels)
            )

    def fire_task(self, task: CrackleTask) -> TaskOutput[object]:
        """Fire a task and record nothing.

        Raises:
            KilnCooled: the kiln is sealed.
        """
        if self._cooled:
            raise KilnCooled
        return task.fire()

    def fire_and_record(self, task: CrackleTask) -> TaskOutput[object]:
        """Fire a task, time it and record its metrics.

        Raises:
            KilnCooled: the kiln is sealed, before the task was fired or while it ran.
            KilnFull: no row is free and overflow is "error"; checked before firing and after.
        """
        with self._lock:
            self._check_room(1)
        fired_at, began = self._clock.time(), self._clock.monotonic()
        output = task.fire()
        duration = self._clock.monotonic() - began
        label = getattr(task, "label", None)
        with self._lock:
            self._record(str(label) if label else type(task).__name__, output.metrics, fired_at)
            self._fired[self._recorded - 1] = _Fired(task, output, duration)
        return output

    def fire_all(self, tasks: Iterable[CrackleTask]) -> list[TaskOutput[object]]:
        """Fire and record tasks one after another; stops at the first that raises."""
        return [self.fire_and_record(task) for task in tasks]

    def add_entry(self, label: str, metrics: Mapping[str, float], fired_at: float | None = None) -> None:
        """Record a task that was fired elsewhere.

        Args:
            label: the task's name.
            metrics: numbers by name; NaN is absent.
            fired_at: epoch seconds; now by default.

        Raises:
            KilnCooled: the kiln is sealed.
            KilnFull: no row is free and overflow is "error".
            InvalidColumns: a metric is infinite.
        """
        with self._lock:
            self._check_room(1)
            self._record(label, metrics, self._clock.time() if fired_at is None else fired_at)

    def add_batch(self, batch: TaskBatch) -> None:
        """Record many tasks at once.

        Raises:
            KilnCooled: the kiln is sealed.
            KilnFull: there are fewer free rows than tasks and overflow is "error"; nothing was recorded.
            InvalidColumns: a value is infinite; nothing was recorded.
        """
        with self._lock:
            self._check_room(len(batch))
            _check_finite(batch.names, batch.values)
            self._ring.append(batch.labels, batch.times, batch.names, batch.values)
            self._recorded += len(batch)
            self._forget_overwritten()

    def window(self) -> Window:
        """A snapshot of the tasks held; metrics returned by the tasks' own `cool` hooks are in it once cooled."""
        with self._lock:
            labels, times, names, values = self._ring.last()
            cooled = {
                row: fired.cooled
                for row, fired in enumerate(self._fired_rows(len(labels)))
                if fired is not None and fired.cooled
            }
        if cooled:
            names, values = _overridden(names, values, cooled)
        return Window.from_columns(labels, times, names, values)

    def cool(self) -> list[CracklePattern]:
        """Seal the kiln, call the tasks' own `cool` hooks, and detect patterns; most confident first.

        A sealed kiln gives the same patterns again. The full account is `report`.

        Warns:
            CoolingIncomplete: a detector or a hook failed, or the cooling ran out of its time, as it may on a loaded
                machine: no pattern then means little. Told by the cooling itself, not when it is asked for again.
        """
        with self._lock:
            if not self._cooled or self._report is None:
                self._cooled = True
                failures = self._run_hooks()
                report = cool(self.window(), self._profile, clock=self._clock)
                self._report = replace(report, failures=(*failures, *report.failures))
                if self._report.failures:
                    warnings.warn(CoolingIncomplete(self._report.failures), stacklevel=2)
            return list(self._report.patterns)

    def reset(self) -> None:
        """Forget every task and open the kiln for the next cycle."""
        with self._lock:
            self._ring.clear()
            self._recorded = 0
            self._fired.clear()
            self._report = None
            self._cooled = False

    def mi_matrix(self, bins: int = 10) -> tuple[list[str], npt.NDArray[np.float64]]:
        """Mutual information of every pair of metrics in bits, entropies on the diagonal.

        Returns:
            Metric names and a symmetric matrix of shape (m, m); each pair uses the tasks that have both metrics.
        """
        window = self.window()
        return list(window.names), information.mutual_information_matrix(window.values, bins)

    def distribution_shift(self, bins: int = 10) -> list[tuple[str, float]]:
        """Kullback-Leibler divergence of each metric's second half from its first, in bits, largest first."""
        window = self.window()
        return information.distribution_shift(window.names, window.values, bins)

    def jsd_shift(self, bins: int = 10) -> list[tuple[str, float]]:
        """Jensen-Shannon divergence between each metric's halves, in bits, largest first."""
        window = self.window()
        return information.jsd_shift(window.names, window.values, bins)

    def permutation_entropies(self, order: int = 3) -> list[tuple[str, float]]:
        """Normalised permutation entropy of each metric in task order."""
        window = self.window()
        return information.permutation_entropies(window.names, window.values, order)

    def _check_room(self, tasks: int) -> None:
        if self._cooled:
            raise KilnCooled
        capacity = self._ring.capacity
        if self._overflow == "error" and capacity is not None and len(self._ring) + tasks > capacity:
            raise KilnFull(capacity)

    def _record(self, label: str, metrics: Mapping[str, float], fired_at: float) -> None:
        self._check_room(1)
        names = tuple(metrics)
        values = np.array([[float(metrics[name]) for name in names]], dtype=np.float64).reshape(1, len(names))
        _check_finite(names, values)
        self._ring.append([label], np.array([fired_at]), names, values)
        self._recorded += 1
        self._forget_overwritten()

    def _forget_overwritten(self) -> None:
        first = self._recorded - len(self._ring)
        while self._fired and (oldest := next(iter(self._fired))) < first:
            del self._fired[oldest]

    def _fired_rows(self, rows: int) -> list[_Fired | None]:
        first = self._recorded - rows
        return [self._fired.get(first + row) for row in range(rows)]

    def _entry(
        self, row: int, label: str, fired_at: float, names: Sequence[str], values: npt.NDArray[np.float64]
    ) -> TaskEntry:
        metrics = {name: x for name, x in zip(names, values.tolist(), strict=True) if x == x}
        fired = self._fired.get(row)
        if fired is None:
            return TaskEntry(label, metrics, fired_at)
        return TaskEntry(label, metrics, fired_at, fired.cooled, fired.duration)

    def _run_hooks(self) -> list[Failure]:
        """Call each fired task's own `cool` with one shared sequence of all metrics as fired."""
        hooks = [fired for fired in self._fired.values() if callable(getattr(fired.task, "cool", None))]
        if not hooks:
            return []
        everything = tuple((entry.label, entry.metrics) for entry in self.entries)
        failures = []
        for fired in hooks:
            try:
                cooled = fired.task.cool(fired.output, everything)  # type: ignore[attr-defined]
                fired.cooled = {str(name): float(x) for name, x in dict(cooled or {}).items()}
            except Exception as error:  # noqa: BLE001 - a task's hook is a third party's code
                name = getattr(fired.task, "label", None) or type(fired.task).__name__
                failures.append(Failure(f"hook of {name}", f"{type(error).__name__}: {error}"))
        return failures


def _check_finite(names: Sequence[str], values: npt.NDArray[np.float64]) -> None:
    infinite = np.isinf(values).any(axis=0)
    if infinite.any():
        name = names[int(np.flatnonzero(infinite)[0])]
        raise InvalidColumns(f"metric {name!r} is infinite: a metric must be a finite number, or NaN for absent")


def _overridden(
    names: tuple[str, ...], values: npt.NDArray[np.float64], cooled: Mapping[int, Mapping[str, float]]
) -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    """The table with the hooks' metrics written over it, new metrics as new columns."""
    columns = {name: column for column, name in enumerate(names)}
    for metrics in cooled.values():
        for name in metrics:
            columns.setdefault(name, len(columns))
    wide = np.full((len(values), len(columns)), np.nan)
    wide[:, : len(names)] = values
    for row, metrics in cooled.items():
        for name, x in metrics.items():
            wide[row, columns[name]] = x
    return tuple(columns), wide
