"""The server over real sockets: what it answers, whom it refuses, and that nobody can hold it up."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from sample_alerts import an_alert
from serving import FakePipeline, a_cooling, an_alert_of, feed_busy, serving, until

from crackle_stream.app.config.status import StatusSection
from crackle_stream.app.web import feed as feeds
from crackle_stream.app.web import server as servers
from crackle_stream.app.web.feed import MOST_READERS, MOST_WAITING
from crackle_stream.app.web.server import StatusServer
from crackle_stream.app.web.setup import Setup
from crackle_stream.errors import ConfigError, CrackleError
from crackle_stream.model import AlertStatus
from crackle_stream.stream import events

pytestmark = pytest.mark.usefixtures("no_blocking")

TOKEN = "correct-horse-battery"


async def detail(client: httpx2.AsyncClient, path: str, status: int, method: str = "GET", **more: Any) -> str:
    answer = await client.request(method, path, **more)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    said: str = answer.json()["detail"]
    return said


# -- what it answers ---------------------------------------------------------------------------------------------------


async def test_health_follows_the_pipeline() -> None:
    async with serving() as (server, client):
        assert (await client.get("/livez")).json() == {"live": True, "state": "starting"}
        starting = await client.get("/readyz")
        assert (starting.status_code, starting.json()["reasons"][0]["code"]) == (503, "pipeline_starting")
        server(events.PipelineStarted("stdin", ("pager",)))
        await anyio.sleep(0.25)  # a moment is shown again for a fifth of a second
        assert (await client.get("/readyz")).json() == {"ready": True, "reasons": []}
        server(events.PipelineStopped(0, 0, 0, 0))
        ended = await client.get("/livez")
        assert (ended.status_code, ended.json()) == (503, {"live": False, "state": "stopped"})


async def test_statistics_are_the_pipeline_s_with_what_the_page_makes_of_them() -> None:
    async with serving(FakePipeline(tasks=12, patterns={"correlation": 2})) as (server, client):
        feed_busy(server, windows=2)
        answer = (await client.get("/api/statistics")).json()
    assert answer["counts"]["tasks"] == 12
    assert answer["counts"]["patterns"] == {"correlation": 2}
    assert (answer["state"], answer["source"], answer["partitions"]) == ("running", "kafka:results", ["results[0]"])
    assert answer["setup"]["cooling_limit_s"] == 5.0
    assert answer["active_alerts"] == 3


async def test_alerts_are_listed_in_pages_and_chosen_by_filters() -> None:
    async with serving() as (server, client):
        feed_busy(server, alerts=12, windows=1)
        server(events.AlertMade(an_alert_of(3, AlertStatus.RESOLVED), ()))
        first = (await client.get("/api/alerts", params={"limit": 10})).json()
        assert (first["total"], first["next"], len(first["alerts"])) == (11, 10, 10)
        last = (await client.get("/api/alerts", params={"limit": 10, "offset": 10})).json()
        assert (last["next"], [each["pattern"]["key"] for each in last["alerts"]]) == (None, ["service-0"])
        assert first["alerts"][0]["said"] == "latency_ms of service-11 rose from 100 to 160 [service-11]"
        assert first["alerts"][0]["sinks"] == ["pager"]
        assert first["alerts"][0]["history"] == [{"status": "raised", "at": 1795207867.5}]

        async def keys(**query: str) -> list[str]:
            found = (await client.get("/api/alerts", params=query)).json()["alerts"]
            return [each["pattern"]["key"] for each in found]

        assert await keys(show="resolved") == ["service-3"]
        assert await keys(q="SERVICE-11") == ["service-11"]
        assert await keys(severity="critical") == ["service-11", "service-8", "service-5", "service-2"]
        assert await keys(kind="correlation") == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("limit=0", "limit is a whole number from 1 to 500"),
        ("offset=-1", "offset is a whole number from 0 to 1000000"),
        ("limit=x", "limit is a whole number from 1 to 500"),
        ("show=some", "show is one of active, resolved, all"),
        ("severity=bad", "severity is one of info, warning, critical"),
        ("page=99999999999", "page is a whole number from 1 to 100000"),
    ],
)
async def test_a_filter_that_cannot_be_is_told(query: str, said: str) -> None:
    async with serving() as (_, client):
        assert await detail(client, f"/api/alerts?{query}", 400) == said


async def test_a_pattern_is_found_by_its_fingerprint_as_alert_and_as_fact() -> None:
    async with serving() as (server, client):
        feed_busy(server, windows=2)
        alert = an_alert_of(0)
        found = (await client.get(f"/api/patterns/{alert.fingerprint}")).json()
        assert [each["id"] for each in found["alerts"]] == [alert.id]
        facts = (await client.get("/api/facts")).json()
        assert [(each["said"], each["windows"]) for each in facts["facts"]] == [("a + b is 100", 2)]
        fingerprint = facts["facts"][0]["pattern"]["fingerprint"]
        assert len((await client.get(f"/api/patterns/{fingerprint}")).json()["facts"]) == 1
        said = "no alert and no fact of this fingerprint is held: it may be long over, or never was"
        assert await detail(client, "/api/patterns/ffff", 404) == said


async def test_numbers_that_json_has_no_word_for_are_null() -> None:
    async with serving() as (server, client):
        pattern = an_alert().pattern
        odd = an_alert(pattern=type(pattern)("alarm", "x", 0.9, metrics={"ratio": float("inf")}, form="event"))
        server(events.PipelineStarted("stdin", ()))
        server(events.AlertMade(an_alert(pattern=an_alert_of(1).pattern), ()))
        server(events.AlertMade(odd, ()))
        text = (await client.get("/api/alerts")).text
    assert "Infinity" not in text
    json.loads(text, parse_constant=lambda word: pytest.fail(word))


async def test_what_is_asked_for_is_cooled_and_told() -> None:
    pipeline = FakePipeline()
    async with serving(pipeline) as (server, client):
        assert await detail(client, "/api/cool", 503, "POST") == "nothing can be cooled: the pipeline is starting"
        server(events.PipelineStarted("stdin", ()))
        answer = await client.post("/api/cool")
        assert (answer.status_code, answer.json()["done"]) == (200, True)
        assert answer.json()["patterns"][0]["description"] == "latency_ms rose from 100 to 160"
        form = await client.post("/api/cool", headers={"accept": "text/html"})
        assert (form.status_code, form.headers["location"]) == (303, "/")
    assert pipeline.cooled == 2


async def test_a_cooling_that_takes_long_is_not_broken_off_for_its_windows_are_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("crackle_stream.app.web.routes.COOL_WITHIN_S", 0.05)

    class Slow(FakePipeline):
        def __init__(self) -> None:
            super().__init__()
            self.go_on, self.ended = anyio.Event(), anyio.Event()

        async def cool_now(self) -> tuple[Any, ...]:
            await self.go_on.wait()
            self.ended.set()
            return ()

    pipeline = Slow()
    async with serving(pipeline) as (server, client):
        server(events.PipelineStarted("stdin", ()))
        answer = await client.post("/api/cool")
        assert (answer.status_code, answer.json()) == (202, {"done": False, "patterns": []})
        pipeline.go_on.set()
        with anyio.fail_after(5):
            await pipeline.ended.wait()


async def test_a_cooling_that_cannot_be_says_why() -> None:
    class Ended(FakePipeline):
        async def cool_now(self) -> tuple[Any, ...]:
            raise CrackleError("nothing is cooled any more")

    async with serving(Ended()) as (server, client):
        server(events.PipelineStarted("stdin", ()))
        assert await detail(client, "/api/cool", 503, "POST") == "nothing is cooled any more"


async def test_what_is_not_there_says_where_to_look() -> None:
    async with serving() as (_, client):
        assert await detail(client, "/nowhere", 404) == "there is nothing here: see /api/openapi.json for what there is"
        assert await detail(client, "/parts/none", 404) == "the parts are alerts, heat, series, rest"
        assert await detail(client, "/api/cool", 405) == "Method Not Allowed"


# -- whom it refuses ---------------------------------------------------------------------------------------------------


async def test_a_page_of_elsewhere_reads_nothing_by_a_name_of_its_own() -> None:
    async with serving(section={"hosts": ("status.example",)}) as (_, client):
        said = "this server does not go by the name 'evil.example': use its address, or add it to status.hosts"
        assert await detail(client, "/api/statistics", 421, headers={"host": "evil.example:8080"}) == said
        for host in ("localhost:1", "127.0.0.1", "[::1]:99", "10.0.0.7:8080", "Status.Example:8080", "localhost."):
            assert (await client.get("/livez", headers={"host": host})).status_code == 200, host


async def test_a_page_of_elsewhere_changes_nothing() -> None:
    pipeline = FakePipeline()
    async with serving(pipeline) as (server, client):
        server(events.PipelineStarted("stdin", ()))
        own = str(client.base_url).rstrip("/")
        for headers in (
            {"origin": "http://evil.example"},
            {"origin": "null"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site", "origin": own},
        ):
            said = await detail(client, "/api/cool", 403, "POST", headers=headers)
            assert said.startswith("only this server's own page may do that, and this comes from"), headers
        assert pipeline.cooled == 0
        ours = {"origin": own, "sec-fetch-site": "same-origin"}
        assert (await client.post("/api/cool", headers=ours)).status_code == 200


async def test_no_other_origin_is_allowed_anything() -> None:
    async with serving() as (_, client):
        for path in ("/", "/api/statistics", "/metrics"):
            answer = await client.get(path, headers={"origin": "http://evil.example"})
            assert not [name for name in answer.headers if name.startswith("access-control")]
            assert answer.headers["cross-origin-resource-policy"] == "same-origin"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert "server" not in answer.headers


async def test_the_page_may_run_its_own_script_and_no_other() -> None:
    async with serving() as (_, client):
        answers = [await client.get("/") for _ in range(2)]
        policies = [answer.headers["content-security-policy"] for answer in answers]
        assert policies[0] != policies[1]  # a number used once
        for answer, policy in zip(answers, policies, strict=True):
            nonce = policy.partition("'nonce-")[2].partition("'")[0]
            assert "unsafe" not in policy
            assert policy.startswith("default-src 'none'; ")
            for element in ("<script", "<style"):
                assert answer.text.count(element) == answer.text.count(f'{element} nonce="{nonce}">') > 0
            assert " style=" not in answer.text
            assert " onclick=" not in answer.text


async def test_with_a_token_nothing_but_health_answers_without_it() -> None:
    async with serving(section={"token": TOKEN}) as (server, client):
        server(events.SourceFailed("kafka:results", "no broker at secret-host", 1.0))
        for path in ("/", "/metrics", "/api/statistics", "/events", "/api/openapi.json", "/parts/alerts"):
            said = await detail(client, path, 401)
            assert said == "a token is needed: send it as `Authorization: Bearer ...`, or open /login in a browser"
        for wrong in ("Bearer nonsense", f"Basic {TOKEN}", "Bearer", f"Bearer {TOKEN}x"):
            assert (await client.get("/metrics", headers={"authorization": wrong})).status_code == 401
        right = {"authorization": f"Bearer {TOKEN}"}
        assert (await client.get("/metrics", headers=right)).status_code == 200
        assert (await client.get("/livez")).status_code == 200
        server(events.PipelineStarted("kafka:results", ()))
        server(events.SourceFailed("kafka:results", "no broker at secret-host", 1.0))
        await anyio.sleep(0.25)
        assert (await client.get("/readyz")).json() == {"ready": False, "reasons": [{"code": "source_failing"}]}
        told = (await client.get("/readyz", headers=right)).json()
        assert told["reasons"][0]["said"].endswith("no broker at secret-host")


async def test_a_browser_gets_a_session_for_the_token_that_is_not_the_token() -> None:
    async with serving(section={"token": TOKEN}) as (_, client):
        form = await client.get("/login")
        assert "This page needs the token" in form.text
        wrong = await client.post("/login", data={"token": "nonsense"})
        assert (wrong.status_code, "This is not the token." in wrong.text) == (401, True)
        right = await client.post("/login", data={"token": TOKEN})
        assert (right.status_code, right.headers["location"]) == (303, "/")
        cookie = right.headers["set-cookie"]
        assert TOKEN not in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert (await client.get("/")).status_code == 200  # the client keeps the cookie
        assert TOKEN not in (await client.get("/")).text
        client.cookies.clear()
        assert (await client.get("/", headers={"cookie": "crackle_session=guess"})).status_code == 401


async def test_without_a_token_there_is_no_login() -> None:
    async with serving() as (_, client):
        assert (await client.get("/login")).headers["location"] == "/"


async def test_what_comes_from_the_data_is_text_and_never_markup() -> None:
    evil = "<script>alert(1)</script>\x1b[31m\u202e"
    pattern = an_alert().pattern
    named = type(pattern)(
        evil, evil, 0.9, involved_tasks=(evil,), metric_names=(evil,), form=evil, key=evil, metrics={evil: 1.0},
        nature=pattern.nature,
    )  # fmt: skip
    async with serving() as (server, client):
        server(events.PipelineStarted("stdin", ()))
        for number in range(2):
            server(a_cooling(number, named, metrics=(evil,), key=evil))
        server(events.AlertMade(an_alert(pattern=named), (evil,)))
        await anyio.sleep(0.3)
        page = (await client.get("/", params={"metric": evil, "q": evil, "metrics": evil, "kiln": evil})).text
        plain = (await client.get("/", params={"metric": evil})).text
    assert "alert(1)" in plain
    for text in (page, plain):
        assert "<script>alert" not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


# -- that nobody can hold it up ----------------------------------------------------------------------------------------


@asynccontextmanager
async def connection(client: httpx2.AsyncClient) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    place = urlsplit(str(client.base_url))
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other side ended a connection without a word."""
    with anyio.fail_after(5):
        try:
            return await reader.read() == b""
        except ConnectionResetError:
            return True


