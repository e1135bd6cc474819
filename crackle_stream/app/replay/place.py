"""What is replayed, as the command names it: a file, or a stretch of a topic."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from crackle_stream.model import did_you_mean
from crackle_stream.render.replay import BROKERS, SCHEME
from crackle_stream.sources.options import TOPIC_NAME
from crackle_stream.sources.stretch import Mark, Stretch

__all__ = ["LogPlace", "place_of"]

EXAMPLE = f"{SCHEME}localhost:9092/task-results?partition=0&from=1000&to=2026-01-05T14:00:00Z"

PARTS = ("partition", "from", "to")


@dataclass(frozen=True, slots=True)
class LogPlace:
    """A stretch of a topic of a cluster.

    Attributes:
        brokers: addresses, "host:port" each; none where the configuration knows them.
        stretch: what to read.
    """

    brokers: tuple[str, ...]
    stretch: Stretch


def place_of(text: str) -> Path | LogPlace:
    """Read the command's argument.

    Raises:
        ValueError: it is the address of a topic that cannot be read; says why.

    >>> place_of("kafka://a:9092,b:9092/results?partition=3&from=100&to=599")
    LogPlace(brokers=('a:9092', 'b:9092'), stretch=Stretch(topic='results', partition=3, first=100, last=599))
    >>> place_of("kafka://BROKERS/results?from=2026-01-05T14:00Z").stretch.first
    1767621600.0
    """
    if not text.startswith(SCHEME):
        return Path(text)
    address, _, asked = text.removeprefix(SCHEME).partition("?")
    brokers, _, topic = address.partition("/")
    parts = _parts(asked)
    return LogPlace(
        _brokers(brokers),
        Stretch(_topic(topic), _partition(parts.get("partition")), _mark(parts, "from"), _mark(parts, "to")),
    )


def _brokers(text: str) -> tuple[str, ...]:
    if "@" in text:
        raise ValueError("holds a name or a password: they belong into [source] of a file, given as --config")
    return () if text in ("", BROKERS) else tuple(text.split(","))


def _topic(text: str) -> str:
    topic = unquote(text)
    if not TOPIC_NAME.fullmatch(topic):
        raise ValueError(f"names no topic but {topic!r}: write {EXAMPLE}")
    return topic


def _parts(asked: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for pair in filter(None, asked.split("&")):
        name, _, value = pair.partition("=")
        if name not in PARTS:
            raise ValueError(f'has "{name}", which means nothing here: {did_you_mean(name, PARTS)}')
        if name in parts:
            raise ValueError(f'has "{name}" twice: keep one')
        parts[name] = unquote(value)
    return parts


def _partition(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise ValueError(f"has partition={text}: write its number, such as partition=0")
    return int(text)


def _mark(parts: dict[str, str], name: str) -> Mark | None:
    """An offset, or a time."""
    text = parts.get(name)
    if text is None:
        return None
    if text.isdecimal():
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        seconds = math.nan
    if not seconds >= 0:
        raise ValueError(f"has {name}={text}: write an offset, such as 1000, or a time, such as 2026-01-05T14:00:00Z")
    return seconds
