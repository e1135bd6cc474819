"""The records of a rehearsal, as often as they are wanted: each time the same ones."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from crackle_stream.app.config import Configuration
from crackle_stream.app.replay.place import LogPlace
from crackle_stream.errors import ConfigError
from crackle_stream.protocols import Source
from crackle_stream.render.replay import BROKERS
from crackle_stream.sources.file import FileSource
from crackle_stream.sources.options import FileOptions, KafkaOptions

if TYPE_CHECKING:
    from crackle_stream.sources.kafka.stretch import KafkaStretch

__all__ = ["Played", "Recording", "recording_of"]


class Played(Protocol):
    """A source that is being read, and how far."""

    @property
    def source(self) -> Source:
        """What the pipeline reads."""
        ...

    def share(self) -> float:
        """How much of it has been read, from 0 to 1."""
        ...

    def remarks(self) -> tuple[str, ...]:
        """What there is to say of it once it was read."""
        ...


class Recording(Protocol):
    """Records that can be read again and again."""

    def play(self) -> Played:
        """The records from their beginning; the second time the same ones as the first."""
        ...


def recording_of(place: Path | LogPlace, configuration: Configuration) -> Recording:
    """The recording that a place names.

    Args:
        place: what is replayed.
        configuration: says how a cluster is reached, where its source is one.

    Raises:
        ConfigError: there is no such file, or nobody says where the brokers are.
    """
    if isinstance(place, LogPlace):
        return _Topic(place, _cluster(place, configuration))
    if not place.exists():
        cure = "check the path, which is taken from the directory the program was started in"
        raise ConfigError([f"there is no such file: {cure}; a topic is named as kafka://HOST:PORT/TOPIC"], str(place))
    if not place.is_file():
        raise ConfigError(["is no file of JSON lines: a pipe is read by `crackle-stream run`"], str(place))
    return _File(place)


# -- a file ------------------------------------------------------------------------------------------------------------


class _File:
    """A file of JSON lines."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def play(self) -> Played:
        return _PlayedFile(self._path)


class _PlayedFile(FileSource):
    """A file whose reading can be watched."""

    def __init__(self, path: Path) -> None:
        super().__init__(FileOptions(path))
        self._descriptor: int | None = None
        self._size = max(path.stat().st_size, 1)

    @property
    def source(self) -> Source:
        return self

    def share(self) -> float:
        if self._descriptor is None:
            return 0.0
        try:
            return min(os.lseek(self._descriptor, 0, os.SEEK_CUR) / self._size, 1.0)
        except OSError:  # the reading thread closes it at the end
            return 1.0

    def remarks(self) -> tuple[str, ...]:
        return ()

    def _open(self) -> tuple[int, bool]:
        opened = super()._open()
        self._descriptor = opened[0]
        return opened


# -- a topic -----------------------------------------------------------------------------------------------------------


def _cluster(place: LogPlace, configuration: Configuration) -> KafkaOptions:
    """How the cluster is reached: as the configured source says, but for the brokers that the place names."""
    known: KafkaOptions | None = configuration.source.made if configuration.source.plugin.name == "kafka" else None
    topics = (place.stretch.topic,)
    if known is not None:
        return replace(known, topics=topics, pattern=None, brokers=place.brokers or known.brokers)
    if not place.brokers:
        cure = "write HOST:PORT in its place, or give the file whose [source] reads the topic as --config"
        raise ConfigError([f"{BROKERS} stands for the brokers: {cure}"], "kafka://")
    return KafkaOptions(brokers=place.brokers, topics=topics)


class _Topic:
    """A stretch of a topic, whose ends are decided when it is first read."""

    def __init__(self, place: LogPlace, options: KafkaOptions) -> None:
        self._place = place
        self._options = options
        self._first: KafkaStretch | None = None

    def play(self) -> Played:
        # loads aiokafka, which a file must not pay for
        from crackle_stream.sources.kafka.stretch import KafkaStretch

        bounds = None if self._first is None else self._first.bounds
        source = KafkaStretch(self._options, self._place.stretch, bounds=bounds or None)
        self._first = self._first or source
        return _PlayedTopic(source)


class _PlayedTopic:
    """A stretch that is being read."""

    def __init__(self, source: KafkaStretch) -> None:
        self.source = source

    def share(self) -> float:
        total = sum(end - first for first, end in self.source.bounds.values())
        return 1 - (self.source.lag() or 0) / total if total else 0.0

    def remarks(self) -> tuple[str, ...]:
        return tuple(
            f"{each}: what stood before offset {oldest} is no longer in the log"
            for each, oldest in self.source.lost.items()
        )