async def test_a_head_that_is_too_long_is_refused() -> None:
    async with serving() as (_, client), connection(client) as (reader, writer):
        head = b"GET / HTTP/1.1\r\nHost: localhost\r\nx: " + b"y" * 9000
        writer.write(head + b"\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 431 ")
        async with connection(client) as (reader, writer):
            writer.write(head)  # and does not end
            assert (await reader.read()).startswith(b"HTTP/1.1 400 ")


async def test_a_body_that_is_too_long_is_refused_said_or_not() -> None:
    async with serving() as (_, client):
        said = "the body is longer than 65536 bytes"
        assert await detail(client, "/api/cool", 413, "POST", content=b"x" * 65537) == said

        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(70):
                yield b"x" * 1024

        assert await detail(client, "/api/cool", 413, "POST", content=chunks()) == said


async def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "HEAD_WITHIN_S", 0.1)
    async with serving() as (_, client), connection(client) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: local")
        assert await ended(reader)


async def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crackle_stream.app.web.guard.READ_WITHIN_S", 0.1)
    async with serving() as (_, client), connection(client) as (reader, writer):
        writer.write(b"POST /api/cool HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfew")
        with anyio.fail_after(5):
            answer = await reader.readuntil(b"}")
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"the body did not come within 0.1 s" in answer


