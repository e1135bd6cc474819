"""One task's result, for those who fire tasks by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Generic, TypeVar

__all__ = ["TaskEntry", "TaskOutput"]

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class TaskOutput(Generic[T_co]):
    """What firing a task gave: a value and named numbers.

    Attributes:
        value: the task's result, untouched.
        metrics: numbers by name; copied, so later changes to the argument do not show.

    >>> TaskOutput("built", {"seconds": 12.5}).with_metric("tests", 310).metrics["tests"]
    310.0
    """

    value: T_co
    metrics: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _numbers(self.metrics))

    def with_metric(self, name: str, x: float) -> TaskOutput[T_co]:
        """A copy that carries one more metric, or another value of one."""
        return TaskOutput(self.value, {**self.metrics, name: x})


@dataclass(frozen=True, slots=True)
class TaskEntry:
    """A task as a kiln records it.

    Attributes:
        label: the task's name.
        metrics: numbers by name, as fired.
        fired_at: epoch seconds.
        cooled_metrics: what the task's own `cool` hook returned; overrides fired metrics of the same name.
        fire_duration: seconds that firing took, or None where it was not timed.
    """

    label: str
    metrics: Mapping[str, float]
    fired_at: float
    cooled_metrics: Mapping[str, float] = field(default_factory=dict)
    fire_duration: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", _numbers(self.metrics))
        object.__setattr__(self, "cooled_metrics", _numbers(self.cooled_metrics))

    def all_metrics(self) -> Mapping[str, float]:
        """Fired metrics, overridden by cooled ones of the same name."""
        return MappingProxyType({**self.metrics, **self.cooled_metrics})


def _numbers(metrics: Mapping[str, float]) -> Mapping[str, float]:
    return MappingProxyType({name: float(x) for name, x in metrics.items()})
