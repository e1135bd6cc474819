"""No file, no variable and no option whatever makes the configuration fail with anything but its own error."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crackle_stream.app.config import Override, load
from crackle_stream.app.config.delivery import SubscriptionSection
from crackle_stream.app.config.loading import SECTIONS
from crackle_stream.app.outline import outline
from crackle_stream.errors import ConfigError
from crackle_stream.sinks.options import FileOptions, KafkaSinkOptions, StdoutOptions, WebhookOptions
from crackle_stream.sources.options import FileOptions as FileSourceOptions
from crackle_stream.sources.options import KafkaOptions, StdinOptions

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WITHIN = dt.timedelta(seconds=30)
"""Far more than any of these takes, far less than a hang."""

FUZZ = settings(max_examples=150, deadline=WITHIN, suppress_health_check=[HealthCheck.function_scoped_fixture])

SOURCES: Mapping[str, type] = {"kafka": KafkaOptions, "file": FileSourceOptions, "stdin": StdinOptions}
SINKS: Mapping[str, type] = {
    "webhook": WebhookOptions,
    "kafka": KafkaSinkOptions,
    "file": FileOptions,
    "stdout": StdoutOptions,
}

ODD_TEXTS = st.sampled_from(
    [
        "", " ", "never", "auto", "5s", "-1s", "1e400s", "nan", "inf", "64MiB", "1e999GiB", "9" * 400, "true", "1/week",
        "1/0week", "${env:HOOK}", "${env:UNSET}",
        "${file:}", "${file:/}", "${file:\x00}", "${file:~no-such-user/x}", "${}",
        "~no-such-user/x", "a\x00b", "localhost:9092", "a:99999999999", "[::1", "http://[::1", "https://x/\u2028",
        "package.module:Class", "json:JSONDecoder", ":", "errors / requests", "((((", "a" * 5000, "*" * 200, "[" * 200,
        "\ufeff", "10.0.0.0/8", "::/129", "evidence", "threshold", "key", "kafka", "webhook",
    ]
)  # fmt: skip

SCALARS = st.one_of(
    ODD_TEXTS,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.datetimes(),
    st.dates(),
    st.times(),
)

VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abkind-. ", max_size=6), inner, max_size=3),
    max_leaves=6,
)


def keys_of(*kinds: type) -> st.SearchStrategy[str]:
    known = sorted({field.name for kind in kinds for field in fields(kind)})
    return st.sampled_from(known) | st.text(max_size=6) if known else st.text(max_size=6)


def table_of(*kinds: type) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(keys_of(*kinds), VALUES, max_size=4)


def component_of(kinds: Mapping[str, type], *shared: type) -> st.SearchStrategy[Any]:
    """A table with a kind, mostly one that there is, and mostly its own keys."""
    named = st.sampled_from(sorted(kinds)).flatmap(
        lambda kind: table_of(kinds[kind], *shared).map(lambda table: {**table, "kind": kind})
    )
    return named | table_of(*kinds.values()) | VALUES


SECTION_TABLES = {name: table_of(cls) | VALUES for name, cls in SECTIONS.items()}

FILES = st.fixed_dictionaries(
    {},
    optional={
        **SECTION_TABLES,
        "source": component_of(SOURCES),
        "sinks": st.dictionaries(st.text(max_size=5), component_of(SINKS, SubscriptionSection), max_size=2) | VALUES,
        "glaze": st.dictionaries(st.text(max_size=5), VALUES, max_size=3) | VALUES,
        "": VALUES,
    },
)


def toml(value: object) -> str:
    """A value as TOML writes it inline."""
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value).replace("\x7f", "\\u007f")
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case float():
            return "nan" if math.isnan(value) else repr(value)
        case dict():
            return "{" + ", ".join(f"{toml(str(key))} = {toml(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(toml, value)) + "]"
    return str(value)


def written(table: Mapping[str, object]) -> str:
    return "".join(f"{toml(key)} = {toml(value)}\n" for key, value in table.items())


def read(path: Path | None, variables: Mapping[str, str] | None = None, overrides: tuple[Override, ...] = ()) -> None:
    """A configuration that can be shown, or an error that says what is wrong."""
    problems = _problems(path, variables or {}, overrides)
    assert problems is None or problems
    assert all(problem.strip() for problem in problems or ())


def _problems(
    path: Path | None, variables: Mapping[str, str], overrides: tuple[Override, ...]
) -> tuple[str, ...] | None:
    try:
        found = load(path, variables=variables, overrides=overrides)
    except ConfigError as error:
        return error.problems if str(error) else ()
    assert repr(found)
    assert list(outline(found))
    return None


def test_the_writer_writes_what_toml_reads() -> None:
    import tomllib

    table = {
        "a.b": {"c": [1, True, 1.5, "x\x7f\u2028\n"], "d": dt.date(2020, 1, 1)},
        "when": dt.datetime(2020, 1, 1, 2, 3, 4, 5),
    }
    assert tomllib.loads(written(table)) == table


@FUZZ
@given(table=FILES)
def test_any_table_of_the_known_sections_is_read_or_refused(tmp_path: Path, table: dict[str, object]) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text(written(table), encoding="utf-8")
    read(path, {"HOOK": "swordfish"})


@FUZZ
@given(content=st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_of_a_file_are_read_or_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "crackle.toml"
    path.write_bytes(content)
    read(path)


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 100_000,
        "x = " + "{a=" * 100_000,
        "[a" + ".a" * 5_000 + "]",
        "x = " + "[" * 300 + "]" * 300,
        "[kiln]\ncapacity = " + "{a = " * 21 + "1" + "}" * 21,
    ],
)
def test_a_file_nested_without_end_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.problems == ("is no TOML: it is nested deeper than 20 levels",)


def test_a_number_of_thousands_of_digits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text("[kiln]\ncapacity = " + "9" * 5_000)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.problems == ("is no TOML: it holds a number of thousands of digits",)


@pytest.mark.parametrize("value", ["[" * 5_000, "9" * 5_000, "[" * 300 + "]" * 300])
def test_such_a_variable_is_refused_as_the_text_it_is(value: str) -> None:
    with pytest.raises(ConfigError, match="CRACKLE__KILN__CAPACITY is a whole number of at least 1, not"):
        load(variables={"CRACKLE__KILN__CAPACITY": value})


def test_a_variable_of_a_thousand_levels_is_unknown() -> None:
    with pytest.raises(ConfigError, match="CRACKLE__KILN__A"):
        load(variables={"CRACKLE__KILN" + "__A" * 1_000: "1"})


TEXTS = ODD_TEXTS | st.text(max_size=20) | VALUES.map(toml)


def variables_of(above: str, *kinds: type) -> st.SearchStrategy[dict[str, str]]:
    """Variables below a section, mostly of settings that it has."""
    names = st.lists(keys_of(*kinds), min_size=1, max_size=2).map(lambda keys: "__".join((above, *keys)).upper())
    return st.dictionaries(names, TEXTS, max_size=3)


def component_variables(above: str, kinds: Mapping[str, type], *shared: type) -> st.SearchStrategy[dict[str, str]]:
    """The same of a source or a sink of some kind."""
    return st.sampled_from(sorted(kinds)).flatmap(
        lambda kind: variables_of(above, kinds[kind], *shared).map(lambda made: {f"{above}__KIND": kind, **made})
    )


VARIABLES = st.one_of(
    *(variables_of(f"CRACKLE__{name}", cls) for name, cls in SECTIONS.items()),
    component_variables("CRACKLE__SOURCE", SOURCES),
    component_variables("CRACKLE__SINKS__HOOK", SINKS, SubscriptionSection),
    variables_of("CRACKLE__GLAZE"),
    st.dictionaries(st.lists(st.text(max_size=5), max_size=4).map("__".join).map("CRACKLE__{}".format), TEXTS),
)


@FUZZ
@given(variables=st.lists(VARIABLES, max_size=3))
def test_any_variables_are_read_or_refused(variables: list[dict[str, str]]) -> None:
    read(None, {name: text for some in variables for name, text in some.items()})


ADDRESSES = st.lists(st.sampled_from(["sinks", "hook", "source", *SECTIONS]) | keys_of(*SECTIONS.values()), min_size=1)


@FUZZ
@given(address=ADDRESSES.map(tuple), value=TEXTS)
def test_any_override_is_read_or_refused(address: tuple[str, ...], value: str) -> None:
    read(None, overrides=(Override(address, value, f"--set {'.'.join(address)}"),))
