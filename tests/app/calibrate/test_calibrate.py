"""`crackle-stream calibrate`: rates that are right, advice that follows, and everything it can say."""

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from crackle_stream.app.calibrate import recording as recordings
from crackle_stream.app.calibrate.advice import Advice, Wanted, advice, over
from crackle_stream.app.calibrate.measured import WEEK_S, Measured, Raised, Seen
from crackle_stream.app.calibrate.measuring import Rehearsal, measure, windows_of
from crackle_stream.app.calibrate.recording import Recording
from crackle_stream.app.cli import app
from crackle_stream.model import Partition, Positions, TaskBatch
from crackle_stream.profile import ThermalProfile
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream.options import KilnOptions

ROWS = 600
TUMBLING = Rehearsal(ThermalProfile.evidence(per_window=0.05), CoolingSchedule(100, None), KilnOptions(capacity=100))


def noise(rows: int = ROWS, keys: list[str] | None = None, *, step_s: float = 1.0) -> Recording:
    """Independent normal numbers, a task a second."""
    values = np.random.default_rng(0).normal(size=(rows, 3))
    times = 1.7e9 + step_s * np.arange(rows, dtype=np.float64)
    positions = Positions(Partition("noise"), np.arange(rows, dtype=np.int64))
    return Recording(TaskBatch([f"t{row}" for row in range(rows)], times, ("a", "b", "c"), values, positions, keys), {})


def lines(path: Path, rows: int = ROWS, *, timed: bool = True) -> Path:
    values = np.random.default_rng(0).normal(size=(rows, 3))
    path.write_text(
        "".join(
            json.dumps({**({"ts": 1.7e9 + row} if timed else {}), "a": x, "b": y, "c": z}) + "\n"
            for row, (x, y, z) in enumerate(values.tolist())
        )
    )
    return path


