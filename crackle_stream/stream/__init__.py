"""The stream: from a source's bytes to a sink's acknowledgement."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.schedule import CoolingSchedule
    from crackle_stream.stream.deadletter import Ceiling, DeadLetterFile
    from crackle_stream.stream.dispatch import Subscription
    from crackle_stream.stream.events import Event
    from crackle_stream.stream.options import HushOptions, KilnOptions, RetryOptions, RunOptions
    from crackle_stream.stream.pipeline import Pipeline
    from crackle_stream.stream.statistics import Statistics

__all__ = [
    "Ceiling",
    "CoolingSchedule",
    "DeadLetterFile",
    "Event",
    "HushOptions",
    "KilnOptions",
    "Pipeline",
    "RetryOptions",
    "RunOptions",
    "Statistics",
    "Subscription",
]

_HOME = {
    "Ceiling": "crackle_stream.stream.deadletter",
    "CoolingSchedule": "crackle_stream.schedule",
    "DeadLetterFile": "crackle_stream.stream.deadletter",
    "Event": "crackle_stream.stream.events",
    "HushOptions": "crackle_stream.stream.options",
    "KilnOptions": "crackle_stream.stream.options",
    "Pipeline": "crackle_stream.stream.pipeline",
    "RetryOptions": "crackle_stream.stream.options",
    "RunOptions": "crackle_stream.stream.options",
    "Statistics": "crackle_stream.stream.statistics",
    "Subscription": "crackle_stream.stream.dispatch",
}


def __getattr__(name: str) -> object:
    """Load a name when it is asked for: checking a configuration needs the options and no event loop."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
