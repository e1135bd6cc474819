"""What the sink does where no real Alertmanager can be made to: scripted answers, and a clock that stands."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import anyio
import pytest
from receiver import LOOPBACK, Received, Receiver, Reply
from sample_alerts import a_pattern, an_alert
from structlog.testing import capture_logs

from crackle_stream.errors import ConfigError, SinkError, SinkRefused, SinkUnavailable, TargetForbidden
from crackle_stream.model import AlertStatus
from crackle_stream.sinks import AlertmanagerOptions, AlertmanagerSink
from crackle_stream.sinks.formats.identity import labels_of

pytestmark = pytest.mark.usefixtures("no_blocking")

NOW = 1795208000.0

UP = Reply(200, body=b'{"uptime":"2026-11-20T00:00:00.000Z"}')
EMPTY = Reply(200, body=b"[]")


def listing(*fingerprints: str) -> Reply:
    """What Alertmanager answers where alerts of these patterns stand."""
    return Reply(200, body=json.dumps([{"labels": {"fingerprint": each}} for each in fingerprints]).encode())


class Standstill:
    """A clock that stands, and a sleep that ends when the test says so."""

    def __init__(self) -> None:
        self.now = NOW
        self.slept = 0
        self._woken = anyio.Event()
        self._asleep = anyio.Event()

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self._asleep.set()
        await self._woken.wait()

    async def beat(self, seconds: float = 60.0) -> None:
        """Let one heartbeat pass; returns when it is over."""
        await self._asleep.wait()
        self.now += seconds
        woken, self._woken, self._asleep = self._woken, anyio.Event(), anyio.Event()
        woken.set()
        await self._asleep.wait()


def a_sink(receiver: Receiver, **fields: Any) -> AlertmanagerSink:
    clock = fields.pop("clock", None) or Standstill()
    return AlertmanagerSink(
        f"http://127.0.0.1:{receiver.port}/am", clock=clock, sleep=clock.sleep, **{**LOOPBACK, **fields}
    )


def pushed(receiver: Receiver) -> list[list[dict[str, Any]]]:
    return [json.loads(request.body) for request in receiver.requests if request.method == "POST"]


def asked(receiver: Receiver) -> list[Received]:
    return [request for request in receiver.requests if request.method == "GET"]


async def error_from(*replies: Reply, **fields: Any) -> SinkError:
    async with Receiver([UP, EMPTY, *replies]) as receiver, a_sink(receiver, **fields) as sink:
        with pytest.raises(SinkError) as caught:
            await sink.send(an_alert())
    caught.value.args = (str(caught.value).replace(f":{receiver.port}", ""),)
    return caught.value


async def test_an_alert_is_pushed_with_labels_that_stay_and_an_end_that_moves() -> None:
    clock = Standstill()
    async with Receiver([UP, EMPTY]) as receiver, a_sink(receiver, clock=clock, labels={"cluster": "eu"}) as sink:
        await sink.send(an_alert())
        await clock.beat()
    first, again = pushed(receiver)
    assert first[0]["labels"] == {**labels_of(an_alert()), "cluster": "eu"}
    assert (first[0]["startsAt"], first[0]["endsAt"]) == ("2026-11-20T20:41:07.000Z", "2026-11-20T20:57:20.000Z")
    assert again[0] == {**first[0], "endsAt": "2026-11-20T20:58:20.000Z"}
    (request,) = [request for request in receiver.requests[:3] if request.method == "POST"]
    assert (request.target, request.headers["content-type"]) == ("/am/api/v2/alerts", "application/json")


async def test_it_asks_for_its_own_alerts_only() -> None:
    async with Receiver([UP, EMPTY]) as receiver, a_sink(receiver, labels={"team": 'a"\\b'}) as sink:
        await sink.send(an_alert())
    status, listing = asked(receiver)
    assert status.target == "/am/api/v2/status"
    assert listing.target == (
        "/am/api/v2/alerts?active=true&silenced=true&inhibited=true"
        "&filter=alertname%3D%22CracklePattern%22&filter=team%3D%22a%5C%22%5C%5Cb%22"
    )


async def test_a_stream_whose_clock_is_ahead_starts_now() -> None:
    async with Receiver([UP, EMPTY]) as receiver, a_sink(receiver) as sink:
        await sink.send(an_alert(raised_at=NOW + 1e6))
        await sink.send(an_alert(id="2", status=AlertStatus.RESOLVED, raised_at=NOW + 1e6))
        await sink.send(an_alert(id="3", raised_at=float("-inf")))
    first, over, timeless = pushed(receiver)
    assert first[0]["startsAt"] == over[0]["startsAt"] == over[0]["endsAt"] == "2026-11-20T20:53:20.000Z"
    assert "startsAt" not in timeless[0]


async def test_while_nothing_stands_nobody_is_asked() -> None:
    clock = Standstill()
    async with Receiver([UP, EMPTY]) as receiver, a_sink(receiver, clock=clock) as sink:
        await clock.beat()
        await clock.beat()
        assert len(receiver.requests) == 2
        assert sink.let_go == 0


async def test_more_than_the_limit_let_the_oldest_expire_and_say_so() -> None:
    clock = Standstill()
    with capture_logs() as logs:
        script = [UP, EMPTY, *[Reply(200)] * 3, UP, listing("a", "b", "c")]
        async with Receiver(script) as receiver, a_sink(receiver, clock=clock, limit=2) as sink:
            for name in "abc":
                await sink.send(an_alert(id=name, pattern=a_pattern(fingerprint=name)))
            await clock.beat()
    assert sink.let_go == 1
    assert [each["labels"]["fingerprint"] for each in pushed(receiver)[-1]] == ["b", "c"]
    assert logs == [
        {"event": "alertmanager.let_go", "log_level": "warning", "sink": "alertmanager", "limit": 2, "so_far": 1}
    ]


@pytest.mark.parametrize(("status", "expected"), [(400, SinkRefused), (401, SinkRefused), (503, SinkUnavailable)])
async def test_what_the_only_one_answers_decides(status: int, expected: type[SinkError]) -> None:
    error = await error_from(Reply(status, body=b'{"code":601,"message":"no"}'))
    assert type(error) is expected
    assert "http://127.0.0.1/am answered" in str(error)


async def test_what_answers_but_is_no_alertmanager_is_said_in_the_log_and_alerts_are_pushed_all_the_same() -> None:
    with capture_logs() as logs:
        async with Receiver([Reply(200, body=b"<html>")]) as receiver, a_sink(receiver) as sink:
            await sink.send(an_alert())
    assert len(pushed(receiver)) == 1
    assert [each["event"] for each in logs] == ["alertmanager.unseen"]
    assert logs[0]["problem"].startswith(f"sink alertmanager: http://127.0.0.1:{receiver.port}/am does not answer as")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"username": "crackle", "password": "swordfish"}, b"Basic " + base64.b64encode(b"crackle:swordfish")),
        ({"bearer_token": "swordfish"}, b"Bearer swordfish"),
        ({"headers": {"Authorization": "Custom x"}}, b"Custom x"),
    ],
)
async def test_who_asks_is_said_with_every_request(fields: dict[str, Any], expected: bytes) -> None:
    async with Receiver([UP, EMPTY]) as receiver, a_sink(receiver, **fields) as sink:
        await sink.send(an_alert())
    assert {request.headers["authorization"] for request in receiver.requests} == {expected.decode()}


async def test_a_receiver_that_repeats_a_password_does_not_get_it_into_the_error() -> None:
    sent = base64.b64encode(b"crackle:swordfish").decode()
    error = await error_from(Reply(400, body=f"swordfish {sent}".encode()), username="crackle", password="swordfish")
    assert str(error) == "sink alertmanager: http://127.0.0.1/am answered 400 Bad Request: *** ***"


async def test_a_private_address_is_refused_as_for_a_webhook() -> None:
    clock = Standstill()
    async with AlertmanagerSink("http://127.0.0.1:9093", allow_http=True, clock=clock, sleep=clock.sleep) as sink:
        with pytest.raises(TargetForbidden, match=r"will not connect to 127\.0\.0\.1: it is not a public address"):
            await sink.send(an_alert())


async def pair(taken_by: str, *answers: Reply) -> list[str]:
    """What comes of an alert pushed to two, by how each answers the push."""
    clock = Standstill()
    first, second = (Receiver([UP, EMPTY, answer]) for answer in answers)
    async with first, second:
        urls = [f"http://127.0.0.1:{each.port}" for each in (first, second)]
        sink = AlertmanagerSink(urls, taken_by=taken_by, clock=clock, sleep=clock.sleep, **LOOPBACK)
        async with sink:
            outcome = "taken"
            try:
                await sink.send(an_alert())
            except SinkError as error:
                outcome = type(error).__name__
            assert [len(pushed(each)) for each in (first, second)] == [1, 1]
            return [outcome, *("trouble" if target.trouble else "fine" for target in sink._targets)]


async def test_one_of_a_pair_is_enough_unless_all_are_asked_for() -> None:
    assert await pair("any", Reply(503), Reply(200)) == ["taken", "trouble", "fine"]
    assert await pair("any", Reply(503), Reply(400)) == ["SinkUnavailable", "trouble", "trouble"]
    assert await pair("all", Reply(200), Reply(200)) == ["taken", "fine", "fine"]
    assert await pair("all", Reply(200), Reply(503)) == ["SinkUnavailable", "fine", "trouble"]
    assert await pair("all", Reply(400), Reply(503)) == ["SinkUnavailable", "trouble", "trouble"]
    assert await pair("all", Reply(400), Reply(200)) == ["SinkRefused", "trouble", "fine"]


async def test_an_alert_does_not_wait_for_the_one_that_is_in_trouble_and_the_next_heartbeat_tells_it() -> None:
    clock = Standstill()
    stand = listing(a_pattern().fingerprint, "other")
    first = Receiver([UP, EMPTY, Reply(200), Reply(200), UP, stand])
    second = Receiver([UP, EMPTY, Reply(503), UP, EMPTY])
    async with first, second:
        urls = [f"http://127.0.0.1:{each.port}" for each in (first, second)]
        with capture_logs() as logs:
            async with AlertmanagerSink(urls, clock=clock, sleep=clock.sleep, **LOOPBACK) as sink:
                await sink.send(an_alert())
                await sink.send(an_alert(id="2", pattern=a_pattern(fingerprint="other")))
                assert [len(pushed(each)) for each in (first, second)] == [2, 1]
                await clock.beat()
        assert [each["labels"]["fingerprint"] for each in pushed(second)[-1]] == [a_pattern().fingerprint, "other"]
    assert [each["event"] for each in logs] == ["alertmanager.unreached", "alertmanager.reached"]


async def test_an_alertmanager_that_hangs_does_not_keep_the_first_alert_waiting_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crackle_stream.sinks.alertmanager.LOOK_WITHIN_S", 0.1)
    async with Receiver([Reply(act="hang"), Reply(200)]) as receiver, a_sink(receiver) as sink:
        await sink.send(an_alert())
        assert len(pushed(receiver)) == 1


async def test_what_cannot_be_seen_is_said_once_and_pushed_all_the_same() -> None:
    clock = Standstill()
    with capture_logs() as logs:
        async with Receiver([Reply(403)]) as receiver, a_sink(receiver, clock=clock) as sink:
            await sink.send(an_alert())
            await clock.beat()
            await clock.beat()
    assert [each["event"] for each in logs] == ["alertmanager.unseen"]
    assert len(pushed(receiver)) == 3


async def test_what_was_pushed_and_is_shown_no_more_was_resolved_by_others_unless_it_was_restarted() -> None:
    for since, beats in ((UP, 0), (Reply(200, body=b'{"uptime":"2026-11-21T00:00:00.000Z"}'), 1)):
        clock = Standstill()
        script = [UP, EMPTY, Reply(200), since, EMPTY]
        async with Receiver(script) as receiver, a_sink(receiver, clock=clock) as sink:
            await sink.send(an_alert())
            await clock.beat()
        assert len(pushed(receiver)) == 1 + beats


async def test_what_has_expired_there_was_resolved_by_nobody() -> None:
    clock = Standstill()
    async with Receiver([UP, EMPTY, Reply(200), UP, EMPTY]) as receiver, a_sink(receiver, clock=clock) as sink:
        await sink.send(an_alert())
        await clock.beat(241.0)  # this process was stopped for longer than expires_after
    assert len(pushed(receiver)) == 2


async def test_a_heartbeat_that_ended_is_told_with_the_next_alert_and_begun_anew() -> None:
    clock = Standstill()
    failures = [RuntimeError("no timer")]

    async def sleep(seconds: float) -> None:
        if failures:
            raise failures.pop()
        await clock.sleep(seconds)

    async with Receiver([UP, EMPTY]) as receiver:
        url = f"http://127.0.0.1:{receiver.port}"
        async with AlertmanagerSink(url, clock=clock, sleep=sleep, **LOOPBACK) as sink:
            assert sink._beating is not None
            await asyncio.wait([sink._beating])
            with pytest.raises(RuntimeError, match="no timer"):
                await sink.send(an_alert())
            await sink.send(an_alert())
            await clock.beat()
    assert pushed(receiver)[-1][0]["endsAt"] == "2026-11-20T20:58:20.000Z"  # of the heartbeat after the alert


async def test_an_alert_that_is_no_json_is_refused() -> None:
    async with Receiver([UP, EMPTY]) as receiver, a_sink(receiver) as sink:
        with pytest.raises(SinkRefused, match="the alert '7' is no JSON: "):
            await sink.send(an_alert(id="7", pattern=a_pattern(metrics={"x": object()})))
    assert pushed(receiver) == []


async def test_sending_outside_the_context_says_so() -> None:
    async with Receiver() as receiver:
        with pytest.raises(SinkError, match=r"sink alertmanager: it is not open: send within `async with sink:`"):
            await a_sink(receiver).send(an_alert())


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"urls": []}, 'urls is a list of addresses, such as ["https://alertmanager.example.org:9093"]'),
        ({"urls": ["https://a.example", "https://a.example"]}, "urls names one address twice: take one of them out"),
        (
            {"urls": "http://a.example"},
            "urls is plain http: write https://, or set allow_http = true to send alerts unencrypted",
        ),
        (
            {"urls": "https://a.example/?x=1"},
            "urls has a query (?...), which is no part of an Alertmanager's address: take it out",
        ),
        ({"username": "u"}, "username and password belong together: give both, or neither"),
        (
            {"bearer_token": "t", "headers": {"authorization": "x"}},
            "username, bearer_token and an Authorization header are three ways to say who asks: leave one",
        ),
        (
            {"heartbeat_interval": "121s"},
            "expires_after is 240 s, less than two heartbeats of 121 s: one that is late would resolve every alert",
        ),
        ({"forget_after": "1m"}, "forget_after is 60 s, less than expires_after, 240 s"),
        ({"labels": "eu"}, 'labels is a table of texts, such as { cluster = "eu" }'),
        ({"labels": {"a-b": "c"}}, "labels names 'a-b', which cannot be the name of a label: letters, digits and _"),
        ({"labels": {"metric": "c"}}, "labels sets metric, which every alert has of its own: give it another name"),
        ({"labels": {"a": " "}}, "labels gives a a value that is no text, or empty"),
        ({"taken_by": "most"}, "taken_by is one of any, all, not 'most'"),
    ],
)
def test_an_option_that_cannot_be_says_so(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AlertmanagerOptions(**{"urls": "https://a.example", **fields})
    assert caught.value.problems == (expected,)


def test_the_repr_shows_what_may_be_shown() -> None:
    options = AlertmanagerOptions(urls="https://a.example/k3y9/", bearer_token="swordfish")  # type: ignore[arg-type]
    assert repr(options) == "AlertmanagerOptions(urls=['https://a.example/***'], labels={})"
