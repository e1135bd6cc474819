"""Asks the status server of a running process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx2

from crackle_stream.errors import CrackleError
from crackle_stream.model import Secret
from crackle_stream.sinks.url import redacted

__all__ = ["Answers", "NoAnswer", "Process"]

ANSWERS_WITHIN_S = 5.0

MOST_ALERTS = 100
"""More than any terminal has lines for."""

TOKEN_VARIABLE = "CRACKLE_STATUS_TOKEN"  # noqa: S105 - the name of the variable that holds it


class NoAnswer(CrackleError):
    """A status server could not be asked."""

    retryable = True

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(f"{redacted(url)}: {problem}")


@dataclass(frozen=True, slots=True)
class Answers:
    """What a process says of itself.

    Attributes:
        statistics: of `/api/statistics`.
        alerts: of `/api/alerts`.
    """

    statistics: Mapping[str, Any]
    alerts: Mapping[str, Any]


class Process:
    """A process with a status server.

    Args:
        url: where it listens.
        token: what it wants, or None.

    Raises:
        NoAnswer: the address is none.
    """

    def __init__(self, url: str, token: Secret | None) -> None:
        self._url = url
        headers = {} if token is None else {"authorization": f"Bearer {token.reveal()}"}
        try:
            self._client = httpx2.Client(base_url=url, headers=headers, timeout=ANSWERS_WITHIN_S, trust_env=False)
        except httpx2.InvalidURL as error:
            raise NoAnswer(url, f"this is no URL: {error}") from error

    def __enter__(self) -> Self:
        self._client.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.__exit__(kind, error, trace)

    def ask(self) -> Answers:
        """What it says now.

        Raises:
            NoAnswer: nothing, or not what a status server says.
        """
        return Answers(self.get("/api/statistics"), self.get(f"/api/alerts?limit={MOST_ALERTS}"))

    def get(self, path: str) -> Mapping[str, Any]:
        """One answer.

        Raises:
            NoAnswer: none, or not what a status server says.
        """
        try:
            answer = self._client.get(path)
        except httpx2.HTTPError as error:
            why = str(error) or type(error).__name__
            problem = f"no answer ({why}): does a process run with [status] listen there?"
            raise NoAnswer(self._url, problem) from error
        if answer.status_code == httpx2.codes.UNAUTHORIZED:
            raise NoAnswer(self._url, f"it wants its token: export {TOKEN_VARIABLE}")
        try:
            told = answer.json()
        except ValueError:
            told = None
        if not isinstance(told, dict) or not answer.is_success:
            detail = told.get("detail", "") if isinstance(told, dict) else ""
            problem = f"it answers {answer.status_code} and not as a status server does"
            raise NoAnswer(self._url, f"{problem}: {detail}" if detail else problem)
        return told
