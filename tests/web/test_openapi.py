"""The description of the interface is valid, describes every route, and every answer is as it says."""

import json
import random
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from openapi_spec_validator import OpenAPIV31SpecValidator
from serving import FakePipeline, feed_busy, serving, until
from starlette.routing import Route

from crackle_stream.app.web.openapi import description

REQUESTS = 150


def test_the_description_is_valid_openapi() -> None:
    for token in (False, True):
        assert list(OpenAPIV31SpecValidator(description(token=token)).iter_errors()) == []


async def test_every_route_is_described_and_nothing_else() -> None:
    async with serving() as (server, client):
        described = (await client.get("/api/openapi.json")).json()["paths"]
        routes = [route for route in server.routes if isinstance(route, Route)]
    there = {(route.path, method) for route in routes for method in (route.methods or ()) if method != "HEAD"}
    assert {(path, method.upper()) for path, methods in described.items() for method in methods} == there


def wild(parameter: dict[str, Any], rng: random.Random) -> str:
    """A value that a schema allows, or does not."""
    schema = parameter["schema"]
    chosen = [str(each) for each in schema.get("enum", ())]
    numbers = [str(rng.randint(0, 1200)), "-1", "9" * 30, "1.5", "٣", "0x10"]
    texts = ["", "service-1", "latency_ms", "results[0]", "<b>", "%00", "\u202e", "x" * 500, "phase transition", "é"]
    return rng.choice([*chosen, *chosen, *numbers, *texts])


def judge(answer: httpx2.Response, described: dict[str, Any], document: dict[str, Any]) -> None:
    said = described["responses"].get(str(answer.status_code))
    assert said is not None, f"{answer.request.method} {answer.request.url}: {answer.status_code} is not described"
    if "content" not in said:
        return
    media = answer.headers["content-type"].partition(";")[0]
    assert media in said["content"], (answer.request.url, media)
    if media.endswith("json"):
        schema = {"components": document["components"], **said["content"][media]["schema"]}
        errors = list(Draft202012Validator(schema).iter_errors(answer.json()))
        assert errors == [], (answer.request.url, errors[0].message)


@pytest.mark.usefixtures("no_blocking")
async def test_every_answer_is_as_described_whatever_is_asked() -> None:
    rng = random.Random(5)
    document = description()
    async with serving(FakePipeline(tasks=10, failing={"pager": "answers 503"})) as (server, client):
        feed_busy(server, alerts=30, metrics=6)
        await until(lambda: not server.board.uncharted)
        paths = [(path, *each) for path, methods in document["paths"].items() for each in methods.items()]
        paths = [each for each in paths if each[0] != "/events"]  # which does not end
        for number in range(REQUESTS):
            path, method, described = paths[number % len(paths)]
            query = {}
            for parameter in described["parameters"]:
                if parameter["in"] == "path":
                    path = path.replace(f"{{{parameter['name']}}}", quote(wild(parameter, rng) or "none", safe=""))
                elif rng.random() < 0.4:
                    query[parameter["name"]] = wild(parameter, rng)
            answer = await client.request(method.upper(), path, params=query)
            judge(answer, described, document)


async def test_a_valid_question_is_answered() -> None:
    document = json.dumps(description())
    assert "/api/alerts" in document
    async with serving() as (server, client):
        feed_busy(server, windows=1)
        for path in ("/api/alerts?show=all&severity=warning&limit=500", "/?show=all&rows=2", "/parts/heat?metrics=m"):
            assert (await client.get(path)).status_code == 200
