"""From a cooling's report to alerts on their way, and when the window that made them is settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import anyio
import anyio.to_thread

from crackle_stream.alerting import AlertPolicy, Sighting
from crackle_stream.cooling import CoolingReport
from crackle_stream.model import Alert, AlertStatus
from crackle_stream.render.exhibits import exhibits_of
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.committer import Committer
from crackle_stream.stream.dispatch import Dispatcher
from crackle_stream.stream.events import AlertHushed, Event
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.gallery import Gallery
from crackle_stream.stream.kiln_state import KilnState
from crackle_stream.stream.kilns import KilnId
from crackle_stream.stream.silencing import Silencing
from crackle_stream.window import Window

__all__ = ["Desk"]


SHOWN_WITHIN_S = 1.0
"""Seconds for the exhibits of a window's alerts, which take some milliseconds: a finding stands without them."""


class Desk:
    """Decides what of a report is news, and hands it out.

    Args:
        policy: when alerts are raised, repeated and resolved.
        checkpoints: what every kiln knows.
        committer: lists a window's cut where its news may be told only then.
        dispatcher: brings alerts to sinks.
        gallery: keeps them with what they show.
        silencing: what is not to be told now.
        emit: where events go.
    """

    def __init__(
        self,
        policy: AlertPolicy,
        checkpoints: Checkpoints,
        committer: Committer,
        dispatcher: Dispatcher,
        gallery: Gallery,
        *,
        silencing: Silencing,
        emit: Callable[[Event], None],
    ) -> None:
        self._policy = policy
        self._checkpoints = checkpoints
        self._committer = committer
        self._dispatcher = dispatcher
        self._gallery = gallery
        self._silencing = silencing
        self._emit = emit

    async def report(self, kiln: KilnId, window: Window, report: CoolingReport) -> None:
        """A window's report: what is new, repeated or resolved goes out; then the window is settled."""
        conclusive = report.conclusive and self._checkpoints.whole(kiln, window)
        again = not self._checkpoints.may_merge(kiln, window)
        sighting = Sighting.of(window, report.patterns, conclusive=conclusive, again=again)
        before = self._checkpoints.now(kiln)
        lifecycle, alerts = before.lifecycle.after(sighting, self._policy, self._silencing.hush(window.end_time))
        for one in lifecycle.hushed:
            self._emit(AlertHushed(one.alert, str(one.verdict.why), one.verdict.by))
        learned = bool(window.fresh) or not before.history.windows  # nothing is learned twice from the same tasks
        after = replace(before, lifecycle=lifecycle, history=report.history if learned else before.history)
        settle = self._checkpoints.settling(kiln, window)
        news = any(alert.status is not AlertStatus.REPEATED for alert in alerts)
        self._checkpoints.cooled(kiln, window, after, news=news)
        reach("decided")
        if not news:  # what only says again what was said holds no position back
            settle()
        if alerts:  # a cut off the grid must be known to the partition's next owner before anything is told of it
            await self._committer.until(lambda: self._checkpoints.may_tell(kiln, window))
            alerts = await _exhibited(alerts, report, window)
        if self._checkpoints.ours(kiln):
            await self._dispatcher.deliver(alerts, settle)
            reach("settled")
            await self._gallery.keep(alerts)

    async def close(self, kiln: KilnId) -> None:
        """A kiln was closed to make room: what was raised from it is over."""
        await self._end(kiln, self._checkpoints.now(kiln), None, "closed", "key closed")

    async def fall_silent(self, kiln: KilnId) -> None:
        """Nothing has come of a kiln for long: what was raised from it is over, as far as anybody can know."""
        before = self._checkpoints.now(kiln)
        await self._end(kiln, before, replace(before, lifecycle=before.lifecycle.unseen()), "silent", "no data")

    async def _end(self, kiln: KilnId, before: KilnState, after: KilnState | None, what: str, reason: str) -> None:
        """Resolve all that is active, without a window; whoever does it again, after a death, makes the same ids."""
        active = before.lifecycle.active
        settle = self._checkpoints.amend(kiln, after)
        if not active:
            settle()
            return
        latest = max(alert.last_seen for alert in active.values())
        sighting = Sighting(f"{what}:{kiln.partition}:{kiln.key}:{latest!r}", latest)
        over = before.lifecycle.closed(sighting, reason)[1]
        await self._dispatcher.deliver(over, settle)
        await self._gallery.keep(over)


async def _exhibited(alerts: tuple[Alert, ...], report: CoolingReport, window: Window) -> tuple[Alert, ...]:
    """The alerts with what the window shows of them, made in a thread; what is over is not shown by it."""
    wanted = {alert.fingerprint for alert in alerts if alert.status is not AlertStatus.RESOLVED}
    with anyio.move_on_after(SHOWN_WITHIN_S):
        found = await anyio.to_thread.run_sync(exhibits_of, report, window, wanted, abandon_on_cancel=True)
        return tuple(replace(alert, exhibit=found.get(alert.fingerprint)) for alert in alerts)
    return alerts
