from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from crackle_stream.errors import ConfigError
from crackle_stream.model import Secret, options_from
from crackle_stream.sinks import options as options_module
from crackle_stream.sinks.options import FileOptions, LogOptions, MemoryOptions, StdoutOptions, WebhookOptions

ODD_CHARACTER = "url holds a space, a control character or a backslash: take it out, or percent-encode it"

URL = "https://hooks.example.org/crackle"


def problem(cls: type[Any], **fields: object) -> str:
    with pytest.raises(ConfigError) as caught:
        options_from(cls, None, fields, main=None)
    assert caught.value.origin == cls.__name__
    (only,) = caught.value.problems
    return only


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (5, "url is text such as https://hooks.example.org/crackle, not int"),
        ("", 'url is missing: write where to POST, such as "https://hooks.example.org/crackle"'),
        ("hooks.example.org/crackle", "url does not begin with https://"),
        ("localhost:8080/x", "url does not begin with https://"),
        ("ftp://hooks.example.org/", "url does not begin with https://"),
        ("https:///crackle", "url names no host: write it like https://hooks.example.org/crackle"),
        ("https://:443/x", "url names no host: write it like https://hooks.example.org/crackle"),
        ("https://[::1/x", "url cannot be read: write it like https://hooks.example.org/crackle"),
        ("https://h.example:0/", "url has a port that is not between 1 and 65535"),
        ("https://h.example:65536/", "url has a port that is not between 1 and 65535"),
        ("https://h.example:x/", "url has a port that is not between 1 and 65535"),
        ("https://h.example/#top", "url has a fragment (#...), which is never sent: take it out"),
        ("https://h example/", ODD_CHARACTER),
        ("https://h.example\\@evil", ODD_CHARACTER),
        (
            "https://bot:swordfish@h.example/",
            "url holds a user name or a password: take them out, and send what the receiver asks for as "
            'headers = { Authorization = "..." }',
        ),
        (
            "http://h.example/",
            "url is plain http: write https://, or set allow_http = true to send alerts unencrypted",
        ),
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_says_what_is_wrong_and_what_to_write(url: object, expected: str) -> None:
    assert problem(WebhookOptions, url=url) == expected


def test_plain_http_is_taken_when_it_is_asked_for() -> None:
    assert WebhookOptions("http://h.example/", allow_http=True).url == "http://h.example/"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"timeout": 0}, "timeout must be more than 0 seconds"),
        ({"timeout": -1}, "timeout must be finite and not negative, not -1"),
        ({"timeout": "soon"}, 'timeout is a number of seconds or text such as "15s", "5m" or "4h", not \'soon\''),
        ({"allow_private": "10.0.0.0/8"}, 'allow_private is a list of networks, such as ["10.0.0.0/8"]'),
        (
            {"allow_private": ["10.0.0.1/8"]},
            "allow_private holds '10.0.0.1/8', which is an address inside a network: write \"10.0.0.0/8\"",
        ),
        (
            {"allow_private": ["private"]},
            'allow_private holds \'private\', which is no network: write it like "10.0.0.0/8" or "127.0.0.1/32"',
        ),
        (
            {"allow_private": [10]},
            'allow_private holds 10, which is no text: write it like "10.0.0.0/8" or "127.0.0.1/32"',
        ),
        ({"allow_http": "yes"}, "allow_http is true or false, not 'yes'"),
        ({"ca_file": 5}, "ca_file is a path, not 5"),
        ({"source": ""}, "source is text that is not empty, not ''"),
        (
            {"source": "my team"},
            "source is a URI or a name without spaces, in ASCII, such as /teams/payments/crackle",
        ),
        (
            {"secret": ""},
            "secret is empty: give the key the receiver verifies with, or leave it out to send unsigned",
        ),
        (
            {"secret": "whsec_"},
            "secret is empty: give the key the receiver verifies with, or leave it out to send unsigned",
        ),
        (
            {"previous_secret": "whsec_sword fish!"},
            'previous_secret begins with "whsec_" but is not base64 after it: copy it again from the receiver',
        ),
        ({"secret": 5}, "secret is text, not int"),
        ({"headers": "X: y"}, 'headers is a table of texts, such as { Authorization = "Bearer ..." }'),
        ({"headers": {"a b": "c"}}, "headers names 'a b', which cannot be the name of a header"),
        ({"headers": {"Host": "h"}}, "headers sets Host, which the sink sets itself: take it out"),
        ({"headers": {"webhook-id": "h"}}, "headers sets webhook-id, which the sink sets itself: take it out"),
        ({"headers": {"X-Key": "a\r\nb"}}, "headers gives X-Key a value that is not a line of ASCII text"),
        ({"headers": {"X-Key": 5}}, "headers gives X-Key a value that is not a line of ASCII text"),
        (
            {"format": "slak"},
            "format is one of cloudevents, alertmanager, slack, discord, teams, pagerduty, not 'slak'",
        ),
        (
            {"format": "slack", "secret": "s"},
            'secret is of no use with format = "slack", which nobody verifies: take it out',
        ),
        (
            {"format": "pagerduty"},
            'routing_key is missing: write "${env:NAME}" of the integration key, and export it',
        ),
        ({"routing_key": "k"}, 'routing_key is of no use without format = "pagerduty": set that, or take it out'),
        ({"format": "pagerduty", "routing_key": " "}, "routing_key is empty: give it, or leave it out"),
        ({"format": "pagerduty", "routing_key": 5}, "routing_key is text, not int"),
        (
            {"link": "crackle"},
            "link is a URL without spaces such as https://crackle.example.org/p/{fingerprint}",
        ),
    ],
)
def test_a_webhook_option_that_cannot_be_says_so(fields: dict[str, object], expected: str) -> None:
    assert problem(WebhookOptions, url=URL, **fields) == expected


