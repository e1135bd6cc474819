"""The command that plays the stretch of a stream again in which something was found."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.model import Span

__all__ = ["BROKERS", "COMMAND", "SCHEME", "replay_command"]

COMMAND = "crackle-stream replay"

SCHEME = "kafka://"

BROKERS = "BROKERS"
"""Stands for the brokers, which an alert does not name: with `--config` the command takes those of the configured
source, and else they are the reader's to fill in."""


def replay_command(span: Sequence[Span]) -> str:
    """What to type; "" where nothing keeps the records: of a pipe or a queue.

    Args:
        span: what the window covers; of several partitions the first is replayed.

    >>> from crackle_stream.model import Partition, Span
    >>> replay_command([Span(Partition("results", 3), 100, 599)])
    "crackle-stream replay 'kafka://BROKERS/results?partition=3&from=100&to=599'"
    >>> replay_command([Span(Partition("stdin"), 100, 599)])
    ''
    """
    if not span:
        return ""
    log = span[0].partition
    if log.number is not None:
        place = f"{SCHEME}{BROKERS}/{quote(log.topic, safe='', errors='backslashreplace')}?partition={log.number}"
        return f"{COMMAND} {shlex.quote(f'{place}&from={span[0].first}&to={span[0].last}')}"
    # a file is called as it is in its directory, a stream by a word: see the sources
    if "." not in log.topic and "/" not in log.topic:
        return ""
    # what begins with a dash would be an option
    return f"{COMMAND} {shlex.quote(f'./{log.topic}' if log.topic.startswith('-') else log.topic)}"
