"""Fixed work, and how much our own code does of it: counted, not timed.

Counted are bytecodes that functions of the package execute, calls that they make, and the most memory held at once.
They are the same on a busy machine and on a quiet one. What libraries do within is left out, so that another numpy
changes nothing but by what it makes us do; another Python compiles our code to other bytecodes, and has counts of its
own.

usage: PYTHONPATH=tests python tests/counted_work.py      accept today's counts of this Python as what is expected
"""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
from sample_alerts import an_alert

import crackle_stream
from benchmarks.windows import evidence_window, window
from crackle_stream import ThermalProfile, Window, cool
from crackle_stream.decode import Decoder
from crackle_stream.information import (
    distribution_shift,
    jsd_shift,
    mutual_information_matrix,
    permutation_entropies,
)
from crackle_stream.model import Partition, Positions, RecordBatch
from crackle_stream.render import card, html_card
from crackle_stream.ring import Ring

__all__ = ["ACCEPT", "EXPECTED", "WORK", "Counts", "counted", "expected"]

EXPECTED = Path(__file__).parent / "guard" / "counts.json"
"""By Python version and work, what is expected."""

ACCEPT = "PYTHONPATH=tests python tests/counted_work.py"

PACKAGE = str(Path(crackle_stream.__file__).parent) + "/"

LISTED_SHARE = 0.02
"""Files with a smaller share of the bytecodes are not listed apart."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was done.

    Attributes:
        bytecodes: executed by the package's functions.
        calls: made by them, of Python and of C.
        kib: most memory held at once beyond what was held before.
        files: bytecodes by file of the package, the larger ones.
    """

    bytecodes: int
    calls: int
    kib: int
    files: dict[str, int]


def counted(work: Callable[[], object]) -> Counts:
    """Count a piece of work; it runs three times, and a first time for what is only done once."""
    work()
    bytecodes: Counter[str] = Counter()
    with _undisturbed(), _tracing(bytecodes):
        work()
    calls: Counter[str] = Counter()
    with _undisturbed(), _profiling(calls):
        work()
    total = bytecodes.total()
    listed = {file: count for file, count in sorted(bytecodes.items()) if count >= LISTED_SHARE * total}
    return Counts(total, calls.total(), _most_kib(work), listed)


def expected() -> dict[str, Counts]:
    """What is expected of this Python, by work; empty where nothing was accepted for it."""
    return {name: Counts(**fields) for name, fields in _stored().get(_version(), {}).items()}


def _stored() -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    return stored


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


@contextmanager
def _undisturbed() -> Iterator[None]:
    """No garbage collection, which would run finalizers of others' objects, and no other tracer."""
    tracer, profiler = sys.gettrace(), sys.getprofile()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        sys.settrace(tracer)
        sys.setprofile(profiler)
        gc.enable()


@contextmanager
def _tracing(bytecodes: Counter[str]) -> Iterator[None]:
    if sys.version_info >= (3, 12):
        # a tracer there misses bytecodes of functions that it meets for the first time
        tool, instruction = 3, sys.monitoring.events.INSTRUCTION

        def passed(code: CodeType, offset: int) -> object:
            if not code.co_filename.startswith(PACKAGE):
                return sys.monitoring.DISABLE
            bytecodes[code.co_filename.removeprefix(PACKAGE)] += 1
            return None

        sys.monitoring.use_tool_id(tool, __name__)
        sys.monitoring.register_callback(tool, instruction, passed)
        sys.monitoring.set_events(tool, instruction)
        yield
        sys.monitoring.set_events(tool, 0)
        sys.monitoring.free_tool_id(tool)
        return

    def entered(frame: FrameType, event: str, arg: object) -> Any:
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return executed

    def executed(frame: FrameType, event: str, arg: object) -> Any:
        if event == "opcode":
            bytecodes[frame.f_code.co_filename.removeprefix(PACKAGE)] += 1
        return executed

    sys.settrace(entered)
    yield
    sys.settrace(None)


