"""The rules every detector keeps."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from crackle_stream.cooling import detectors_of
from crackle_stream.history import History
from crackle_stream.model import Candidate, CracklePattern, Examination
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import Context, DetectFunction, Detector
from crackle_stream.testing.nulls import check_null, window_of
from crackle_stream.testing.rules import require
from crackle_stream.window import Window

__all__ = ["check_detector"]

THREADS = 4

DEAF_S = 1.0
"""Work after which a detector that has not asked `stop()` is deaf to it. The rule is 50 ms; a loaded machine is not
the detector's fault."""

HUGE = 1e300
"""As large as decoding lets a metric be: squares of it overflow."""


def check_detector(detector: Detector | DetectFunction, *, seed: int = 0) -> None:
    """Check that a detector keeps the rules of `Detector`.

    It is shown windows that are empty, tiny, constant, full of gaps, huge in size and in value, and ordinary ones. It
    must describe real tasks and metrics with finite numbers, find the same in the same window every time and from
    several threads at once, whatever it saw before and however the columns stand, leave the window alone, and stop
    when it is told to. Where it gives p values, they must hold: on 40 windows of independent and 40 of autocorrelated
    noise, which have no pattern, it may see one in no more than chance allows.

    Args:
        detector: an instance, or a plain `detect(window) -> patterns`.
        seed: of the windows' noise.

    Raises:
        AssertionError: a rule is broken; the message says which, and on which window.
    """
    adapted = _adapted(detector)
    require(bool(adapted.name), "a detector has a name, and it is not empty")
    windows = dict(_windows(np.random.default_rng(seed)))
    first = {title: _examined(adapted, title, window) for title, window in windows.items()}
    for title, made in first.items():
        _check_examination(adapted.name, title, windows[title], made)
    _check_repeatable(adapted, windows, first)
    _check_threads(adapted, windows, first)
    _check_column_order(adapted, windows["ordinary"], first["ordinary"])
    _check_memory(adapted, windows["ordinary"], first["ordinary"])
    _check_stop(adapted, windows["large"])
    check_null(adapted.name, lambda title, window, context: _examined(adapted, title, window, context), seed=seed)


def _adapted(detector: Detector | DetectFunction) -> Detector:
    """A plain callable as a cooling adapts it."""
    if isinstance(detector, Detector):
        return detector
    (adapted,) = detectors_of(ThermalProfile.no_detection().with_detector(detector))
    return adapted


@dataclass(slots=True)
class _Context:
    """What the detector is handed; counts how often it asks to stop."""

    history: History
    rng: np.random.Generator
    stopping: bool = False
    asked: int = 0

    def stop(self) -> bool:
        self.asked += 1
        return self.stopping


def _windows(rng: np.random.Generator) -> Iterator[tuple[str, Window]]:
    yield "empty", window_of(np.empty((0, 0)))
    yield "without metrics", window_of(np.empty((5, 0)))
    yield "of one task", window_of(rng.normal(size=(1, 3)))
    yield "of two tasks", window_of(rng.normal(size=(2, 3)))
    yield "constant", window_of(np.full((50, 3), 7.0))
    yield "zero", window_of(np.zeros((50, 3)))
    yield "without values", window_of(np.full((50, 3), np.nan))
    gaps = rng.normal(100, 10, size=(200, 6))
    gaps[rng.random(gaps.shape) < 0.3] = np.nan
    yield "with gaps", window_of(gaps)
    yield "of huge numbers", window_of(rng.choice([-HUGE, 1.0, HUGE], size=(60, 3)))
    yield "of two values", window_of(rng.integers(0, 2, size=(200, 4)).astype(np.float64))
    yield "ordinary", window_of(_ordinary(rng))
    yield "large", window_of(rng.normal(size=(5000, 16)))


def _ordinary(rng: np.random.Generator) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """A shift, a correlation, a group and a steady metric, so that most detectors have something to say."""
    values = rng.normal(100, 10, size=(300, 5))
    values[150:, 0] += 200
    values[:, 2] = 3 * values[:, 1] + rng.normal(size=300)
    values[:20, 3] = 5
    values[:, 4] = 100 + rng.normal(0, 0.1, size=300)
    return values


def _examined(detector: Detector, title: str, window: Window, context: Context | None = None) -> Examination:
    before = window.values.tobytes(), window.times.tobytes()
    try:
        made = detector.examine(window, context or _context())
    except Exception as error:
        raise AssertionError(
            f"{detector.name} raises {type(error).__name__} on the window {title!r}: {error}"
        ) from error
    require(
        isinstance(made, Examination),
        f"{detector.name} returns {type(made).__name__} on the window {title!r}: return an Examination",
    )
    require(
        (window.values.tobytes(), window.times.tobytes()) == before,
        f"{detector.name} changes the window {title!r}: copy the columns before changing them",
    )
    return made


