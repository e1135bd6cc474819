"""A detector that finds something in some windows, whatever they hold: what an alert takes is measured by it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from crackle_stream.model import CracklePattern, Nature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from crackle_stream.window import Window

__all__ = ["KIND", "ONE_IN", "beat"]

KIND = "beat"

ONE_IN = "BENCH_BEAT_ONE_IN"
"""The variable that says in one of how many windows it finds something; a configuration gives a detector no options."""


def beat(window: Window) -> Iterator[CracklePattern]:
    """Something new, in windows that their ids choose, so that a window cut again is chosen again."""
    if int(window.id, 16) % int(os.environ[ONE_IN]) == 0:
        yield CracklePattern(
            kind=KIND,
            form=window.id,
            nature=Nature.EVENT,
            description=f"window {window.id} has ended",
            confidence=1.0,
            involved_tasks=tuple(window.labels[-1:]),
            metric_names=tuple(window.names[:1]),
        )