@contextmanager
def _profiling(calls: Counter[str]) -> Iterator[None]:
    def seen(frame: FrameType, event: str, arg: object) -> None:
        caller = frame if event == "c_call" else frame.f_back if event == "call" else None
        if caller is not None and caller.f_code.co_filename.startswith(PACKAGE):
            calls[caller.f_code.co_filename.removeprefix(PACKAGE)] += 1

    sys.setprofile(seen)
    yield
    sys.setprofile(None)


def _most_kib(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        held, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        work()
        return (tracemalloc.get_traced_memory()[1] - held) // 1024
    finally:
        tracemalloc.stop()


TASKS = 1_000

NAMES = ("bytes_in", "bytes_out", "cpu_percent", "errors", "latency_ms", "queue_depth", "requests", "retries")

THRESHOLD = ThermalProfile.default()
EVIDENCE = ThermalProfile.evidence(per_window=0.05)


def records(count: int) -> RecordBatch:
    """Records of eight metrics, as a broker brings them."""
    rng = np.random.default_rng(1)
    rows = rng.normal(100, 15, (count, len(NAMES))).round(6).tolist()
    payloads = [
        json.dumps({"task": f"t{k}", "ts": 1.7e9 + k, "metrics": dict(zip(NAMES, row, strict=True))}).encode()
        for k, row in enumerate(rows)
    ]
    return RecordBatch(payloads, Positions(Partition("results", 0), np.arange(count)), np.full(count, 1.7e9))


def _decoding() -> Callable[[], object]:
    decoder, batch = Decoder(), records(TASKS)
    return lambda: decoder.decode(batch)


def _writing() -> Callable[[], object]:
    ring = Ring(TASKS + 24)  # so that a batch goes round its end
    batch, _ = Decoder().decode(records(TASKS))
    return lambda: ring.append(batch.labels, batch.times, batch.names, batch.values)


def _cooling(seen: Window, profile: ThermalProfile) -> Callable[[], object]:
    return lambda: cool(seen, profile)


def _informing() -> Callable[[], object]:
    seen = window(TASKS, 16, missing=0.1)

    def work() -> None:
        distribution_shift(seen.names, seen.values)
        jsd_shift(seen.names, seen.values)
        permutation_entropies(seen.names, seen.values)
        mutual_information_matrix(seen.values)

    return work


def _drawing() -> Callable[[], object]:
    alert, course = an_alert(), np.linspace(90.0, 170.0, 300).tolist()
    return lambda: (card(alert, values=course), html_card(alert))


WORK: dict[str, Callable[[], Callable[[], object]]] = {
    "decoding 1,000 records": _decoding,
    "putting 1,000 tasks into a ring": _writing,
    "cooling 1,000 x 16, threshold": lambda: _cooling(window(TASKS, 16, groups=5), THRESHOLD),
    "cooling 1,000 x 16 with 10 % missing, threshold": lambda: _cooling(window(TASKS, 16, missing=0.1), THRESHOLD),
    "information functions of 1,000 x 16 with 10 % missing": _informing,
    "cooling 1,000 x 8, evidence": lambda: _cooling(evidence_window("ar", TASKS, 8), EVIDENCE),
    "drawing an alert": _drawing,
}
"""By name, what makes a piece of work ready."""


def main() -> None:
    stored = _stored()
    made = {name: counted(prepared()) for name, prepared in WORK.items()}
    stored[_version()] = {
        name: {"bytecodes": each.bytecodes, "calls": each.calls, "kib": each.kib, "files": each.files}
        for name, each in made.items()
    }
    EXPECTED.write_text(json.dumps(dict(sorted(stored.items())), indent=1) + "\n")
    for name, each in made.items():
        print(f"{each.bytecodes:>10,} bytecodes {each.calls:>8,} calls {each.kib:>7,} KiB  {name}")


if __name__ == "__main__":
    main()