def calibrated(*arguments: object) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["calibrate", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


SMALL = ("--set", "kiln.capacity=100", "--set", "kiln.every_tasks=100", "--set", "kiln.every_seconds=never")
THRESHOLD = ("--set", "profile.family=threshold")


# What is measured


def test_windows_end_where_a_pipeline_would_end_them() -> None:
    sliding = replace(TUMBLING, schedule=CoolingSchedule(50, None))
    got = [(len(window), window.fresh, window.closed_by) for _, window in windows_of(noise(200).batch, sliding)]
    assert got == [(50, 50, "tasks"), (100, 50, "tasks"), (100, 50, "tasks"), (100, 50, "tasks")]


def test_keys_are_streams_of_their_own_that_go_on_tile_after_tile() -> None:
    recording = noise(200, ["left", "right"] * 100)
    batch = recording.surrogate(2, lambda values, rows, _: np.resize(values, rows), np.random.default_rng(0))
    assert np.array_equal(batch.values, np.tile(recording.batch.values, (2, 1)))
    assert np.array_equal(batch.times, 1.7e9 + np.arange(400))
    assert {name.key for name, _ in windows_of(batch, TUMBLING)} == {"left", "right"}


def test_the_evidence_family_stays_near_its_budget_on_noise_and_the_threshold_family_does_not() -> None:
    evidence = measure(noise(), TUMBLING, "sieve", 60, np.random.default_rng(1))
    crude = replace(TUMBLING, profile=ThermalProfile.default())
    threshold = measure(noise(), crude, "sieve", 60, np.random.default_rng(1))
    assert len(evidence.windows) == len(threshold.windows) == 60
    # 60 windows of a chance of .05 each: 3 expected, and 9 or more in 1 of 300
    assert len(evidence.raised) < 9
    assert evidence.below().low <= 0.05
    assert len(threshold.raised) > 20
    assert {alert.detector for alert in threshold.raised} >= {"phase_transition"}


def test_stream_time_is_that_of_the_records_and_kilns_run_side_by_side() -> None:
    assert measure(noise(), TUMBLING, "blocks", 6, np.random.default_rng(0)).weeks == pytest.approx(599 / WEEK_S)
    keyed = measure(noise(ROWS, ["l", "r"] * 300), TUMBLING, "blocks", 6, np.random.default_rng(0))
    assert keyed.kilns == 2
    assert keyed.weeks == pytest.approx(599 / WEEK_S, rel=0.01)


def test_records_without_times_count_for_the_schedule_s_seconds() -> None:
    untimed = noise(step_s=0.0)
    assert untimed.untimed
    paced = replace(TUMBLING, profile=ThermalProfile.evidence("1/week")).paced(untimed)
    assert paced.profile.budget.least == pytest.approx(30 / WEEK_S)
    assert measure(untimed, TUMBLING, "sieve", 6, np.random.default_rng(0)).weeks == pytest.approx(6 * 30 / WEEK_S)


def test_a_recording_too_large_for_one_stream_is_measured_as_several(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.app.calibrate.measuring.MOST_VALUES", ROWS * 3)
    assert len(measure(noise(), TUMBLING, "sieve", 13, np.random.default_rng(0)).windows) == 13


# What is advised


def seen(*raised: Raised, least: float = 1.0) -> Seen:
    return Seen({"shift": least}, raised, 1.0, WEEK_S)


def false_alert(detector: str = "shift", metric: str = "a", confidence: float = 0.9, spent: float = 0.9) -> Raised:
    return Raised(detector, "phase transition", "mean", (metric,), confidence, spent)


QUIET = [seen()] * 20
ONCE = Wanted(1.0, "1/week")


def test_nothing_is_advised_where_nothing_is_too_much() -> None:
    assert advice([Measured("sieve", [seen(false_alert()), *QUIET])], ONCE) == ()


def test_the_metric_that_causes_it_comes_first_then_the_budget_then_the_detector() -> None:
    noisy = [seen(*[false_alert(metric="queue.depth", spent=0.3)] * 10) for _ in range(10)]
    assert advice([Measured("sieve", noisy)], ONCE) == (
        Advice(
            "profile", 'types = { "queue.depth" = "code" }', "no shift or dependence is looked for in what these say"
        ),
        Advice(
            "profile",
            'budget = "0.2/week"',
            "what is found must be so much rarer; small changes are found later, or not",
        ),
        Advice("profile", 'without = ["shift"]', "what only these find will not be found"),
    )


def test_alerts_that_no_budget_would_hold_back_need_another_setting() -> None:
    noisy = [seen(*(false_alert(metric=f"m{place}", spent=0.0) for place in range(10)))] * 10
    assert [each.line for each in advice([Measured("blocks", noisy)], ONCE)] == ['without = ["shift"]']


def test_p_values_that_are_too_small_too_often_ask_for_as_much_less_of_the_budget() -> None:
    rare = Measured("sieve", [*[seen(least=0.01)] * 40, *[seen()] * 60])
    assert over(rare, ONCE)  # 40 % of windows below 5 %: an eighth of the budget is 0.125
    assert [each.line for each in advice([rare], ONCE) if "budget" in each.line] == ['budget = "0.1/week"']


def test_the_threshold_family_is_told_of_confidence() -> None:
    noisy = [seen(*[false_alert(confidence=0.97)] * 5)] * 10
    found = advice([Measured("sieve", noisy)], replace(ONCE, evidence=False))
    assert found[0] == Advice("alerts", "min_confidence = 0.99", "weaker patterns raise nothing")


# What is said


def test_the_report_names_detectors_rates_and_what_they_exclude(tmp_path: Path) -> None:
    code, said, told = calibrated(lines(tmp_path / "noise.jsonl"), *SMALL, "--windows", 12)
    assert (code, told) == (0, "")
    assert "noise.jsonl: 600 records of 3 metrics; allowed: 1/week false alerts" in said
    assert "sieve: every metric redrawn from an autoregression of its own\n  12 windows, " in said
    assert "blocks: every metric's own stretches in another order" in said
    assert "  detector         alerts     a week 95 %                  windows rarer than 5 %" in said
    for name in ("shift", "dependence", "lagged", "laws", "groups", "all"):
        assert f"\n  {name:<16} " in said
    assert "Within 1/week, as far as this can tell: these windows exclude more than " in said
    assert "More windows (--windows) would tell more." in said


def test_one_seed_says_one_thing_as_json(tmp_path: Path) -> None:
    path = lines(tmp_path / "noise.jsonl")
    one, again = (calibrated(path, *SMALL, "--windows", 6, "--format", "json", "--seed", 3)[1] for _ in range(2))
    assert one == again
    told = json.loads(one)
    assert [stream["method"] for stream in told["streams"]] == ["sieve", "blocks"]
    assert told["streams"][0]["windows"] == 6
    assert told["streams"][0]["per_week"]["low"] <= told["streams"][0]["per_week"]["value"]
    assert (told["within"], told["advice"], told["budget"]) == (True, [], "1/week")


def test_what_meets_the_budget_is_a_line_for_the_configuration(tmp_path: Path) -> None:
    path = lines(tmp_path / "noise.jsonl")
    _, said, _ = calibrated(path, *SMALL, *THRESHOLD, "--windows", 30, "--budget", "1/week")
    assert "More false alerts than 1/week:\n  sieve: at least " in said
    assert "windows rarer than" not in said
    assert "Any one of these would meet it on these streams:\n" in said
    assert re.search(r'\n  \[profile\]\n  without = \[.*"phase_transition"\]    # what only these find', said)
    assert "Where the recording holds incidents, measure a quiet stretch of it first." in said


def test_what_is_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordings, "MOST_RECORDS", 500)
    path = lines(tmp_path / "noise.jsonl", timed=False)
    text = path.read_text().splitlines()
    packed = tmp_path / "noise.jsonl.gz"
    packed.write_bytes(gzip.compress("\n".join(["not json", *text]).encode()))
    _, said, _ = calibrated(packed, *SMALL, *THRESHOLD, "--set", "profile.without=clustering", "--windows", 2)
    assert "499 records of 3 metrics" in said
    assert "it goes on: these are its first 500 records" in said
    assert "1 more records could not be read and are left out" in said
    assert 'its records bear no time, so each window counts for 30 s: name their time, [decode] time = "field"' in said


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "holds no record: give a file of JSON lines"),
        ("a,b\n1,2\n", "none of its 2 records can be read; the first one, x.jsonl:1: not JSON"),
        ('{"a": 1}\n' * 5, "no window ends within its 5 records: one ends every 100 tasks. Record more, or lower"),
    ],
)
def test_a_file_of_which_nothing_can_be_measured(tmp_path: Path, text: str, problem: str) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    code, said, told = calibrated(path, *SMALL)
    assert (code, said) == (2, "")
    assert problem in told


def test_a_budget_that_is_none_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    code, _, told = calibrated(lines(tmp_path / "n.jsonl"), "--budget", "often")
    assert code == 2
    assert "a budget reads" in told
    code, _, told = calibrated(tmp_path / "gone.jsonl")
    assert code == 1
    assert "there is no such file" in told
