"""What `deploy/` gives to Prometheus and Grafana: read by promtool, played by it, and asked of a real Prometheus."""

import asyncio
import json
import re
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yaml  # type: ignore[import-untyped]
from debian import program
from monitoring import Service, prometheus
from monitoring import until as seen
from serving import FakePipeline, feed_busy, serving

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

NAMES = re.compile(r"\bcrackle_\w+")

PARTS = re.compile(r"_(bucket|sum|count)$")
"""What a histogram's own series are called."""


def documented() -> set[str]:
    return set(re.findall(r"^\| `(crackle_\w+)`", (ROOT / "docs" / "metrics.md").read_text(), re.MULTILINE))


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
    return found


def drawn() -> list[str]:
    """Every question that the dashboard asks."""
    board = dashboard()
    asked = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    return [*asked, *(note["expr"] for note in board["annotations"]["list"])]


@pytest.mark.parametrize(
    "arguments",
    [("check", "rules", "rules.yml"), ("check", "config", "prometheus.yml"), ("test", "rules", "rules_test.yml")],
)
def test_promtool_can_read_and_play_it(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        [program("promtool"), *arguments], cwd=DEPLOY, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_every_rule_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert set(rule["annotations"]) == {"summary", "action"}, rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical")


def test_every_rule_is_played() -> None:
    played = (DEPLOY / "rules_test.yml").read_text()
    assert [rule["alert"] for rule in rules() if f'alertname="{rule["alert"]}"' not in played] == []


def test_rules_and_dashboard_ask_for_documented_metrics_only() -> None:
    known = documented()
    for question in (*(rule["expr"] for rule in rules()), *drawn()):
        for name in NAMES.findall(question):
            assert PARTS.sub("", name) in known, (name, question)


def test_the_dashboard_s_panels_have_places_and_numbers_of_their_own() -> None:
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.fixture
def scraping(tmp_path: Path) -> Iterator[Any]:
    """Starts a Prometheus with our rules that scrapes an address."""
    running = []

    def start(address: str) -> Service:
        settings = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "200ms", "evaluation_interval": "200ms"}
        settings["rule_files"] = [str(DEPLOY / "rules.yml")]
        settings["scrape_configs"][0]["static_configs"][0]["targets"] = [address]
        monitor = prometheus(tmp_path, yaml.safe_dump(settings))
        running.append(monitor)
        return monitor.__enter__()

    yield start
    for monitor in running:
        monitor.__exit__(None, None, None)


async def test_a_prometheus_scrapes_us_and_understands_every_question(scraping: Any) -> None:
    pipeline = FakePipeline(tasks=1200, failing={"pager": "answers 503"}, patterns={"correlation": 2}, windows=3)
    async with serving(pipeline) as (server, client):
        feed_busy(server, windows=3)
        monitor = await asyncio.to_thread(scraping, f"{client.base_url.host}:{client.base_url.port}")

        async def ask(question: str) -> list[Any]:
            told = await asyncio.to_thread(monitor.get, f"/api/v1/query?query={quote(question)}")
            assert told["status"] == "success", question
            found: list[Any] = told["data"]["result"]
            return found

        up = await seen(partial(ask, 'up{job="crackle-stream"} == 1'), bool)
        assert len(up) == 1
        (failing,) = await seen(partial(ask, "crackle_sink_failing == 1"), bool)
        assert failing["metric"]["sink"] == "pager"
        for question in drawn():
            await ask(question.replace("$instance", ".*").replace("$job", ".*"))
        pending = await seen(partial(ask, 'ALERTS{alertname="CrackleSinkFailing"}'), bool)
        assert pending[0]["metric"]["alertstate"] == "pending"  # it fires after five minutes
        loaded = (await asyncio.to_thread(monitor.get, "/api/v1/rules"))["data"]["groups"][0]["rules"]
        assert [rule["name"] for rule in loaded if rule["health"] == "err"] == []