def _context(history: History | None = None) -> _Context:
    return _Context(History() if history is None else history, np.random.default_rng(0))


def _check_examination(name: str, title: str, window: Window, made: Examination) -> None:
    where = f"{name}, on the window {title!r}"
    require(made.tests >= 0, f"{where}: the number of tests is {made.tests}, less than 0")
    require(made.complete, f"{where}: complete is False although nobody asked it to stop")
    for candidate in made.candidates:
        require(isinstance(candidate, Candidate), f"{where}: candidates holds a {type(candidate).__name__}")
        pattern = candidate.pattern
        require(isinstance(pattern, CracklePattern), f"{where}: a candidate holds a {type(pattern).__name__}")
        p = candidate.p
        require(p is None or 0 <= p <= 1, f"{where}: the p value {p} is not between 0 and 1")
        _check_pattern(f"{where}, pattern {pattern.kind!r}", window, pattern)


def _check_pattern(where: str, window: Window, pattern: CracklePattern) -> None:
    require(bool(str(pattern.kind).strip()), f"{where}: the kind is empty")
    require(bool(pattern.description.strip()), f"{where}: the description is empty; a person on call reads it")
    require(not math.isnan(pattern.confidence), f"{where}: the confidence is NaN")
    strange = sorted(set(pattern.involved_tasks) - set(window.labels))
    require(not strange, f"{where}: involved_tasks names tasks the window does not hold: {', '.join(strange[:3])}")
    unknown = sorted(set(pattern.metric_names) - set(window.names))
    require(not unknown, f"{where}: metric_names names metrics the window does not hold: {', '.join(unknown[:3])}")
    for metric, number in pattern.metrics.items():
        require(math.isfinite(number), f"{where}: metrics[{metric!r}] is {number}; leave out what is not finite")
    if pattern.at is not None:
        require(0 <= pattern.at.index < len(window), f"{where}: at.index {pattern.at.index} is no row of the window")
    try:
        json.dumps(pattern.to_dict(), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise AssertionError(f"{where}: it is no JSON: {error}") from error


def _found(made: Examination) -> list[tuple[object, ...]]:
    """What was found, for comparing: in the order it was reported."""
    return [(json.dumps(candidate.pattern.to_dict(), sort_keys=True), candidate.p) for candidate in made.candidates]


def _check_repeatable(detector: Detector, windows: Mapping[str, Window], first: Mapping[str, Examination]) -> None:
    for title in reversed(list(windows)):
        again = _examined(detector, title, windows[title])
        require(
            _found(again) == _found(first[title]),
            f"{detector.name} finds something else the second time on the window {title!r}: keep no state, draw "
            "random numbers from context.rng alone, and depend on the order of no set",
        )


def _check_threads(detector: Detector, windows: Mapping[str, Window], first: Mapping[str, Examination]) -> None:
    titles = [title for title in windows if title != "large"] * THREADS
    with ThreadPoolExecutor(THREADS) as pool:
        made = list(pool.map(lambda title: _examined(detector, title, windows[title]), titles))
    for title, examination in zip(titles, made, strict=True):
        require(
            _found(examination) == _found(first[title]),
            f"{detector.name} finds something else on the window {title!r} while other threads examine others: "
            "share nothing between calls",
        )


def _check_column_order(detector: Detector, window: Window, first: Examination) -> None:
    turned = Window.from_columns(
        window.labels, window.times, window.names[::-1], window.values[:, ::-1], key=window.key, id=window.id
    )
    made = _examined(detector, "ordinary, columns reversed", turned)
    prints: Callable[[Examination], set[str]] = lambda one: {each.pattern.fingerprint for each in one.candidates}  # noqa: E731
    require(
        prints(made) == prints(first),
        f"{detector.name} finds other patterns when the columns stand in another order",
    )


def _check_memory(detector: Detector, window: Window, first: Examination) -> None:
    """What it wants to remember, it must be able to read."""
    history = History().after({detector.name: first})
    _examined(detector, "ordinary, seen a second time with its own memory", window, _context(history))


def _check_stop(detector: Detector, window: Window) -> None:
    context = _Context(History(), np.random.default_rng(0), stopping=True)
    began = time.monotonic()
    made = _examined(detector, "large", window, context)
    took = time.monotonic() - began
    require(
        context.asked > 0 or took < DEAF_S,
        f"{detector.name} works {took:.1f} s on the window 'large' without asking context.stop(): ask every 50 ms",
    )
    require(
        not (context.asked and made.complete),
        f"{detector.name} was told to stop and says complete=True: return what you have with complete=False",
    )
