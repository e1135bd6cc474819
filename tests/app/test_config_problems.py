"""Every message a person can meet about a configuration, read whole."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from crackle_stream.app.config import Configuration, Override, load
from crackle_stream.errors import ConfigError

KAFKA = '[source]\nkind = "kafka"\nbrokers = ["localhost:9092"]\ntopics = ["t"]\n'


def problems(
    tmp_path: Path, text: str, variables: Mapping[str, str] | None = None, *overrides: Override
) -> tuple[str, ...]:
    path = tmp_path / "crackle.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load(path, variables=variables or {}, overrides=overrides)
    assert caught.value.origin == str(path)
    return caught.value.problems


def good(tmp_path: Path, text: str, variables: Mapping[str, str] | None = None, *overrides: Override) -> Configuration:
    path = tmp_path / "crackle.toml"
    path.write_text(text)
    return load(path, variables=variables or {}, overrides=overrides)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[kiln]\ncapcity = 5", "kiln.capcity is unknown: did you mean kiln.capacity?"),
        ("[kiln]\nrate = 'fast'", "kiln.rate is unknown: it belongs in [profile]"),
        ("[run]\nstrict = true", "run.strict is unknown: it belongs in [decode]"),
        ("capacty = 5", "capacty is unknown: did you mean capacity in [kiln]?"),
        ("[klin]\ncapacity = 5", "klin is unknown: did you mean kiln?"),
        (
            "[mat]\ndirectory = 'x'",
            "mat is unknown: known are alerts, dead_letters, decode, glaze, kiln, mutes, profile, routes, run, "
            "silences, sinks, source, state, status, telemetry",
        ),
        (
            "[alerts]\nxyz = 5",
            "alerts.xyz is unknown: known are accept_after, exit_confidence, hold, inhibit, min_confidence, "
            "raise_after, repeat_interval, resolve_after, stale_after",
        ),
        ("kiln = 5", "kiln is a section, not 5: write [kiln] and its keys below it"),
        ("[kiln]\ncapacity = 0", "kiln.capacity is a whole number of at least 1, not 0"),
        ("[kiln]\ncapacity = '5k'", "kiln.capacity is a whole number of at least 1, not '5k'"),
        ("[kiln]\nevery_tasks = 0", "kiln.every_tasks is a whole number of at least 1, not 0"),
        (
            "[kiln]\nevery_seconds = 'soon'",
            'kiln.every_seconds is a number of seconds or text such as "15s", "5m" or "4h", not \'soon\'',
        ),
        ("[kiln]\nevery_seconds = 0", "kiln.every_seconds must be more than 0 seconds"),
        ("[kiln]\nmax_bytes = 0", "kiln.max_bytes must be at least 1 byte, not 0"),
        (
            "[kiln]\nmax_bytes = '64 megs'",
            'kiln.max_bytes is a number of bytes or text such as "512KiB", "64MiB" or "1GiB", not \'64 megs\'',
        ),
        ("[kiln]\nscope = 'topic'", "kiln.scope is one of auto, source, partition, key, not 'topic'"),
        (
            "[kiln]\nscope = 'key'",
            'kiln.scope: a kiln for every key needs keys: name their fields, [decode] key = ["service"]',
        ),
        ("[kiln]\noverflow = 'drop'", "kiln.overflow is one of block, drop_oldest, not 'drop'"),
        ("[decode]\nstrict = 'maybe'", "decode.strict is true or false, not 'maybe'"),
        ("[decode]\nkey = 3", "decode.key is a list of texts, not 3"),
        ("[decode]\nmax_depth = 1000", "decode.max_depth is at most 100, not 1000"),
        ("[profile]\nfamily = 'magic'", "profile.family is one of threshold, evidence, not 'magic'"),
        (
            "[profile]\nrate = 'fast'",
            "profile.rate: only the threshold family has it, and evidence runs: "
            'set profile.family = "threshold", or leave it out',
        ),
        (
            "[profile]\nfamily = 'threshold'\nbudget = '1/day'",
            "profile.budget: only the evidence family has it, and threshold runs: "
            'set profile.family = "evidence", or leave it out',
        ),
        (
            "[profile]\nbudget = '1/day'\nper_window = 0.05",
            "profile.per_window: stands beside profile.budget: keep one of them",
        ),
        ("[profile]\nfamily = 'threshold'\nrate = 'fats'", "profile.rate is one of fast, normal, slow, not 'fats'"),
        (
            "[profile]\nwithout = ['laged']",
            'profile.without names "laged", which does not run: did you mean "lagged"?',
        ),
        (
            "[profile]\ndetectors = ['correlation']",
            'profile.detectors: "correlation" is built in and runs anyway: take it out',
        ),
        ("[profile]\ndetectors = 5", "profile.detectors is a list of texts, not 5"),
        ("[alerts]\nmin_confidence = 90", "alerts.min_confidence is a number from 0 to 1, not 90"),
        ("[alerts]\nresolve_after = 0", "alerts.resolve_after is a whole number of at least 1, not 0"),
        ("[dead_letters]\npath = 5", "dead_letters.path is a path, not 5"),
        ("[dead_letters]\nmax_share = 2", "dead_letters.max_share is a number from 0 to 1, not 2"),
        (
            "[dead_letters]\nkind = 'kafka'",
            'dead_letters.topic is missing: name one, such as topic = "crackle-dead-letters"',
        ),
        (
            "[dead_letters]\nkind = 'kafka'\ntopic = 't'",
            "dead_letters.sink is missing: the source is no Kafka topic, so name a sink of kind kafka whose cluster "
            "has the topic",
        ),
        (
            "[dead_letters]\nkind = 'kafka'\ntopic = 't'\nsink = 'bus'",
            'dead_letters.sink names "bus", which is no sink of kind kafka here',
        ),
        (
            "[dead_letters]\ntopic = 't'",
            'dead_letters.topic is of no use with a file: set kind = "kafka", or take it out',
        ),
        (
            "[dead_letters]\nkind = 'kafka'\ntopic = 't'\npath = 'p'\nsink = 'bus'",
            'dead_letters.path is of no use with kind = "kafka": take one of them out',
        ),
        (
            "[state]\ndirectory = '~no-such-user/x'",
            "state.directory begins with the home of a user who is not known here: '~no-such-user/x'",
        ),
        (
            '[dead_letters]\npath = "a\\u0000b"',
            "dead_letters.path holds a NUL character, which no path may: 'a\\x00b'",
        ),
        ("[state]\ndirectory = 5", "state.directory is a path, not 5"),
        (
            "[sinks.a]\nkind = 'stdout'\nspool = true",
            'sinks.a.spool: a spool needs a place: set [state] directory = "state", or take spool out',
        ),
        ("[sinks.a]\nkind = 'stdout'\nack = 'sent'", "sinks.a.ack is one of spooled, delivered, not 'sent'"),
        ("[sinks.a]\nkind = 'stdout'\nspool_age = 0", "sinks.a.spool_age must be more than 0 seconds"),
        ("[run]\nname = ''", "run.name is text that is not empty, not ''"),
        ("[run]\nshutdown_grace = -1", "run.shutdown_grace must be finite and not negative, not -1"),
        (
            "[glaze]\nratio = 5",
            'glaze.ratio is no text: write an expression in quotes, such as "errors / requests"; '
            "a name with dots in it is quoted too",
        ),
        (
            "[source]\nkind = 'kafak'",
            'source.kind: there is no source "kafak": did you mean "kafka"? (looked among the built-in ones and the '
            'entry points "crackle_stream.sources"; one of your own is written "package.module:Class")',
        ),
        (
            "[source]\npath = 'x'",
            'source.kind is missing: write stdin, file, kafka, memory or "package.module:Class"',
        ),
        (
            "[source]\nkind = 5",
            'source.kind is no text but 5: write stdin, file, kafka, memory or "package.module:Class"',
        ),
        ("[source]\nkind = 'memory'", "source.kind: only a program that embeds a Pipeline can fire into memory"),
        ("[source]\nkind = 'file'", "source.path is missing"),
        ("[source]\nkind = 'file'\npath = 'x'\nfile = 'y'", "source.file is unknown: known are max_line_bytes, path"),
        (
            "[source]\nkind = 'kafka'\nbrokers = ['x']\ntopics = ['t']",
            'source.brokers holds \'x\': write "host:port", such as "localhost:9092" or "[::1]:9092"',
        ),
        (
            KAFKA + "session_timeout = 5",
            "source.heartbeat_interval is 3 s: make it at most a third of session_timeout (5 s), or one lost beat "
            "loses the partitions",
        ),
        (
            "[sinks.pager]\nkind = 'webhok'",
            'sinks.pager.kind: there is no sink "webhok": did you mean "webhook"? (looked among the built-in ones and '
            'the entry points "crackle_stream.sinks"; one of your own is written "package.module:Class")',
        ),
        ("[sinks]\npager = 5", "sinks.pager is a table, not 5: write [sinks.NAME] and its keys below it"),
        ("[sinks.out]\nkind = 'stdout'\nqueue = 0", "sinks.out.queue is a whole number of at least 1, not 0"),
        ("[sinks.out]\nkind = 'stdout'\nmatch = 5", 'sinks.out.match is a table, such as { kind = ["correlation"] }'),
        (
            "[sinks.out]\nkind = 'stdout'\nmatch = { severty = ['info'] }",
            "sinks.out.match.severty is unknown: did you mean sinks.out.match.severity?",
        ),
        (
            "[sinks.out]\nkind = 'stdout'\nmatch = { severity = ['bad'] }",
            "sinks.out.match.severity is one of info, warning, critical, not 'bad'",
        ),
        ("[sinks.out]\nkind = 'stdout'\nformat = 'xml'", "sinks.out.format is one of auto, json, card, not 'xml'"),
        (
            "[sinks.hook]\nkind = 'webhook'\nurl = 'http://x.org'",
            "sinks.hook.url is plain http: write https://, or set allow_http = true to send alerts unencrypted",
        ),
    ],
)
def test_a_problem_is_told_with_its_place_and_its_cure(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, text) == (problem,)


def test_an_expression_that_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[glaze]\nratio = "errors / / requests"')
    assert problem.startswith("glaze.ratio: ")
    assert "in the expression 'errors / / requests'" in problem


def test_all_problems_are_told_at_once_below_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text(
        """
        [source]
        kind = "kafka"
        session_timeout = "soon"
        [kiln]
        capacity = 0
        scope = "topic"
        [profile]
        family = "threshold"
        [sinks.a]
        kind = "file"
        keep = -1
        queue = 0
        [sinks.b]
        kind = "webhok"
        """
    )
    variables = {"CRACKLE__ALERTS__RESOLVE_AFTER": "none", "CRACKLE__RUN__NAM": "x"}
    with pytest.raises(ConfigError) as caught:
        load(path, variables=variables, overrides=[Override(("profile", "rate"), "fats", "--rate")])
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{path}: 11 problems"
    assert sorted(line.split()[0] for line in lines[1:]) == [
        "--rate",
        "CRACKLE__ALERTS__RESOLVE_AFTER",
        "CRACKLE__RUN__NAM",
        "kiln.capacity",
        "kiln.scope",
        "sinks.a.keep",
        "sinks.a.path",
        "sinks.a.queue",
        "sinks.b.kind:",
        "source.brokers",
        "source.session_timeout",
    ]


def test_a_problem_is_told_by_the_name_of_the_layer_it_comes_from(tmp_path: Path) -> None:
    text = "[kiln]\ncapacity = 5"
    assert problems(tmp_path, text, {"CRACKLE__KILN__CAPACITY": "0"}) == (
        "CRACKLE__KILN__CAPACITY is a whole number of at least 1, not 0",
    )
    assert problems(
        tmp_path, text, {"CRACKLE__KILN__CAPACITY": "7"}, Override(("kiln", "capacity"), "x", "--set kiln.capacity")
    ) == ("--set kiln.capacity is a whole number of at least 1, not 'x'",)


@pytest.mark.parametrize(
    ("variable", "cure"),
    [
        ("CRACKLE__KILN__CAPACTY", "CRACKLE__KILN__CAPACTY is unknown: did you mean CRACKLE__KILN__CAPACITY?"),
        ("CRACKLE__KLIN__CAPACITY", "CRACKLE__KLIN is unknown: did you mean CRACKLE__KILN?"),
        ("CRACKLE__KILN", "CRACKLE__KILN is a section, not '1': write [kiln] and its keys below it"),
        ("CRACKLE__RUN__STRICT", "CRACKLE__RUN__STRICT is unknown: it belongs in [decode]"),
    ],
)
def test_an_unknown_variable_is_an_error_that_names_the_nearest_known_one(
    tmp_path: Path, variable: str, cure: str
) -> None:
    assert problems(tmp_path, "", {variable: "1"}) == (cure,)


def test_without_a_file_the_problems_are_those_of_the_configuration() -> None:
    with pytest.raises(ConfigError, match=r"^configuration: 1 problem\n  CRACKLE__KILN__CAPACITY is a whole number"):
        load(variables={"CRACKLE__KILN__CAPACITY": "x"})


def test_an_empty_configuration_reads_standard_input_and_prints_what_it_finds(tmp_path: Path) -> None:
    configuration = good(tmp_path, "")
    assert configuration.source.plugin.name == "stdin"
    assert [(sink.name, sink.component.plugin.name) for sink in configuration.sinks] == [("stdout", "stdout")]


def test_every_setting_can_come_from_the_environment(tmp_path: Path) -> None:
    variables = {
        "CRACKLE__SOURCE__KIND": "kafka",
        "CRACKLE__SOURCE__BROKERS": "a:1, b:2",
        "CRACKLE__SOURCE__TOPICS": '["t", "u"]',
        "CRACKLE__SOURCE__ALLOW_INSECURE": "true",
        "CRACKLE__SOURCE__SESSION_TIMEOUT": "50s",
        "CRACKLE__DECODE__KEY": "service",
        "CRACKLE__DECODE__STRICT": "TRUE",
        "CRACKLE__GLAZE__RATIO": "a / b",
        "CRACKLE__KILN__CAPACITY": "5000",
        "CRACKLE__KILN__EVERY_SECONDS": "never",
        "CRACKLE__KILN__MAX_BYTES": "1GiB",
        "CRACKLE__PROFILE__WITHOUT": "groups,lagged",
        "CRACKLE__ALERTS__MIN_CONFIDENCE": "0.5",
        "CRACKLE__SINKS__OUT__KIND": "webhook",
        "CRACKLE__SINKS__OUT__URL": "https://hooks.example.org/",
        "CRACKLE__SINKS__OUT__HEADERS": '{ X-Team = "payments" }',
        "CRACKLE__SINKS__OUT__REQUIRED": "false",
        "CRACKLE__SINKS__OUT__MATCH__KIND": "clustering, correlation",
        "CRACKLE__SINKS__OUT__MATCH__CONFIDENCE": "0.99",
        "CRACKLE__DEAD_LETTERS__PATH": "letters.jsonl",
        "CRACKLE__RUN__SHUTDOWN_GRACE": "1m",
    }
    configuration = good(tmp_path, "", variables)
    source, (sink,) = configuration.source.made, configuration.sinks
    assert (source.brokers, source.topics, source.allow_insecure) == (("a:1", "b:2"), ("t", "u"), True)
    assert source.session_timeout == 50.0
    assert (configuration.decode.key, configuration.decode.strict) == (("service",), True)
    assert configuration.glaze == {"ratio": "a / b"}
    assert (configuration.kiln.capacity, configuration.kiln.every_seconds) == (5000, "never")
    assert configuration.kiln.max_bytes == 2**30
    assert configuration.profile.without == ("groups", "lagged")
    assert configuration.alerts.min_confidence == 0.5
    assert sink.component.made.headers["X-Team"].reveal() == "payments"
    assert (sink.subscription.required, sink.match.confidence) == (False, 0.99)
    assert sink.match.kind == ("clustering", "correlation")
    assert configuration.dead_letters.path == Path("letters.jsonl")
    assert configuration.run.shutdown_grace == 60.0


def test_one_timeout_bounds_a_try_of_the_subscription_and_of_the_webhook(tmp_path: Path) -> None:
    text = "[sinks.hook]\nkind = 'webhook'\nurl = 'https://x.org/'\n"
    (default,) = good(tmp_path, text).sinks
    assert (default.subscription.timeout, default.component.made.timeout) == (30.0, 15.0)
    (slow,) = good(tmp_path, text + "timeout = '1m'").sinks
    assert (slow.subscription.timeout, slow.component.made.timeout) == (60.0, 60.0)
