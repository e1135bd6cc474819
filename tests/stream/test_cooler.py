"""Windows are cooled one after another in a thread; what cannot keep up is merged, dropped or makes the source wait."""

import threading
import time
from collections.abc import Callable

import anyio
import anyio.to_thread
import numpy as np
import pytest

from crackle_stream.commit import SettledPositions
from crackle_stream.cooling import CoolingReport
from crackle_stream.model import CracklePattern, Examination, Partition
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import Context, SystemClock
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.cooler import MAX_PENDING, STRIKES, Cooler
from crackle_stream.stream.deadletter import Undertaker
from crackle_stream.stream.deaths import Deaths
from crackle_stream.stream.events import DetectorDisabled, Event, TasksDropped, WindowMerged
from crackle_stream.stream.kiln_state import KilnState
from crackle_stream.stream.kilns import KilnId
from crackle_stream.window import Window

KILN = KilnId(Partition("test"))


def window(number: int, rows: int = 10, fresh: int = 5) -> Window:
    return Window.from_columns(["t"] * rows, np.zeros(rows), ["x"], np.zeros((rows, 1)), id=f"w{number}", fresh=fresh)


class Remembering:
    name = "remembering"

    def examine(self, window: Window, context: Context) -> Examination:
        before = context.history.of(self.name).get("seen", ())
        assert isinstance(before, tuple)
        return Examination(tests=1, learned={"seen": (*before, window.id)})


class Held:
    """Waits in its thread until let go."""

    name = "held"

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.thread: int | None = None

    def examine(self, window: Window, context: Context) -> Examination:
        self.thread = threading.get_ident()
        self.entered.set()
        self.gate.wait(10)
        return Examination(tests=1)


def cooler(
    *detectors: object,
    settled: SettledPositions | None = None,
    seen: list[Event] | None = None,
    checkpoints: Checkpoints | None = None,
    merging: bool = False,
    dropping: bool = False,
    max_bytes: int = 2**26,
    limit_s: float = 60.0,
) -> Cooler:
    profile = ThermalProfile.no_detection().with_max_cooling_duration(limit_s)
    for detector in detectors:
        profile = profile.with_detector(detector)  # type: ignore[arg-type]
    emit: Callable[[Event], None] = (lambda event: None) if seen is None else seen.append
    return Cooler(
        profile,
        checkpoints or Checkpoints(settled or SettledPositions(), capacity=1000),
        Deaths(None, Undertaker(None, now=SystemClock().time, emit=emit), emit),
        merging=merging,
        dropping=dropping,
        max_bytes=max_bytes,
        seed=0,
        clock=SystemClock(),
        emit=emit,
    )


