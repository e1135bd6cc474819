from collections.abc import Mapping
from pathlib import Path

import pytest

from crackle_stream.app.config import Configuration, load
from crackle_stream.app.outline import outline
from crackle_stream.errors import ConfigError

CANARY = "whsec_c3dvcmRmaXNoLXN3b3JkZmlzaA=="

HOOK = '[sinks.hook]\nkind = "webhook"\nurl = "https://hooks.example.org/"\n'


def configuration(tmp_path: Path, text: str, variables: Mapping[str, str] | None = None) -> Configuration:
    path = tmp_path / "crackle.toml"
    path.write_text(text)
    return load(path, variables=variables or {})


def problems(tmp_path: Path, text: str, variables: Mapping[str, str] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        configuration(tmp_path, text, variables)
    return caught.value.problems


def secret_of(found: Configuration) -> str:
    secret: str = found.sinks[0].component.made.secret.reveal()
    return secret


def test_a_secret_comes_from_a_variable(tmp_path: Path) -> None:
    found = configuration(tmp_path, HOOK + 'secret = "${env:HOOK}"', {"HOOK": CANARY})
    assert secret_of(found) == CANARY


def test_a_secret_comes_from_a_file_without_its_line_break(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{CANARY}\n")
    assert secret_of(configuration(tmp_path, f'{HOOK}secret = "${{file:{tmp_path}/key}}"')) == CANARY


def test_a_variable_of_the_setting_itself_may_hold_the_secret(tmp_path: Path) -> None:
    assert secret_of(configuration(tmp_path, HOOK, {"CRACKLE__SINKS__HOOK__SECRET": CANARY})) == CANARY


def test_a_reference_may_stand_within_a_text_and_in_a_table(tmp_path: Path) -> None:
    found = configuration(
        tmp_path, HOOK + 'headers = { Authorization = "Bearer ${env:TOKEN}", X-Team = "payments" }', {"TOKEN": "abc"}
    )
    headers = found.sinks[0].component.made.headers
    assert {name: secret.reveal() for name, secret in headers.items()} == {
        "Authorization": "Bearer abc",
        "X-Team": "payments",
    }


def test_a_reference_may_stand_in_a_list(tmp_path: Path) -> None:
    text = '[source]\nkind = "kafka"\ntopics = ["t"]\nbrokers = ["${env:HOST}:9092", "b:1"]'
    assert configuration(tmp_path, text, {"HOST": "kafka"}).source.made.brokers == ("kafka:9092", "b:1")


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("${env:HOOK}", "refers to the environment variable HOOK, which is not set: export it"),
        ("${env:EMPTY}", "refers to the environment variable EMPTY, which is empty: export it"),
        ("${file:/nowhere/key}", "refers to the file /nowhere/key, which cannot be read: No such file or directory"),
        ("${HOOK}", 'refers to "${HOOK}": write ${env:NAME} or ${file:PATH}'),
        ("${ENV:HOOK}", 'refers to "${ENV:HOOK}": write ${env:NAME} or ${file:PATH}'),
        (
            "${file:~no-such-user/key}",
            "refers to a file whose name begins with the home of a user who is not known here: '~no-such-user/key'",
        ),
        ("${file:a\\u0000b}", "refers to a file whose name holds a NUL character, which no path may: 'a\\x00b'"),
        ("${env:}", 'refers to "${env:}": write ${env:NAME} or ${file:PATH}'),
    ],
)
def test_a_reference_that_leads_nowhere_is_the_one_problem_of_its_key(
    tmp_path: Path, secret: str, problem: str
) -> None:
    assert problems(tmp_path, f'{HOOK}secret = "{secret}"', {"EMPTY": ""}) == (f"sinks.hook.secret {problem}",)


