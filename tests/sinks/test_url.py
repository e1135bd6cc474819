from __future__ import annotations

import pytest

from crackle_stream.sinks.url import hidden_parts, redacted


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://h.example", "https://h.example"),
        ("https://h.example/", "https://h.example/"),
        ("https://H.example:8443/alerts/v2/crackle-stream", "https://h.example:8443/alerts/v2/crackle-stream"),
        ("https://[2001:db8::1]:9/x", "https://[2001:db8::1]:9/x"),
        ("https://user:pw@h.example/x", "https://h.example/x"),
        ("https://h.example/x?token=abc&y", "https://h.example/x?***"),
        ("https://h.example/services/T02AB/B1234/x9Fq81LmQz", "https://h.example/services/***/***/***"),
        ("https://h.example/abcdefghijklmnopqrst", "https://h.example/***"),
        ("https://h.example/AbCdEfGh", "https://h.example/***"),
        ("https://h.example/deadbeef0", "https://h.example/***"),
        ("/elsewhere/x9?y", "/elsewhere/***?***"),
        ("https://[::1/x", "***"),
        ("https://h:nine/x", "***"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, expected: str) -> None:
    assert redacted(url) == expected


def test_the_hidden_parts_are_those_that_are_not_shown() -> None:
    url = "https://h.example/services/T02AB/x9Fq81LmQz?token=canary&v=1"
    assert hidden_parts(url) == ("token=canary&v=1", "x9Fq81LmQz", "canary", "T02AB")
    assert not [part for part in hidden_parts(url) if part in redacted(url)]


def test_parts_too_short_to_be_a_key_are_not_hidden_elsewhere() -> None:
    assert hidden_parts("https://h.example/a1/x?b=2") == ()
