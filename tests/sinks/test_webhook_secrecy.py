"""Nothing that a webhook shows or logs holds a secret."""

from __future__ import annotations

import traceback

import pytest
from receiver import LOOPBACK, Receiver, Reply
from sample_alerts import an_alert

from crackle_stream.errors import SinkError
from crackle_stream.sinks import WebhookOptions, WebhookSink

pytestmark = pytest.mark.usefixtures("no_blocking")


async def test_no_secret_appears_in_any_error_or_its_traceback() -> None:
    secrets = {
        "signing": "canary-signing-key",
        "header": "canary-bearer",
        "path": "canary9path",
        "query": "canary-query",
    }
    echo = " ".join(secrets.values()).encode()
    script = [Reply(400, body=echo), Reply(500, body=echo), Reply(act="cut"), Reply(act="hang")]
    async with Receiver(script) as receiver:
        options = WebhookOptions(
            url=f"http://127.0.0.1:{receiver.port}/{secrets['path']}?token={secrets['query']}",
            secret=secrets["signing"],
            previous_secret=secrets["signing"] + "-2",
            headers={"Authorization": secrets["header"]},
            timeout=1,
            **LOOPBACK,
        )
        shown = [repr(options), str(options)]
        async with WebhookSink(options) as sink:
            shown.append(repr(sink))
            for number in range(len(script)):
                with pytest.raises(SinkError) as caught:
                    await sink.send(an_alert(id=str(number)))
                # The first frame is this test, which knows the secrets.
                trace = caught.value.__traceback__.tb_next if caught.value.__traceback__ else None
                report = traceback.TracebackException(type(caught.value), caught.value, trace, capture_locals=True)
                shown += [str(caught.value), "".join(report.format())]
        assert len(receiver.requests) == len(script)
        assert receiver.requests[0].headers["authorization"] == secrets["header"]
    assert not [text for text in shown if any(secret in text for secret in secrets.values())]
    assert "answered 400 Bad Request: *** *** *** ***" in shown[3]


async def test_nothing_is_logged_that_shows_the_url(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with Receiver() as receiver:
        url = f"http://127.0.0.1:{receiver.port}/canary9path?token=canary-query"
        async with WebhookSink(url, secret="canary-key", headers={"X-Key": "canary-header"}, **LOOPBACK) as sink:
            await sink.send(an_alert())
    assert len(receiver.requests) == 1
    assert "canary" not in caplog.text
