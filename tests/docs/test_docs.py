"""The documents name what there is: every setting, option, detector, event and exit code, and links lead somewhere."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from crackle_stream.app.config import delivery, routing, sections, status, telemetry
from crackle_stream.app.exits import Exit
from crackle_stream.budget import SHARES
from crackle_stream.profile import EVIDENCE_DETECTORS, THRESHOLD_DETECTORS
from crackle_stream.sinks import options as sink_options
from crackle_stream.sources import options as source_options

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def text(name: str) -> str:
    return (ROOT / "docs" / name).read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_and_named_files_exist(page: Path) -> None:
    words = page.read_text()
    assert not re.search(r"^(<{7}|={7}|>{7})( |$)", words, re.MULTILINE), "both sides of a merge stand in it"
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", words):
        assert (page.parent / target).exists(), target
    for named in re.findall(r"`((?:examples|deploy|docs|benchmarks|tests|crackle_stream)/[\w./-]+\.\w+)`", words):
        assert (ROOT / named).exists(), named


@pytest.mark.parametrize(
    "section",
    [
        sections.KilnSection,
        sections.DecodeSection,
        sections.ProfileSection,
        sections.AlertsSection,
        routing.SilencesSection,
        routing.RouteSection,
        routing.MuteSection,
        delivery.DeadLettersSection,
        delivery.StateSection,
        sections.RunSection,
        status.StatusSection,
        telemetry.TelemetrySection,
    ],
)
def test_every_setting_is_documented(section: type) -> None:
    page = text("configuration.md")
    assert [field.name for field in fields(section) if f"`{field.name.removesuffix('_')}`" not in page] == []


def test_every_route_part_and_subscription_key_is_documented() -> None:
    for part in fields(sections.MatchSection):
        assert f"`{part.name}`" in text("alerts.md")
    for key in fields(delivery.SubscriptionSection):
        assert f"`{key.name}`" in text("sinks.md")


@pytest.mark.parametrize("options", [getattr(sink_options, name) for name in sink_options.__all__])
def test_every_sink_option_is_documented(options: type) -> None:
    page = text("sinks.md")
    assert [field.name for field in fields(options) if not re.search(rf"\b{field.name}\b", page)] == []


@pytest.mark.parametrize("options", [getattr(source_options, name) for name in source_options.__all__])
def test_every_source_option_is_documented(options: type) -> None:
    page = text("sources.md")
    assert [field.name for field in fields(options) if not re.search(rf"\b{field.name}\b", page)] == []


def test_every_detector_is_documented() -> None:
    page = text("detectors.md")
    assert [name for name in (*EVIDENCE_DETECTORS, *THRESHOLD_DETECTORS) if f"`{name}`" not in page] == []


def test_the_shares_of_the_budget_are_documented_as_they_are() -> None:
    page = text("detectors.md")
    assert [name for name, share in SHARES.items() if f"{name} {share:.2f}".replace(" 0.", " .") not in page] == []


def test_every_exit_code_is_documented() -> None:
    page = text("exit-codes.md")
    assert [code for code in Exit if not re.search(rf"\| *`?{int(code)}`? *\|", page)] == []


def test_the_configuration_page_shows_the_example_as_it_is() -> None:
    assert (ROOT / "examples" / "kafka_to_webhook.toml").read_text().strip() in text("configuration.md")
