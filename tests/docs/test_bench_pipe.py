"""The pipe benchmark compares like with like: our pipeline and the plain loop come to the same numbers."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from benchmarks.pipe import written
from benchmarks.pipe.contender import piped

if TYPE_CHECKING:
    from pathlib import Path


def test_ours_and_the_plain_loop_take_the_same_means_and_correlations(tmp_path: Path) -> None:
    records = written(tmp_path / "records.ndjson", 3_000)
    ours = piped((sys.executable, "-m", "benchmarks.pipe.ours", "mean"), records)
    plain = piped((sys.executable, "-m", "benchmarks.peers.plain_windows"), records)
    for key in ("windows", "level", "bond"):
        assert ours.said[key] == pytest.approx(plain.said[key], rel=1e-9)
    assert (plain.said["windows"], plain.records, ours.records) == (3, 2_000, 2_000)
    assert plain.said["level"] == pytest.approx(3 * 8 * 100, rel=0.02)


def test_a_contender_that_fails_is_named_with_what_it_said(tmp_path: Path) -> None:
    records = written(tmp_path / "records.ndjson", 10)
    with pytest.raises(SystemExit, match=r"-m benchmarks\.pipe\.ours nonsense: exit 1\n(?s:.*)KeyError: 'nonsense'"):
        piped((sys.executable, "-m", "benchmarks.pipe.ours", "nonsense"), records)
