"""A state directory on a disk that is really full: a small one in memory, and a file that takes the rest."""

from __future__ import annotations

import contextlib
import subprocess
from typing import TYPE_CHECKING

import pytest
from leaving_out import leave_out
from shared_log import Pager, Shared, log_with, process, spooled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ALARMS = tuple(range(3, 2000, 10))
"""One in every window."""

DISK = "8m"
"""SQLite's log alone grows to 4 MiB before its pages go where they belong."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk."""
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(path)], capture_output=True)
    if mounted.returncode:
        leave_out(f"mounting a small disk is not allowed here, root may: {mounted.stderr.decode().strip()}")
    yield path
    subprocess.run(["umount", str(path)], check=True)


def fill(path: Path) -> None:
    """Write until there is no room."""
    with path.open("wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while file.write(b"x" * 4096) == 4096:
                pass
        with pytest.raises(OSError, match="No space left on device"):
            file.write(b"x" * 4096)


async def test_a_disk_without_room_commits_nothing_and_loses_nothing_and_all_goes_on_once_there_is(
    disk: Path, record_property: Callable[[str, object], None]
) -> None:
    log, pager = log_with(*ALARMS, rows=2000), Pager()
    async with process(Shared(log, slowly=True), [spooled(pager)], disk / "state") as (pipeline, watch):
        await watch.until(lambda: len(pager.alerts) >= 10)
        fill(disk / "ballast")
        await watch.until(lambda: len(watch.named("spool.failed")) >= 3)
        assert "database or disk is full: make room on its disk" in pipeline.statistics().failing["pager"]
        stood, committed = len(pager.alerts), log.committed
        await watch.until(lambda: len(watch.named("spool.failed")) >= 5)
        assert (len(pager.alerts), log.committed) == (stood, committed)
        (disk / "ballast").unlink()
        await watch.until(lambda: log.committed == 2000)
        await watch.until(lambda: not pipeline.statistics().backlog)
        assert pipeline.statistics().failing == {}
    record_property("delivered_before", stood)
    raised = [alert.pattern.metric_names[0] for alert in pager.alerts]
    assert sorted(set(raised)) == sorted(f"alarm-{row}" for row in ALARMS)
