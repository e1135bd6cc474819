"""[status]: where the server listens and who may ask."""

from pathlib import Path

import pytest
from command import crackle

from crackle_stream.app.config import load
from crackle_stream.app.config.status import StatusSection
from crackle_stream.app.outline import outline
from crackle_stream.errors import ConfigError

TOKEN = "correct-horse-battery"


def problems(**fields: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        StatusSection(**fields)  # type: ignore[arg-type]
    return caught.value.problems


@pytest.mark.parametrize(
    ("written", "host", "port"),
    [
        (":8080", "127.0.0.1", 8080),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("localhost:9", "localhost", 9),
        ("[::1]:8080", "::1", 8080),
    ],
)
def test_a_listen_address_is_a_host_and_a_port_and_without_a_host_this_machine(
    written: str, host: str, port: int
) -> None:
    section = StatusSection(written)
    assert (section.host, section.port) == (host, port)


def test_without_listen_there_is_no_server() -> None:
    assert load().status.listen is None


@pytest.mark.parametrize("written", ["8080", "http://localhost:8080", ":99999", "a b:1", "", "::1:8080"])
def test_what_is_no_address_is_told_with_an_example(written: str) -> None:
    assert problems(listen=written) == (
        f'listen is HOST:PORT such as "127.0.0.1:8080", or ":8080" for this machine only, not {written!r}',
    )


@pytest.mark.parametrize("written", ["0.0.0.0:8080", "[::]:8080", "10.1.2.3:80", "status.example:80"])
def test_what_others_can_reach_needs_a_token(written: str) -> None:
    host = written.rpartition(":")[0].strip("[]")
    assert problems(listen=written) == (
        f'listen names {host}, which other machines can reach: set token = "${{env:CRACKLE_STATUS_TOKEN}}", '
        "or listen on 127.0.0.1",
    )
    assert StatusSection(written, TOKEN).host == host  # type: ignore[arg-type]


def test_a_token_that_can_be_guessed_or_sent_badly_is_refused_and_not_shown() -> None:
    for token in ("short", "with a space in it", "ünïcödé-is-no-header"):
        (told,) = problems(listen=":1", token=token)
        assert told == "token must be at least 16 printable ASCII characters without a space"


def test_hosts_are_names() -> None:
    assert StatusSection(hosts=["Status.Example"]).hosts == ("status.example",)  # type: ignore[arg-type]
    assert problems(hosts=["http://status"]) == (
        "hosts holds 'http://status', which is no host name: write it without scheme and port",
    )


def test_a_token_comes_from_a_variable_and_a_literal_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text('[status]\nlisten = "0.0.0.0:80"\ntoken = "${env:KEY}"\n')
    found = load(path, variables={"KEY": TOKEN})
    assert found.status.token is not None
    assert found.status.token.reveal() == TOKEN
    assert dict(outline(found))["status"] == "http://0.0.0.0:80, whoever sends the token may ask"
    assert TOKEN not in repr(found)
    path.write_text(f'[status]\nlisten = "0.0.0.0:80"\ntoken = "{TOKEN}"\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.problems == (
        'status.token holds a secret in the file: write "${env:TOKEN}" and export TOKEN, or "${file:PATH}"',
    )


def test_a_missing_variable_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text('[status]\nlisten = ":80"\ntoken = "${env:KEY}"\n')
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.problems == (
        "status.token refers to the environment variable KEY, which is not set: export it",
    )


def test_check_shows_where_the_server_will_be(tmp_path: Path) -> None:
    path = tmp_path / "crackle.toml"
    path.write_text('[status]\nlisten = ":8080"\n')
    shown = crackle("check", str(path))
    assert "http://127.0.0.1:8080, this machine only" in shown.stdout
