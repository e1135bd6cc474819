"""The routes: each gathers what stands on the loop, and makes its answer in a thread where that takes time."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from crackle_stream.app.config.status import StatusSection
from crackle_stream.app.web import interface, metrics, silences
from crackle_stream.app.web.board import Board
from crackle_stream.app.web.coolings import Coolings
from crackle_stream.app.web.feed import Feed
from crackle_stream.app.web.gathering import Gathering
from crackle_stream.app.web.guard import COOKIE, Guard, Keys
from crackle_stream.app.web.openapi import description
from crackle_stream.app.web.pages import PARTS, Pages, figures, login, policy
from crackle_stream.app.web.problem import Problem, told
from crackle_stream.app.web.query import Query
from crackle_stream.model import Alert
from crackle_stream.protocols import Clock
from crackle_stream.render.sentence import sentence
from crackle_stream.stream.silencing import Silencing

__all__ = ["Site"]

T = TypeVar("T")

COOL_WITHIN_S = 10.0
"""How long an asked cooling is waited for; it goes on, and what it finds is told as ever."""


class Site:
    """All that is served.

    Args:
        board: what was heard.
        gathering: what stands.
        section: names and token.
        interval_s: seconds between two updates of a page at least.
        clock: when silences begin.

    Attributes:
        routes: what there is.
        feed: server-sent events.
        app: the ASGI application.
    """

    def __init__(
        self, board: Board, gathering: Gathering, section: StatusSection, interval_s: float, clock: Clock
    ) -> None:
        self._board = board
        self._gathering = gathering
        self._clock = clock
        self._keys = Keys(section.token)
        self._pages = Pages()
        self._coolings = Coolings(gathering)
        # one: pages are made of what only one thread may touch, and leave the other core to the coolings
        self._making = anyio.CapacityLimiter(1)
        self.feed = Feed(lambda: figures(gathering.now()), interval_s)
        self.routes = [
            Route("/", self._page),
            Route("/login", self._login, methods=["GET", "POST"]),
            Route("/parts/{name}", self._part),
            Route("/events", self._events),
            Route("/livez", self._live),
            Route("/readyz", self._ready),
            Route("/metrics", self._metrics),
            Route("/api/openapi.json", self._openapi),
            Route("/api/statistics", self._statistics),
            Route("/api/alerts", self._alerts),
            Route("/api/facts", self._facts),
            Route("/api/patterns/{fingerprint}", self._pattern),
            Route("/api/cool", self._cool, methods=["POST"]),
            Route("/api/silences", self._silences, methods=["GET", "POST"]),
            Route("/api/silences/{id}", self._silence, methods=["DELETE"]),
        ]
        site = Starlette(routes=self.routes, exception_handlers={Problem: told, HTTPException: told})
        self.app = Guard(site, self._keys, (section.host, *section.hosts))

    def tell(self, alert: Alert) -> None:
        """An alert was made: open pages say so."""
        said = sentence(alert)
        self.feed.tell("alert", {"said": said, "status": str(alert.status), "fingerprint": alert.fingerprint})

    async def work(self) -> None:
        """Do what requests ask for and no request may break off."""
        await self._coolings.run()

    async def _made(self, make: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(make, limiter=self._making)

    async def _json(self, make: Callable[[], Mapping[str, Any]], status: int = 200) -> Response:
        body = await self._made(
            lambda: json.dumps(interface.finite(make()), ensure_ascii=False).encode("utf-8", "replace")
        )
        return Response(body, status, media_type="application/json")

    # -- the page -----------------------------------------------------------------------------------------------------

    async def _page(self, request: Request) -> Response:
        query = Query.of(request.query_params)
        moment, nonce = self._gathering.now(), secrets.token_urlsafe(16)
        heat = self._gathering.heat(query.kiln or (moment.kilns[0] if moment.kilns else ""))
        text = await self._made(lambda: self._pages.page(moment, heat, query, nonce))
        return HTMLResponse(text, headers={"content-security-policy": policy(nonce)})

    async def _part(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in PARTS:
            raise Problem(404, f"the parts are {', '.join(PARTS)}")
        query, moment = Query.of(request.query_params), self._gathering.now()
        heat = self._gathering.heat(query.kiln or (moment.kilns[0] if moment.kilns else ""))
        return HTMLResponse(await self._made(lambda: self._pages.part(name, moment, heat, query)))

    async def _events(self, request: Request) -> Response:
        return self.feed.response()

    async def _login(self, request: Request) -> Response:
        if not self._keys.needed:
            return RedirectResponse("/", 303)
        problem, status = "", 200
        if request.method == "POST":
            given = parse_qs((await request.body()).decode("utf-8", "replace")).get("token", [""])[0]
            if self._keys.fits(given):
                answer = RedirectResponse("/", 303)
                secure = request.url.scheme == "https"
                answer.set_cookie(COOKIE, self._keys.session, httponly=True, samesite="strict", secure=secure)
                return answer
            problem, status = "This is not the token.", 401
        nonce = secrets.token_urlsafe(16)
        text = await self._made(lambda: login(nonce, problem))
        return HTMLResponse(text, status, headers={"content-security-policy": policy(nonce)})

    # -- health -------------------------------------------------------------------------------------------------------

    async def _live(self, request: Request) -> Response:
        state = self._board.state
        return JSONResponse({"live": state != "stopped", "state": state}, 503 if state == "stopped" else 200)

    async def _ready(self, request: Request) -> Response:
        status, body = interface.health(self._gathering.now(), told=self._keys.admits(request.headers))
        return JSONResponse(body, status)

    async def _metrics(self, request: Request) -> Response:
        counted = metrics.Counted.of(self._gathering.now(), self._board)
        return Response(await self._made(lambda: metrics.exposition(counted)), media_type=metrics.CONTENT_TYPE)

    # -- the interface ------------------------------------------------------------------------------------------------

    async def _openapi(self, request: Request) -> Response:
        return await self._json(lambda: description(token=self._keys.needed))

    async def _statistics(self, request: Request) -> Response:
        moment = self._gathering.now()
        return await self._json(lambda: interface.statistics(moment))

    async def _alerts(self, request: Request) -> Response:
        given, moment = dict(request.query_params), self._gathering.now()
        query = Query.of(given)
        return await self._json(lambda: interface.alerts(moment, query, given))

    async def _facts(self, request: Request) -> Response:
        moment = self._gathering.now()
        return await self._json(lambda: interface.facts(moment))

    async def _pattern(self, request: Request) -> Response:
        fingerprint = request.path_params["fingerprint"]
        alerts, facts = self._board.shelf.find(fingerprint)
        if not alerts and not facts:
            raise Problem(404, "no alert and no fact of this fingerprint is held: it may be long over, or never was")
        return await self._json(
            lambda: {
                "fingerprint": fingerprint,
                "alerts": [interface.shown(each, exhibit=True) for each in alerts],
                "facts": [interface.fact(each) for each in facts],
            }
        )

    async def _silences(self, request: Request) -> Response:
        if request.method == "POST":
            if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
                raise Problem(415, f"a silence is JSON: send Content-Type: application/json, and {silences.EXAMPLE}")
            silence = silences.asked(await request.body(), self._clock.time())
            silences.begin(self._silencing, silence)
            return await self._json(silence.to_dict, 201)
        held = self._silencing.silences
        return await self._json(lambda: {"silences": [each.to_dict() for each in held]})

    async def _silence(self, request: Request) -> Response:
        silences.end(self._silencing, request.path_params["id"])
        return Response(status_code=204)

    @property
    def _silencing(self) -> Silencing:
        pipeline = self._gathering.pipeline
        assert pipeline is not None, "nothing is served before there is a pipeline"
        return pipeline.silencing

    async def _cool(self, request: Request) -> Response:
        if self._board.state != "running":
            raise Problem(503, f"nothing can be cooled: the pipeline is {self._board.state}", retry_after="5")
        asked = self._coolings.ask()
        with anyio.move_on_after(COOL_WITHIN_S):
            await asked.done.wait()
        if "text/html" in request.headers.get("accept", ""):
            return RedirectResponse("/", 303)
        if asked.problem:
            raise Problem(503, asked.problem)
        if not asked.done.is_set():
            return JSONResponse({"done": False, "patterns": []}, 202)
        return await self._json(lambda: {"done": True, "patterns": [each.to_dict() for each in asked.patterns]})
