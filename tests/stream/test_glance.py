"""Windows with too few tasks to test anything: no detector runs, and the report says what it would have said."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observing import alarms, observed
from scripted import Scripted

from crackle_stream.cooling import cool
from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.history import History
from crackle_stream.profile import CoolingRate, ThermalProfile
from crackle_stream.protocols import SystemClock
from crackle_stream.stream import KilnOptions
from crackle_stream.stream.glance import glance
from crackle_stream.window import Window

if TYPE_CHECKING:
    from crackle_stream.cooling import CoolingReport

CLOCK = SystemClock()
EVIDENCE = ThermalProfile.evidence(per_window=0.05)

VALUES = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([0.0, 1.0, float("nan"), 1e200]))


def window(values: list[list[float]]) -> Window:
    rows = len(values)
    names = [f"m{column}" for column in range(len(values[0]))]
    table = np.array(values, dtype=np.float64)
    times = 1.7e9 + np.arange(rows, dtype=np.float64)
    return Window.from_columns([f"t{row}" for row in range(rows)], times, names, table, id="w", fresh=rows)


def tables(most: int) -> st.SearchStrategy[list[list[float]]]:
    return st.integers(1, 3).flatmap(
        lambda width: st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=most)
    )


def remembered(report: CoolingReport) -> dict[str, dict[str, Any]]:
    """What a report makes a kiln remember; an empty memory is none."""
    return {
        name: kept
        for name, values in report.history.learned.items()
        if (kept := {k: v for k, v in values.items() if v})
    }


@given(tables(11))
@settings(max_examples=40, deadline=None)
def test_evidence_would_have_found_nothing_and_remembered_nothing(values: list[list[float]]) -> None:
    few = window(values)
    slow, quick = cool(few, EVIDENCE), glance(few, EVIDENCE, History(), CLOCK)
    assert quick is not None
    assert (slow.patterns, quick.patterns) == ((), ())
    assert (slow.failures, quick.failures) == ((), ())
    assert list(quick.examined) == list(slow.examined)
    assert remembered(quick) == remembered(slow) == {}
    assert (quick.history.windows, quick.history.cooled_to) == (slow.history.windows, slow.history.cooled_to)


@pytest.mark.parametrize("rate", list(CoolingRate))
@given(tables(4))
@settings(max_examples=20, deadline=None)
def test_threshold_says_what_it_says_in_its_thread(rate: CoolingRate, values: list[list[float]]) -> None:
    profile, few = ThermalProfile.default().with_rate(rate), window(values)
    quick = glance(few, profile, History(), CLOCK)
    assert (quick is None) == (len(few) >= rate.min_tasks_for_detection)
    if quick is not None:
        slow = cool(few, profile)
        assert (quick.patterns, quick.examined, quick.failures) == (slow.patterns, slow.examined, slow.failures)
        assert quick.history == slow.history


def test_it_says_how_many_tasks_are_needed_and_counts_for_nothing_conclusive() -> None:
    report = glance(window([[1.0]] * 3), EVIDENCE.without_detectors(["laws"]), History(), CLOCK)
    assert report is not None
    assert {made.skipped[0].why for made in report.examined.values()} == {"3 tasks, at least 12 are needed"}
    assert "laws" not in report.examined
    assert not report.conclusive


def test_enough_tasks_a_memory_and_a_third_party_s_detector_are_looked_at() -> None:
    assert glance(window([[1.0]] * 12), EVIDENCE, History(), CLOCK) is None
    knows = History(1, {"constants": {"metrics": {"m0": 1.0}}}, 1.7e9)
    assert glance(window([[2.0]]), EVIDENCE, knows, CLOCK) is None
    assert glance(window([[2.0]]), EVIDENCE.with_detector(alarms), History(), CLOCK) is None


async def test_a_task_a_key_needs_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    began: list[str] = []
    starting = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        began.append(thread.name)
        starting(thread)

    records = [b'{"who": "key-%d", "x": 1}' % number for number in range(200)]
    async with observed(
        Scripted(records, ends=False),
        [],
        profile=EVIDENCE,
        kiln=KilnOptions(capacity=10, max_keys=10),
        decoder=Decoder(DecodeOptions(key=("who",))),
    ) as (pipeline, watch):
        monkeypatch.setattr(threading.Thread, "start", start)
        await watch.until(lambda: pipeline.statistics().evicted == 190 and pipeline.statistics().windows == 190)
    assert began == []