def test_pagerduty_needs_no_url() -> None:
    options = WebhookOptions(format="pagerduty", routing_key="k")
    assert options.url == "https://events.pagerduty.com/v2/enqueue"
    assert WebhookOptions(URL, format="pagerduty", routing_key="k").url == URL


@pytest.mark.parametrize(
    ("cls", "fields", "expected"),
    [
        (StdoutOptions, {"format": "xml"}, "format is one of auto, json, card, not 'xml'"),
        (FileOptions, {"path": ""}, "path is a path, not ''"),
        (FileOptions, {"path": "a", "keep": -1}, "keep is a whole number of at least 0, not -1"),
        (FileOptions, {"path": "a", "max_bytes": 0}, "max_bytes must be at least 1 byte, not 0"),
        (
            FileOptions,
            {"path": "a", "max_bytes": "1 lot"},
            'max_bytes is a number of bytes or text such as "512KiB", "64MiB" or "1GiB", not \'1 lot\'',
        ),
        (LogOptions, {"level": "loud"}, "level is one of auto, debug, info, warning, error, critical, not 'loud'"),
        (LogOptions, {"logger": ""}, "logger is text that is not empty, not ''"),
        (MemoryOptions, {"limit": 0}, "limit is a whole number of at least 1, not 0"),
        (FileOptions, {}, 'option "path" is missing'),
        (WebhookOptions, {}, 'url is missing: write where to POST, such as "https://hooks.example.org/crackle"'),
        (FileOptions, {"path": "a", "max_byte": 1}, 'unknown option "max_byte": did you mean "max_bytes"?'),
    ],
)
def test_an_option_of_the_other_sinks_that_cannot_be_says_so(
    cls: type[Any], fields: dict[str, object], expected: str
) -> None:
    assert problem(cls, **fields) == expected


def test_all_problems_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        options_from(WebhookOptions, "ftp://h/", {"timeout": -1, "source": "", "secret": ""}, main="url")
    assert [each.split()[0] for each in caught.value.problems] == ["url", "secret", "timeout", "source"]


def test_values_of_a_configuration_file_become_what_the_sinks_use() -> None:
    given = {
        "timeout": "500ms",
        "allow_private": ["10.0.0.0/8"],
        "ca_file": "ca.pem",
        "secret": "s",
        "headers": {"A": "b"},
    }
    read = options_from(WebhookOptions, URL, given, main="url")
    assert (read.timeout, read.allow_private, read.ca_file) == (0.5, ("10.0.0.0/8",), Path("ca.pem"))
    assert (read.secret, dict(read.headers)) == (Secret("s"), {"A": Secret("b")})
    file = options_from(FileOptions, "~/alerts.jsonl", {"max_bytes": "1MiB"}, main="path")
    assert (file.path, file.max_bytes, file.keep) == (Path.home() / "alerts.jsonl", 1 << 20, 5)


@pytest.mark.parametrize(
    "secret", ["whsec_c2VjcmV0", "whsec_c2VjcmV0cw==", "whsec_c2VjcmV0cw", "plain text", Secret("s")]
)
def test_secrets_come_encoded_with_or_without_padding_or_plain(secret: str | Secret) -> None:
    assert WebhookOptions(URL, secret=secret).secret == Secret(secret)


def test_no_problem_of_a_url_or_secret_repeats_it() -> None:
    canary = "canary7"
    for fields in (
        {"url": f"https://u:{canary}@h/"},
        {"url": f"ftp://h/?{canary}"},
        {"url": f"https://h:{canary}/"},
        {"url": f"https://[{canary}/"},
        {"url": f"https://h /{canary}"},
        {"url": URL, "secret": f"whsec_{canary}!"},
        {"url": URL, "headers": {"X-Key": f"{canary}\n"}},
    ):
        assert canary not in problem(WebhookOptions, **fields)


def test_the_repr_shows_what_may_be_shown() -> None:
    options = WebhookOptions("https://h.example/hook/x1y2?k=v", secret="s", headers={"A": "b"})
    assert repr(options) == (
        "WebhookOptions('https://h.example/hook/***?***', format='cloudevents', source='crackle-stream')"
    )


def test_importing_the_options_loads_no_third_party() -> None:
    script = (
        "import sys; before = set(sys.modules); import crackle_stream.sinks.options; "
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["crackle_stream"]


def test_every_option_is_exported() -> None:
    made_here = {
        name
        for name, value in vars(options_module).items()
        if name.endswith("Options") and value.__module__ == options_module.__name__
    }
    assert made_here == set(options_module.__all__)
