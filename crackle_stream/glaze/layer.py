"""A task with derived metrics on top of those it fires with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from crackle_stream.model import TaskOutput

if TYPE_CHECKING:
    from crackle_stream.protocols import CrackleTask

__all__ = ["GlazeLayer"]

Derive = Callable[[TaskOutput[Any]], float]
"""A derived metric: from a task's output to a number."""

CoolHook = Callable[[TaskOutput[Any], Sequence[tuple[str, Mapping[str, float]]]], Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class GlazeLayer:
    """A task wrapped so that it fires with derived metrics too; itself a task, so layers may lie on layers.

    Each derived metric is computed once, when the task is fired, from an output that already carries the metrics
    derived before it. One of the same name as a fired metric replaces it.

    Attributes:
        task: the wrapped task.
        derived: names and functions, in the order they are computed.
        given_label: the label given to the layer, or None for the task's own.

    >>> class Build:
    ...     def fire(self):
    ...         return TaskOutput("built", {"errors": 3, "requests": 120})
    >>> def error_ratio(output):
    ...     return output.metrics["errors"] / output.metrics["requests"]
    >>> layer = GlazeLayer(Build()).with_derived_metric("error_ratio", error_ratio)
    >>> layer.label, layer.fire().metrics["error_ratio"]
    ('Build', 0.025)
    """

    task: CrackleTask
    derived: tuple[tuple[str, Derive], ...] = ()
    given_label: str | None = None

    @property
    def label(self) -> str:
        """The layer's label, else the task's, else the name of the task's class."""
        return self.given_label or getattr(self.task, "label", None) or type(self.task).__name__

    @property
    def cool(self) -> CoolHook | None:
        """The task's own `cool` hook, or None where it has none; a kiln calls it as it would without the layer."""
        hook: CoolHook | None = getattr(self.task, "cool", None)
        return hook

    def with_derived_metric(self, name: str, fn: Derive) -> GlazeLayer:
        """A copy that derives one more metric.

        Args:
            name: the metric's name.
            fn: takes the task's output and returns the number; what it raises reaches the caller of `fire`.
        """
        return replace(self, derived=(*self.derived, (name, fn)))

    def with_label(self, label: str) -> GlazeLayer:
        """A copy with a label of its own."""
        return replace(self, given_label=label)

    def fire(self) -> TaskOutput[Any]:
        """Fire the task and add the derived metrics to its output."""
        output: TaskOutput[Any] = self.task.fire()
        for name, fn in self.derived:
            output = output.with_metric(name, fn(output))
        return output
