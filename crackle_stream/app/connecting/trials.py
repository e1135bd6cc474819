"""Every part of a configuration that leads out of the process, tried at the same time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import anyio
import anyio.to_thread

from crackle_stream.app.config import Component, Configuration, ConfiguredSink
from crackle_stream.app.config.loading import cluster_of
from crackle_stream.app.connecting import places
from crackle_stream.errors import ConfigError, CrackleError

__all__ = ["WITHIN_S", "Tried", "try_all"]

WITHIN_S = 30.0
"""Most that all of it may take: a broker has 15 seconds by default to be reached, and as long to answer."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of one part.

    Attributes:
        part: of the configuration.
        problems: sentences with their cures; none where it is there.
        said: what answered; "" where nothing can be tried.
    """

    part: str
    problems: tuple[str, ...] = ()
    said: str = ""


_Trial = Callable[[], Awaitable[Tried]]


def try_all(configuration: Configuration, within_s: float = WITHIN_S) -> list[Tried]:
    """Try everything; nothing is sent, committed or created.

    Args:
        configuration: without problems.
        within_s: seconds after which what has not answered counts as absent.

    Returns:
        By part, in the order a record goes.
    """
    return anyio.run(_tried, dict(_trials(configuration)), within_s)


async def _tried(trials: dict[str, _Trial], within_s: float) -> list[Tried]:
    results = {part: Tried(part, (f"no answer within {within_s:g} s",)) for part in trials}

    async def one(part: str, trial: _Trial) -> None:
        try:
            results[part] = await trial()
        except ConfigError as error:
            results[part] = Tried(part, error.problems)
        except CrackleError as error:
            results[part] = Tried(part, (str(error).removeprefix(f"{part}: "),))
        except Exception as error:  # noqa: BLE001 - a third party's code may raise anything
            results[part] = Tried(part, (f"{type(error).__name__}: {error}",))

    with anyio.move_on_after(within_s):
        async with anyio.create_task_group() as group:
            for part, trial in trials.items():
                group.start_soon(one, part, trial)
    return list(results.values())


def _trials(configuration: Configuration) -> Iterator[tuple[str, _Trial]]:
    """What there is to try."""
    source = configuration.source
    if source.plugin.name == "kafka":
        yield "source", partial(_topics, "source", source)
    elif source.plugin.name == "file":
        yield "source", partial(_local, "source", partial(places.readable_problems, source.made.path), "can be read")
    else:
        yield "source", partial(_nothing, "source", "nothing to connect to before it runs")
    for sink in configuration.sinks:
        yield f"sink {sink.name}", _sink(sink)
    letters = configuration.dead_letters
    if letters.path is not None:
        wanted = partial(places.file_problems, letters.path)
        yield "dead letters", partial(_local, "dead letters", wanted, "can be written")
    elif letters.topic is not None:
        cluster = cluster_of(letters, source, configuration.sinks)
        yield "dead letters", partial(_topic, "dead letters", cluster, letters.topic)
    if configuration.state.directory is not None:
        spools = [each.subscription.spool_bytes for each in configuration.sinks if each.spools(stateful=True)]
        wanted = partial(places.state_problems, configuration.state.directory, spools)
        yield "state", partial(_local, "state", wanted, f"{configuration.state.directory} can be used")
    if configuration.status.listen is not None:
        wanted = partial(places.listen_problems, configuration.status)
        yield "status", partial(_local, "status", wanted, f"{configuration.status.authority} is free")


def _sink(sink: ConfiguredSink) -> _Trial:
    part, name, made = f"sink {sink.name}", sink.component.plugin.name, sink.component.made
    if name in ("webhook", "alertmanager"):
        return partial(_receiver, part, sink.component)
    if name == "kafka":
        return partial(_topic, part, made, made.topic)
    if name == "file":
        return partial(_local, part, partial(places.file_problems, made.path), "can be written")
    if name in ("stdout", "log", "memory"):
        return partial(_nothing, part, "nothing to connect to")
    return partial(_nothing, part, f"cannot be tried without sending: crackle-stream sinks test {sink.name}")


async def _nothing(part: str, why: str) -> Tried:
    return Tried(part, said=why)


async def _local(part: str, problems: Callable[[], Iterable[str]], fine: str) -> Tried:
    found = await anyio.to_thread.run_sync(lambda: tuple(problems()), abandon_on_cancel=True)
    return Tried(part, found, "" if found else fine)


async def _receiver(part: str, component: Component) -> Tried:
    return Tried(part, said=await component.build().try_out())


async def _topics(part: str, component: Component) -> Tried:
    # loads aiokafka, which what has no broker must not pay for
    from crackle_stream.brokers.trial import try_cluster

    made = component.made
    trial = await try_cluster(made, topics=made.topics, pattern=made.pattern, group=made.group)
    return Tried(part, trial.problems, f"{', '.join(trial.topics)} at {', '.join(made.brokers)}, group {made.group}")


async def _topic(part: str, cluster: object, topic: str) -> Tried:
    from crackle_stream.brokers.options import BrokerOptions
    from crackle_stream.brokers.trial import try_cluster

    assert isinstance(cluster, BrokerOptions), "a topic without a cluster is a problem of the configuration"
    trial = await try_cluster(cluster, topics=(topic,))
    return Tried(part, trial.problems, f"{topic} at {', '.join(cluster.brokers)}")
