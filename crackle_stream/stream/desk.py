"""From a cooling's report to alerts on their way, and when the window that made them is settled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from crackle_stream.alerting import AlertPolicy, Sighting
from crackle_stream.cooling import CoolingReport
from crackle_stream.model import AlertStatus
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.committer import Committer
from crackle_stream.stream.dispatch import Dispatcher
from crackle_stream.stream.events import AlertHushed, Event
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.kilns import KilnId
from crackle_stream.stream.silencing import Silencing
from crackle_stream.window import Window

__all__ = ["Desk"]


class Desk:
    """Decides what of a report is news, and hands it out.

    Args:
        policy: when alerts are raised, repeated and resolved.
        checkpoints: what every kiln knows.
        committer: lists a window's cut where its news may be told only then.
        dispatcher: brings alerts to sinks.
        silencing: what is not to be told now.
        emit: where events go.
    """

    def __init__(
        self,
        policy: AlertPolicy,
        checkpoints: Checkpoints,
        committer: Committer,
        dispatcher: Dispatcher,
        *,
        silencing: Silencing,
        emit: Callable[[Event], None],
    ) -> None:
        self._policy = policy
        self._checkpoints = checkpoints
        self._committer = committer
        self._dispatcher = dispatcher
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
        if self._checkpoints.ours(kiln):
            await self._dispatcher.deliver(alerts, settle)
            reach("settled")

    async def close(self, kiln: KilnId) -> None:
        """A kiln was closed to make room: what was raised from it is over."""
        before = self._checkpoints.now(kiln).lifecycle
        self._checkpoints.closed(kiln)
        if not before.active:
            return
        latest = max(alert.last_seen for alert in before.active.values())
        sighting = Sighting(f"closed:{kiln.partition}:{kiln.key}:{latest!r}", latest)
        await self._dispatcher.deliver(before.closed(sighting, "key closed")[1], lambda: None)
