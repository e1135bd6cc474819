from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from crackle_stream.errors import SinkRefused, SinkUnavailable
from crackle_stream.sinks.answer import Answer, objection, retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = 784111777.0  # Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110


@pytest.fixture
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Etc/GMT-13")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("9" * 5000, 3600.0),
        ("Sun, 06 Nov 1994 08:50:37 GMT", 60.0),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60.0),
        ("Sun Nov  6 08:50:37 1994", 60.0),
        ("Sun, 06 Nov 1994 10:50:37 +0200", 60.0),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
        ("Sun, 06 Nov 1994 07:00:00 GMT", 0.0),
        ("Mon, 07 Nov 1994 08:49:37 GMT", 3600.0),
        ("Sun, 06 Nov 19940 08:49:37 GMT", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("soon", None),
        ("", None),
    ],
)
@pytest.mark.usefixtures("far_from_greenwich")
def test_retry_after_is_read_as_seconds_or_as_a_date_and_capped_at_an_hour(
    header: str | None, expected: float | None
) -> None:
    assert expected == retry_after(header, NOW)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_means_taken(status: int) -> None:
    assert objection(Answer(status), "s", "t", NOW) is None


@pytest.mark.parametrize("status", [429, 503, 500, 408])
def test_a_wait_that_is_asked_for_is_kept_for_every_status_that_is_tried_again(status: int) -> None:
    error = objection(Answer(status, retry_after="Sun, 06 Nov 1994 08:50:37 GMT"), "s", "t", NOW)
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after == 60.0


def test_a_status_nobody_named_is_shown_as_a_number() -> None:
    assert str(objection(Answer(599), "s", "https://h/x", NOW)) == "sink s: https://h/x answered 599"


def test_the_target_of_a_redirect_is_shown_without_its_secrets_and_escapes() -> None:
    error = objection(Answer(302, location="/login\x1b/k3y?next=x"), "s", "t", NOW)
    assert isinstance(error, SinkRefused)
    assert str(error) == (
        "sink s: t answered 302 Found (redirects are never followed, it points to /***/***?***: "
        "set url to the final address)"
    )


def test_a_redirect_to_nowhere_is_refused_as_well() -> None:
    expected = "sink s: t answered 304 Not Modified (redirects are never followed: set url to the final address)"
    assert expected == str(objection(Answer(304), "s", "t", NOW))
