"""Windows of keys that one core cannot cool in their period are warned of before anything runs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from crackle_stream.app.cli import app


def warned(tmp_path: Path, *settings: str, keyed: bool = True) -> str:
    path = tmp_path / "crackle.toml"
    path.write_text('[decode]\nkey = ["service"]\n' if keyed else "")
    done = CliRunner().invoke(app, ["check", str(path), *(part for each in settings for part in ("--set", each))])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith(f"{path}: no problems\n  source")
    return done.stderr.removeprefix(f"Warning: {path}: ").rstrip("\n")


def test_more_keys_than_one_core_cools_are_a_warning_with_its_numbers_and_its_cure(tmp_path: Path) -> None:
    assert warned(tmp_path, "kiln.scope=key", "kiln.max_keys=2000", "kiln.every_seconds=5") == (
        "kiln: 2,000 keys (max_keys) with a window every 5 s (every_seconds) cannot keep up: where there is something "
        "to test a window takes some 40 ms of processor, all of them 80.0 s of every 5 s, and one core cools them. "
        "That is enough for 125 keys, or for 10,416 with too few tasks to test (0.48 ms each); with more, windows are "
        "merged and keys are looked at later, or a file or a pipe waits. Set every_seconds to 80 or more, or max_keys "
        "to the keys there are, at most 125"
    )


@pytest.mark.parametrize("cure", ["kiln.every_seconds=80", "kiln.max_keys=125"])
def test_either_cure_ends_it_and_a_little_less_does_not(cure: str, tmp_path: Path) -> None:
    ill = ("kiln.max_keys=2000", "kiln.every_seconds=5")
    assert warned(tmp_path, *ill, cure) == ""
    less = cure.replace("80", "79").replace("125", "126")
    assert "cannot keep up" in warned(tmp_path, *ill, less)


def test_the_scope_may_be_left_to_the_key_and_max_keys_to_its_default(tmp_path: Path) -> None:
    assert "10,000 keys (max_keys) with a window every 29 s" in warned(tmp_path, "kiln.every_seconds=29")


def test_how_many_keys_there_are_is_not_known_at_the_defaults(tmp_path: Path) -> None:
    assert warned(tmp_path) == ""
    assert "751 keys (max_keys) with a window every 30 s" in warned(tmp_path, "kiln.max_keys=751")


def test_rules_of_thumb_cool_ten_times_as_many(tmp_path: Path) -> None:
    settings = ("profile.family=threshold", "kiln.every_seconds=5")
    assert warned(tmp_path, *settings, "kiln.max_keys=1250") == ""
    assert "enough for 1,250 keys" in warned(tmp_path, *settings, "kiln.max_keys=1251")


def test_a_period_shorter_than_a_cooling_has_no_room_for_a_single_key(tmp_path: Path) -> None:
    told = warned(tmp_path, "kiln.every_seconds=0.02", "kiln.max_keys=1")
    assert "enough for 0 keys, or for 41 with" in told
    assert told.endswith("Set every_seconds to 1 or more")


@pytest.mark.parametrize("without", ["kiln.scope=partition", "kiln.scope=source", "kiln.every_seconds=never"])
def test_without_windows_of_keys_by_time_there_is_none(without: str, tmp_path: Path) -> None:
    assert warned(tmp_path, without) == ""


def test_a_stream_without_keys_has_none(tmp_path: Path) -> None:
    assert warned(tmp_path, "kiln.every_seconds=1", keyed=False) == ""
