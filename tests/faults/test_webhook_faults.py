"""What a pipeline does while its webhook fails, in every way a receiver or the network between has."""

from __future__ import annotations

import json
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest
from chaos_proxy import PASS, ChaosProxy, Network
from observing import numbered, observed
from receiver import LOOPBACK, Receiver, Reply

from crackle_stream.sinks import WebhookSink
from crackle_stream.sources import FileSource
from crackle_stream.stream import RetryOptions, Subscription
from crackle_stream.stream.deadletter import DeadLetterFile
from crackle_stream.stream.events import BreakerChanged
from crackle_stream.stream.options import BreakerOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

QUICK = RetryOptions(attempts=2, wait_s=0.01, wait_max_s=0.01, round_wait_s=0.02, round_wait_max_s=0.02)
OPEN_S = 0.5
BREAKER = BreakerOptions(failures=5, open_s=OPEN_S, open_max_s=OPEN_S)


@pytest.fixture
def source(tmp_path: Path) -> FileSource:
    """Five windows, each with news of its own."""
    path = tmp_path / "tasks.jsonl"
    path.write_bytes(b"\n".join(numbered(500)) + b"\n")
    return FileSource(path)


def hook(url: str, **fields: Any) -> Subscription:
    """A webhook that gives up on an answer soon."""
    return Subscription(WebhookSink(url, **LOOPBACK), timeout=0.3, retry=QUICK, breaker=BREAKER, **fields)


def posted(receiver: Receiver) -> list[tuple[str, str]]:
    """Metric and webhook-id of each post, in order."""
    return [
        (json.loads(post.body)["data"]["pattern"]["metric_names"][0], post.headers["webhook-id"])
        for post in receiver.requests
    ]


IN_ORDER = [f"alarm-t{row}" for row in range(10, 500, 100)]

WAYS = {
    "500": (Reply(500), PASS),
    "no answer": (Reply(act="hang"), PASS),
    "cut without an answer": (Reply(act="cut"), PASS),
    "refused": (None, Network(act="refuse")),
    "reset": (None, Network(act="reset")),
    "black hole": (None, Network(act="swallow")),
    "half closed": (None, Network(act="half_close")),
    "cut in the middle of the body": (None, Network(cut_after=200)),
}


@pytest.mark.parametrize("way", WAYS)
async def test_whatever_way_it_fails_every_alert_arrives_in_order_under_its_id_once_it_is_back(
    source: FileSource, way: str, record_property: Callable[[str, object], None]
) -> None:
    reply, network = WAYS[way]
    script = [] if reply is None else [reply] * BREAKER.failures
    async with Receiver(script) as receiver, ChaosProxy(receiver.port, network=PASS) as proxy:
        await proxy.become(network)
        url = f"http://127.0.0.1:{proxy.port}/crackle"
        async with observed(source, [hook(url)]) as (pipeline, watch):
            await watch.until(lambda: breaker(watch.events)[:1] == ["open"])
            opened = proxy.connections
            await proxy.become(PASS, drop=True)
            back = time.monotonic()
            await watch.until(lambda: pipeline.statistics().delivered == {"webhook": 5})
            took = time.monotonic() - back
        taken = posted(receiver)[-5:]
    assert [metric for metric, _ in taken] == IN_ORDER
    assert dict(posted(receiver)) == dict(taken), "every try of an alert has the id of the one that was taken"
    assert breaker(watch.events) == ["open", "half-open", "closed"]
    if network.act == "refuse":
        assert opened == 0
    # the wait of an open breaker is the only one there is, and a probe that fails begins another
    assert took < 2 * OPEN_S + 1.5
    record_property("delivered_after_s", round(took, 2))


def breaker(events: list[Any]) -> list[str]:
    """What became of the breaker."""
    return [each.state for each in events if isinstance(each, BreakerChanged)]


@pytest.mark.parametrize(
    ("seconds", "as_date"),
    [(1, False), (3, True), *(pytest.param(7, date, marks=pytest.mark.slow) for date in (False, True))],
)
async def test_a_receiver_that_asks_for_time_is_given_it(
    source: FileSource, seconds: int, as_date: bool, record_property: Callable[[str, object], None]
) -> None:
    times: list[float] = []
    asked = formatdate(time.time() + seconds, usegmt=True) if as_date else str(seconds)
    until = time.time() + seconds
    async with Receiver([Reply(429, {"Retry-After": asked})]) as receiver:
        sink = Subscription(WebhookSink(receiver.url, **LOOPBACK), retry=QUICK, breaker=BREAKER)
        async with observed(source, [sink]) as (pipeline, watch):
            for count in (1, 2):
                await receiver.wait_for(count)
                times.append(time.time())
            await watch.until(lambda: pipeline.statistics().delivered == {"webhook": 5})
    waited = times[1] - times[0]
    record_property("waited_s", round(waited, 2))
    if as_date:
        # a date has whole seconds
        assert -1.1 <= times[1] - until <= 1
    else:
        assert seconds <= waited + 0.3
        assert waited <= seconds + 1
    assert [metric for metric, _ in posted(receiver)] == [IN_ORDER[0], *IN_ORDER]


@pytest.mark.parametrize("status", [400, 401, 404, 413, 301, 302, 307, 308])
async def test_what_is_refused_for_good_is_tried_once_kept_and_never_sent_elsewhere(
    source: FileSource, tmp_path: Path, status: int
) -> None:
    letters = tmp_path / "dead.jsonl"
    async with Receiver() as elsewhere:
        redirect = {"Location": elsewhere.url} if status < 400 else {}
        async with Receiver([Reply(status, redirect)] * 5) as receiver:
            async with observed(source, [hook(receiver.url)], dead_letters=DeadLetterFile(letters)) as (pipe, watch):
                await watch.until(lambda: pipe.statistics().buried == {"webhook": 5})
            assert [metric for metric, _ in posted(receiver)] == IN_ORDER
        assert (elsewhere.connections, elsewhere.requests) == (0, [])
    kept = [json.loads(line) for line in letters.read_text().splitlines()]
    assert [letter["alert"]["id"] for letter in kept] == [number for _, number in posted(receiver)]


async def test_a_receiver_that_is_gone_is_never_asked_again(source: FileSource, tmp_path: Path) -> None:
    letters = tmp_path / "dead.jsonl"
    async with Receiver([Reply(410)]) as receiver:
        async with observed(source, [hook(receiver.url)], dead_letters=DeadLetterFile(letters)) as (pipe, watch):
            await watch.until(lambda: pipe.statistics().buried == {"webhook": 5})
        assert len(receiver.requests) == 1
    assert len(letters.read_text().splitlines()) == 5
