"""Silences by request: added, listed, ended, and refused with a reason; alerts that stood before the process."""

from typing import Any

import httpx2
import pytest
from sample_alerts import an_alert
from serving import FakePipeline, an_alert_of, serving, until

from crackle_stream.alerting.silences import MOST_SILENCES
from crackle_stream.model import AlertStatus
from crackle_stream.stream import events

pytestmark = pytest.mark.usefixtures("no_blocking")

WANTED: dict[str, Any] = {"lasts": "2h", "author": "ada", "comment": "deploying", "metric": ["latency_*"]}


async def test_a_silence_is_added_listed_and_ended() -> None:
    pipeline = FakePipeline()
    async with serving(pipeline) as (_, client):
        made = await client.post("/api/silences", json=WANTED)
        assert made.status_code == 201
        silence = made.json()
        assert silence["ends"] - silence["starts"] == 7200.0
        assert (silence["metric"], silence["kind"], silence["comment"]) == (["latency_*"], [], "deploying")
        assert (await client.get("/api/silences")).json() == {"silences": [silence]}
        (held,) = pipeline.silencing.silences
        assert held.covers(an_alert())
        assert (await client.delete(f"/api/silences/{silence['id']}")).status_code == 204
        assert (await client.get("/api/silences")).json() == {"silences": []}
        gone = await client.delete(f"/api/silences/{silence['id']}")
        assert (gone.status_code, gone.json()["detail"]) == (
            404,
            "no silence of this id was asked for here; one of the file is ended in the file",
        )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lasts": None}, 'lasts is a number of seconds or text such as "15s", "5m" or "4h", not None'),
        ({"ends": 2e9}, 'give one of ends, in epoch seconds, and lasts, such as "2h"'),
        ({"lasts": "400d"}, "ends must be within a year"),
        ({"lasts": 0}, "ends must be later than starts"),
        ({"starts": "now"}, "starts is a number of epoch seconds, not 'now'"),
        ({"author": 5}, "author is text, not 5"),
        ({"comment": " "}, "comment is text of 1 to 1000 characters"),
        ({"metric": "latency"}, "metric is a list of at most 50 texts of 1 to 200 characters"),
        ({"metric": ["x"] * 51}, "metric is a list of at most 50 texts of 1 to 200 characters"),
        ({"metric": ["x" * 201]}, "metric is a list of at most 50 texts of 1 to 200 characters"),
        (
            {"metric": []},
            "one of kind, form, metric, key, fingerprint is needed: without any it would silence everything "
            '(metric = ["*"] if that is meant)',
        ),
        ({"metrics": ["x"]}, 'metrics is unknown: did you mean "metric"?'),
    ],
)
async def test_what_can_be_no_silence_is_told(changes: dict[str, Any], said: str) -> None:
    async with serving() as (_, client):
        answer = await client.post("/api/silences", json={**WANTED, **changes})
    assert (answer.status_code, answer.json()["detail"]) == (422, said)


async def test_what_is_no_json_is_told() -> None:
    async with serving() as (_, client):
        form = await client.post("/api/silences", data={"metric": "x"})
        assert form.status_code == 415
        assert form.json()["detail"].startswith("a silence is JSON: send Content-Type: application/json, and {")
        json = {"content-type": "application/json"}
        broken = await client.post("/api/silences", content=b"{", headers=json)
        assert (broken.status_code, broken.json()["detail"][:23]) == (400, "the body is no JSON: Ex")
        listed = await client.post("/api/silences", json=[])
        assert listed.json()["detail"].startswith("the body is a JSON object, such as {")
        deep = await client.post("/api/silences", content=b"[" * 60_000, headers=json)
        assert deep.status_code == 400


async def test_silences_are_bounded_and_the_refusal_says_so() -> None:
    async with serving() as (_, client):

        async def ask(number: int) -> httpx2.Response:
            return await client.post("/api/silences", json={**WANTED, "comment": f"number {number}"})

        for number in range(MOST_SILENCES):
            assert (await ask(number)).status_code == 201
        full = await ask(MOST_SILENCES)
    assert (full.status_code, full.json()["detail"]) == (
        409,
        "there may be at most 1000 silences, not 1001: end some first",
    )


async def test_a_page_of_elsewhere_silences_nothing() -> None:
    pipeline = FakePipeline()
    async with serving(pipeline) as (_, client):
        made = await client.post("/api/silences", json=WANTED, headers={"origin": "http://evil.example"})
        assert made.status_code == 403
    assert pipeline.silencing.silences == ()


async def test_alerts_that_stood_before_the_process_are_shown_until_they_are_heard_of() -> None:
    pipeline = FakePipeline()
    pipeline.stands = (an_alert(id="", pattern=an_alert_of(1).pattern, position=None),)
    async with serving(pipeline) as (server, client):

        async def listed() -> list[tuple[str, str]]:
            found = (await client.get("/api/alerts")).json()["alerts"]
            return [(each["pattern"]["key"], each["id"]) for each in found]

        assert await listed() == []
        server(events.PipelineStarted("kafka:results", ()))
        await until(lambda: server.moment.active)
        assert await listed() == [("service-1", "")]
        assert "told before this process" in (await client.get("/parts/alerts")).text
        server(events.AlertMade(an_alert_of(1, AlertStatus.REPEATED), ("pager",)))
        await until(lambda: server.moment.active[0].alert.id)
        assert [key for key, _ in await listed()] == ["service-1"]
        server(events.PartitionsRevoked(("task-results[3]",)))
        pipeline.stands = ()
        await until(lambda: not server.moment.active)
