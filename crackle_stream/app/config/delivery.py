"""The settings of delivery: how a sink gets its alerts, what is kept on disk, and where dead letters go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crackle_stream.errors import ConfigError
from crackle_stream.model.options import (
    one_of,
    optional,
    positive_octets,
    positive_seconds,
    read_fields,
    read_flag,
    read_path,
    read_text,
    share,
    whole_number,
)
from crackle_stream.sinks.options import read_topic
from crackle_stream.stream.options import SpoolOptions

__all__ = ["DeadLettersSection", "StateSection", "SubscriptionSection"]


@dataclass(frozen=True, slots=True)
class SubscriptionSection:
    """What is the same for every sink; the other keys of its table are the sink's own.

    Attributes:
        required: whether a record counts as done only once this sink has its alerts. A required sink is tried without
            end and makes the source wait when its queue or spool is full; another one then loses alerts, and they are
            counted.
        queue: alerts that may wait for it in memory, where it has no spool.
        timeout: seconds that one try may take; a number or text such as "15s".
        spool: whether its alerts are kept on disk until it has them; by default where [state] names a directory, for
            every sink that may be out of reach: not for stdout, file, log and memory.
        spool_bytes: size of the alerts a spool holds; a number or text such as "256MiB".
        spool_rows: alerts a spool holds.
        spool_age: seconds, or text such as "72h", after which a spooled alert goes to the dead letters.
        spool_full: "block" makes the source wait when a spool is full; "drop_oldest" moves its oldest alerts to the
            dead letters.
        ack: when a record counts as done for a sink with a spool: once its alerts are "spooled", on disk; or once
            they are "delivered", where the disk may be lost with the process.
        group: whether the alerts of one window with one status are one notification that lists them; for people, not
            for receivers that know alerts by their fingerprint.
    """

    required: bool = True
    queue: int = 1000
    timeout: float = 30.0
    spool: bool | None = None
    spool_bytes: int = 256 * 2**20
    spool_rows: int = 100_000
    spool_age: float = 72 * 3600.0
    spool_full: Literal["block", "drop_oldest"] = "block"
    ack: Literal["spooled", "delivered"] = "spooled"
    group: bool = False

    def __post_init__(self) -> None:
        read_fields(
            self,
            required=read_flag,
            queue=whole_number(1),
            timeout=positive_seconds,
            spool=optional(read_flag),
            spool_bytes=positive_octets,
            spool_rows=whole_number(1),
            spool_age=positive_seconds,
            spool_full=one_of("block", "drop_oldest"),
            ack=one_of("spooled", "delivered"),
            group=read_flag,
        )

    @property
    def spool_options(self) -> SpoolOptions:
        """What the pipeline takes."""
        return SpoolOptions(self.spool_bytes, self.spool_rows, self.spool_age, self.spool_full)


@dataclass(frozen=True, slots=True)
class StateSection:
    """What outlives the process.

    Attributes:
        directory: where its one file is; nothing outlives the process by default. A process needs one of its own.
    """

    directory: Path | None = None

    def __post_init__(self) -> None:
        read_fields(self, directory=optional(read_path))


@dataclass(frozen=True, slots=True)
class DeadLettersSection:
    """Where records go that cannot be read, and alerts that no sink will have.

    Attributes:
        kind: "file" for JSON lines in a file, "kafka" for a topic.
        path: the file, one line for each with its position and the reason; none is kept by default.
        topic: the topic, for kind = "kafka".
        sink: a sink of kind kafka whose cluster has the topic; the source's cluster by default.
        max_share: how many of the last thousand records may be bad before the process ends with 6, from 0 to 1; judged
            where bad records are kept or could be read again.
    """

    kind: Literal["file", "kafka"] = "file"
    path: Path | None = None
    topic: str | None = None
    sink: str | None = None
    max_share: float = 0.5

    def __post_init__(self) -> None:
        read_fields(
            self,
            kind=one_of("file", "kafka"),
            path=optional(read_path),
            topic=optional(read_topic),
            sink=optional(read_text),
            max_share=share,
        )
        problems = []
        if self.kind == "kafka" and self.topic is None:
            problems.append('topic is missing: name one, such as topic = "crackle-dead-letters"')
        if self.kind == "kafka" and self.path is not None:
            problems.append('path is of no use with kind = "kafka": take one of them out')
        unused = [name for name in ("topic", "sink") if self.kind == "file" and getattr(self, name) is not None]
        problems += [f'{name} is of no use with a file: set kind = "kafka", or take it out' for name in unused]
        if problems:
            raise ConfigError(problems, origin="dead_letters")

    @property
    def kept(self) -> bool:
        """Whether any are kept."""
        return self.kind == "kafka" or self.path is not None
