"""A kit that passes everything is worth nothing: each rule, broken, is told."""

import asyncio
import itertools
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import numpy as np
import pytest
from scipy import special
from scipy.stats import binom

from crackle_stream.detect.evidence import prepared_of
from crackle_stream.errors import SinkRefused
from crackle_stream.history import History
from crackle_stream.model import Alert, Candidate, CracklePattern, Examination, Onset, Partition, Positions, RecordBatch
from crackle_stream.protocols import Context, Detector, Sink, Source
from crackle_stream.testing import FakeClock, check_detector, check_sink, check_source
from crackle_stream.testing import detectors as detector_kit
from crackle_stream.testing import sources as source_kit
from crackle_stream.testing.nulls import check_null, most_by_chance
from crackle_stream.window import Window

Examine = Callable[[Window, Context], Any]


class Scripted:
    """A detector that does as it is told."""

    name = "scripted"

    def __init__(self, examine: Examine) -> None:
        self._examine = examine

    def examine(self, window: Window, context: Context) -> Examination:
        if context.stop():
            return Examination(complete=False)
        made: Examination = self._examine(window, context)
        return made


def pattern(window: Window, **fields: Any) -> CracklePattern:
    filled = {"kind": "k", "description": "d", "confidence": 0.5, "metric_names": sorted(window.names)[:1]}
    return CracklePattern(**{**filled, **fields})


def found(**fields: Any) -> Examine:
    """Reports one pattern in every window that has tasks."""
    return lambda window, context: Examination(
        tuple(Candidate(pattern(window, **fields), p=None) for _ in window.labels[:1]), tests=1
    )


def halves_differ(columns: Callable[[Window, Context], np.ndarray]) -> Examine:
    """Student's test of the first half against the second, which holds where rows are independent."""

    def examine(window: Window, context: Context) -> Examination:
        table = columns(window, context)
        half = len(table) // 2
        if half < 10 or np.isnan(table).all() or np.nanmax(np.abs(table), initial=0.0) > 1e6:
            return Examination()
        candidates = []
        for column in range(table.shape[1]):
            before, after = (part[~np.isnan(part)] for part in np.split(table[: 2 * half, column], [half]))
            error = np.sqrt(before.var() / len(before) + after.var() / len(after))
            if error > 0:
                p = float(2 * special.ndtr(-abs(before.mean() - after.mean()) / error))
                metric = sorted(window.names)[column]
                candidates.append(Candidate(pattern(window, metric_names=(metric,)), p))
        return Examination(tuple(candidates), tests=max(table.shape[1], 1))

    return examine


def in_order(window: Window, context: Context) -> np.ndarray:
    """The window's values, metrics by name."""
    return window.values[:, np.argsort(window.names)]


def whitened(window: Window, context: Context) -> np.ndarray:
    """The same without their memory."""
    prepared = prepared_of(window, context)
    table = np.full(window.values.shape, np.nan)
    table[:, [sorted(window.names).index(name) for name in prepared.names]] = prepared.whitened.scores
    return table


def test_p_values_that_hold_on_null_windows_pass() -> None:
    check_detector(Scripted(halves_differ(whitened)))


def test_p_values_that_take_dependent_rows_for_independent_ones_are_told_with_their_number() -> None:
    with pytest.raises(AssertionError) as caught:
        check_detector(Scripted(halves_differ(in_order)))
    told = re.fullmatch(
        r"scripted sees something with a p value of 0.05 or less, times its tests, in (\d+) of 40 windows of "
        r"autocorrelated noise, where there is nothing; the bar is 9: rows that depend on each other say less than "
        r"independent ones: test prepared_of\(window, context\).whitened.scores in place of the values",
        str(caught.value),
    )
    assert told is not None
    assert int(told[1]) > 30


def test_p_values_that_are_always_small_are_told_on_independent_noise_already() -> None:
    with pytest.raises(AssertionError, match=r"in 40 of 40 windows of independent noise, .* count every test"):
        check_detector(Scripted(with_p(1e-6)))


def test_forgotten_tests_are_noticed() -> None:
    def uncounted(window: Window, context: Context) -> Examination:
        smallest = context.rng.random(50).min(initial=1.0)
        return Examination((Candidate(pattern(window), float(smallest)),) if len(window) else (), tests=1)

    class Drawing(Scripted):
        """Draws anew for each window, as fifty tests of fifty truths would."""

        def examine(self, window: Window, context: Context) -> Examination:
            seeded = np.random.default_rng(int(np.nansum(np.abs(window.values) % 1e6)) if len(window) else 0)
            return uncounted(window, Lent(context, seeded))

    with pytest.raises(AssertionError, match=r"in \d\d of 40 windows of independent noise"):
        check_null("drawing", lambda title, window, context: Drawing(found()).examine(window, context), seed=0)


