"""The live page in a real browser: how soon it is there, and whether it grows: `python -m benchmarks.page`.

Needs Chromium and its driver (`sh tests/services.sh`), and `PYTHONPATH=tests`. A thousand metrics and five hundred
alerts; then a minute of sixty updates a second, in which alerts come, are said again and are resolved, while nodes
and heap are counted after a collection every ten seconds.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import anyio
import anyio.to_thread
from browser import Browser, browser
from serving import FakePipeline, a_cooling, an_alert_of, serving, until

from crackle_stream.app.web.server import StatusServer
from crackle_stream.model import AlertStatus
from crackle_stream.stream import events

METRICS = [f"metric_{number:04d}" for number in range(1000)]
ALERTS = 500
LOADS = 15
UPDATES_PER_S = 60
EVERY_S = 10


async def main(seconds: int = 60) -> None:
    pipeline = FakePipeline(tasks=1_000_000, windows=1240, cooling_p95_s=0.21)
    # a wait on a loaded machine takes a few milliseconds longer than it was asked to
    async with serving(pipeline, interval_s=0.8 / UPDATES_PER_S) as (server, client):
        await fill(server)
        size = len((await client.get("/")).content)
        print(f"{len(METRICS)} metrics, {ALERTS} alerts: the page is {size / 1024:.0f} KiB")
        with tempfile.TemporaryDirectory() as profile:
            await anyio.to_thread.run_sync(first_paints, str(client.base_url), Path(profile) / "first")
            stop = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(keep_changing, server, pipeline, stop)
                await anyio.to_thread.run_sync(growth, str(client.base_url), Path(profile) / "long", seconds)
                stop.set()


async def fill(server: StatusServer) -> None:
    server(events.PipelineStarted("kafka:results", ("pager", "record")))
    for number in range(60):
        server(a_cooling(number, metrics=METRICS, level=100.0 + number % 7))
        await until(lambda: not server.board.uncharted)
    for number in range(ALERTS):
        server(events.AlertMade(an_alert_of(number), ("pager",)))


async def keep_changing(server: StatusServer, pipeline: FakePipeline, stop: anyio.Event) -> None:
    """Figures change with every update, alerts five times a second, windows once a second."""
    number = 0
    while not stop.is_set():
        number += 1
        pipeline.counts["fresh"] = number % 500
        pipeline.counts["tasks"] += 100
        if number % 12 == 0:
            status = (AlertStatus.RAISED, AlertStatus.REPEATED, AlertStatus.RESOLVED)[number // 12 % 3]
            server(events.AlertMade(an_alert_of(number // 36 % ALERTS, status), ("pager",)))
        if number % UPDATES_PER_S == 0:
            server(a_cooling(60 + number, metrics=METRICS, level=100.0 + number % 11))
        await anyio.sleep(1 / UPDATES_PER_S)


def first_paints(url: str, profile: Path) -> None:
    with browser(profile) as window:
        window.size(1400, 1000)
        paints, done = [], []
        for _ in range(LOADS):
            window.open(url)
            window.until("performance.getEntriesByName('first-contentful-paint').length")
            timing = "performance.getEntriesByType('navigation')[0]"
            paints.append(window.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime"))
            done.append(window.run(f"return {timing}.domContentLoadedEventEnd"))
        print(f"first contentful paint, {LOADS} loads: {spread(paints)}; script done {spread(done)}")


def growth(url: str, profile: Path, seconds: int) -> None:
    with browser(profile) as window:
        window.size(1400, 1000)
        window.watch_figures()
        window.open(url)
        window.until("document.documentElement.dataset.updates > 100")
        began, cpu = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
        first = updates(window)
        print(f"{'s':>4} {'updates':>8} {'elements':>9} {'nodes':>7} {'heap KiB':>9}")
        while time.monotonic() - began < seconds:
            figures = window.figures()
            elements = window.run("return document.querySelectorAll('*').length")
            print(
                f"{time.monotonic() - began:4.0f} {updates(window) - first:8d} {elements:9d} {figures['Nodes']:7.0f} "
                f"{figures['JSHeapUsedSize'] / 1024:9.0f}",
                flush=True,
            )
            time.sleep(EVERY_S)
        took = time.monotonic() - began
        used = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu
        rate = (updates(window) - first) / took
        print(f"{rate:.0f} updates/s seen; the server's process used {used / took:.0%} of a core")


def updates(window: Browser) -> int:
    return int(window.run("return document.documentElement.dataset.updates"))


def spread(times: list[float]) -> str:
    return f"median {statistics.median(times):.0f} ms (from {min(times):.0f} to {max(times):.0f})"


if __name__ == "__main__":
    anyio.run(main, int(sys.argv[1]) if len(sys.argv) > 1 else 60)
