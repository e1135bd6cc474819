"""From a configuration to what is kept on disk or in a topic: the state file, and dead letters."""

from __future__ import annotations

from collections.abc import Sequence

from crackle_stream.app.config import Configuration
from crackle_stream.app.config.loading import cluster_of
from crackle_stream.stream.deadletter import DeadLetterFile, DeadLetters, DeadLetterTopic
from crackle_stream.stream.store import Part, Store

__all__ = ["dead_letters_of", "state_of"]


def state_of(configuration: Configuration, parts: Sequence[Part], *, exclusive: bool = True) -> Store | None:
    """The file that outlives the process, or None where nothing does.

    Args:
        configuration: without problems.
        parts: whose tables are worked with.
        exclusive: whether this process delivers, which only one may.
    """
    directory = configuration.state.directory
    return None if directory is None else Store(directory, parts, exclusive=exclusive)


def dead_letters_of(configuration: Configuration) -> DeadLetters | None:
    """Where bad records and refused alerts are kept, or None where nothing keeps them."""
    section = configuration.dead_letters
    if section.path is not None:
        return DeadLetterFile(section.path)
    if section.topic is None:
        return None
    # loads aiokafka, which a pipe must not pay for
    from crackle_stream.sinks.kafka import Producer

    cluster = cluster_of(section, configuration.source, configuration.sinks)
    assert cluster is not None, "a topic without a cluster is a problem of the configuration"
    return DeadLetterTopic(Producer(cluster, name="dead letters"), section.topic)
