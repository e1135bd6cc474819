"""One run of a rehearsal, and the bar that shows how far it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import anyio

from crackle_stream.app.building import rehearsal
from crackle_stream.app.config import Configuration
from crackle_stream.app.eventlog import EventLog
from crackle_stream.app.replay.recording import Played, Recording
from crackle_stream.app.replay.rehearsal import Rehearsal, Scribe
from crackle_stream.errors import SourceError
from crackle_stream.stream.events import BatchRead, Event
from crackle_stream.stream.pipeline import Pipeline

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["bar_on", "play"]

EMPTY = "there is no record in it: check that it is the file or the stretch you mean"

LOOK_EVERY_S = 0.1
"""Between two moves of the bar."""

Show = Callable[[float, str], None]
"""Shows how much is done, from 0 to 1, and what of."""


def play(configuration: Configuration, recording: Recording, show: Show) -> Rehearsal:
    """Run a configuration over a recording, at full speed.

    Args:
        configuration: without problems.
        recording: what is read.
        show: told of how far it is.

    Raises:
        CrackleError: the records cannot be read, or there are none.
    """
    played, scribe, log = recording.play(), Scribe(), EventLog()
    watch = _Watch(played, scribe, show)

    def see(event: Event) -> None:
        for listener in (scribe, log, watch):
            listener(event)

    pipeline = rehearsal(configuration, played.source, see)
    began = time.monotonic()
    anyio.run(_run, pipeline)
    made = scribe.written(time.monotonic() - began, played.remarks())
    if not made.tasks and not made.rejected:
        raise SourceError(played.source.name, EMPTY)
    return made


async def _run(pipeline: Pipeline) -> None:
    async with pipeline:
        await pipeline.run()


class _Watch:
    """Moves the bar now and then."""

    def __init__(self, played: Played, scribe: Scribe, show: Show) -> None:
        self._played = played
        self._scribe = scribe
        self._show = show
        self._looked = 0.0

    def __call__(self, event: Event) -> None:
        now = time.monotonic()
        if isinstance(event, BatchRead) and now - self._looked >= LOOK_EVERY_S:
            self._looked = now
            self._show(self._played.share(), f"{self._scribe.tasks:,} tasks")


@contextmanager
def bar_on(stream: TextIO) -> Iterator[Callable[[str], Show]]:
    """A bar where the stream is a terminal, and nothing elsewhere.

    Yields:
        What makes a bar of a title; lines logged meanwhile stand above it.
    """
    if not stream.isatty():
        yield lambda title: lambda share, said: None
        return
    # only a terminal pays for it
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[said]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=stream), transient=True) as progress:
        yield lambda title: _Bar(progress, title)


class _Bar:
    """One line of the bars."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=1.0, said="")

    def __call__(self, share: float, said: str) -> None:
        self._progress.update(self._task, completed=share, said=said)
