"""Where task results come from.

Names are loaded when they are first used: a pipe loads no broker's client, and options load no third party.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.sources.file import FileSource
    from crackle_stream.sources.kafka import KafkaSource
    from crackle_stream.sources.memory import QueueSource
    from crackle_stream.sources.options import FileOptions, KafkaOptions, QueueOptions, StdinOptions
    from crackle_stream.sources.stdin import StdinSource

__all__ = [
    "FileOptions",
    "FileSource",
    "KafkaOptions",
    "KafkaSource",
    "QueueOptions",
    "QueueSource",
    "StdinOptions",
    "StdinSource",
]

HOMES = {
    "FileOptions": "options",
    "FileSource": "file",
    "KafkaOptions": "options",
    "KafkaSource": "kafka",
    "QueueOptions": "options",
    "QueueSource": "memory",
    "StdinOptions": "options",
    "StdinSource": "stdin",
}


def __getattr__(name: str) -> object:
    home = HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
