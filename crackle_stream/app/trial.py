"""One sample through a configured sink, to see whether it arrives."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import anyio

from crackle_stream.errors import SinkError
from crackle_stream.model import Alert, AlertStatus, CracklePattern, Severity

if TYPE_CHECKING:
    from crackle_stream.app.config import ConfiguredSink
    from crackle_stream.protocols import Sink

__all__ = ["Outcome", "sample", "try_sink"]

KIND = "test"
"""Kind of the sample's pattern: no detector's, so that a receiver can tell it apart."""

OVER = "it was a test"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one message.

    Attributes:
        status: of the alert that was sent.
        seconds: from the call to its end.
        problem: why it was not taken; "" where it was.
    """

    status: AlertStatus
    seconds: float
    problem: str = ""


def sample(sink: str, now: float) -> Alert:
    """An alert that says that it is a test; no two are the same, so that no receiver drops it as one it has seen.

    Args:
        sink: the sink's name.
        now: epoch seconds.
    """
    said = f"This is a test of the sink {sink}, sent by `crackle-stream sinks test`; nothing has happened"
    pattern = CracklePattern(KIND, said, 1.0, key=sink)
    return Alert(uuid.uuid4().hex, AlertStatus.RAISED, Severity.INFO, pattern, now, now, 1)


def try_sink(configured: ConfiguredSink) -> list[Outcome]:
    """Send a sample, whatever the sink's match; resolve it where it would stand otherwise.

    Returns:
        What came of each message; the last one has the problem, if there is any.
    """
    return anyio.run(_tried, configured.component.build(), list(_messages(configured)), configured.subscription.timeout)


def _messages(configured: ConfiguredSink) -> Iterable[Alert]:
    alert = sample(configured.name, time.time())
    yield alert
    if _stands(configured):
        yield replace(alert, id=uuid.uuid4().hex, status=AlertStatus.RESOLVED, reason=OVER)


def _stands(configured: ConfiguredSink) -> bool:
    """Whether the receiver keeps an alert open until it hears that it is over."""
    kept = ("alertmanager", "pagerduty")
    return configured.component.plugin.name in kept or getattr(configured.component.made, "format", "") in kept


async def _tried(sink: Sink, alerts: Iterable[Alert], timeout_s: float) -> list[Outcome]:
    outcomes = []
    async with sink:
        for alert in alerts:
            outcomes.append(await _sent(sink, alert, timeout_s))
            if outcomes[-1].problem:
                break
    return outcomes


async def _sent(sink: Sink, alert: Alert, timeout_s: float) -> Outcome:
    began, problem = time.monotonic(), ""
    try:
        with anyio.fail_after(timeout_s):
            await sink.send(alert)
    except SinkError as error:
        again = ", and may be tried again" if error.retryable else ""
        problem = f"not taken{again}: {error}"
    except TimeoutError:
        problem = f"no answer within {timeout_s:g} s"
    except Exception as error:  # noqa: BLE001 - a third party's sink may raise anything
        problem = f"{type(error).__name__}: {error}"
    return Outcome(alert.status, time.monotonic() - began, problem)
