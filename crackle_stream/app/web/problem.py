"""Errors as answers: problem details (RFC 9457), which say what is wrong and what to do."""

from __future__ import annotations

import http

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["Problem", "problem", "told"]


class Problem(Exception):
    """A request that gets no answer but a reason.

    Attributes:
        status: HTTP status.
        detail: what is wrong, and what to do.
        headers: further headers of the answer.
    """

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        super().__init__(detail)


def problem(error: Problem) -> Response:
    """The answer."""
    body = {"title": http.HTTPStatus(error.status).phrase, "status": error.status, "detail": error.detail}
    return JSONResponse(body, error.status, error.headers, media_type="application/problem+json")


async def told(request: Request, error: Exception) -> Response:
    """The answer to whatever a route raised for the caller's sake."""
    if isinstance(error, Problem):
        return problem(error)
    assert isinstance(error, HTTPException)
    if error.status_code == http.HTTPStatus.NOT_FOUND:
        error.detail = "there is nothing here: see /api/openapi.json for what there is"
    answer = problem(Problem(error.status_code, error.detail))
    answer.headers.update(error.headers or {})
    return answer
