"""What each answer of a receiver, or none, makes of a message."""

from __future__ import annotations

from typing import Any

import pytest
from receiver import LOOPBACK, Receiver, Reply
from sample_alerts import an_alert

from crackle_stream.errors import SinkError, SinkRefused, SinkUnavailable
from crackle_stream.sinks import WebhookSink

pytestmark = pytest.mark.usefixtures("no_blocking")


def a_sink(receiver: Receiver, **fields: Any) -> WebhookSink:
    return WebhookSink(receiver.url, **{**LOOPBACK, **fields})


async def error_from(reply: Reply, **fields: Any) -> SinkError:
    async with Receiver([reply]) as receiver, a_sink(receiver, **fields) as sink:
        with pytest.raises(SinkError) as caught:
            await sink.send(an_alert())
        assert len(receiver.requests) == 1
    shown = str(caught.value).replace(f":{receiver.port}", "")
    caught.value.args = (shown,)
    return caught.value


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
async def test_these_statuses_are_tried_again(status: int) -> None:
    error = await error_from(Reply(status))
    assert isinstance(error, SinkUnavailable)
    assert error.retryable
    assert error.retry_after is None


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 409, 410, 413, 422, 451, 300, 301, 302, 303, 304, 307, 308]
)
async def test_these_statuses_are_final(status: int) -> None:
    error = await error_from(Reply(status))
    assert isinstance(error, SinkRefused)
    assert not error.retryable


async def test_a_refusal_names_the_sink_the_status_and_what_the_receiver_said() -> None:
    error = await error_from(Reply(422, body=b'{"error":\n "no such field"}'), name="pager")
    expected = 'sink pager: http://127.0.0.1/crackle answered 422 Unprocessable Entity: {"error": "no such field"}'
    # Python 3.13 follows RFC 9110 and says "Content".
    assert expected == str(error).replace("Unprocessable Content", "Unprocessable Entity")


async def test_gone_says_that_the_sink_should_go() -> None:
    assert str(await error_from(Reply(410))) == (
        "sink webhook: http://127.0.0.1/crackle answered 410 Gone "
        "(it asks never to be called again: take the sink out, or give its new url)"
    )


async def test_unauthorized_points_to_the_secret_and_the_headers() -> None:
    assert str(await error_from(Reply(401))).endswith("answered 401 Unauthorized (check secret and headers)")


async def test_a_redirect_is_not_followed_and_says_where_it_points() -> None:
    async with Receiver() as elsewhere:
        target = f"{elsewhere.url}/x9Fq81Lm?token=abc"
        error = await error_from(Reply(301, headers={"Location": target}))
        assert elsewhere.connections == 0
    assert str(error) == (
        "sink webhook: http://127.0.0.1/crackle answered 301 Moved Permanently (redirects are never followed, it "
        f"points to http://127.0.0.1:{elsewhere.port}/crackle/***?***: set url to the final address)"
    )


async def test_retry_after_comes_with_the_error() -> None:
    error = await error_from(Reply(429, headers={"Retry-After": "7"}))
    assert isinstance(error, SinkUnavailable)
    assert error.retry_after == 7.0


async def test_no_answer_in_time_is_tried_again() -> None:
    error = await error_from(Reply(act="hang"), timeout=1)
    assert isinstance(error, SinkUnavailable)
    assert str(error) == "sink webhook: http://127.0.0.1/crackle: no answer within 1 s"


async def test_a_connection_cut_without_an_answer_is_tried_again() -> None:
    error = await error_from(Reply(act="cut"))
    assert isinstance(error, SinkUnavailable)
    assert "the connection broke: Server disconnected without sending a response" in str(error)


async def test_a_closed_port_is_tried_again() -> None:
    async with Receiver() as receiver:
        pass
    async with a_sink(receiver) as sink:
        with pytest.raises(SinkUnavailable) as caught:
            await sink.send(an_alert())
    assert str(caught.value) == f"sink webhook: {receiver.url}: cannot connect: Connection refused"


async def test_a_body_that_never_ends_changes_nothing_about_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.sinks.posting.READ_LIMIT_S", 0.1)
    script = [Reply(200, act="drip"), Reply(400, body=b"why", act="drip")]
    async with Receiver(script) as receiver, a_sink(receiver) as sink:
        await sink.send(an_alert())
        with pytest.raises(SinkRefused, match="answered 400 Bad Request: why"):
            await sink.send(an_alert())


async def test_a_huge_body_is_neither_read_to_its_end_nor_shown() -> None:
    reply = Reply(500, body=b"x" * 20_000_000)
    async with Receiver([reply]) as receiver, a_sink(receiver) as sink:
        with pytest.raises(SinkUnavailable) as caught:
            await sink.send(an_alert())
    assert str(caught.value).count("x") - receiver.url.count("x") == 1024


async def test_control_characters_of_a_body_are_written_out() -> None:
    assert str(await error_from(Reply(400, body=b"\x1b[2Jno\x00"))).endswith(r"answered 400 Bad Request: \x1b[2Jno\x00")
