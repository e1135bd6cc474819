"""The rules every sink keeps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import anyio

from crackle_stream.errors import SinkError
from crackle_stream.model import (
    Alert,
    AlertStatus,
    CracklePattern,
    Evidence,
    Nature,
    Onset,
    Partition,
    PatternKind,
    Position,
    Severity,
)
from crackle_stream.protocols import Sink
from crackle_stream.testing.rules import require

__all__ = ["check_sink"]


async def check_sink(
    make: Callable[[], Sink],
    *,
    received: Callable[[], Iterable[str]] | None = None,
    within_s: float = 10.0,
) -> None:
    """Check that a sink keeps the rules of `Sink`.

    It is entered and left without an alert, then sent alerts of every status with much and with little in them, with
    hostile text, and one of them twice, as at-least-once delivery does.

    Args:
        make: gives a new sink each time, whose receiver takes everything.
        received: the ids of the alerts that the receiver has, where the test can look.
        within_s: seconds that entering, leaving and each sending may take.

    Raises:
        AssertionError: a rule is broken; the message says which.
    """
    first = make()
    require(bool(first.name), "a sink has a name, and it is not empty")
    await _within(within_s, f"{first.name} is not left", _enter_and_leave(first))
    sink = make()
    async with sink:
        for what, alert in _alerts():
            await _within(within_s, f"{sink.name} does not take {what}", _send(sink, what, alert))
            if received is not None:
                require(
                    alert.id in set(received()),
                    f"{sink.name}: send() returned, and the receiver has not {what}: return once it has the alert",
                )


def _alerts() -> Iterable[tuple[str, Alert]]:
    """Alerts by what is special about them."""
    full = Alert(
        id="kit-1",
        status=AlertStatus.RAISED,
        severity=Severity.CRITICAL,
        pattern=CracklePattern(
            kind=PatternKind.PHASE_TRANSITION,
            description="latency_ms rose from 100 to 160",
            confidence=0.97,
            involved_tasks=tuple(f"checkout-{number}" for number in range(500)),
            metric_names=("latency_ms",),
            metrics={"before": 100.25, "after": 160.0},
            form="mean",
            nature=Nature.EVENT,
            direction="up",
            evidence=Evidence(p=2.1e-7, q=0.0031, effect=6.02, effective_n=312.4, calibrated=True),
            at=Onset(250, 1.7e9),
            key="checkout",
            window_id="window-1",
        ),
        raised_at=1.7e9,
        last_seen=1.7e9 + 60,
        windows=3,
        position=Position(Partition("task-results", 3), 18234),
    )
    bare = CracklePattern("a third party's kind", "something happened", 0.5)
    hostile = CracklePattern(
        "clustering",
        'Zeichen: ä, 窯, 🔥, "quotes", \\, \x1b[31m, \u202e, \r\n and a lone surrogate \ud800',
        1.0,
        involved_tasks=("a\nb", "\x00"),
        metric_names=("m\t",),
    )
    yield "an alert that was raised", full
    yield "the same alert a second time", full
    yield "an alert that is repeated", replace(full, id="kit-2", status=AlertStatus.REPEATED)
    yield "an alert that is resolved", replace(full, id="kit-3", status=AlertStatus.RESOLVED, reason="it returned")
    yield "an alert with hardly anything in it", replace(full, id="kit-4", pattern=bare, position=None)
    yield "an alert with hostile text", replace(full, id="kit-5", pattern=hostile)


async def _enter_and_leave(sink: Sink) -> None:
    async with sink:
        pass


async def _send(sink: Sink, what: str, alert: Alert) -> None:
    before = alert.to_dict()
    try:
        await sink.send(alert)
    except SinkError as error:
        raise AssertionError(f"{sink.name} refuses {what}, though its receiver takes everything: {error}") from error
    except Exception as error:
        raise AssertionError(
            f"{sink.name} raises {type(error).__name__} on {what}: {error}. Raise SinkUnavailable for what may pass, "
            "SinkRefused for what never will"
        ) from error
    require(alert.to_dict() == before, f"{sink.name} changes {what}")


async def _within(seconds: float, complaint: str, doing: Awaitable[None]) -> None:
    with anyio.move_on_after(seconds):
        await doing
        return
    raise AssertionError(f"{complaint} within {seconds:g} s")
