"""The documents name what there is: every setting, option, detector, event and exit code, and links lead somewhere."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from crackle_stream.app.cli import app
from crackle_stream.app.config import delivery, routing, sections, status, telemetry
from crackle_stream.app.exits import Exit
from crackle_stream.budget import SHARES
from crackle_stream.model import PatternKind
from crackle_stream.profile import EVIDENCE_DETECTORS, THRESHOLD_DETECTORS
from crackle_stream.sinks import options as sink_options
from crackle_stream.sources import options as source_options

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]


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


def test_every_kind_and_form_of_pattern_is_documented() -> None:
    page = text("detectors.md").rpartition("## Kinds and forms")[2]
    sources = "\n".join(path.read_text() for path in (ROOT / "crackle_stream" / "detect").rglob("*.py"))
    forms = set(re.findall(r'\bform="([a-z ]+)"', sources))
    for name in re.findall(r"\bform=([A-Z_]+)", sources):  # a constant
        forms |= set(re.findall(rf'^{name} = "([a-z ]+)"', sources, re.MULTILINE))
    for listed in re.findall(r"^ +form: ([a-z, ]+)\.$", sources, re.MULTILINE):  # what a docstring lists
        forms |= set(re.split(r", | or ", listed))
    assert forms >= {"mean", "shape", "constant", "broken law", "no longer constant", "lagged", "groups"}
    assert [word for word in (*PatternKind, *forms) if f"`{word}`" not in page] == []


def test_every_metric_is_documented() -> None:
    named = re.compile(r'"(crackle_[a-z_]+)"')
    sources = (ROOT / "crackle_stream" / "app" / "web" / "metrics.py").read_text()
    known = set(re.findall(r"^\| `(crackle_\w+)`", text("metrics.md"), re.MULTILINE))
    found = set(named.findall(sources))
    assert found
    assert {name for name in found if name not in known and f"{name}_total" not in known} == set()


def commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that can be called, with what leads to it."""
    below = getattr(command, "commands", {})
    if not below or path == ("crackle-stream",):
        yield path, command
    for name, each in below.items():
        yield from commands(each, (*path, name))


@pytest.mark.parametrize(
    ("path", "command"),
    [pytest.param(*each, id=" ".join(each[0])) for each in commands(get_command(app), ("crackle-stream",))],
)
def test_every_command_and_option_is_documented(path: tuple[str, ...], command: Any) -> None:
    pages = [page.read_text() for page in PAGES if " ".join(path) in page.read_text()]
    assert pages, "no page names the command"
    options = [name for each in command.params if each.param_type_name == "option" for name in each.opts]
    assert [name for name in options if not any(re.search(rf"(?<![\w-]){name}\b", page) for page in pages)] == []


def test_pictures_are_small_and_shown() -> None:
    pages = "".join(page.read_text() for page in PAGES)
    for picture in (ROOT / "docs" / "images").iterdir():
        assert picture.stat().st_size < 200_000
        assert f"images/{picture.name})" in pages
