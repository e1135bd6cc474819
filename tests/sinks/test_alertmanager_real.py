"""Alerts in a real Alertmanager, which delivers them to a receiver of its own."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from debian import program
from monitoring import Service, alertmanager, prometheus, until
from receiver import LOOPBACK, Receiver
from sample_alerts import a_pattern, an_alert

from crackle_stream.model import AlertStatus
from crackle_stream.sinks import AlertmanagerSink, WebhookSink
from crackle_stream.sinks.formats.identity import annotations_of, labels_of
from crackle_stream.testing import check_sink

ROOT = Path(__file__).parents[2]

CONFIGURATION = """\
global: {{resolve_timeout: 1s}}
route: {{receiver: hook, group_by: ['...'], group_wait: 50ms, group_interval: 200ms, repeat_interval: 1h}}
receivers: [{{name: hook, webhook_configs: [{{url: '{url}', send_resolved: true}}]}}]
"""

QUICK: dict[str, Any] = {**LOOPBACK, "heartbeat_interval": 0.2, "expires_after": 1.0}
"""A heartbeat that a test can wait for, and an end that comes soon without one."""


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[tuple[Service, Receiver]]:
    """An Alertmanager and the receiver that it tells."""
    async with Receiver() as receiver:
        running = alertmanager(directory, CONFIGURATION.format(url=receiver.url))
        service = await asyncio.to_thread(running.__enter__)
        try:
            yield service, receiver
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)


async def standing(service: Service) -> list[dict[str, Any]]:
    """The alerts that Alertmanager shows as active."""
    shown: list[dict[str, Any]] = await asyncio.to_thread(service.get, "/api/v2/alerts")
    return shown


async def until_standing(service: Service, count: int) -> list[dict[str, Any]]:
    return await until(lambda: standing(service), lambda shown: len(shown) == count)


async def test_an_alerts_whole_life_is_seen_in_alertmanager_and_told_by_it(tmp_path: Path) -> None:
    async with (
        served(tmp_path) as (service, receiver),
        AlertmanagerSink(service.url, link="https://crackle.example.org/p/{fingerprint}", **LOOPBACK) as sink,
    ):
        await sink.send(an_alert(id="1"))
        (raised,) = await standing(service)
        assert raised["labels"] == labels_of(an_alert())
        assert raised["annotations"] == annotations_of(an_alert(id="1"))
        assert raised["startsAt"] == "2026-11-20T20:41:07.000Z"
        assert raised["generatorURL"] == f"https://crackle.example.org/p/{a_pattern().fingerprint}"
        (first,) = await receiver.wait_for(1)

        later = a_pattern(description="latency_ms rose from 100 to 171", metrics={"after": 171.0})
        await sink.send(an_alert(id="2", status=AlertStatus.REPEATED, pattern=later, windows=40))
        (repeated,) = await standing(service)
        assert repeated["labels"] == raised["labels"]
        assert repeated["annotations"]["summary"] == "still: latency_ms rose from 100 to 171 [checkout]"
        assert repeated["startsAt"] == raised["startsAt"]

        await sink.send(an_alert(id="3", status=AlertStatus.RESOLVED, pattern=later, reason="it returned"))
        assert await standing(service) == []
        _, last = await receiver.wait_for(2)
    firing, resolved = json.loads(first.body), json.loads(last.body)
    assert (firing["status"], resolved["status"]) == ("firing", "resolved")
    assert resolved["alerts"][0]["fingerprint"] == firing["alerts"][0]["fingerprint"]
    assert resolved["alerts"][0]["annotations"]["reason"] == "it returned"
    assert len(receiver.requests) == 2


async def test_a_heartbeat_keeps_an_alert_standing_and_without_one_it_expires(tmp_path: Path) -> None:
    async with served(tmp_path) as (service, receiver):
        async with AlertmanagerSink(service.url, **QUICK) as sink:
            await sink.send(an_alert())
            (first,) = await standing(service)
            await asyncio.sleep(2.5)  # by Alertmanager's clock: two and a half times its end, and resolve_timeout
            (shown,) = await standing(service)
            assert shown["endsAt"] > first["endsAt"]
        await until_standing(service, 0)
        firing, resolved = await receiver.wait_for(2)
        assert json.loads(firing.body)["status"] == "firing"
        assert json.loads(resolved.body)["status"] == "resolved"


async def test_a_restarted_process_goes_on_with_what_stands_and_resolves_it_by_its_old_labels(tmp_path: Path) -> None:
    async with served(tmp_path) as (service, _):
        async with AlertmanagerSink(service.url, labels={"cluster": "eu"}, **{**QUICK, "expires_after": 5.0}) as sink:
            await sink.send(an_alert())
        (left,) = await standing(service)
        async with AlertmanagerSink(service.url, labels={"cluster": "eu"}, **{**QUICK, "expires_after": 5.0}) as sink:
            await until(lambda: standing(service), lambda shown: shown[0]["endsAt"] > left["endsAt"])
            forgotten = a_pattern(kind="forgotten", form="", metric_names=(), fingerprint=a_pattern().fingerprint)
            await sink.send(an_alert(id="2", status=AlertStatus.RESOLVED, pattern=forgotten))
            assert await standing(service) == []


async def test_what_another_process_resolved_is_not_pushed_again(tmp_path: Path) -> None:
    async with (
        served(tmp_path) as (service, _),
        AlertmanagerSink(service.url, **QUICK) as old,
        AlertmanagerSink(service.url, **QUICK) as new,
    ):
        await old.send(an_alert())
        await new.send(an_alert(id="2", status=AlertStatus.RESOLVED))

        async def still_held() -> frozenset[str]:
            return old._standing.fingerprints

        await until(still_held, lambda held: not held)
        await until_standing(service, 0)  # a heartbeat that was under way may have revived it; the next one ended it


async def test_an_alertmanager_that_was_restarted_is_told_everything_again(tmp_path: Path) -> None:
    async with served(tmp_path) as (service, _), AlertmanagerSink(service.url, **QUICK) as sink:
        await sink.send(an_alert())
        await asyncio.to_thread(service.stop)
        assert await asyncio.to_thread(service.start)
        (shown,) = await until_standing(service, 1)
        assert shown["labels"] == labels_of(an_alert())


async def test_of_a_pair_the_one_that_was_away_is_told_by_the_next_heartbeat(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    async with served(tmp_path / "a") as (here, _), served(tmp_path / "b") as (away, _):
        await asyncio.to_thread(away.stop)
        async with AlertmanagerSink([here.url, away.url], **QUICK) as sink:
            await sink.send(an_alert())
            assert len(await standing(here)) == 1
            assert await asyncio.to_thread(away.start)
            await until_standing(away, 1)
            await sink.send(an_alert(id="2", status=AlertStatus.RESOLVED))
            await until_standing(here, 0)
            await until_standing(away, 0)


async def test_the_webhook_format_has_the_shape_that_alertmanager_itself_posts(tmp_path: Path) -> None:
    async with served(tmp_path) as (service, receiver):
        async with AlertmanagerSink(service.url, **LOOPBACK) as sink:
            await sink.send(an_alert())
        (theirs,) = await receiver.wait_for(1)
        async with WebhookSink(receiver.url, format="alertmanager", **LOOPBACK) as ours:
            await ours.send(an_alert())
        captured, made = json.loads(theirs.body), json.loads(receiver.requests[1].body)
    assert list(made) == list(captured)
    assert list(made["alerts"][0]) == list(captured["alerts"][0])
    assert made["alerts"][0]["fingerprint"] == captured["alerts"][0]["fingerprint"]
    assert made["alerts"][0]["labels"] == captured["alerts"][0]["labels"]
    assert made["alerts"][0]["endsAt"] == captured["alerts"][0]["endsAt"]
    for key in ("status", "version", "truncatedAlerts", "commonLabels", "commonAnnotations"):
        assert made[key] == captured[key], key
    assert {key: type(value) for key, value in made.items()} == {key: type(value) for key, value in captured.items()}


async def test_it_keeps_the_rules_of_sinks(tmp_path: Path) -> None:
    async with served(tmp_path) as (service, _):
        await check_sink(lambda: AlertmanagerSink(service.url, **LOOPBACK))


def test_the_example_configuration_is_one_that_alertmanager_takes() -> None:
    command = [program("amtool"), "check-config", str(ROOT / "deploy" / "alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "SUCCESS" in done.stdout


async def test_a_prometheus_beside_us_sees_our_alerts_delivered(tmp_path: Path) -> None:
    """Prometheus scrapes Alertmanager: what we pushed is counted there as any other client's."""
    (tmp_path / "prometheus").mkdir()
    async with served(tmp_path) as (service, _), AlertmanagerSink(service.url, **LOOPBACK) as sink:
        await sink.send(an_alert())
        scrape = (
            "global: {scrape_interval: 100ms}\nscrape_configs: [{job_name: alertmanager, static_configs: "
            f"[{{targets: ['{service.url.removeprefix('http://')}']}}]}}]\n"
        )
        running = prometheus(tmp_path / "prometheus", scrape)
        monitor = await asyncio.to_thread(running.__enter__)
        try:
            query = "/api/v1/query?query=alertmanager_alerts_received_total%7Bstatus%3D%22firing%22%7D"
            look = partial(asyncio.to_thread, monitor.get, query)
            found = (await until(look, lambda answer: bool(answer["data"]["result"])))["data"]["result"]
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)
        assert [each["metric"]["version"] for each in found if each["value"][1] != "0"] == ["v2"]
