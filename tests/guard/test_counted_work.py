"""The package does no more than it did: its work on fixed inputs is counted, so that a busy machine decides nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import counted_work
import numpy as np
import pytest
from counted_work import ACCEPT, EXPECTED, PACKAGE, WORK, Counts, counted, expected

from benchmarks.windows import window
from crackle_stream import ThermalProfile, cool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TOLERANCE = 0.1
"""How much more than expected passes: another numpy's last digits decide how often some loops go round."""

LEAST = {"bytecodes": 500, "calls": 50, "kib": 100}
"""What may be added whatever the share: a line or two more in work of some hundred bytecodes is no loss of speed."""


def grown(name: str, was: Counts, now: Counts) -> list[str]:
    """What grew beyond the tolerance, a sentence each; the files in which bytecodes were added come with them."""
    told = []
    for what, unit in (("bytecodes", "bytecodes of ours"), ("calls", "calls made by us"), ("kib", "KiB held at once")):
        before, after = getattr(was, what), getattr(now, what)
        if after > before + max(TOLERANCE * before, LEAST[what]):
            share = after / max(1, before) - 1
            told.append(
                f"{name}: {after:,} {unit}, {before:,} expected (+{share:.0%}, at most +{TOLERANCE:.0%} passes)"
            )
    if told:
        more = {file: count - was.files.get(file, 0) for file, count in now.files.items()}
        most = sorted((file for file in more if more[file] > 0), key=more.__getitem__, reverse=True)[:3]
        told += [f"  {file}: {more[file]:+,} bytecodes" for file in most]
    return told


@pytest.mark.parametrize("name", sorted(WORK))
def test_no_work_has_grown(name: str) -> None:
    known = expected()
    assert name in known, f"nothing is expected of {name!r} on this Python: run {ACCEPT} and look at what it prints"
    told = grown(name, known[name], counted(WORK[name]()))
    assert not told, "\n".join([*told, f"If it is meant: {ACCEPT}"])


@pytest.mark.parametrize(("groups", "missing"), [(5, 0.0), (5, 0.1)])
def test_four_times_the_tasks_take_hardly_more_bytecodes(groups: int, missing: float) -> None:
    def cooling(n: int) -> Counts:
        seen = window(n, 16, groups=groups, missing=missing)
        return counted(lambda: cool(seen, ThermalProfile.default()))

    few, many = cooling(1_000), cooling(4_000)
    assert many.bytecodes < 1.5 * few.bytecodes


@pytest.fixture
def looping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package as if somebody had written a loop over the tasks into it."""
    source = (
        "def in_order(table):\n    total = 0.0\n    for row in table:\n        total = total + row\n    return total\n"
    )
    made: dict[str, Callable[..., object]] = {}
    exec(compile(source, f"{PACKAGE}detect/threshold/columns.py", "exec"), made)
    monkeypatch.setattr("crackle_stream.detect.threshold.conservation.in_order", made["in_order"])


@pytest.mark.usefixtures("looping")
def test_a_loop_over_tasks_is_told_with_its_file_and_by_how_much_it_grew() -> None:
    name = "cooling 1,000 x 16, threshold"
    headline, place, *_ = grown(name, expected()[name], counted(WORK[name]()))
    assert headline.startswith(f"{name}: ")
    assert "bytecodes of ours" in headline
    assert "at most +10% passes" in headline
    assert place.startswith("  detect/threshold/columns.py: +")


def test_more_calls_and_more_memory_are_told_too() -> None:
    was = Counts(10_000, 1_000, 1_000, {"a.py": 6_000, "b.py": 4_000})
    now = Counts(10_900, 1_101, 2_000, {"a.py": 6_900, "b.py": 4_000})
    assert grown("work", was, now) == [
        "work: 1,101 calls made by us, 1,000 expected (+10%, at most +10% passes)",
        "work: 2,000 KiB held at once, 1,000 expected (+100%, at most +10% passes)",
        "  a.py: +900 bytecodes",
    ]


def test_a_tenth_more_and_any_amount_less_pass() -> None:
    was = Counts(10_000, 1_000, 1_000, {"a.py": 10_000})
    assert grown("work", was, Counts(11_000, 1_100, 1_100, {"a.py": 11_000})) == []
    assert grown("work", was, Counts(1, 1, 1, {})) == []


def test_counts_are_of_our_own_code_only() -> None:
    assert counted(lambda: sorted(np.arange(1000).tolist(), key=lambda number: -number)).bytecodes == 0


def test_all_pythons_that_are_supported_have_counts_of_all_work() -> None:
    stored = json.loads(EXPECTED.read_text())
    assert sorted(stored) == ["3.11", "3.12", "3.13"]
    assert {version: set(counts) for version, counts in stored.items()} == {version: set(WORK) for version in stored}


def test_accepting_writes_what_is_counted_and_keeps_other_pythons(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "counts.json"
    path.write_text(json.dumps({"2.7": {}}))
    monkeypatch.setattr(counted_work, "EXPECTED", path)
    monkeypatch.setattr(counted_work, "WORK", {"a ring": WORK["putting 1,000 tasks into a ring"]})
    counted_work.main()
    assert set(json.loads(path.read_text())) == {"2.7", counted_work._version()}
    assert set(expected()) == {"a ring"}
    assert "bytecodes" in capsys.readouterr().out
