"""The command that plays the stretch of a stream again in which something was found."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crackle_stream.model import Span

__all__ = ["replay_command"]

BROKERS = "BROKERS"
"""Stands for the brokers, which an alert does not name: they are the reader's to fill in."""


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
        place = f"kafka://{BROKERS}/{quote(log.topic, safe='', errors='backslashreplace')}?partition={log.number}"
        return f"crackle-stream replay {shlex.quote(f'{place}&from={span[0].first}&to={span[0].last}')}"
    # a file's name is its path, a stream's is a word: see the sources
    return f"crackle-stream replay {shlex.quote(log.topic)}" if "." in log.topic or "/" in log.topic else ""
