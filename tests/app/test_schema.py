"""The published schemas are those of this version, and say yes and no to the right files."""

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import numpy as np
import pytest
from sample_alerts import a_pattern, an_alert

from crackle_stream.app.config.parameters import parameters_of
from crackle_stream.app.plugins import SINKS, SOURCES, Plugin
from crackle_stream.app.schema import alert_schema, configuration_schema
from crackle_stream.app.schema.configuration import DURATION, SIZE, documented
from crackle_stream.cooling import cool
from crackle_stream.errors import ConfigError
from crackle_stream.model import Alert, AlertStatus
from crackle_stream.profile import ThermalProfile
from crackle_stream.sinks.wire import to_json
from crackle_stream.window import Window

ROOT = Path(__file__).parents[2]
CONFIGURATION = jsonschema.Draft202012Validator(configuration_schema())
ALERT = jsonschema.Draft202012Validator(alert_schema())


def says(text: str) -> list[str]:
    return [error.message for error in CONFIGURATION.iter_errors(tomllib.loads(text))]


@pytest.mark.parametrize(("name", "made"), [("config", configuration_schema()), ("alert", alert_schema())])
def test_the_published_schema_is_up_to_date_and_valid(name: str, made: dict[str, Any]) -> None:
    published = (ROOT / "docs" / "schema" / f"{name}.json").read_text()
    command = f"crackle-stream schema {name} > docs/schema/{name}.json"
    assert published == json.dumps(made, indent=2) + "\n", f"run {command}"
    jsonschema.Draft202012Validator.check_schema(made)


@pytest.mark.parametrize("path", sorted([*(ROOT / "examples").glob("*.toml"), *(ROOT / "deploy").rglob("*.toml")]))
def test_the_example_configurations_fit(path: Path) -> None:
    assert says(path.read_text()) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[kiln]\nevery_seconds = '5m'\nevery_tasks = 'never'\nmax_bytes = '64MiB'",
        "[kiln]\nevery_seconds = 30\nmax_bytes = 1024",
        "[source]\nkind = 'my.module:Source'\nanything = 1",
        "[sinks.x]\nkind = 'published'\nanything = 1\nrequired = false\nmatch = { kind = ['clustering'] }",
        "[sinks.x]\nkind = 'webhook'\nurl = 'https://x.org'\nheaders = { Authorization = 'Bearer ${env:T}' }",
        "[glaze]\nratio = 'a / b'",
    ],
)
def test_what_can_be_read_fits(text: str) -> None:
    assert says(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "[kiln]\ncapcity = 5",
        "[klin]\ncapacity = 5",
        "[kiln]\nscope = 'topic'",
        "[kiln]\ncapacity = 'many'",
        "[source]\nkind = 'kafka'",
        "[source]\nkind = 'stdin'\nbrokers = ['a:1']",
        "[source]\npath = 'x'",
        "[sinks.x]\nkind = 'webhook'\nurl = 'https://x.org'\nsecret = 'written out'",
        "[sinks.x]\nkind = 'stdout'\nmatch = { severty = ['info'] }",
        "[glaze]\nratio = 5",
    ],
)
def test_what_cannot_be_read_does_not_fit(text: str) -> None:
    assert says(text) != []


@pytest.mark.parametrize(
    "plugin", [*SOURCES.built_in, *SINKS.built_in], ids=lambda plugin: plugin.options.partition(":")[2]
)
def test_every_option_is_described_and_units_are_allowed_exactly_where_they_are_read(plugin: Plugin) -> None:
    options = plugin.constructor()
    assert isinstance(options, type)
    said = documented(options)
    example = {
        "path": "x",
        "brokers": ["a:1"],
        "topics": ["t"],
        "topic": "t",
        "url": "https://x.org/",
        "urls": ["https://x.org/"],
    }
    for parameter in (parameters_of(options) or {}).values():
        assert said.get(parameter.name), parameter.name
        required = {name: value for name, value in example.items() if name in {each.name for each in fields(options)}}
        for pattern, kind, text in ((DURATION, float, "50s"), (SIZE, int, "64KiB")):
            if kind not in parameter.types:
                continue
            try:
                options(**{**required, parameter.name: text})
                read = True
            except ConfigError as error:
                read = not any(re.match(rf"{parameter.name} is a ", problem) for problem in error.problems)
            assert read is bool(pattern.search(parameter.name)), parameter.name


def test_an_alert_with_everything_in_it_fits() -> None:
    ALERT.validate(json.loads(to_json(an_alert().to_dict())))


def test_an_alert_with_hardly_anything_in_it_fits() -> None:
    bare = a_pattern(evidence=None, at=None, involved_tasks=(), metrics={}, form="", direction="", key="")
    ALERT.validate(json.loads(to_json(an_alert(pattern=bare, position=None, reason="it returned").to_dict())))


def test_alerts_of_what_the_detectors_really_find_fit() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(100, 0.1, size=(60, 3))
    values[30:, 0] += 400
    values[:, 2] = 2 * values[:, 0]
    names = ["a", "b", "c"]
    window = Window.from_columns([f"t{row}" for row in range(60)], np.arange(60.0), names, values, id="w")
    patterns = cool(window, ThermalProfile.default()).patterns
    assert {str(pattern.kind) for pattern in patterns} == {
        "clustering",
        "phase transition",
        "conservation law",
        "correlation",
    }
    for pattern in patterns:
        alert = an_alert(pattern=pattern)
        assert isinstance(alert, Alert)
        ALERT.validate(json.loads(to_json(alert.to_dict())))


def test_an_alert_that_lacks_something_or_has_more_does_not_fit() -> None:
    alert = dict(json.loads(to_json(an_alert().to_dict())))
    assert not ALERT.is_valid({**alert, "status": "gone"})
    assert not ALERT.is_valid({**alert, "more": 1})
    assert not ALERT.is_valid({key: value for key, value in alert.items() if key != "id"})
    assert set(AlertStatus) == set(alert_schema()["properties"]["status"]["enum"])
