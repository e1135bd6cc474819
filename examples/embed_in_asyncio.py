"""A pipeline inside an asyncio app: the app fires its results into a queue and reads what was found."""

import asyncio
import random

from crackle_stream import TaskOutput
from crackle_stream.sinks import MemorySink
from crackle_stream.sources import QueueSource
from crackle_stream.stream import CoolingSchedule, Pipeline


async def handle_requests(results: QueueSource) -> None:
    """Your app: 400 requests, slower from the 250th on."""
    rng = random.Random(7)
    for number in range(400):
        latency = rng.gauss(20, 2) if number < 250 else rng.gauss(60, 5)
        output = TaskOutput(None, {"latency_ms": latency, "bytes": latency * 40 + rng.gauss(0, 20)})
        await results.put(output, label=f"request-{number}")
    results.close()


async def main() -> None:
    """Run the app and the pipeline side by side until the app is done."""
    results, found = QueueSource(), MemorySink()
    schedule = CoolingSchedule(every_tasks=100, every_seconds=30)
    async with Pipeline(results, [found], schedule=schedule) as pipeline, asyncio.TaskGroup() as tasks:
        tasks.create_task(pipeline.run())
        tasks.create_task(handle_requests(results))
    for alert in found.alerts:
        print(f"{alert.status}: {alert.pattern.description}")
    counts = pipeline.statistics()
    print(f"{counts.tasks} tasks; {counts.windows + counts.merged} windows were due, {counts.merged} of them merged")


if __name__ == "__main__":
    asyncio.run(main())
