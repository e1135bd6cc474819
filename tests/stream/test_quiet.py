"""Alerts of kilns from which nothing comes any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from observing import Gate
from shared_log import Pager, Shared, log_with, process

from crackle_stream.commit import decode
from crackle_stream.model import Alert, AlertStatus
from crackle_stream.sinks import MemorySink

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from shared_log import Log

LONG_S = 0.3


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.stream.committer.COMMIT_EVERY_S", 0.01)


def told(alerts: Iterable[Alert]) -> list[tuple[str, str]]:
    return [(str(alert.status), alert.reason) for alert in alerts]


def standing(log: Log) -> int:
    """Active alerts in what was committed last."""
    metadata = decode(log.note)
    assert metadata is not None
    return len(metadata.alerts)


@pytest.mark.parametrize("keeping", ["metadata", "state"])
async def test_an_alert_of_a_silent_kiln_is_over_for_want_of_data_and_a_restart_knows_it(
    keeping: str, tmp_path: Path
) -> None:
    log, sink = log_with(35), MemorySink()
    directory = tmp_path if keeping == "state" else None
    async with process(Shared(log), [sink], directory, stale_after=LONG_S) as (_, watch):
        await watch.until(lambda: log.committed == 40 and standing(log) == 1)
        await watch.until(lambda: len(sink.alerts) == 2)
        await watch.until(lambda: standing(log) == 0)
    assert told(sink.alerts) == [("raised", ""), ("resolved", "no data")]
    async with process(Shared(log), [sink], directory, stale_after=LONG_S) as (pipeline, _):
        await anyio.sleep(3 * LONG_S)
        assert pipeline.standing() == ()
    assert len(sink.alerts) == 2


async def test_whoever_dies_before_a_sink_has_it_tells_it_again_under_the_same_id(tmp_path: Path) -> None:
    log, pager = log_with(35), Pager()
    async with process(Shared(log), [pager], None, stale_after=LONG_S) as (_, watch):
        await watch.until(lambda: len(pager.alerts) == 1 and log.committed == 40)
        pager.up = False
        await watch.until(lambda: len(watch.named("alert.made")) == 2)
        made = watch.named("alert.made")[1].alert  # type: ignore[attr-defined]
        assert standing(log) == 1
    pager.up = True
    async with process(Shared(log), [pager], None, stale_after=LONG_S) as (_, watch):
        await watch.until(lambda: len(pager.alerts) == 2)
    assert (pager.alerts[1].id, pager.alerts[1].status) == (made.id, AlertStatus.RESOLVED)


async def test_what_comes_again_after_the_silence_is_raised_again(tmp_path: Path) -> None:
    log, sink = log_with(35), MemorySink()
    source = Shared(log)
    async with process(source, [sink], tmp_path, stale_after=LONG_S) as (_, watch):
        await watch.until(lambda: len(sink.alerts) == 2)
        log.payloads += log_with(5, rows=10).payloads
        await watch.until(lambda: len(sink.alerts) == 3)
    assert told(sink.alerts)[2] == ("raised", "")


async def test_nothing_is_silent_while_there_is_something_to_read(tmp_path: Path) -> None:
    log, sink = log_with(5), MemorySink()
    source = Shared(log)
    source.lag = lambda: 7  # type: ignore[method-assign]
    async with process(source, [sink], tmp_path, stale_after=LONG_S):
        await anyio.sleep(4 * LONG_S)
    assert told(sink.alerts) == [("raised", "")]


async def test_nothing_is_silent_while_tasks_wait_for_their_window(tmp_path: Path) -> None:
    log, sink = log_with(5, rows=35), MemorySink()  # five tasks wait for the next window
    async with process(Shared(log), [sink], tmp_path, stale_after=LONG_S):
        await anyio.sleep(4 * LONG_S)
    assert told(sink.alerts) == [("raised", "")]


async def test_never_is_never(tmp_path: Path) -> None:
    log, gate = log_with(35), Gate(opened=True)
    async with process(Shared(log), [gate], tmp_path, stale_after=None) as (_, watch):
        await watch.until(lambda: log.committed == 40)
        await anyio.sleep(LONG_S)
    assert told(gate.alerts) == [("raised", "")]
