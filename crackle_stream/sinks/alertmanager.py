"""Alerts in Prometheus Alertmanager, where people group, silence and route them."""

from __future__ import annotations

import asyncio
import base64
from functools import partial
from typing import TYPE_CHECKING, Self

import anyio
import structlog

from crackle_stream.errors import SinkError, SinkRefused, SinkUnavailable
from crackle_stream.model import Alert, AlertStatus, Secret, options_from
from crackle_stream.protocols import Clock, Sink, SystemClock
from crackle_stream.render.moment import utc
from crackle_stream.sinks.alertmanager_api import Alertmanager
from crackle_stream.sinks.formats.identity import annotations_of, labels_of
from crackle_stream.sinks.http_options import linked
from crackle_stream.sinks.options import AlertmanagerOptions
from crackle_stream.sinks.posting import Poster
from crackle_stream.sinks.standing import Notice, Standing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from types import TracebackType

    from structlog.typing import FilteringBoundLogger

    from crackle_stream.sinks.address import Resolver

__all__ = ["AlertmanagerSink"]

LOOK_WITHIN_S = 5.0
"""Seconds that the first alert waits for what earlier processes left standing: less than a try may take."""

Postings = list[dict[str, object]]


class AlertmanagerSink(Sink):
    """Pushes alerts to `/api/v2/alerts` of one Alertmanager or more, and keeps them standing there until resolved.

        AlertmanagerSink("https://alertmanager.example.org:9093")

    Alertmanager takes an alert for resolved when it hears nothing of it, so every `heartbeat_interval` what stands is
    pushed again. What stands is what this process was told, and what Alertmanager itself shows as ours at the start:
    after a restart it goes on. What Alertmanager shows no more, though it was pushed and has not expired, another
    process has resolved, to which a partition moved; it is not pushed again. An Alertmanager that was restarted, and
    forgot, is told everything.

    Args:
        options: an AlertmanagerOptions, or the urls; or give the fields of AlertmanagerOptions by name.
        name: how messages call it.
        clock: says when alerts end and expire.
        resolve: looks up names; called in a thread. The system's resolver by default.
        sleep: how it waits between heartbeats.

    Raises:
        ConfigError: an option that cannot be.
    """

    def __init__(
        self,
        options: AlertmanagerOptions | str | Sequence[str] | None = None,
        /,
        *,
        name: str = "alertmanager",
        clock: Clock | None = None,
        resolve: Resolver | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        **fields: object,
    ) -> None:
        self.name = name
        self.options = options_from(AlertmanagerOptions, options, fields, main="urls")
        self._clock = clock or SystemClock()
        self._sleep = sleep
        self._standing = Standing(
            limit=self.options.limit, hold_s=self.options.forget_after, expires_s=self.options.expires_after
        )
        credentials = _credentials(self.options)
        make = partial(
            Poster,
            options=self.options,
            sink=name,
            clock=self._clock,
            resolve=resolve,
            secrets=_secrets(self.options),
            credentials=credentials,
        )
        self._targets = [Alertmanager(make(url), name, self.options.labels, self._clock) for url in self.options.urls]
        self._beating: asyncio.Task[None] | None = None
        self._looked = anyio.Event()
        self._waited = False
        self._logger: FilteringBoundLogger = structlog.get_logger("crackle_stream.sinks.alertmanager")

    @property
    def let_go(self) -> int:
        """Alerts that were let go because more than `limit` stood."""
        return self._standing.let_go

    async def __aenter__(self) -> Self:
        """Load the authorities to trust, and begin the heartbeat; nothing is waited for that may be out of reach.

        Raises:
            ConfigError: `ca_file` cannot be read or holds no certificate.
        """
        for target in self._targets:
            await target.open()
        self._beating = self._begun()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the heartbeat and close the connections. What stands is left to the next process, or to expire."""
        beating, self._beating = self._beating, None
        if beating is not None:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        for target in self._targets:
            await target.close()

    async def send(self, alert: Alert) -> None:
        """Push one alert.

        Raises:
            SinkUnavailable: none of the Alertmanagers takes it now, or with `taken_by = "all"` one does not.
            SinkRefused: they never will.
            TargetForbidden: a host has an address that may not be connected to.
        """
        if self._beating is None:
            raise SinkError(self.name, "it is not open: send within `async with sink:`")
        if self._beating.done():  # it never ends by itself: begin anew, and say what ended it
            ended, self._beating = self._beating, self._begun()
            ended.result()
        if not self._waited:
            with anyio.move_on_after(LOOK_WITHIN_S):
                await self._looked.wait()
            self._waited = True
        notice = self._notice(alert)
        tell = self._standing.end if alert.status is AlertStatus.RESOLVED else self._standing.stand
        before = self._standing.let_go
        postings = tell(notice, self._clock.time())
        if self._standing.let_go > before:
            self._logger.warning("alertmanager.let_go", sink=self.name, limit=self.options.limit, so_far=self.let_go)
        errors = await self._push(self._waited_for(), postings, f"the alert {alert.id!r}", {notice.fingerprint})
        self._judge(errors)

    async def try_out(self) -> str:
        """Ask every Alertmanager for its status, and push nothing; outside `async with`, whose heartbeat pushes.

        Returns:
            Which ones answered.

        Raises:
            ConfigError: `ca_file` cannot be used.
            SinkError: one does not answer, or not as an Alertmanager.
        """
        for target in self._targets:
            await target.open()
        try:
            for target in self._targets:
                await target.look()
        finally:
            for target in self._targets:
                await target.close()
        return f"{', '.join(target.shown for target in self._targets)} answers"

    def _notice(self, alert: Alert) -> Notice:
        try:
            said = annotations_of(alert)
        except TypeError as error:
            raise SinkRefused(self.name, f"the alert {alert.id!r} is no JSON: {error}") from error
        # Alertmanager refuses an alert that ends before it starts, and a stream's clock may be ahead of ours.
        starts_at = utc(min(alert.raised_at, self._clock.time()), "milliseconds") or ""
        link = linked(self.options.link, alert.fingerprint) or ""
        return Notice({**labels_of(alert), **self.options.labels}, said, starts_at, link)

    def _waited_for(self) -> list[Alertmanager]:
        """Whom to push an alert to at once; with a pair, whoever is in trouble is told by the next heartbeat."""
        if self.options.taken_by == "all":
            return self._targets
        return [target for target in self._targets if not target.trouble] or self._targets

    def _judge(self, errors: Sequence[SinkError | None]) -> None:
        """Raise where too few took it: what may pass before what never will."""
        problems = [error for error in errors if error is not None]
        enough = not problems if self.options.taken_by == "all" else len(problems) < len(errors)
        if not enough:
            raise next((error for error in problems if isinstance(error, SinkUnavailable)), problems[0])

    def _begun(self) -> asyncio.Task[None]:
        return asyncio.create_task(self._beat_on(), name=f"crackle-stream heartbeat {self.name}")

    async def _beat_on(self) -> None:
        while True:
            await self._beat()
            await self._sleep(self.options.heartbeat_interval)

    async def _beat(self) -> None:
        """Look at what stands, and push it to everybody."""
        await self._look()
        self._looked.set()
        begun = self._clock.time()
        due = self._standing.due(begun)
        if due:
            await self._push(self._targets, due, "a heartbeat", self._standing.fingerprints)
        revived = self._standing.ended_since(begun)
        if revived:
            await self._push(self._targets, revived, "a heartbeat", ())

    async def _look(self) -> None:
        """Take over what earlier processes left standing, and let go of what others resolved."""
        looking = [target for target in self._targets if self._standing or not target.since]
        async with anyio.create_task_group() as tasks:
            for target in looking:
                tasks.start_soon(self._look_at, target)

    async def _look_at(self, target: Alertmanager) -> None:
        pushed = {each for each, until in target.told.items() if until > self._clock.time()}
        try:
            view = await target.look()
        except SinkError as error:
            if not target.blind:
                self._logger.warning("alertmanager.unseen", sink=self.name, problem=str(error))
            target.blind = True
            return
        target.blind = False
        shown = {notice.fingerprint for notice in view.alerts}
        if not target.since:
            for notice in view.alerts:
                self._standing.adopt(notice, self._clock.time())
        elif target.since == view.since:
            self._standing.forget(pushed - shown)
        target.since = view.since

    async def _push(
        self, targets: Sequence[Alertmanager], postings: Postings, about: str, standing: Iterable[str]
    ) -> list[SinkError | None]:
        """Push to all of them at once; the error of each, or None."""
        errors: list[SinkError | None] = [None] * len(targets)
        until = self._clock.time() + self.options.expires_after

        async def push(place: int, target: Alertmanager) -> None:
            try:
                await target.push(postings, about)
            except SinkError as error:
                errors[place] = error
            else:
                told = {**target.told, **dict.fromkeys(standing, until)}
                target.told = {each: end for each, end in told.items() if each in self._standing}
            self._tell(target, errors[place])

        async with anyio.create_task_group() as tasks:
            for place, target in enumerate(targets):
                tasks.start_soon(push, place, target)
        return errors

    def _tell(self, target: Alertmanager, error: SinkError | None) -> None:
        """Log when an Alertmanager gets out of reach, and when it is back; not every time between."""
        trouble = "" if error is None else str(error)
        if trouble and not target.trouble:
            self._logger.warning("alertmanager.unreached", sink=self.name, problem=trouble)
        elif target.trouble and not trouble:
            self._logger.info("alertmanager.reached", sink=self.name, url=target.shown)
        target.trouble = trouble


def _credentials(options: AlertmanagerOptions) -> dict[str, Secret]:
    if options.bearer_token is not None:
        return {"Authorization": Secret(f"Bearer {Secret(options.bearer_token).reveal()}")}
    if options.username is not None and options.password is not None:
        pair = f"{options.username}:{Secret(options.password).reveal()}"
        return {"Authorization": Secret(f"Basic {base64.b64encode(pair.encode()).decode()}")}
    return {}


def _secrets(options: AlertmanagerOptions) -> list[Secret]:
    """What an answer might repeat: each alone, and as it is sent."""
    alone = [Secret(each) for each in (options.password, options.bearer_token) if each is not None]
    sent = [Secret(header.reveal().partition(" ")[2]) for header in _credentials(options).values()]
    return [*alone, *sent]