@dataclass
class Lent:
    """A context with another generator."""

    context: Context
    rng: np.random.Generator

    @property
    def history(self) -> History:
        return self.context.history

    def stop(self) -> bool:
        return self.context.stop()


@pytest.mark.parametrize("windows", [1, 10, 40, 1000])
def test_the_bar_is_the_binomial_quantile(windows: int) -> None:
    most = most_by_chance(windows)
    assert binom.sf(most, windows, 0.05) <= 1e-4
    assert most == 0 or binom.sf(most - 1, windows, 0.05) > 1e-4


def with_p(p: float) -> Examine:
    return lambda window, context: Examination((Candidate(pattern(window), p=p),), tests=1)


def test_a_detector_that_keeps_the_rules_passes() -> None:
    check_detector(Scripted(found()))


def test_a_plain_function_that_keeps_the_rules_passes() -> None:
    def detect(window: Window) -> Iterable[CracklePattern]:
        return [pattern(window)]

    check_detector(detect)


def changes_the_window(window: Window, context: Context) -> Examination:
    window.values.flags.writeable = True
    window.values[:] = 0
    return Examination(tests=1)


def raises(window: Window, context: Context) -> Examination:
    if len(window) == 1:
        raise ZeroDivisionError("division by zero")
    return Examination(tests=1)


def draws_from_elsewhere(window: Window, context: Context) -> Examination:
    return Examination((Candidate(pattern(window, metrics={"x": random.random()})),), tests=1)


def depends_on_the_column_order(window: Window, context: Context) -> Examination:
    return Examination(tuple(Candidate(pattern(window, direction=name)) for name in window.names[:1]), tests=1)


@pytest.mark.parametrize(
    ("examine", "message"),
    [
        (raises, "scripted raises ZeroDivisionError on the window 'of one task': division by zero"),
        (lambda window, context: [], "scripted returns list on the window 'empty': return an Examination"),
        (lambda window, context: Examination(tests=-1), "the number of tests is -1, less than 0"),
        (lambda window, context: Examination(complete=False), "complete is False although nobody asked it to stop"),
        (lambda window, context: Examination((pattern(window),)), "candidates holds a CracklePattern"),  # type: ignore[arg-type]
        (lambda window, context: Examination((Candidate("x"),)), "a candidate holds a str"),  # type: ignore[arg-type]
        (with_p(1.5), "the p value 1.5 is not between 0 and 1"),
        (found(kind=" "), "the kind is empty"),
        (found(description=""), "the description is empty; a person on call reads it"),
        (found(confidence=float("nan")), "the confidence is NaN"),
        (found(involved_tasks=("nobody",)), "involved_tasks names tasks the window does not hold: nobody"),
        (found(metric_names=("nothing",)), "metric_names names metrics the window does not hold: nothing"),
        (found(metrics={"x": float("inf")}), "metrics['x'] is inf; leave out what is not finite"),
        (found(at=Onset(10_000, 0.0)), "at.index 10000 is no row of the window"),
        (changes_the_window, "scripted changes the window "),
        (draws_from_elsewhere, "scripted finds something else the second time on the window "),
        (depends_on_the_column_order, "finds other patterns when the columns stand in another order"),
    ],
)
def test_a_detector_that_breaks_a_rule_is_told_which(examine: Examine, message: str) -> None:
    with pytest.raises(AssertionError) as caught:
        check_detector(Scripted(examine))
    assert message in str(caught.value)


def test_a_detector_without_a_name_is_told() -> None:
    nameless = Scripted(found())
    nameless.name = ""
    with pytest.raises(AssertionError, match="a detector has a name, and it is not empty"):
        check_detector(nameless)


def test_a_detector_whose_threads_meet_is_told() -> None:
    class Shared:
        """Counts the threads at work in it: what it says depends on whether it is alone."""

        name = "shared"

        def __init__(self) -> None:
            self.meeting = threading.Barrier(detector_kit.THREADS)

        def examine(self, window: Window, context: Context) -> Examination:
            if context.stop():
                return Examination(complete=False)
            alone = threading.current_thread() is threading.main_thread()
            if not alone:
                self.meeting.wait(timeout=10)
            return Examination((Candidate(pattern(window, direction="alone" if alone else "met")),), tests=1)

    with pytest.raises(AssertionError, match="while other threads examine others: share nothing between calls"):
        check_detector(Shared())


