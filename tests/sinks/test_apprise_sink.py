from __future__ import annotations

import json
import logging
import subprocess
import sys

import pytest
from receiver import Receiver, Reply
from sample_alerts import MARKUP, a_pattern, an_alert

from crackle_stream.errors import ConfigError, SinkUnavailable
from crackle_stream.model import AlertStatus, Severity
from crackle_stream.render.chat import chat_text
from crackle_stream.sinks import AppriseOptions, AppriseSink
from crackle_stream.testing import check_sink

pytestmark = pytest.mark.usefixtures("no_blocking")


def url_of(receiver: Receiver) -> str:
    return f"json://127.0.0.1:{receiver.port}/canary9path?retry=0"


def bodies(receiver: Receiver) -> list[dict[str, str]]:
    return [json.loads(request.body) for request in receiver.requests]


async def test_a_message_is_the_card_as_plain_text() -> None:
    async with Receiver() as receiver, AppriseSink(url_of(receiver)) as sink:
        await sink.send(an_alert())
    (said,) = bodies(receiver)
    assert said["message"] == chat_text(an_alert())
    assert (said["title"], said["type"]) == ("", "failure")


@pytest.mark.parametrize(
    ("severity", "status", "expected"),
    [
        (Severity.INFO, AlertStatus.RAISED, "info"),
        (Severity.WARNING, AlertStatus.REPEATED, "warning"),
        (Severity.CRITICAL, AlertStatus.RAISED, "failure"),
        (Severity.CRITICAL, AlertStatus.RESOLVED, "success"),
    ],
)
async def test_severity_and_status_are_the_kinds_of_apprise(
    severity: Severity, status: AlertStatus, expected: str
) -> None:
    async with Receiver() as receiver, AppriseSink(url_of(receiver)) as sink:
        await sink.send(an_alert(severity=severity, status=status))
    assert bodies(receiver)[0]["type"] == expected


async def test_nobody_is_called_by_what_stands_in_the_data() -> None:
    async with Receiver() as receiver, AppriseSink(url_of(receiver)) as sink:
        await sink.send(an_alert(pattern=a_pattern(description=MARKUP, key="@here")))
    (said,) = bodies(receiver)
    for call in ("<!channel>", "<@U1>", "@everyone", "@here"):
        assert call not in said["message"]
    assert "@\u200beveryone" in said["message"]


async def test_what_fails_is_tried_again_and_only_there() -> None:
    async with Receiver() as well, Receiver([Reply(503)]) as ill, AppriseSink([url_of(well), url_of(ill)]) as sink:
        with pytest.raises(SinkUnavailable) as caught:
            await sink.send(an_alert())
        await sink.send(an_alert())
        await sink.send(an_alert(id="2"))
    assert str(caught.value).startswith("sink apprise: json did not take it: ")
    assert "503" in str(caught.value)
    assert [len(each.requests) for each in (well, ill)] == [2, 3]


async def test_no_address_is_seen_in_errors_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    async with Receiver([Reply(400, body=b"canary9path")]) as receiver, AppriseSink(url_of(receiver)) as sink:
        with pytest.raises(SinkUnavailable) as caught:
            await sink.send(an_alert())
        await sink.send(an_alert())
        shown = [repr(sink.options), str(caught.value), caplog.text]
    assert len(receiver.requests) == 2
    assert not [text for text in shown if "canary" in text]
    assert not [record for record in caplog.records if record.name in ("apprise", "urllib3.connectionpool")]


async def test_an_address_that_apprise_cannot_read_is_a_configuration_error_that_does_not_show_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(ConfigError) as caught:
        async with AppriseSink(["json://127.0.0.1", "nosuch://canary/x"]):
            pass
    assert caught.value.problems == (
        "urls holds in place 2 an address that Apprise cannot read: see its documentation of the service 'nosuch'",
    )
    assert "canary" not in caplog.text


async def test_a_warning_becomes_the_reason_without_any_part_of_an_address() -> None:
    async with AppriseSink("json://canary%2Buser:canary-pw@127.0.0.1/canary9path") as sink:
        with sink._hush:
            for text in ("at first", "canary+user of canary9path\x1b says canary-pw"):
                logging.getLogger("apprise").warning("Failed: %s", text)
            logging.getLogger("apprise").debug("more of it")
    assert sink._hush.said == "Failed: *** of ***\\x1b says ***"


async def test_once_a_message_is_sent_apprise_may_log_again(caplog: pytest.LogCaptureFixture) -> None:
    async with Receiver([Reply(400)]) as receiver, AppriseSink(url_of(receiver)) as sink:
        with pytest.raises(SinkUnavailable):
            await sink.send(an_alert())
    logging.getLogger("apprise").warning("of another program")
    assert caplog.messages == ["of another program"]


async def test_it_keeps_the_rules_of_sinks() -> None:
    async with Receiver() as receiver:
        await check_sink(lambda: AppriseSink(url_of(receiver)))
        assert len(receiver.requests) == 5  # the kit sends one alert twice, and what took it is not sent it again


@pytest.mark.parametrize(
    ("urls", "expected"),
    [
        ([], 'urls is a list of addresses, such as ["${env:SLACK_URL}"]'),
        (5, 'urls is a list of addresses, such as ["${env:SLACK_URL}"]'),
        (["json://h", "canary"], 'urls holds no address in place 2: write it as Apprise does, "service://..."'),
    ],
)
def test_an_option_that_cannot_be_says_so(urls: object, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AppriseOptions(urls)  # type: ignore[arg-type]
    assert caught.value.problems == (expected,)


def test_without_apprise_the_error_names_the_extra() -> None:
    script = (
        "import sys; sys.modules['apprise'] = None\n"
        "from crackle_stream.app.plugins import SINKS\n"
        "from crackle_stream.errors import PluginError\n"
        "try: SINKS.find('apprise').make(None)\n"
        "except PluginError as error: print(error.problems[0])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == (
        '"apprise": the module "apprise" is not installed: pip install "crackle-stream[notify]"'
    )
