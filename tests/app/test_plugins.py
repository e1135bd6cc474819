"""Sources, sinks and detectors of third parties, by entry point and by name."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from crackle_stream.app.config import Configuration, load
from crackle_stream.app.plugins import DETECTORS, SINKS, SOURCES, Catalogue, Plugin
from crackle_stream.errors import ConfigError, PluginError


@pytest.fixture(autouse=True)
def own_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def configuration(tmp_path: Path, text: str, **variables: str) -> Configuration:
    path = tmp_path / "crackle.toml"
    path.write_text(text)
    return load(path, variables=variables)


def problems(tmp_path: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        configuration(tmp_path, text)
    return caught.value.problems


@pytest.mark.parametrize("catalogue", [SOURCES, SINKS, DETECTORS], ids=lambda catalogue: catalogue.noun)
def test_every_built_in_plugin_is_where_the_catalogue_says(catalogue: Catalogue) -> None:
    for plugin in catalogue.built_in:
        assert callable(Plugin(plugin.name, plugin.target).constructor())
        assert callable(plugin.constructor())
        assert plugin.summary


def test_a_built_in_sink_is_built_of_its_options_under_the_name_it_is_given(tmp_path: Path) -> None:
    (sink,) = configuration(tmp_path, "[sinks.found]\nkind = 'file'\npath = 'x.jsonl'\nkeep = 2").sinks
    built = sink.component.build()
    assert (type(built).__name__, built.name, built.options.keep) == ("FileSink", "found", 2)


def test_a_class_of_ones_own_takes_its_keys_by_name_as_its_types_want_them(tmp_path: Path) -> None:
    text = "[sinks.pager]\nkind = 'third_party:MailSink'\nto = 'a@example.org'\nqueue = 5"
    found = configuration(
        tmp_path,
        text,
        CRACKLE__SINKS__PAGER__PORT="587",
        CRACKLE__SINKS__PAGER__TLS="false",
        CRACKLE__SINKS__PAGER__CC="b@example.org,c@example.org",
    )
    (sink,) = found.sinks
    built = sink.component.build()
    assert (built.name, built.to, built.port, built.tls) == ("pager", "a@example.org", 587, False)
    assert built.cc == ["b@example.org", "c@example.org"]
    assert sink.subscription.queue == 5


def test_a_class_that_takes_anything_is_given_anything(tmp_path: Path) -> None:
    (sink,) = configuration(tmp_path, "[sinks.x]\nkind = 'third_party:OpenSink'\nany = 1\nthing = 'a'").sinks
    assert sink.component.build().options == {"any": 1, "thing": "a"}


def test_a_source_of_ones_own_is_read(tmp_path: Path) -> None:
    assert configuration(tmp_path, "[source]\nkind = 'third_party:EmptySource'").source.build().name == "empty"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("kind = 'third_party:MailSink'", "sinks.x.to is missing"),
        ("kind = 'third_party:MailSink'\nto = 'a'\nprot = 1", "sinks.x.prot is unknown: did you mean sinks.x.port?"),
        ("kind = 'third_party:PickySink'\nlevel = 9", "sinks.x.level is at most 3, not 9"),
        (
            "kind = 'third_party:TokenSink'\napi_token = 'abc'",
            'sinks.x.api_token holds a secret in the file: write "${env:X_API_TOKEN}" and export X_API_TOKEN, or '
            '"${file:PATH}"',
        ),
        (
            "kind = 'third_party:MalSink'",
            'sinks.x.kind: "third_party:MalSink": third_party has no "MalSink": did you mean "MailSink"?',
        ),
        ("kind = 'third_party:NUMBER'", 'sinks.x.kind: "third_party:NUMBER" is no class but 5'),
        ("kind = 'third_party:'", 'sinks.x.kind: "third_party:" is no plugin: write "package.module:Class"'),
        (
            "kind = 'third_party:NoSink'",
            "sinks.x.kind names NoSink, which is no sink: it lacks __aenter__, __aexit__, send (subclass "
            "crackle_stream.protocols.Sink to inherit what is optional)",
        ),
    ],
)
def test_what_is_wrong_with_a_class_of_ones_own_is_told(tmp_path: Path, keys: str, problem: str) -> None:
    assert problems(tmp_path, f"[sinks.x]\n{keys}") == (problem,)


def test_a_module_that_cannot_be_found_says_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["/srv/crackle", *sys.path])
    (problem,) = problems(tmp_path, "[sinks.x]\nkind = 'mail_snk:MailSink'")
    assert problem.startswith('sinks.x.kind: "mail_snk:MailSink": no module "mail_snk" on the Python path (looked in ')
    assert "/srv/crackle" in problem


def test_a_module_that_needs_another_one_says_which(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "needs_more.py").write_text("import not_installed_anywhere\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert problems(tmp_path, "[sinks.x]\nkind = 'needs_more:Sink'") == (
        'sinks.x.kind: "needs_more:Sink": needs_more needs the module "not_installed_anywhere", which is not installed',
    )


def test_a_module_that_fails_on_import_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fails.py").write_text("raise RuntimeError('no licence')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert problems(tmp_path, "[sinks.x]\nkind = 'fails:Sink'") == (
        'sinks.x.kind: "fails:Sink": importing fails failed: RuntimeError: no licence',
    )


def test_detectors_of_ones_own_are_classes_functions_or_objects(tmp_path: Path) -> None:
    text = "[profile]\ndetectors = ['third_party:Rounds', 'third_party:find_nothing']\nwithout = ['find_nothing']"
    rounds, function = configuration(tmp_path, text).detectors
    assert type(rounds).__name__ == "Rounds"
    assert function.__name__ == "find_nothing"


@pytest.mark.parametrize(
    ("detector", "problem"),
    [
        ("third_party:Broken", '"third_party:Broken" cannot be built: RuntimeError: no licence'),
        ("third_party:NoSink", '"third_party:NoSink" is no detector: it needs examine(window, context), or to be '
         'called with a window'),
        ("third_party:Roudns", '"third_party:Roudns": third_party has no "Roudns": did you mean "Rounds"?'),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_detector_is_told(tmp_path: Path, detector: str, problem: str) -> None:
    assert problems(tmp_path, f"[profile]\ndetectors = ['{detector}']") == (f"profile.detectors: {problem}",)


class FakeDistribution:
    name = "crackle-mail"


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """A catalogue of sinks with entry points of an installed package."""
    points = [
        EntryPoint("mail", "third_party:MailSink", "crackle_stream.sinks"),
        EntryPoint("absent", "not_there_at_all:Sink", "crackle_stream.sinks"),
        EntryPoint("stdout", "third_party:MailSink", "crackle_stream.sinks"),
    ]
    monkeypatch.setattr(EntryPoint, "dist", FakeDistribution(), raising=False)
    monkeypatch.setattr("crackle_stream.app.plugins.entry_points", lambda group: points if "sinks" in group else [])
    return Catalogue("sink", "crackle_stream.sinks", SINKS.built_in)


def test_a_published_sink_is_found_by_its_name_with_its_publisher(published: Catalogue) -> None:
    plugin = published.find("mail")
    assert (plugin.target, plugin.publisher) == ("third_party:MailSink", "crackle-mail")
    assert plugin.described() == "Mails each alert."


def test_a_built_in_name_cannot_be_taken_over(published: Catalogue) -> None:
    assert published.find("stdout").publisher == ""
    assert published.names == (
        "stdout",
        "file",
        "log",
        "webhook",
        "alertmanager",
        "apprise",
        "kafka",
        "memory",
        "absent",
        "mail",
    )


def test_a_published_sink_that_cannot_be_imported_says_so_where_it_is_listed(published: Catalogue) -> None:
    assert published.find("absent").described().startswith('"absent": no module "not_there_at_all" on the Python path')


def test_an_unknown_name_is_told_with_what_was_looked_for_and_where(published: Catalogue) -> None:
    with pytest.raises(PluginError) as caught:
        published.find("mial")
    assert caught.value.problems == (
        'there is no sink "mial": did you mean "mail"? (looked among the built-in ones and the entry points '
        '"crackle_stream.sinks"; one of your own is written "package.module:Class")',
    )