class Handled:
    """Keeps what it is handed."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, CoolingReport]] = []
        self.retired: list[KilnId] = []

    async def window(self, kiln: KilnId, window: Window, report: CoolingReport) -> None:
        self.reports.append((window.id, report))

    async def kiln(self, kiln: KilnId) -> None:
        self.retired.append(kiln)

    @property
    def ids(self) -> list[str]:
        return [name for name, _ in self.reports]


async def test_windows_are_cooled_in_order_and_memory_goes_from_one_to_the_next() -> None:
    handled, checkpoints = Handled(), Checkpoints(SettledPositions(), capacity=1000)
    cool = cooler(Remembering(), checkpoints=checkpoints)

    async def remember(kiln: KilnId, cooled: Window, report: CoolingReport) -> None:
        checkpoints.cooled(kiln, cooled, KilnState(history=report.history), news=False)
        await handled.window(kiln, cooled, report)

    for number in range(3):
        await cool.put(KILN, window(number))
    cool.close()
    await cool.run(remember, handled.kiln)
    assert handled.ids == ["w0", "w1", "w2"]
    assert handled.reports[-1][1].history.of("remembering") == {"seen": ("w0", "w1", "w2")}


async def test_kilns_do_not_share_their_memory() -> None:
    cool, handled = cooler(Remembering()), Handled()
    await cool.put(KILN, window(0))
    await cool.put(KilnId(Partition("other")), window(1))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert handled.reports[-1][1].history.of("remembering") == {"seen": ("w1",)}


async def test_detectors_run_outside_the_loops_thread() -> None:
    held, handled = Held(), Handled()
    held.gate.set()
    cool = cooler(held)
    await cool.put(KILN, window(0))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert held.thread not in (None, threading.get_ident())


async def test_whoever_asked_for_a_window_gets_its_patterns() -> None:
    found = CracklePattern("mine", "found", 0.5)
    cool, handled = cooler(lambda window: [found]), Handled()
    asked = await cool.put(KILN, window(0))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert asked.done
    assert [pattern.description for pattern in asked.patterns] == ["found"]


async def test_a_waiting_window_gives_way_to_a_later_one_that_holds_all_its_new_tasks() -> None:
    seen, settled = list[Event](), SettledPositions()
    partition = Partition("test")
    settled.assign(partition, 0)
    settled.hand(KILN, partition, 0, 4)
    settled.cut(KILN, "w0")
    settled.hand(KILN, partition, 5, 9)
    settled.cut(KILN, "w1")
    cool, handled = cooler(settled=settled, seen=seen, merging=True), Handled()
    first = await cool.put(KILN, window(0))
    await cool.put(KILN, window(1))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert handled.ids == ["w1"]
    assert [event for event in seen if isinstance(event, WindowMerged)] == [WindowMerged("", 5)]
    assert first.done
    settled.settle("w1")
    assert settled.committable() == {partition: 10}


async def test_a_window_whose_new_tasks_the_later_one_lacks_is_not_merged() -> None:
    cool, handled = cooler(merging=True), Handled()
    await cool.put(KILN, window(0, rows=10, fresh=6))
    await cool.put(KILN, window(1, rows=10, fresh=5))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert handled.ids == ["w0", "w1"]


async def test_a_source_that_may_wait_merges_nothing() -> None:
    cool, handled = cooler(merging=False), Handled()
    for number in range(3):
        await cool.put(KILN, window(number, fresh=1))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert handled.ids == ["w0", "w1", "w2"]


async def test_a_full_queue_makes_the_giver_wait() -> None:
    cool, handled = cooler(), Handled()
    for number in range(MAX_PENDING):
        await cool.put(KILN, window(number))
    with anyio.move_on_after(0) as scope:
        await cool.put(KILN, window(99))
    assert scope.cancelled_caught
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cool.put, KILN, window(MAX_PENDING))
        tasks.start_soon(cool.run, handled.window, handled.kiln)
        await anyio.wait_all_tasks_blocked()
        cool.close()
    assert handled.ids == [f"w{number}" for number in range(MAX_PENDING + 1)]


async def test_with_drop_oldest_the_oldest_window_goes_is_counted_and_holds_no_position() -> None:
    seen, settled = list[Event](), SettledPositions()
    partition = Partition("test")
    settled.assign(partition, 0)
    settled.hand(KILN, partition, 0, 4)
    settled.cut(KILN, "w0")
    cool, handled = cooler(settled=settled, seen=seen, dropping=True), Handled()
    for number in range(MAX_PENDING + 1):
        await cool.put(KILN, window(number))
    assert [event for event in seen if isinstance(event, TasksDropped)] == [TasksDropped("", 5)]
    assert settled.committable() == {partition: 5}
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert handled.ids[0] == "w1"


async def test_a_retired_kiln_is_told_after_its_last_window_and_forgotten() -> None:
    cool, handled = cooler(Remembering()), Handled()
    await cool.put(KILN, window(0))
    await cool.retire(KILN)
    await cool.put(KILN, window(1))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert handled.retired == [KILN]
    assert handled.reports[-1][1].history.of("remembering") == {"seen": ("w1",)}


async def test_windows_of_a_kiln_that_left_are_not_reported_not_even_the_one_at_work() -> None:
    held, handled = Held(), Handled()
    cool = cooler(held)
    async with anyio.create_task_group() as tasks:
        first = await cool.put(KILN, window(0))
        second = await cool.put(KILN, window(1))
        tasks.start_soon(cool.run, handled.window, handled.kiln)
        await anyio.to_thread.run_sync(held.entered.wait, 10)
        cool.forget([KILN])
        held.gate.set()
        cool.close()
    assert handled.ids == []
    assert first.done
    assert second.done


async def test_a_third_partys_detector_that_fails_three_times_in_a_row_runs_no_more() -> None:
    def broken(window: Window) -> list[CracklePattern]:
        raise ValueError("never works")

    seen, handled = list[Event](), Handled()
    cool = cooler(broken, Remembering(), seen=seen)
    for number in range(STRIKES + 2):
        await cool.put(KILN, window(number))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert [len(report.failures) for _, report in handled.reports] == [1, 1, 1, 0, 0]
    assert [event for event in seen if isinstance(event, DetectorDisabled)] == [DetectorDisabled("broken", STRIKES)]


async def test_a_success_in_between_starts_the_count_anew() -> None:
    def moody(window: Window) -> list[CracklePattern]:
        if window.id != "w2":
            raise ValueError("not today")
        return []

    seen, handled = list[Event](), Handled()
    cool = cooler(moody, seen=seen)
    for number in range(5):
        await cool.put(KILN, window(number))
    cool.close()
    await cool.run(handled.window, handled.kiln)
    assert not [event for event in seen if isinstance(event, DetectorDisabled)]


async def test_a_detector_that_never_comes_back_is_given_up_and_the_stream_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crackle_stream.stream.cooler.HARD_LIMIT_LEAST_S", 0.01)
    held, handled = Held(), Handled()
    cool = cooler(held, lambda window: [CracklePattern("mine", "the others' stand", 0.5)], limit_s=0.02)
    await cool.put(KILN, window(0))
    cool.close()
    began = time.monotonic()
    await cool.run(handled.window, handled.kiln)
    held.gate.set()
    assert time.monotonic() - began < 5
    assert [pattern.description for pattern in handled.reports[0][1].patterns] == ["the others' stand"]
    (failure,) = handled.reports[0][1].failures
    assert (failure.detector, failure.overran) == ("held", True)
    assert failure.problem == "given up after 0.02 s: it does not ask stop() and its thread could not be ended"


async def test_windows_that_wait_are_bounded_in_bytes_and_one_alone_always_has_room() -> None:
    cool, handled = cooler(max_bytes=2 * window(0).nbytes), Handled()
    await cool.put(KILN, window(0))
    await cool.put(KILN, window(1))
    with anyio.move_on_after(0.05) as waiting:
        await cool.put(KILN, window(2))
    assert waiting.cancelled_caught
    assert cool.waiting == 2
    alone = cooler(max_bytes=1)
    await alone.put(KILN, window(0))
    for each in (cool, alone):
        each.close()
        await each.run(handled.window, handled.kiln)
    assert handled.ids == ["w0", "w1", "w0"]