async def test_connections_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "MOST_CONNECTIONS", 2)
    async with serving() as (_, client):
        async with connection(client) as (_, _), connection(client) as (_, _), connection(client) as (reader, _):
            assert await ended(reader)
        assert (await client.get("/livez")).status_code == 200


async def told(client: httpx2.AsyncClient, name: str) -> list[tuple[str, Any]]:
    """Events of the feed, up to the first of a name."""
    found: list[tuple[str, Any]] = []
    async with client.stream("GET", "/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async for line in answer.aiter_lines():
            key, _, value = line.partition(": ")
            if key == "event":
                found.append((value, None))
            if key == "data":
                found[-1] = (found[-1][0], json.loads(value))
                if found[-1][0] == name:
                    break
    return found


async def test_the_feed_tells_figures_at_once_and_alerts_as_they_come() -> None:
    async with serving(interval_s=0.01) as (server, client):
        ((name, figures),) = await told(client, "figures")
        assert (name, figures["gauges"]["state"]["text"]) == ("figures", "starting")
        await until(lambda: not len(server.feed))
        heard: list[tuple[str, Any]] = []
        async with anyio.create_task_group() as tasks:

            async def listen() -> None:
                heard.extend(await told(client, "alert"))

            tasks.start_soon(listen)
            await until(lambda: len(server.feed))
            server(events.AlertMade(an_alert_of(5), ()))
    said = "latency_ms of service-5 rose from 100 to 160 [service-5]"
    assert heard[-1][1] == {"said": said, "status": "raised", "fingerprint": an_alert_of(5).fingerprint}


async def test_pages_that_are_open_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_READERS", 1)
    async with serving() as (server, client), client.stream("GET", "/events"):
        assert await detail(client, "/events", 503) == "1 pages are open already: close one"
        assert len(server.feed) == 1
    assert MOST_READERS == 32


async def test_a_reader_that_lets_alerts_pile_up_is_let_go() -> None:
    async with serving() as (server, client), client.stream("GET", "/events") as answer:
        for number in range(MOST_WAITING + 1):  # without giving the loop a chance to send
            server(events.AlertMade(an_alert_of(number), ()))
        with anyio.fail_after(5):
            async for _ in answer.aiter_lines():
                pass
        assert len(server.feed) == 0


async def test_a_reader_that_reads_nothing_is_cut_off_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "HEAD_WITHIN_S", 0.2)
    async with serving(interval_s=0.001) as (server, client), connection(client) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await until(lambda: len(server.feed))

        def gone() -> bool:
            server.feed.tell("alert", {"said": "x" * 100_000})
            return not len(server.feed)

        await until(gone)
        assert (await client.get("/livez")).status_code == 200


async def test_a_fault_of_the_board_is_logged_once_and_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async with serving() as (server, client):
        for _ in range(3):
            server(events.AlertMade(None, ()))  # type: ignore[arg-type]
        assert (await client.get("/livez")).status_code == 200
    assert capsys.readouterr().out.count("status.failed") == 1


async def test_the_server_ends_at_once_although_a_page_is_open() -> None:
    lines: list[str] = []
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks, serving() as (_, client):
            opened = anyio.Event()

            async def read(url: httpx2.URL = client.base_url) -> None:
                async with (
                    httpx2.AsyncClient(trust_env=False, verify=False) as page,
                    page.stream("GET", f"{url}/events") as answer,
                ):
                    async for line in answer.aiter_lines():
                        lines.append(line)
                        opened.set()

            tasks.start_soon(read)
            await opened.wait()
    assert lines[0] == "retry: 3000"


async def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigError) as caught:
            StatusServer(StatusSection(f":{port}"), Setup()).bind()
    assert caught.value.problems == (
        f"listen: 127.0.0.1:{port} cannot be listened on: Address already in use: stop what listens there, or set "
        "another port (port 0 takes a free one)",
    )
