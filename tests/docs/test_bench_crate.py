"""The crate's side of the benchmark: what is said where it cannot be had, and how its answers are read."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import crate
from benchmarks.cooling import _alike
from benchmarks.crate import Crate, CrateAbsentError, crate_of
from crackle_stream import ThermalProfile, Window, cool

if TYPE_CHECKING:
    from pathlib import Path

# reads the windows as the Rust program does, and answers with what it has read
STAND_IN = """
import struct, sys
with open(sys.argv[1], "rb") as file:
    windows = []
    while head := file.readline().split():
        size = 8 * int(head[0]) * len(head[1:])
        windows.append((head, struct.unpack(f"<{size // 8}d", file.read(size))))
for line in sys.stdin:
    what, number = line.split()
    head, values = windows[int(number)]
    answers = {"cool": "2000000 1000000", "information": "4 3", "patterns": "1\\nclustering\\t0.5"}
    print(answers.get(what) or " ".join(map(str, values)), flush=True)
"""


def test_without_cargo_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(CrateAbsentError, match="the crate's columns are left out: no cargo on the path") as absent:
        crate._built()
    assert "\n" not in str(absent.value)


def test_without_a_registry_the_line_is_cargos_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cargo = tmp_path / "cargo"
    cargo.write_text(
        "#!/bin/sh\necho 'warning: spurious' >&2\necho 'error: failed to get crackle-runtime' >&2\nexit 101\n"
    )
    cargo.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(cargo))
    monkeypatch.setenv("CRACKLE_BENCH_HOME", str(tmp_path / "home"))
    with pytest.raises(CrateAbsentError, match=r"left out: cargo build: error: failed to get crackle-runtime$"):
        crate._built()


def test_windows_reach_the_program_and_its_answers_come_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "stand-in"
    program.write_text(f"#!{sys.executable}\n{STAND_IN}")
    program.chmod(0o755)
    monkeypatch.setattr(crate, "_built", lambda: program)
    windows = [Window.from_columns(["a", "b"], [0, 1], ["x", "y"], np.array([[1, 2], [3, k]])) for k in (4, np.nan)]
    with crate_of(windows) as answering:
        assert answering.cool(1) == (0.002, 0.001)
        assert answering.inform(0) == (4e-9, 3e-9)
        assert answering.patterns(0) == [("clustering", 0.5)]
        assert answering.figures(0) == [1, 2, 3, 4]
        assert answering.figures(1) == pytest.approx([1, 2, 3, np.nan], nan_ok=True)


def test_a_program_that_has_ended_is_an_error_with_its_code() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "raise SystemExit(3)"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        process.wait()
        with pytest.raises(RuntimeError, match="crate-cooling has ended with 3"):
            Crate(process)._line()


def test_both_sides_are_alike_only_where_every_confidence_is() -> None:
    values = np.random.default_rng(1).normal(10, 1, (60, 3))
    window = Window.from_columns([f"t{k}" for k in range(60)], np.arange(60), ["x", "y", "z"], values)
    ours = cool(window, ThermalProfile.default()).patterns
    theirs = [(str(pattern.kind), pattern.confidence) for pattern in reversed(ours)]
    assert len(theirs) >= 4
    assert _alike(ours, theirs)
    assert not _alike(ours, theirs[1:])
    assert not _alike(ours, [(theirs[0][0], theirs[0][1] + 1e-6), *theirs[1:]])
