"""Who may ask, and how much: stands before every route.

A page of elsewhere can make a browser send requests here, and by a name of its own that leads to this machine (DNS
rebinding) read the answers. So the Host must be an address or a known name, and what changes anything must come from
this server's own page, or from no page at all. Nothing is allowed to other origins.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Iterable
from http import cookies
from urllib.parse import urlsplit

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crackle_stream.app.web.problem import Problem, problem
from crackle_stream.model import Secret

__all__ = ["COOKIE", "Guard", "Keys"]

MOST_HEAD = 8 * 1024
"""Bytes of a request's first line and headers."""

MOST_BODY = 64 * 1024
"""Bytes of a request's body: a silence is some hundred."""

MOST_DISCARDED = 1024 * 1024
"""Bytes of a body that is too long that are read all the same: the answer is lost where much is left unread."""

READ_WITHIN_S = 5.0
"""What sending a request may take."""

COOKIE = "crackle_session"

OPEN = frozenset({"/livez", "/readyz", "/login"})
"""What answers without a token: an orchestrator's probe has none, and gets no text."""

SAFE = frozenset({"GET", "HEAD"})

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",  # none at all would hide the origin of the page's own forms
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

NOTHING = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The policy of what is no page."""


class Keys:
    """The token, and the session that a browser gets for it.

    Args:
        token: what callers must know; None where anybody may ask.
    """

    def __init__(self, token: Secret | None) -> None:
        self._token = token
        key = secrets.token_bytes(32)
        # of the process, and of no use for finding the token
        self._session = "" if token is None else hmac.new(key, token.reveal().encode(), hashlib.sha256).hexdigest()

    @property
    def needed(self) -> bool:
        """Whether there is a token."""
        return self._token is not None

    @property
    def session(self) -> str:
        """What a browser's cookie must hold."""
        return self._session

    def fits(self, text: str) -> bool:
        """Whether this is the token."""
        return self._token is not None and Secret(text) == self._token

    def admits(self, headers: Headers) -> bool:
        """Whether a request may be answered."""
        if self._token is None:
            return True
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.fits(given.strip())
        return hmac.compare_digest(_cookie(headers).encode(), self._session.encode())


class Guard:
    """ASGI middleware.

    Args:
        app: what answers the requests that may pass.
        keys: the token.
        hosts: names under which the server is reached, beside addresses and localhost.
    """

    def __init__(self, app: ASGIApp, keys: Keys, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._keys = keys
        self._hosts = frozenset({"localhost", *(host.lower() for host in hosts)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say why not."""
        if scope["type"] != "http":
            raise RuntimeError(f"no {scope['type']} is served here")
        headers = Headers(scope=scope)
        send = _guarded(send)
        try:
            self._judge(scope, headers)
            body = await _body(headers, receive)
        except Problem as refusal:
            await problem(refusal)(scope, receive, send)
            return
        await self._app(scope, _given(body, receive), send)

    def _judge(self, scope: Scope, headers: Headers) -> None:
        if _size(scope) > MOST_HEAD:
            raise Problem(431, f"the request's head is longer than {MOST_HEAD} bytes", connection="close")
        host = headers.get("host", "")
        if not self._known(host):
            raise Problem(
                421, f"this server does not go by the name {_name(host)!r}: use its address, or add it to status.hosts"
            )
        if scope["method"] not in SAFE:
            _refuse_other_origins(headers, host)
        if scope["path"] not in OPEN and not self._keys.admits(headers):
            raise Problem(
                401,
                "a token is needed: send it as `Authorization: Bearer ...`, or open /login in a browser",
                www_authenticate='Bearer realm="crackle-stream"',
            )

    def _known(self, host: str) -> bool:
        name = _name(host)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in self._hosts
        return True


def _size(scope: Scope) -> int:
    fields = sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    return fields + len(scope.get("raw_path", b"")) + len(scope["query_string"])


def _name(host: str) -> str:
    """The host of a Host header, without its port."""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _refuse_other_origins(headers: Headers, host: str) -> None:
    """Let a page of this server change things, and a program, which sends no origin; no other page."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    # a browser says where a request comes from; "none" is an address typed by hand, which posts nothing
    if site is not None and site != "same-origin":
        raise Problem(403, f"only this server's own page may do that, and this comes from elsewhere ({site})")
    if origin is not None and urlsplit(origin).netloc != host:
        raise Problem(403, "only this server's own page may do that, and this comes from another origin")


def _cookie(headers: Headers) -> str:
    jar: cookies.SimpleCookie = cookies.SimpleCookie()
    try:
        jar.load(headers.get("cookie", ""))
    except cookies.CookieError:
        return ""
    return jar[COOKIE].value if COOKIE in jar else ""


async def _body(headers: Headers, receive: Receive) -> bytes:
    """The whole body, within bounds."""
    length = headers.get("content-length", "0")
    too_long = not length.isdecimal() or int(length) > MOST_BODY
    body, read = bytearray(), 0
    with anyio.move_on_after(READ_WITHIN_S):
        more = True
        while more and read <= MOST_DISCARDED:
            message = await receive()
            part = message.get("body", b"")
            read += len(part)
            too_long = too_long or read > MOST_BODY
            if not too_long:
                body += part
            more = message.get("more_body", False)  # nothing more comes of who has gone, either
        if too_long:
            raise Problem(413, f"the body is longer than {MOST_BODY} bytes", connection="close")
        return bytes(body)
    raise Problem(408, f"the body did not come within {READ_WITHIN_S:g} s", connection="close")


def _given(body: bytes, receive: Receive) -> Receive:
    """A receive that gives a body that was read already, then whatever else happens."""
    given = False

    async def receiving() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving


def _guarded(send: Send) -> Send:
    """A send that adds what keeps browsers from misusing an answer."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("content-security-policy", NOTHING)
            headers.setdefault("cache-control", "no-store")
        await send(message)

    return sending