def test_a_detector_that_cannot_read_its_own_memory_is_told() -> None:
    def remembers(window: Window, context: Context) -> Examination:
        if "seen" in context.history.of("scripted"):
            raise KeyError("sean")
        return Examination(tests=1, learned={"seen": 1})

    with pytest.raises(AssertionError, match="raises KeyError on the window 'ordinary, seen a second time"):
        check_detector(Scripted(remembers))


class Deaf:
    name = "deaf"

    def examine(self, window: Window, context: Context) -> Examination:
        return Examination(tests=1)


class Stubborn(Deaf):
    name = "stubborn"

    def examine(self, window: Window, context: Context) -> Examination:
        context.stop()
        return Examination(tests=1)


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        (Deaf(), "deaf works 2.0 s on the window 'large' without asking context.stop(): ask every 50 ms"),
        (Stubborn(), "stubborn was told to stop and says complete=True: return what you have with complete=False"),
    ],
)
def test_a_detector_that_does_not_stop_is_told(
    monkeypatch: pytest.MonkeyPatch, detector: Detector, message: str
) -> None:
    monkeypatch.setattr(time, "monotonic", itertools.count(0.0, 2.0).__next__)
    with pytest.raises(AssertionError) as caught:
        check_detector(detector)
    assert message in str(caught.value)


P = Partition("log", 0)


def batch(*offsets: int, payloads: list[Any] | None = None, times: list[float] | None = None) -> RecordBatch:
    return RecordBatch(
        [b"{}"] * len(offsets) if payloads is None else payloads,
        Positions(P, np.array(offsets, dtype=np.int64)),
        np.array([1.7e9] * len(offsets) if times is None else times),
    )


class Log(Source):
    """Four records in two batches, after which it ends; each test breaks one thing."""

    name = "log"

    def __init__(self) -> None:
        self.batches: list[RecordBatch | None] = [batch(0, 1), batch(2, 3)]
        self.paused = False

    async def read(self) -> RecordBatch | None:
        if self.paused:
            return batch()
        return self.batches.pop(0) if self.batches else None

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False


async def test_a_source_that_keeps_the_rules_passes() -> None:
    await check_source(Log, records=4)


def with_batches(*batches: RecordBatch | None) -> Callable[[], Log]:
    def make() -> Log:
        log = Log()
        log.batches = list(batches)
        return log

    return make


class Heedless(Log):
    def pause(self) -> None:
        return None


class EndsWhilePaused(Log):
    async def read(self) -> RecordBatch | None:
        return None if self.paused else await super().read()


class Forgetful(Log):
    def pause(self) -> None:
        super().pause()
        self.batches = [batch(4, 5, 6, 7)]


class Behind(Log):
    def lag(self) -> int | None:
        return -1


class Hanging(Log):
    async def read(self) -> RecordBatch | None:
        await anyio.sleep_forever()
        return None


class Slow(Log):
    async def read(self) -> RecordBatch | None:
        return batch()


class Clinging(Log):
    async def __aexit__(self, *error: object) -> None:
        await anyio.sleep_forever()


class Nameless(Log):
    name = ""


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (with_batches(batch(0, 1), batch(1, 2)), "offset 1 of log[0] comes after 1: offsets only grow"),
        (with_batches(batch(1, 0), batch(2, 3)), "offset 0 of log[0] comes after 1: offsets only grow"),
        (with_batches(batch(0, 1, payloads=[b"{}"])), "a batch of 1 records has 2 positions and times of shape (2,)"),
        (with_batches(batch(0, 1, times=[1.0])), "a batch of 2 records has 2 positions and times of shape (1,)"),
        (with_batches(batch(0, times=[float("nan")])), "the time of a record is not finite"),
        (with_batches(batch(0, payloads=["{}"])), "payloads are bytes, undecoded"),
        (with_batches(batch(0, 1)), "log ends after 2 records, where there are 4"),
        (with_batches(batch(*range(5))), "log yields 5 records, where there are 4"),
        (with_batches(batch(*range(4)), batch(4)), "log: read() returns None at the end, always"),
        (Heedless, "log is paused and yields 2 records: return an empty batch until resume()"),
        (EndsWhilePaused, "log is paused and yields the end: return an empty batch until resume()"),
        (Forgetful, "log yields other records of a partition, or in another order, when it is paused and resumed"),
        (Behind, "log: lag() is -1: a number of records, or None where it is unknown"),
        (Hanging, "log: read() waits for more than 0.05 s: return an empty batch instead"),
        (Slow, "log has yielded 0 of 4 records within 0.2 s"),
        (Nameless, "a source has a name, and it is not empty"),
    ],
)
async def test_a_source_that_breaks_a_rule_is_told_which(
    monkeypatch: pytest.MonkeyPatch, make: Callable[[], Source], message: str
) -> None:
    monkeypatch.setattr(source_kit, "READ_WITHIN_SHARE", 0.25)
    with pytest.raises(AssertionError) as caught:
        await check_source(make, records=4, within_s=0.2)
    assert message in str(caught.value)


