"""The configuration's own defaults are those of what it builds."""

from dataclasses import fields
from pathlib import Path

import pytest

from crackle_stream.alerting import AlertPolicy, Match
from crackle_stream.app.config.delivery import DeadLettersSection, StateSection, SubscriptionSection
from crackle_stream.app.config.sections import (
    AlertsSection,
    DecodeSection,
    KilnSection,
    MatchSection,
    ProfileSection,
    RunSection,
)
from crackle_stream.budget import Budget
from crackle_stream.decode import DecodeOptions
from crackle_stream.errors import ConfigError
from crackle_stream.profile import ThermalProfile
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.sinks import MemorySink
from crackle_stream.stream import KilnOptions, RunOptions, Subscription
from crackle_stream.stream.options import SpoolOptions


def test_the_kiln_is_that_of_a_pipeline_without_options() -> None:
    section = KilnSection()
    assert section.options == KilnOptions()
    assert CoolingSchedule(section.every_tasks, section.every_seconds) == CoolingSchedule()  # type: ignore[arg-type]


def test_alerts_matches_and_runs_are_those_of_a_pipeline_without_options() -> None:
    assert AlertsSection().policy == AlertPolicy()
    assert MatchSection().match == Match()
    assert RunSection().options(strict=False) == RunOptions()
    assert DeadLettersSection().path is None


def test_a_subscription_is_one_without_options() -> None:
    section, subscription = SubscriptionSection(), Subscription(MemorySink())
    same = [each.name for each in fields(section) if not each.name.startswith("spool")]
    assert [getattr(section, name) for name in same] == [getattr(subscription, name) for name in same]
    assert section.spool_options == SpoolOptions()
    assert section.spool is None
    assert StateSection().directory is None


def test_the_profile_is_the_default_one() -> None:
    section, profile = ProfileSection(), ThermalProfile.evidence()
    assert (section.family, section.rate) == (profile.family, profile.rate)
    assert Budget.parse(section.budget) == profile.budget
    assert section.per_window is None
    assert frozenset(section.without) == profile.without
    assert not section.detectors
    assert not profile.detectors


def test_decoding_is_that_of_a_decoder_without_options_and_not_strict() -> None:
    section = DecodeSection()
    assert [getattr(section, each.name) for each in fields(DecodeOptions)] == [
        getattr(DecodeOptions(), each.name) for each in fields(DecodeOptions)
    ]
    assert section.strict is False


def test_decoding_objects_to_its_options_and_to_strict_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        DecodeSection(max_depth=0, strict="yes")  # type: ignore[arg-type]
    assert caught.value.problems == (
        "max_depth is a whole number of at least 1, not 0",
        "strict is true or false, not 'yes'",
    )


def test_sizes_durations_and_paths_are_read_as_people_write_them() -> None:
    kiln = KilnSection(max_bytes="1GiB", every_seconds="5m", every_tasks="never")  # type: ignore[arg-type]
    assert (kiln.max_bytes, kiln.every_seconds, kiln.every_tasks) == (2**30, 300.0, "never")
    assert AlertsSection(repeat_interval="4h").repeat_interval == 14400.0  # type: ignore[arg-type]
    assert DeadLettersSection(path="letters.jsonl").path == Path("letters.jsonl")  # type: ignore[arg-type]
