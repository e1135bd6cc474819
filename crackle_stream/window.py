"""A read-only snapshot of the last tasks of a kiln, in columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from crackle_stream.errors import InvalidColumns
from crackle_stream.model import Position, Span

__all__ = ["Span", "Window"]


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A read-only snapshot of n tasks and m metrics.

    Attributes:
        labels: n task labels.
        times: shape (n,) float64, epoch seconds at which the tasks fired.
        names: m distinct metric names.
        values: shape (n, m) float64; NaN where a task lacks the metric.
        key: the kiln's key, "" where the stream is not keyed.
        id: identity of the window, "" outside a stream.
        span: what it covers of each partition it comes from.
        fresh: how many of the tasks no earlier window of the kiln held.
        closed_by: what ended it: tasks, time, full, idle, age, evicted, end or asked; or whole, where the stream ended
            before enough was known of it, and all that the ring held is judged as one window.
    """

    labels: tuple[str, ...]
    times: npt.NDArray[np.float64]
    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    key: str = ""
    id: str = ""
    span: tuple[Span, ...] = ()
    fresh: int = 0
    closed_by: str = "asked"

    def after(self, earlier: Window) -> Window:
        """This window, where an earlier one of its kiln gave way to it: the tasks that were new there are new here."""
        firsts = {span.partition: span.first for span in self.span}
        lasts = {span.partition: span.last for span in self.span}
        for span in earlier.span:
            firsts[span.partition] = min(span.first, firsts.get(span.partition, span.first))
            lasts[span.partition] = max(span.last, lasts.get(span.partition, span.last))
        spans = tuple(Span(partition, firsts[partition], lasts[partition]) for partition in sorted(firsts))
        return replace(self, span=spans, fresh=self.fresh + earlier.fresh)

    @classmethod
    def from_columns(
        cls,
        labels: Sequence[str],
        times: npt.ArrayLike,
        names: Sequence[str],
        values: npt.ArrayLike,
        *,
        key: str = "",
        id: str = "",  # noqa: A002 - the field's name
        span: Sequence[Span] = (),
        fresh: int | None = None,
        closed_by: str = "asked",
        owned: bool = False,
    ) -> Window:
        """Build a window from columns; arrays are copied and made read-only.

        Args:
            labels: n task labels.
            times: n epoch seconds.
            names: m distinct metric names.
            values: shape (n, m); NaN where a task lacks a metric.
            key: the kiln's key.
            id: identity of the window.
            span: what it covers of each partition.
            fresh: tasks no earlier window held; all of them by default.
            closed_by: what ended the window.
            owned: whether arrays of float64 may be kept as they are, because nobody else will write to them.

        Raises:
            InvalidColumns: shapes do not fit, a name stands twice, or a value is infinite.
        """
        copied = np.asarray if owned else np.array
        stamps = copied(times, dtype=np.float64)
        table = copied(values, dtype=np.float64)
        if table.size == 0:
            table = table.reshape(len(labels), len(names))
        _check(labels, stamps, names, table)
        stamps.flags.writeable = False
        table.flags.writeable = False
        return cls(
            labels=tuple(labels),
            times=stamps,
            names=tuple(names),
            values=table,
            key=key,
            id=id,
            span=tuple(span),
            fresh=len(labels) if fresh is None else fresh,
            closed_by=closed_by,
        )

    def __len__(self) -> int:
        return len(self.labels)

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """The values of one metric, shape (n,), NaN where absent.

        Raises:
            KeyError: the window has no such metric.
        """
        try:
            return self.values[:, self.names.index(name)]
        except ValueError:
            raise KeyError(name) from None

    @property
    def nbytes(self) -> int:
        """Bytes that it takes; its labels are shared with the ring it was copied from."""
        return self.values.nbytes + self.times.nbytes + 8 * len(self.labels)

    @property
    def end_time(self) -> float:
        """Epoch seconds of the latest task; 0.0 for an empty window."""
        return float(self.times.max()) if len(self.times) else 0.0

    @property
    def end(self) -> Position | None:
        """The last record covered, where the window comes from one partition; else None."""
        return self.span[0].end if len(self.span) == 1 else None


def _check(
    labels: Sequence[str],
    times: npt.NDArray[np.float64],
    names: Sequence[str],
    values: npt.NDArray[np.float64],
) -> None:
    if times.shape != (len(labels),):
        raise InvalidColumns(f"{len(labels)} labels but times of shape {times.shape}: one time a task is needed")
    if values.shape != (len(labels), len(names)):
        raise InvalidColumns(
            f"values of shape {values.shape} for {len(labels)} labels and {len(names)} names: "
            "one row a task and one column a metric are needed"
        )
    if len(set(names)) != len(names):
        twice = sorted(name for name in set(names) if list(names).count(name) > 1)
        raise InvalidColumns(f"metric names must be distinct, these stand twice: {', '.join(twice)}")
    if np.isinf(values).any():
        raise InvalidColumns("values must be finite or NaN (absent), an infinite one was given")
