"""What is kept of alerts for whoever asks later: the last of each finding, its last exhibit, and so many at most."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sample_alerts import a_pattern, an_alert
from sample_figures import an_exhibit

from crackle_stream.errors import StateUnavailable, StateUnusable
from crackle_stream.model import Alert, AlertStatus, TaskOutput
from crackle_stream.profile import ThermalProfile
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.sources import QueueSource
from crackle_stream.stream import Event, KilnOptions, Pipeline
from crackle_stream.stream.events import AlertMade
from crackle_stream.stream.gallery import GALLERY, MOST_SHOWN, Gallery, shown
from crackle_stream.stream.parts import PARTS
from crackle_stream.stream.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.usefixtures("no_blocking")


def numbered(number: int, **fields: Any) -> Alert:
    return an_alert(pattern=a_pattern(fingerprint=f"{number:016x}"), exhibit=an_exhibit(), **fields)


async def kept(directory: Path, *batches: list[Alert]) -> list[Alert]:
    """What is there after these were kept, one batch after the other."""
    async with Store(directory, [GALLERY]) as store:
        for batch in batches:
            await Gallery(store).keep(batch)
        return await store.run(shown)


async def test_the_latest_comes_first_with_its_exhibit(tmp_path: Path) -> None:
    found = await kept(tmp_path, [numbered(1)], [numbered(2)])
    assert [alert.fingerprint[-1] for alert in found] == ["2", "1"]
    assert found[0].exhibit == an_exhibit()


async def test_a_finding_is_kept_once_as_it_was_told_last(tmp_path: Path) -> None:
    over = replace(numbered(1, status=AlertStatus.RESOLVED, reason="it returned"), exhibit=None)
    (found,) = await kept(tmp_path, [numbered(1)], [over])
    assert found.to_dict() == over.to_dict()
    assert found.exhibit == an_exhibit()  # the window that says it is over does not show it


async def test_no_more_are_kept_than_so_many_the_oldest_go(tmp_path: Path) -> None:
    found = await kept(tmp_path, [numbered(n) for n in range(MOST_SHOWN)], [numbered(MOST_SHOWN), numbered(1)])
    numbers = [int(alert.fingerprint, 16) for alert in found]
    assert len(numbers) == MOST_SHOWN
    assert numbers[:3] == [1, MOST_SHOWN, MOST_SHOWN - 1]
    assert 0 not in numbers
    (last, *_) = await kept(tmp_path, [numbered(n) for n in range(2 * MOST_SHOWN)])
    assert int(last.fingerprint, 16) == 2 * MOST_SHOWN - 1


async def test_without_a_state_nothing_is_kept_and_nothing_fails() -> None:
    await Gallery(None).keep([numbered(1)])


async def test_what_is_no_json_is_passed_by(tmp_path: Path) -> None:
    odd = an_alert(pattern=a_pattern(metrics={"x": object()}))
    (found,) = await kept(tmp_path, [odd, numbered(2)])
    assert found.fingerprint == numbered(2).fingerprint


class Failing(Store):
    def __init__(self, error: Exception) -> None:
        super().__init__(Path(), [])
        self._error = error

    async def run(self, work: Callable[[sqlite3.Connection], Any]) -> Any:
        raise self._error


async def test_a_full_disk_keeps_nothing_and_holds_nobody_up() -> None:
    await Gallery(Failing(StateUnavailable("state", "disk full"))).keep([numbered(1)])
    with pytest.raises(StateUnusable):
        await Gallery(Failing(StateUnusable("state", "torn"))).keep([numbered(1)])


async def test_a_pipeline_makes_exhibits_sends_them_and_keeps_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    level = np.where(np.arange(400) < 250, 100.0, 160.0) + rng.normal(0, 5, 400)
    events: list[Event] = []
    sink, results = MemorySink(), QueueSource()
    pipeline = Pipeline(
        results,
        [sink],
        profile=ThermalProfile.evidence(per_window=0.05),
        schedule=CoolingSchedule(every_tasks=400, every_seconds=None),
        kiln=KilnOptions(capacity=400),
        state=Store(tmp_path, PARTS),
        on_event=events.append,
    )
    async with pipeline:
        for number, value in enumerate(level.tolist()):
            await results.put(TaskOutput(None, {"latency_ms": value}), label=f"t{number}")
        results.close()
        await pipeline.run()
    (alert,) = sink.alerts
    assert alert.exhibit is not None
    assert alert.exhibit.figure is not None
    assert alert.exhibit.figure.mark == pytest.approx(250, abs=3)
    assert [(one.first, one.last) for one in alert.exhibit.span] == [(0, 399)]
    (made,) = [event.alert for event in events if isinstance(event, AlertMade)]
    assert made.exhibit == alert.exhibit
    async with Store(tmp_path, [GALLERY], exclusive=False) as store:
        (again,) = await store.run(shown)
    assert (again.to_dict(), again.exhibit) == (alert.to_dict(), alert.exhibit)