def test_a_file_that_is_empty_or_no_text_holds_no_secret(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert problems(tmp_path, f'{HOOK}secret = "${{file:{tmp_path}/empty}}"') == (
        f"sinks.hook.secret refers to the file {tmp_path}/empty, which is empty",
    )
    assert problems(tmp_path, f'{HOOK}secret = "${{file:{tmp_path}/binary}}"') == (
        f"sinks.hook.secret refers to the file {tmp_path}/binary, which is no UTF-8 text",
    )


@pytest.mark.parametrize(
    ("text", "key", "variable"),
    [
        (f'{HOOK}secret = "{CANARY}"', "sinks.hook.secret", "HOOK_SECRET"),
        (f'{HOOK}previous_secret = "{CANARY}"', "sinks.hook.previous_secret", "HOOK_PREVIOUS_SECRET"),
        (
            f'{HOOK}headers = {{ Authorization = "Bearer {CANARY}" }}',
            "sinks.hook.headers.Authorization",
            "HOOK_HEADERS_AUTHORIZATION",
        ),
        (f'{HOOK}headers = {{ X-Api-Key = "{CANARY}" }}', "sinks.hook.headers.X-Api-Key", "HOOK_HEADERS_X_API_KEY"),
        (
            '[source]\nkind = "kafka"\nbrokers = ["a:1"]\ntopics = ["t"]\nsecurity_protocol = "SASL_SSL"\n'
            f'sasl_username = "u"\nsasl_password = "{CANARY}"',
            "source.sasl_password",
            "SASL_PASSWORD",
        ),
    ],
)
def test_a_secret_in_the_file_is_an_error_that_shows_the_cure_and_not_the_secret(
    tmp_path: Path, text: str, key: str, variable: str
) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem == (
        f'{key} holds a secret in the file: write "${{env:{variable}}}" and export {variable}, or "${{file:PATH}}"'
    )


def test_a_header_that_is_no_secret_may_stand_in_the_file(tmp_path: Path) -> None:
    configuration(tmp_path, HOOK + 'headers = { X-Team = "payments" }')


def test_a_secret_that_strays_into_another_key_is_masked_in_the_problem(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, '[sinks.out]\nkind = "stdout"\nformat = "${env:HOOK}"', {"HOOK": CANARY})
    assert problem == "sinks.out.format is one of auto, json, card, not '***'"


@pytest.mark.parametrize(
    ("line", "variables"),
    [
        ('secret = "${env:HOOK}"', {"HOOK": CANARY}),
        ("", {"CRACKLE__SINKS__HOOK__SECRET": CANARY}),
        ("", {"CRACKLE__SINKS__HOOK__HEADERS__AUTHORIZATION": f"Bearer {CANARY}"}),
        ("", {"CRACKLE__SINKS__HOOK__URL": f"https://hooks.example.org/?token={CANARY}"}),
    ],
)
def test_no_secret_is_shown_when_a_configuration_is(tmp_path: Path, line: str, variables: Mapping[str, str]) -> None:
    found = configuration(tmp_path, HOOK + line, variables)
    shown = repr(found) + "".join(text for _, text in outline(found))
    assert CANARY not in shown
    assert "***" in shown or "${env:HOOK}" in shown


CHAT = '[sinks.chat]\nkind = "apprise"\n'


def test_a_secret_written_out_in_a_list_is_a_problem_and_is_not_shown(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, CHAT + 'urls = ["slack://swordfish/x/y"]')
    assert problem.endswith(
        'holds a secret in the file: write "${env:CHAT_URLS}" and export CHAT_URLS, or "${file:PATH}"'
    )
    assert "swordfish" not in problem


def test_a_list_of_secrets_is_shown_as_it_was_written_or_not_at_all(tmp_path: Path) -> None:
    found = configuration(tmp_path, CHAT + 'urls = ["${env:A}"]', {"A": "slack://swordfish/x/y"})
    assert [url.reveal() for url in found.sinks[0].component.made.urls] == ["slack://swordfish/x/y"]
    assert found.sinks[0].component.shown == {"urls": ["${env:A}"]}
    mixed = {"CRACKLE__SINKS__CHAT__URLS": '["${env:A}", "mailto://swordfish@x"]', "A": "slack://swordfish/x/y"}
    found = configuration(tmp_path, CHAT, mixed)
    assert len(found.sinks[0].component.made.urls) == 2
    assert "swordfish" not in str(found.sinks[0].component.shown)
    assert "swordfish" not in "".join(text for _, text in outline(found))
