"""What a webhook refuses to connect to, asserted at a real listener: no connection ever reaches it."""

from __future__ import annotations

import asyncio
import socket
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import pytest
from receiver import LOOPBACK, Receiver, Reply
from sample_alerts import an_alert

from crackle_stream.errors import SinkError, SinkRefused, SinkUnavailable, TargetForbidden
from crackle_stream.sinks import WebhookSink
from crackle_stream.sinks.address import HELD_S, AddressGuard, objection, resolve_host

if TYPE_CHECKING:
    from collections.abc import Callable

NOT_PUBLIC = "it is not a public address; if it is meant, set allow_private = "
METADATA = "it is a metadata service of a cloud, which no setting allows"

SPELLINGS = {
    "2130706433": "127.0.0.1",
    "0x7f.1": "127.0.0.1",
    "127.1": "127.0.0.1",
    "017700000001": "127.0.0.1",
    "localhost": "127.0.0.1",
    "0.0.0.0": "0.0.0.0",
    "100.64.0.1": "100.64.0.1",
    "192.88.99.1": "192.88.99.1",
    "224.0.0.1": "224.0.0.1",
    "169.254.169.254": "169.254.169.254",
    "[::1]": "::1",
    "[::]": "::",
    "[::ffff:127.0.0.1]": "::ffff:127.0.0.1",
    "[::ffff:7f00:1]": "::ffff:7f00:1",
    "[::7f00:1]": "::7f00:1",
    "[64:ff9b::7f00:1]": "64:ff9b::7f00:1",
    "[2002:7f00:1::]": "2002:7f00:1::",
}
"""Hosts as written, and what a resolver makes of them."""

