"""Routes, mute times and silences of a configuration: read, shown, and objected to all at once."""

from pathlib import Path

import pytest

from crackle_stream.alerting import DayTimes, Match, MuteTime, RaiseAfter, Route
from crackle_stream.app.building import build_pipeline
from crackle_stream.app.config import Configuration, load
from crackle_stream.app.config.routing import MuteSection, RouteSection, SilencesSection
from crackle_stream.app.outline import outline
from crackle_stream.errors import ConfigError
from crackle_stream.model import Severity
from crackle_stream.stream import HushOptions

WHOLE = """
[alerts]
min_confidence = 0.9
exit_confidence = 0.8
raise_after = "2 of 3"
hold = "10m"
inhibit = false

[sinks.pager]
kind = "stdout"
group = true
[sinks.record]
kind = "memory"

[[routes]]
match = { kind = ["phase *"], severity = ["warning"] }
sinks = ["pager"]
continue = true
severity = "critical"
repeat_interval = "1h"
[[routes]]
sinks = []

[mutes.nights]
match = { key = ["checkout"] }
weekdays = ["mon-fri"]
times = ["22:00-06:00"]
zone = "Europe/Berlin"
"""


def loaded(tmp_path: Path, text: str, **variables: str) -> Configuration:
    (tmp_path / "crackle.toml").write_text(text)
    return load(tmp_path / "crackle.toml", variables=variables)


def problems(tmp_path: Path, text: str, **variables: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, **variables)
    return tuple(caught.value.problems)


def test_defaults_are_those_of_a_pipeline_without_options() -> None:
    assert RouteSection(("a",)).route(Match()) == Route(("a",))
    assert MuteSection().mute("always", Match()) == MuteTime("always")
    assert SilencesSection().file == HushOptions().silences


def test_a_configuration_becomes_what_the_pipeline_takes(tmp_path: Path) -> None:
    configuration = loaded(tmp_path, WHOLE)
    first = Match(kind=("phase *",), severity=("warning",))
    assert configuration.routes == (Route(("pager",), first, True, Severity.CRITICAL, 3600), Route(()))
    (mute,) = configuration.mutes
    assert (mute.name, mute.days, mute.times) == ("nights", frozenset(range(5)), (DayTimes(1320, 360),))
    assert (str(mute.zone), mute.match) == ("Europe/Berlin", Match(key=("checkout",)))
    policy = configuration.alerts.policy
    assert (policy.raise_after, policy.hold, policy.enter, policy.stay) == (RaiseAfter(2, 3), 600, 0.9, 0.8)
    assert not policy.inhibit
    assert [sink.subscription.group for sink in configuration.sinks] == [True, False]
    assert build_pipeline(configuration, lambda event: None).silencing.hush(0).mutes == (mute,)


def test_check_shows_what_would_be_told_to_whom_and_when(tmp_path: Path) -> None:
    (tmp_path / "silences.toml").write_text("")
    text = f'{WHOLE}\n[silences]\nfile = "{tmp_path}/silences.toml"\n'
    shown = dict(outline(loaded(tmp_path, text)))
    assert shown["alerts"] == (
        "from confidence 0.9, seen down to 0.8, raised after 2 of 3 coolings, said again after 4 h, held for 10 min, "
        "resolved after 3 coolings without, told although another explains it"
    )
    assert shown["route 1"] == (
        "kind phase * and severity warning to pager; as critical; said again after 1 h; then the routes below"
    )
    assert shown["route 2"] == "every event to nobody"
    assert shown["mute nights"] == "key checkout; mon, tue, wed, thu, fri 22:00-06:00 Europe/Berlin"
    assert shown["silences"] == f"{tmp_path}/silences.toml"
    assert shown["sink pager"] == "stdout; gets every event; those of a window in one notification"


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = WHOLE
    for right, wrong in (
        ('"2 of 3"', '"4 of 3"'),
        ('hold = "10m"', "hold = -1"),
        ("continue = true", "continue = 3"),
        ("sinks = []", 'sinks = ["recrd"]'),
        ('"mon-fri"', '"monday"'),
        ('"22:00-06:00"', '"25:00-06:00"'),
        ("Europe/Berlin", "Europe/Berlinn"),
        ('severity = "critical"', 'severity = "bad"'),
        ("match = { key", "match = { keys"),
    ):
        text = text.replace(right, wrong)
    assert problems(tmp_path, text + '[silences]\nfile = "/nowhere/silences.toml"\n') == (
        "alerts.raise_after is text such as \"2 of 3\", coolings of at most 60, not '4 of 3'",
        "alerts.hold must be finite and not negative, not -1",
        "routes.1.continue is true or false, not 3",
        "routes.1.severity is one of info, warning, critical, not 'bad'",
        'routes.2.sinks names "recrd", which is no sink: did you mean "record"?',
        "mutes.nights.match.keys is unknown: did you mean mutes.nights.match.key?",
        'mutes.nights.weekdays holds mon, tue, wed, thu, fri, sat, sun or stretches of them such as "mon-fri", not '
        "'monday'",
        'mutes.nights.times holds stretches of a day such as "22:00-06:00" or "00:00-24:00", not \'25:00-06:00\'',
        "mutes.nights.zone is the name of a time zone such as \"Europe/Berlin\", and none called 'Europe/Berlinn' is "
        "known here (a system without the database needs the package tzdata)",
        "silences.file: /nowhere/silences.toml: cannot be read: No such file or directory",
    )


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[routes]\nsinks = []",
            "routes is a list of tables: write [[routes]], in two brackets, and its keys below it",
        ),
        ("[[routes]]\nmatch = 3\nsinks = []", 'routes.1.match is a table, such as { kind = ["correlation"] }'),
        ("[[routes]]\nsinkx = []", "routes.1.sinkx is unknown: did you mean routes.1.sinks?"),
        ("[[routes]]\ncontinue = true", "routes.1.sinks is missing"),
        ("mutes = { nights = 3 }", "mutes.nights is a table, not 3: write [mutes.NAME] and its keys below it"),
        (
            "[alerts]\nmin_confidence = 0.5\nexit_confidence = 0.6",
            "alerts.exit_confidence is at most min_confidence, 0.5, not 0.6",
        ),
        (
            '[sinks.am]\nkind = "alertmanager"\nurls = ["https://am.example.org:9093"]\ngroup = true',
            "sinks.am.group: its receiver knows each alert by its own fingerprint: take group out",
        ),
    ],
)
def test_what_cannot_be_is_an_error_that_says_how_it_can(tmp_path: Path, text: str, problem: str) -> None:
    assert problem in problems(tmp_path, text)


def test_a_silences_file_is_judged_with_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "silences.toml").write_text("[[silences]]\nmetrics = 'x'\n")
    (first, *_) = problems(tmp_path, f'[silences]\nfile = "{tmp_path}/silences.toml"\n')
    assert first.startswith(f'silences.file: {tmp_path}/silences.toml: silence 1: "metrics" is unknown: did you mean')


def test_a_variable_gives_routes_as_one_text(tmp_path: Path) -> None:
    routes = loaded(tmp_path, "", CRACKLE__ROUTES='[{sinks = ["stdout"], continue = true}]').routes
    assert routes == (Route(("stdout",), proceed=True),)
    (problem,) = problems(tmp_path, "", CRACKLE__ROUTES="[{")
    assert problem.startswith('CRACKLE__ROUTES is no TOML, such as [{sinks = ["pager"]}]: ')
