"""A sink of your own: a digest by mail, here printed instead of sent."""

import asyncio
import random
from types import TracebackType
from typing import Self

from crackle_stream.errors import SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, TaskEntry
from crackle_stream.protocols import Sink
from crackle_stream.sources import QueueSource
from crackle_stream.stream import CoolingSchedule, Pipeline, Subscription


class DigestSink(Sink):
    """Collects alerts and hands them on as one mail when it is closed."""

    def __init__(self, to: str, *, name: str = "digest", most: int = 100) -> None:
        self.name = name
        self.to = to
        self.most = most
        self.lines: list[str] = []
        self.server_busy = False

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send the mail."""
        print(f"To: {self.to}\n" + "\n".join(self.lines))

    async def __aenter__(self) -> Self:
        """Connect to the mail server here."""
        return self

    async def send(self, alert: Alert) -> None:
        """Take one alert; an error says whether to try again."""
        if self.server_busy:
            raise SinkUnavailable(self.name, "the mail server is busy", retry_after=30)
        if len(self.lines) >= self.most:
            raise SinkRefused(self.name, f"a digest holds {self.most} alerts")
        self.lines.append(f"  {alert.status}: {alert.pattern.description}")


async def main() -> None:
    """Two hundred builds, slower in the second half."""
    source, rng = QueueSource(), random.Random(1)
    digest = Subscription(DigestSink("team@example.org"), required=False)
    async with Pipeline(source, [digest], schedule=CoolingSchedule(every_tasks=200)) as pipeline:
        for number in range(200):
            seconds = rng.gauss(60, 3) if number < 100 else rng.gauss(180, 3)
            await source.put(TaskEntry(f"build-{number}", {"seconds": seconds}, fired_at=1.7e9 + number))
        source.close()
        await pipeline.run()


if __name__ == "__main__":
    asyncio.run(main())