PRIVATE = [
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "192.0.0.9", "192.0.2.1",
    "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::7f00:1", "::808:808", "::ffff:10.0.0.1", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "64:ff9b:1::808:808", "100::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "2002:7f00:1::",
    "2002:a00:1::",
    "3fff::1", "5f00::1", "fc00::1", "fd12:3456::1", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip

PUBLIC = [
    "1.1.1.1",
    "93.184.215.14",
    "192.0.1.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
]

CLOUDS = [
    "169.254.169.254", "169.254.170.2", "169.254.170.23", "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254",
    "100.100.100.200", "192.0.0.192", "168.63.129.16", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a9fe:a9fe", "2002:a9fe:a9fe::", "::a9fe:a9fe", "::ffff:0:a9fe:a9fe", "2001:0:a9fe:a9fe::1",
    "fd00:ec2::254%eth0",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_public_is_objected_to(address: str) -> None:
    assert (objection(ip_address(address)) or "").startswith(NOT_PUBLIC)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_pass(address: str) -> None:
    assert objection(ip_address(address)) is None


@pytest.mark.parametrize("address", CLOUDS)
def test_metadata_services_are_objected_to_whatever_is_allowed(address: str) -> None:
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert objection(ip_address(address)) == METADATA
    assert objection(ip_address(address), everything) == METADATA


@pytest.mark.parametrize("address", [each for each in PRIVATE if "%" not in each])
def test_the_cure_that_is_named_lets_the_address_through(address: str) -> None:
    cure = (objection(ip_address(address)) or "").split('"')[1]
    assert objection(ip_address(address), [ip_network(cure)]) is None


def test_a_network_that_is_allowed_allows_nothing_beside_it() -> None:
    ten = [ip_network("10.0.0.0/8")]
    assert objection(ip_address("10.255.255.255"), ten) is None
    assert objection(ip_address("::ffff:10.0.0.1"), ten) is None
    assert objection(ip_address("11.0.0.0"), ten) is None
    assert objection(ip_address("172.16.0.1"), ten) is not None
    assert objection(ip_address("2001:0:a00:1::1"), ten) is not None


@pytest.mark.parametrize("address", ["::808:808", "::ffff:0:808:808"])
def test_forms_that_nobody_translates_are_not_public_even_around_a_public_address(address: str) -> None:
    assert (objection(ip_address(address)) or "").startswith(NOT_PUBLIC)


@pytest.mark.parametrize(("written", "resolved"), SPELLINGS.items())
async def test_no_spelling_of_a_private_address_is_connected_to(written: str, resolved: str) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((f"[{host}]" if ":" in host else host, port))
        return [resolved]

    async with Receiver() as receiver:
        async with WebhookSink(f"http://{written}:{receiver.port}/x", allow_http=True, resolve=resolve) as sink:
            with pytest.raises(TargetForbidden) as caught:
                await sink.send(an_alert())
        assert receiver.connections == 0
    assert asked == [(written, receiver.port)]
    assert str(caught.value).startswith(f"sink webhook: will not connect to {resolved}")
    assert not caught.value.retryable


@pytest.mark.parametrize("written", ["2130706433", "0x7f.1", "127.1", "017700000001", "localhost", "127.0.0.1"])
async def test_the_systems_resolver_reads_the_spellings_and_the_guard_still_refuses(written: str) -> None:
    async with Receiver() as receiver:
        async with WebhookSink(f"http://{written}:{receiver.port}/x", allow_http=True) as sink:
            with pytest.raises(TargetForbidden, match=r'set allow_private = \["(127\.0\.0\.1/32|::1/128)"\]'):
                await sink.send(an_alert())
        assert receiver.connections == 0


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    async with Receiver() as receiver:
        answers: Callable[[str, int], list[str]] = lambda host, port: ["93.184.215.14", "127.0.0.1"]  # noqa: E731
        url = f"http://hooks.example:{receiver.port}/x"
        async with WebhookSink(url, allow_http=True, resolve=answers) as sink:
            with pytest.raises(TargetForbidden) as caught:
                await sink.send(an_alert())
        assert receiver.connections == 0
    assert str(caught.value) == (
        "sink webhook: will not connect to 127.0.0.1 (an address of hooks.example): it is not a public address; "
        'if it is meant, set allow_private = ["127.0.0.1/32"] or a wider network'
    )


class Clock:
    """Moves when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class NameServer:
    """Gives its answers in order, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


async def test_a_name_server_that_changes_its_answer_is_asked_again_in_seconds_and_checked_each_time() -> None:
    clock, names = Clock(), NameServer(["127.0.0.1"], ["10.0.0.1"])
    async with Receiver() as receiver:
        url = f"http://hooks.example:{receiver.port}/x"
        options: dict[str, Any] = {"allow_http": True, "allow_private": ["127.0.0.1"]}
        async with WebhookSink(url, **options, resolve=names, clock=clock) as sink:
            await sink.send(an_alert())
            clock.now += HELD_S
            with pytest.raises(TargetForbidden, match=r"will not connect to 10\.0\.0\.1 \(an address of hooks"):
                await sink.send(an_alert())
        assert (receiver.connections, names.asked) == (1, 2)


async def test_a_burst_asks_the_name_server_once() -> None:
    clock, names = Clock(), NameServer(["127.0.0.1"])
    async with Receiver() as receiver:
        url = f"http://hooks.example:{receiver.port}/x"
        async with WebhookSink(url, **LOOPBACK, resolve=names, clock=clock) as sink:
            for _ in range(20):
                await sink.send(an_alert())
                clock.now += HELD_S / 20
            assert names.asked == 1
            await sink.send(an_alert())
        assert (len(receiver.requests), names.asked) == (21, 2)


@pytest.mark.parametrize("reply", [Reply(503), Reply(404), Reply(act="cut")])
async def test_after_a_failure_the_name_server_is_asked_anew(reply: Reply) -> None:
    names = NameServer(["127.0.0.1"])
    async with Receiver([Reply(204), reply]) as receiver:
        url = f"http://hooks.example:{receiver.port}/x"
        async with WebhookSink(url, **LOOPBACK, resolve=names, clock=Clock()) as sink:
            await sink.send(an_alert())
            with pytest.raises(SinkError):
                await sink.send(an_alert())
            assert names.asked == 1
            await sink.send(an_alert())
    assert names.asked == 2


async def test_after_a_message_that_was_cancelled_the_name_server_is_asked_anew() -> None:
    names = NameServer(["127.0.0.1"])
    async with Receiver([Reply(204), Reply(act="hang")]) as receiver:
        url = f"http://hooks.example:{receiver.port}/x"
        async with WebhookSink(url, **LOOPBACK, resolve=names, clock=Clock()) as sink:
            await sink.send(an_alert())
            waiting = asyncio.create_task(sink.send(an_alert()))
            await receiver.wait_for(2)
            waiting.cancel()
            await asyncio.wait({waiting})
            await sink.send(an_alert())
    assert names.asked == 2


async def test_an_answer_that_was_refused_is_not_kept() -> None:
    names = NameServer(["10.0.0.1"], ["1.1.1.1"])
    guard = AddressGuard("w", resolve=names, clock=Clock())
    with pytest.raises(TargetForbidden):
        await guard.addresses("h", 443)
    assert await guard.addresses("h", 443) == ("1.1.1.1",)
    assert await guard.addresses("h", 443) == ("1.1.1.1",)
    assert names.asked == 2


async def test_the_answer_for_one_host_is_not_used_for_another() -> None:
    guard = AddressGuard("w", resolve=lambda host, port: [host], clock=Clock())
    assert await guard.addresses("1.1.1.1", 443) == ("1.1.1.1",)
    assert await guard.addresses("1.0.0.1", 443) == ("1.0.0.1",)


async def test_a_slow_name_server_makes_an_answer_no_younger() -> None:
    clock = Clock()

    def slow(host: str, port: int) -> list[str]:
        clock.now += HELD_S
        return [f"1.1.1.{int(clock.now) % 100}"]

    guard = AddressGuard("w", resolve=slow, clock=clock)
    assert await guard.addresses("h", 443) != await guard.addresses("h", 443)


async def test_an_address_given_twice_is_tried_once() -> None:
    guard = AddressGuard("w", resolve=lambda host, port: ["1.1.1.1", "1.0.0.1", "1.1.1.1"])
    assert await guard.addresses("h", 443) == ("1.1.1.1", "1.0.0.1")


async def test_a_name_without_addresses_is_tried_again() -> None:
    with pytest.raises(SinkUnavailable, match="cannot resolve h: the name has no address"):
        await AddressGuard("w", resolve=lambda host, port: []).addresses("h", 443)


async def test_a_name_that_cannot_be_a_name_is_tried_again_and_says_why() -> None:
    host = "a" * 64 + ".example"
    with pytest.raises(SinkUnavailable, match=f"cannot resolve {host}: .*label"):
        await AddressGuard("w").addresses(host, 443)


def test_the_resolver_gives_addresses_of_both_families() -> None:
    assert resolve_host("127.0.0.1", 80) == ["127.0.0.1"]
    assert resolve_host("::1", 80) == ["::1"]
    with pytest.raises(socket.gaierror):
        resolve_host("no.such.name.invalid.", 80)


def test_a_forbidden_target_is_a_refusal() -> None:
    assert issubclass(TargetForbidden, SinkRefused)
