"""One look over a window with all evidence detectors, outside a cooling: for batches, tests and benchmarks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from crackle_stream.budget import PER_WINDOW_LIMIT, Judgement, judge
from crackle_stream.detect.evidence.folding import FOLDING, folded
from crackle_stream.detect.evidence.prepared import Prepared
from crackle_stream.history import History
from crackle_stream.model import Examination

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from crackle_stream.detect.evidence.metric_types import MetricType
    from crackle_stream.protocols import Detector
    from crackle_stream.window import Window

__all__ = ["Context", "look"]


class Context:
    """What the evidence detectors are handed: the shared preparation, the history, and all the time they need."""

    def __init__(self, window: Window, history: History, given: Mapping[str, MetricType] | None, seed: int) -> None:
        self.prepared = Prepared(window, history, given)
        self.history = history
        self.rng = np.random.default_rng(seed)

    def stop(self) -> bool:
        """Never."""
        return False


def look(
    window: Window,
    detectors: Iterable[Detector],
    history: History | None = None,
    *,
    allowance: float = PER_WINDOW_LIMIT,
    given: Mapping[str, MetricType] | None = None,
    seed: int = 0,
) -> Judgement:
    """Examine a window and spend an allowance over what is found.

    Args:
        window: the tasks.
        detectors: which ones look.
        history: what is known from earlier windows; nothing by default.
        allowance: chance of any false pattern.
        given: metric types that are known.
        seed: of the generator the detectors are handed.
    """
    history = History() if history is None else history
    context = Context(window, history, given, seed)
    examined: dict[str, Examination] = {made.name: made.examine(window, context) for made in detectors}
    judged = judge(examined, allowance)
    folding = folded(judged.patterns, window, history)
    remembered = {FOLDING: Examination(learned=folding.learned)}
    return replace(judged, patterns=folding.patterns, examined={**judged.examined, **remembered})
