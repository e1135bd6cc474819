from pathlib import Path

import pytest

from crackle_stream.app.config.layers import Layer, Override, command_line, environment, file_layer, leaves, merge
from crackle_stream.errors import ConfigError


def a_file(table: dict[str, object]) -> Layer:
    return Layer(table, ".".join)


def test_the_command_line_beats_the_environment_beats_the_file() -> None:
    file = a_file({"kiln": {"capacity": 1, "every_tasks": 1, "scope": "source"}})
    variables = environment({"CRACKLE__KILN__CAPACITY": "2", "CRACKLE__KILN__EVERY_TASKS": "2"})
    options = command_line([Override(("kiln", "capacity"), 3, "--capacity")])
    merged = merge([file, variables, options])
    assert merged == {"kiln": {"capacity": 3, "every_tasks": "2", "scope": "source"}}


def test_merging_leaves_the_layers_as_they_are() -> None:
    table: dict[str, object] = {"kiln": {"capacity": 1}}
    merge([a_file(table), environment({"CRACKLE__KILN__CAPACITY": "2"})])
    assert table == {"kiln": {"capacity": 1}}


def test_variables_of_other_programs_are_no_settings() -> None:
    table = environment({"CRACKLE_WEBHOOK_SECRET": "x", "PATH": "/bin", "XCRACKLE__KILN__CAPACITY": "1"}).table
    assert table == {}


def test_a_variable_finds_a_key_that_is_spelt_with_capitals() -> None:
    file = a_file({"sinks": {"Pager": {"kind": "webhook", "url": "a"}}})
    merged = merge([file, environment({"CRACKLE__SINKS__PAGER__URL": "b"})])
    assert merged == {"sinks": {"Pager": {"kind": "webhook", "url": "b"}}}


def test_a_source_whose_kind_changes_begins_anew() -> None:
    file = a_file({"source": {"kind": "kafka", "brokers": ["a:1"], "topics": ["t"]}})
    options = command_line(
        [Override(("source", "kind"), "file", "--input"), Override(("source", "path"), "x.jsonl", "--input PATH")]
    )
    assert merge([file, options]) == {"source": {"kind": "file", "path": "x.jsonl"}}


def test_a_source_of_the_same_kind_is_only_overridden() -> None:
    file = a_file({"source": {"kind": "kafka", "brokers": ["a:1"], "topics": ["t"]}})
    options = command_line(
        [Override(("source", "kind"), "kafka", "--topic"), Override(("source", "topics"), ["u"], "-t")]
    )
    assert merge([file, options]) == {"source": {"kind": "kafka", "brokers": ["a:1"], "topics": ["u"]}}


def test_each_layer_names_a_setting_as_its_reader_wrote_it() -> None:
    address = ("sinks", "pager", "url")
    assert a_file({}).name(address) == "sinks.pager.url"
    assert environment({}).name(address) == "CRACKLE__SINKS__PAGER__URL"
    assert command_line([Override(address, "x", "--set sinks.pager.url")]).name(address) == "--set sinks.pager.url"
    assert command_line([Override(("kiln", "every_tasks"), 5, "--every-tasks")]).name(("kiln", "every_tasks")) == (
        "--every-tasks"
    )


@pytest.mark.parametrize(
    ("address", "has"),
    [
        (("a",), True),
        (("a", "b"), True),
        (("a", "b", "c"), True),
        (("A", "B"), True),
        (("a", "x"), False),
        (("x",), False),
    ],
)
def test_a_layer_has_what_it_sets_and_what_stands_above_or_below_it(address: tuple[str, ...], has: bool) -> None:
    assert a_file({"a": {"b": 1}}).has(address) is has


def test_leaves_are_the_settings_with_their_addresses() -> None:
    assert list(leaves({"a": {"b": 1, "c": {"d": [2]}}, "e": 3})) == [
        (("a", "b"), 1),
        (("a", "c", "d"), [2]),
        (("e",), 3),
    ]


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing\.toml: 1 problem\n  cannot be read: No such file or directory"):
        file_layer(tmp_path / "nothing.toml")


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        file_layer(tmp_path)


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text("[kiln]\ncapacity = = 5\n")
    with pytest.raises(ConfigError, match=r"is no TOML: Invalid value \(at line 2, column 12\)"):
        file_layer(path)


def test_a_file_that_is_no_text_says_where(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_bytes(b"[kiln]\n\xff")
    with pytest.raises(ConfigError, match="is no UTF-8 text: byte 7 is 0xff"):
        file_layer(path)