async def test_a_source_that_should_wait_and_ends_is_told() -> None:
    with pytest.raises(AssertionError, match="returns an empty batch while it waits"):
        await check_source(Log, records=4, ends=False)


async def test_a_source_that_cannot_be_left_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_kit, "LEAVE_WITHIN_SHARE", 0.05 / 30)
    made = iter([Log(), Log(), Clinging()])
    with pytest.raises(AssertionError, match=r"log cannot be left within 0\.05 s of being entered"):
        await check_source(lambda: next(made), records=4)


class Kept(Sink):
    """Keeps what it is sent; each test breaks one thing."""

    name = "kept"

    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    async def send(self, alert: Alert) -> None:
        self.alerts.append(alert)


class Refusing(Kept):
    async def send(self, alert: Alert) -> None:
        if not alert.pattern.metric_names:
            raise SinkRefused(self.name, "there are no metrics in it")


class Careless(Kept):
    async def send(self, alert: Alert) -> None:
        alert.pattern.description.encode()


class Changing(Kept):
    async def send(self, alert: Alert) -> None:
        object.__setattr__(alert, "reason", "I know better")


class Stuck(Kept):
    async def send(self, alert: Alert) -> None:
        await asyncio.Event().wait()


class StuckAtTheDoor(Kept):
    async def __aexit__(self, *error: object) -> None:
        await asyncio.Event().wait()


class NamelessSink(Kept):
    name = ""


async def test_a_sink_that_keeps_the_rules_passes() -> None:
    sinks: list[Kept] = []

    def make() -> Kept:
        sinks.append(Kept())
        return sinks[-1]

    await check_sink(make, received=lambda: [alert.id for alert in sinks[-1].alerts])
    assert [str(alert.status) for alert in sinks[-1].alerts][:4] == ["raised", "raised", "repeated", "resolved"]
    assert sinks[-1].alerts[0].id == sinks[-1].alerts[1].id


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Refusing, "kept refuses an alert with hardly anything in it, though its receiver takes everything"),
        (Careless, "kept raises UnicodeEncodeError on an alert with hostile text"),
        (Changing, "kept changes an alert that was raised"),
        (Stuck, "kept does not take an alert that was raised within 0.1 s"),
        (StuckAtTheDoor, "kept is not left within 0.1 s"),
        (NamelessSink, "a sink has a name, and it is not empty"),
    ],
)
async def test_a_sink_that_breaks_a_rule_is_told_which(make: Callable[[], Sink], message: str) -> None:
    with pytest.raises(AssertionError) as caught:
        await check_sink(make, within_s=0.1)
    assert message in str(caught.value)


async def test_a_sink_that_returns_before_the_receiver_has_the_alert_is_told() -> None:
    with pytest.raises(AssertionError, match=r"send\(\) returned, and the receiver has not an alert that was raised"):
        await check_sink(Kept, received=list)


def test_the_clock_moves_when_told_and_never_back() -> None:
    clock = FakeClock(start=100.0)
    clock.advance(5.0)
    assert (clock.time(), clock.monotonic()) == (105.0, 5.0)
    clock.set_time(50.0)
    assert (clock.time(), clock.monotonic()) == (50.0, 5.0)
    with pytest.raises(ValueError, match=r"time does not go back, not even by 1\.0 s"):
        clock.advance(-1.0)


def test_the_kits_are_what_the_package_exports() -> None:
    import crackle_stream.testing as kit

    assert kit.__all__ == ["FakeClock", "check_detector", "check_sink", "check_source"]
    exported: Mapping[str, object] = vars(kit)
    assert all(name in exported for name in kit.__all__)
