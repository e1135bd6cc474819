"""Dead letters: records that cannot be read and alerts no sink will take, kept with their place and their reason.

The only writer of them. What a letter is about counts as settled once its `write` has returned.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import anyio
import anyio.to_thread

from crackle_stream.errors import ConfigError, DeadLettersUnavailable, SinkError, TooManyRejects
from crackle_stream.model import Alert, Reject
from crackle_stream.sinks.producer import Message, ProducerLike
from crackle_stream.sinks.wire import to_json
from crackle_stream.stream.events import AlertBuried, DeadLetterFailed, Event
from crackle_stream.stream.failpoints import reach
from crackle_stream.window import Window

__all__ = [
    "EXCERPT_BYTES",
    "Ceiling",
    "DeadLetterFile",
    "DeadLetterTopic",
    "DeadLetters",
    "Undertaker",
    "alert_letter",
    "record_letter",
    "window_letter",
]

EXCERPT_BYTES = 1024
"""How much of a payload a dead letter keeps: enough to see what it was, too little to fill a disk."""

RETRY_S = 5.0
"""Between two tries to keep a letter: what it waits for is a disk with room, or a broker."""

Letter = Mapping[str, object]


class DeadLetters(Protocol):
    """Where letters are kept.

    Attributes:
        where: for messages.
    """

    @property
    def where(self) -> str:
        """For messages."""
        ...

    async def open(self) -> None:
        """See whether letters can be kept.

        Raises:
            ConfigError: they never can.
            DeadLettersUnavailable: they cannot now.
        """
        ...

    async def write(self, letters: Sequence[Letter]) -> None:
        """Keep letters; returns once they are safe.

        Raises:
            DeadLettersUnavailable: they are not, or not known to be.
        """
        ...

    async def close(self) -> None:
        """Let go of what keeping needs; bounded in time, raises nothing."""
        ...


class DeadLetterFile:
    """A file of JSON lines, synced to disk with every write.

    Args:
        path: the file; appended to. When it passes `max_bytes` it becomes `<name>.1`, replacing the one before.
        max_bytes: size of one file.
    """

    def __init__(self, path: str | Path, *, max_bytes: int = 256 * 1024 * 1024) -> None:
        self._path = Path(path)
        self._max_bytes = max_bytes

    @property
    def path(self) -> Path:
        """The file written to."""
        return self._path

    @property
    def where(self) -> str:
        """The file written to."""
        return str(self._path)

    async def open(self) -> None:
        """See whether the file can be written.

        Raises:
            ConfigError: it cannot.
        """
        try:
            await anyio.to_thread.run_sync(self._append, b"")
        except OSError as error:
            problem = f"path {self._path} cannot be written: {error.strerror or error}"
            raise ConfigError([problem], origin="dead_letters") from error

    async def write(self, letters: Sequence[Letter]) -> None:
        """Keep letters; returns once they are on disk.

        Raises:
            DeadLettersUnavailable: the file cannot be written.
        """
        lines = b"".join(to_json(letter) + b"\n" for letter in letters)
        try:
            await anyio.to_thread.run_sync(self._append, lines)
        except OSError as error:
            raise DeadLettersUnavailable(self.where, error.strerror or str(error)) from error

    async def close(self) -> None:
        """Nothing is held open."""

    def _append(self, lines: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size + len(lines) > self._max_bytes:
            self._path.replace(self._path.with_name(self._path.name + ".1"))
        with self._path.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())


class DeadLetterTopic:
    """A Kafka topic: a letter a message, by the key of where its subject stands, acknowledged by all replicas in sync.

    Args:
        producer: what sends.
        topic: its name.
    """

    def __init__(self, producer: ProducerLike, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    @property
    def where(self) -> str:
        """The topic written to."""
        return f"topic {self._topic}"

    async def open(self) -> None:
        """Reach the brokers.

        Raises:
            DeadLettersUnavailable: they cannot be reached.
        """
        try:
            await self._producer.start()
        except SinkError as error:
            raise DeadLettersUnavailable(self.where, str(error)) from error

    async def write(self, letters: Sequence[Letter]) -> None:
        """Keep letters; returns once the brokers have them.

        Raises:
            DeadLettersUnavailable: they may not have all of them; writing again may double some.
        """
        messages = [
            Message(to_json(letter), str(letter["position"]).encode(), (("content-type", b"application/json"),))
            for letter in letters
        ]
        try:
            await self._producer.send(self._topic, messages)
        except SinkError as error:
            raise DeadLettersUnavailable(self.where, str(error)) from error

    async def close(self) -> None:
        """Let go of the brokers."""
        await self._producer.stop()


class Undertaker:
    """Keeps letters however long it takes, and says meanwhile why it cannot.

    Args:
        letters: where to, or None where nothing is kept.
        now: epoch seconds.
        emit: where events go.
        sleep: how it waits between tries.
    """

    def __init__(
        self,
        letters: DeadLetters | None,
        *,
        now: Callable[[], float],
        emit: Callable[[Event], None],
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.letters = letters
        self._now = now
        self._emit = emit
        self._sleep = sleep

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """What letters are written to, open.

        Raises:
            ConfigError: nothing can ever be written there.
            DeadLettersUnavailable: nothing can be written there now.
        """
        if self.letters is None:
            yield
            return
        try:
            await self.letters.open()
            yield
        finally:
            await self.letters.close()

    async def bury_records(self, rejects: Sequence[Reject]) -> None:
        """Keep records that cannot be read; returns once they are safe, at once where nothing is kept."""
        await self._keep([record_letter(reject, self._now()) for reject in rejects])

    async def bury_alerts(self, sink: str, problem: str, alerts: Sequence[Alert]) -> bool:
        """Keep alerts a sink will not have; returns once they are safe.

        Returns:
            Whether they are; False where nothing is kept.
        """
        if self.letters is None:
            return False
        await self._keep([alert_letter(alert, sink, problem, self._now()) for alert in alerts])
        for alert in alerts:
            self._emit(AlertBuried(sink, alert, problem))
        return True

    async def bury_window(self, window: Window, problem: str) -> None:
        """Keep where the tasks of a window stand that will not be cooled."""
        await self._keep([window_letter(window, problem, self._now())])

    async def _keep(self, letters: Sequence[Letter]) -> None:
        while self.letters is not None:
            try:
                await self.letters.write(letters)
                reach("letter")
            except DeadLettersUnavailable as failure:
                self._emit(DeadLetterFailed(str(failure), RETRY_S))
                await self._sleep(RETRY_S)
            else:
                return


class Ceiling:
    """How many of the last records may be bad before the stream is taken for the wrong one.

    Args:
        share: of the last records; 1 never objects.
        records: how many are looked at; before as many were read nothing is judged.
    """

    def __init__(self, share: float = 0.5, records: int = 1000) -> None:
        self._share = share
        self._records = records
        self._batches: deque[tuple[int, int]] = deque()
        self._read = self._bad = 0

    def see(self, read: int, rejects: Sequence[Reject]) -> None:
        """Count a batch.

        Args:
            read: records in it.
            rejects: those of them that could not be read.

        Raises:
            TooManyRejects: more of the last records than may be.
        """
        self._batches.append((read, len(rejects)))
        self._read, self._bad = self._read + read, self._bad + len(rejects)
        while self._read - self._batches[0][0] >= self._records:
            first_read, first_bad = self._batches.popleft()
            self._read, self._bad = self._read - first_read, self._bad - first_bad
        if rejects and self._read >= self._records and self._bad > self._share * self._read:
            last = rejects[-1]
            raise TooManyRejects(self._bad, self._read, self._share, f"{last.position}: {last.problem}")


def record_letter(reject: Reject, at: float) -> Letter:
    """A rejected record as JSON values, with a hash of the whole and an excerpt of the payload."""
    position = reject.position
    return {
        "at": at,
        "what": "record",
        "position": str(position),
        "topic": position.partition.topic,
        "partition": position.partition.number,
        "offset": position.offset,
        "problem": reject.problem,
        "bytes": len(reject.payload),
        "sha256": hashlib.sha256(reject.payload).hexdigest(),
        "excerpt_base64": base64.b64encode(reject.payload[:EXCERPT_BYTES]).decode("ascii"),
    }


def window_letter(window: Window, problem: str, at: float) -> Letter:
    """A window that will not be cooled as JSON values: the stretches of the log that it covers."""
    end = window.end
    return {
        "at": at,
        "what": "window",
        "window": window.id,
        "position": "" if end is None else str(end),
        "topic": None if end is None else end.partition.topic,
        "partition": None if end is None else end.partition.number,
        "offset": None if end is None else end.offset,
        "first": [span.first for span in window.span],
        "last": [span.last for span in window.span],
        "problem": problem,
    }


def alert_letter(alert: Alert, sink: str, problem: str, at: float) -> Letter:
    """An alert no sink will have as JSON values; the whole of it, so that it can be sent by hand."""
    position = alert.position
    return {
        "at": at,
        "what": "alert",
        "sink": sink,
        "position": "" if position is None else str(position),
        "topic": None if position is None else position.partition.topic,
        "partition": None if position is None else position.partition.number,
        "offset": None if position is None else position.offset,
        "problem": problem,
        "alert": alert.to_dict(),
    }
