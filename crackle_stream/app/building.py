"""From a configuration to a pipeline. Importing this, and building, loads all that the pipeline needs to run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy.random  # noqa: F401 - numpy loads it when a generator is first made: on the first cooling, in a thread

from crackle_stream.app.config import Configuration, ConfiguredSink
from crackle_stream.app.keeping import dead_letters_of, state_of
from crackle_stream.budget import Budget
from crackle_stream.decode import Decoder
from crackle_stream.detect import built_in
from crackle_stream.glaze import Glaze
from crackle_stream.model import Alert
from crackle_stream.profile import CoolingRate, Family, ThermalProfile
from crackle_stream.protocols import Sink, Source
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream.deadletter import Ceiling, DeadLetters
from crackle_stream.stream.dispatch import Subscription
from crackle_stream.stream.events import Event
from crackle_stream.stream.options import HushOptions, RunOptions
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.pipeline import Pipeline
from crackle_stream.stream.store import Store

__all__ = ["build_pipeline", "profile_of", "rehearsal", "schedule_of"]


def build_pipeline(configuration: Configuration, on_event: Callable[[Event], None]) -> Pipeline:
    """The pipeline a configuration describes, ready to be entered.

    Args:
        configuration: without problems.
        on_event: told of everything that happens.

    Raises:
        PluginError: a source or sink cannot be imported.
    """
    state = state_of(configuration, PARTS)
    sinks = [_subscription(each, each.component.build(), stateful=state is not None) for each in configuration.sinks]
    return _assembled(
        configuration,
        configuration.source.build(),
        sinks,
        _Kept(state, dead_letters_of(configuration)),
        configuration.run.options(strict=configuration.decode.strict),
        on_event,
    )


def rehearsal(configuration: Configuration, source: Source, on_event: Callable[[Event], None]) -> Pipeline:
    """The same pipeline over other records: nothing is delivered to its sinks, kept on disk, or called twice.

    Args:
        configuration: without problems.
        source: read in the place of the configured one.
        on_event: told of everything that happens, also of the sinks that each alert would have gone to.
    """
    sinks = [_subscription(each, _Deaf(each.name), stateful=False) for each in configuration.sinks]
    # somebody waits at a terminal: what cannot be reached now is said now; no supervisor waits for its end
    run = configuration.run.options(strict=configuration.decode.strict)
    options = replace(run, start_timeout=0.0, shutdown_grace=math.inf)
    return _assembled(configuration, source, sinks, _Kept(), options, on_event)


class _Deaf(Sink):
    """Stands for a sink of the configuration, and takes everything."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def send(self, alert: Alert) -> None:
        """Take an alert, and do nothing with it."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """What outlives the process."""

    state: Store | None = None
    dead_letters: DeadLetters | None = None


def _assembled(
    configuration: Configuration,
    source: Source,
    sinks: Sequence[Subscription],
    kept: _Kept,
    options: RunOptions,
    on_event: Callable[[Event], None],
) -> Pipeline:
    profile = profile_of(configuration)
    built_in(profile)  # loads what the detectors need, while no event loop runs yet
    return Pipeline(
        source,
        sinks,
        profile=profile,
        schedule=schedule_of(configuration),
        kiln=configuration.kiln.options,
        alerts=configuration.alerts.policy,
        routes=configuration.routes,
        hush=HushOptions(configuration.silences.file, configuration.mutes),
        decoder=Decoder(configuration.decode, Glaze(configuration.glaze) if configuration.glaze else None),
        dead_letters=kept.dead_letters,
        ceiling=_ceiling(configuration),
        state=kept.state,
        options=options,
        on_event=on_event,
    )


def _ceiling(configuration: Configuration) -> Ceiling | None:
    """A ceiling of the user's own; None leaves it to the pipeline, which knows whether its source can be read again."""
    section = configuration.dead_letters
    default = section.max_share == type(section)().max_share
    return None if default else Ceiling(section.max_share)


def _subscription(sink: ConfiguredSink, taker: Sink, *, stateful: bool) -> Subscription:
    how = sink.subscription
    return Subscription(
        taker,
        sink.match,
        required=how.required,
        queue=how.queue,
        timeout=how.timeout,
        spool=how.spool_options if sink.spools(stateful=stateful) else None,
        ack=how.ack,
        group=how.group,
    )


def profile_of(configuration: Configuration) -> ThermalProfile:
    """Which detectors run, and how sensitive they are."""
    section = configuration.profile
    return ThermalProfile(
        rate=CoolingRate(section.rate),
        family=Family(section.family),
        without=frozenset(section.without),
        detectors=configuration.detectors,
        budget=Budget.parse(section.budget) if section.per_window is None else Budget(section.per_window),
        metric_types=section.types,
    )


def schedule_of(configuration: Configuration) -> CoolingSchedule:
    """When windows end."""
    tasks, seconds = configuration.kiln.every_tasks, configuration.kiln.every_seconds
    return CoolingSchedule(
        every_tasks=None if isinstance(tasks, str) else tasks,
        every_seconds=None if isinstance(seconds, str) else seconds,
    )
