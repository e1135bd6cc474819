"""What a configuration promises: what the figures on the page are held against."""

from __future__ import annotations

from dataclasses import dataclass

from crackle_stream.app.config import Configuration
from crackle_stream.profile import CoolingRate

__all__ = ["Setup", "setup_of"]


@dataclass(frozen=True, slots=True)
class Setup:
    """What is known before the first record.

    Attributes:
        name: the pipeline's.
        capacity: tasks that a ring holds.
        every_tasks: tasks after which a window ends; None for never.
        every_seconds: seconds after which a window ends; None for never.
        cooling_limit_s: seconds that a cooling may take.
        reject_share: share of bad records that ends the process; None where none does.
        grouped: whether the source's partitions are dealt out, so that there may be none here.
        sinks: their names.
        required: those that hold the source back.
    """

    name: str = "crackle-stream"
    capacity: int = 1000
    every_tasks: int | None = 500
    every_seconds: float | None = 30.0
    cooling_limit_s: float = CoolingRate.NORMAL.max_cooling_duration
    reject_share: float | None = None
    grouped: bool = False
    sinks: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()


def setup_of(configuration: Configuration) -> Setup:
    """What a configuration promises."""
    kiln, grouped = configuration.kiln, configuration.source.plugin.name == "kafka"
    share = configuration.dead_letters.max_share
    judged = share < 1 and (configuration.dead_letters.kept or grouped)
    return Setup(
        name=configuration.run.name,
        capacity=kiln.capacity,
        every_tasks=None if isinstance(kiln.every_tasks, str) else kiln.every_tasks,
        every_seconds=None if isinstance(kiln.every_seconds, str) else kiln.every_seconds,
        cooling_limit_s=CoolingRate(configuration.profile.rate).max_cooling_duration,
        reject_share=share if judged else None,
        grouped=grouped,
        sinks=tuple(sink.name for sink in configuration.sinks),
        required=frozenset(sink.name for sink in configuration.sinks if sink.subscription.required),
    )
