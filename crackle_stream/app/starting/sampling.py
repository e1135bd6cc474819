"""Some records of a stream, to look at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import anyio

from crackle_stream.errors import ConfigError
from crackle_stream.sources.file import FileSource
from crackle_stream.sources.options import KafkaOptions
from crackle_stream.sources.stdin import StdinSource
from crackle_stream.sources.text import TextSource

__all__ = ["MOST_RECORDS", "Sample", "of_file", "of_stdin", "of_topic"]

MOST_RECORDS = 2_000
"""Records that are looked at: four windows of 500, enough to tell a counter from a measurement."""

PIPE_WITHIN_S = 30.0
"""How long records of a pipe are waited for; what has come by then is the sample."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Records of a stream.

    Attributes:
        origin: where they are from, for messages.
        payloads: the records.
        source: the keys of [source] that read the stream, as TOML values, each with its reason.
    """

    origin: str
    payloads: Sequence[bytes]
    source: Sequence[tuple[str, object, str]] = field(default=())


def of_file(path: Path, most: int = MOST_RECORDS) -> Sample:
    """The first records of a file.

    Raises:
        SourceError: it cannot be read.
        ConfigError: it holds no JSON lines; the message says what it holds, and how to turn it into them.
    """
    payloads = anyio.run(_taken, FileSource(path), most)
    source = [("kind", "file", "JSON lines, from the first to the last"), ("path", str(path), "what was looked at")]
    return _judged(Sample(str(path), payloads, source))


def of_stdin(most: int = MOST_RECORDS) -> Sample:
    """The first records of standard input.

    Raises:
        SourceError: it cannot be read.
        ConfigError: it holds no JSON lines.
    """
    payloads = anyio.run(_taken, StdinSource(), most)
    source = [("kind", "stdin", "JSON lines from a pipe: tail -f results.jsonl | crackle-stream run THIS")]
    return _judged(Sample("standard input", payloads, source))


def of_topic(brokers: str, topic: str, most: int = MOST_RECORDS) -> Sample:
    """The last records of a topic; no group is joined and nothing is committed.

    Raises:
        ConfigError: brokers cannot be reached, the topic is not there, or its records are no JSON.
    """
    # loads aiokafka, which a pipe must not pay for
    from crackle_stream.sources.kafka.peek import peek

    options = KafkaOptions(brokers=tuple(brokers.split(",")), topics=(topic,))
    payloads = anyio.run(peek, options, topic, most)
    source = [
        ("kind", "kafka", "as a member of a consumer group"),
        ("brokers", list(options.brokers), "addresses to begin with"),
        ("topics", [topic], "what was looked at"),
        ("group", "crackle-stream", "processes of one group share the partitions; name it for this pipeline"),
    ]
    return _judged(Sample(f"topic {topic}", payloads, source))


async def _taken(source: TextSource, most: int) -> list[bytes]:
    payloads: list[bytes] = []
    with anyio.move_on_after(PIPE_WITHIN_S):
        async with source:
            while len(payloads) < most and (batch := await source.read()) is not None:
                payloads += batch.payloads
    return payloads[:most]


def _judged(sample: Sample) -> Sample:
    """The sample, where it holds at least one JSON object a line."""
    if not sample.payloads:
        raise ConfigError(["holds no record: give some JSON lines, one object a line"], origin=sample.origin)
    if not any(_is_object(payload) for payload in sample.payloads):
        raise ConfigError([_instead(sample.payloads)], origin=sample.origin)
    return sample


def _is_object(payload: bytes) -> bool:
    try:
        return isinstance(json.loads(payload), dict)
    except (ValueError, RecursionError):
        return False


def _instead(payloads: Sequence[bytes]) -> str:
    """What records are that are no JSON objects, and how to make some of them."""
    first = payloads[0].decode("utf-8", "replace").strip()
    wanted = "crackle-stream reads JSON lines, one object a line"
    if first[:1] in "[{":
        array = first.startswith("[")
        shape, cure = ("one array", "jq -c '.[]'") if array else ("JSON over several lines", "jq -c .")
        return f"looks like {shape}: {wanted}. Turn it into them: {cure} FILE"
    for mark, name, option in ((",", "CSV", "--icsv"), ("\t", "TSV", "--itsv"), (";", "CSV", "--icsv --ifs ';'")):
        columns = {line.decode("utf-8", "replace").count(mark) for line in payloads[:5]}
        if len(columns) == 1 and columns != {0}:
            shown = first if len(first) <= 60 else first[:57] + "..."
            return f"looks like {name} ({shown}): {wanted}. Turn it into them: mlr {option} --ojsonl cat FILE"
    return f"none of its first {len(payloads)} lines is a JSON object: {wanted}"
