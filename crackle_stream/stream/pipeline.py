"""The pipeline: source, decode, kilns, cooling, alerts, sinks; each in its own task, with bounds between them.

source -> inbox -> decode -> kilns -> cooler (worker thread) -> lifecycle -> dispatcher -> sinks
   ^                                                                             |
   └──────────────── commit: what every required sink has ───────────────────────┘
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from types import TracebackType
from typing import Self

import anyio
import anyio.to_thread

from crackle_stream.alerting import AlertPolicy, Route, Routes
from crackle_stream.commit import SettledPositions, Unsettled
from crackle_stream.decode import Decoder
from crackle_stream.detect import built_in
from crackle_stream.errors import AlertsRefused, CrackleError, NotDrained, NothingRead
from crackle_stream.model import Alert, CracklePattern
from crackle_stream.profile import ThermalProfile
from crackle_stream.protocols import Clock, Sink, Source, SystemClock
from crackle_stream.schedule import CoolingSchedule
from crackle_stream.stream import events
from crackle_stream.stream.checkpoint import Checkpoints
from crackle_stream.stream.committer import Committer
from crackle_stream.stream.cooler import Cooler
from crackle_stream.stream.deadletter import Ceiling, DeadLetters, Undertaker
from crackle_stream.stream.deaths import Deaths
from crackle_stream.stream.desk import Desk
from crackle_stream.stream.dispatch import Dispatcher, Subscription
from crackle_stream.stream.failpoints import reach
from crackle_stream.stream.feeder import Feeder
from crackle_stream.stream.gallery import Gallery
from crackle_stream.stream.grace import Grace
from crackle_stream.stream.headroom import Headroom
from crackle_stream.stream.intake import Intake
from crackle_stream.stream.options import HushOptions, KilnOptions, RunOptions
from crackle_stream.stream.pacing import Pacing
from crackle_stream.stream.quiet import Quiet
from crackle_stream.stream.reader import Reader
from crackle_stream.stream.scope import Scope
from crackle_stream.stream.silencing import Silencing
from crackle_stream.stream.statistics import Statistics, Tally
from crackle_stream.stream.store import Store
from crackle_stream.stream.tenure import Tenure
from crackle_stream.stream.unwrapping import single_error
from crackle_stream.stream.work import CLOSE_WITHIN_S, Work

__all__ = ["Pipeline"]


class Pipeline:
    """Reads task results, cools them in windows, and brings what is found to sinks.

    Use it as an async context manager and call `run`:

        async with Pipeline(QueueSource(), [StdoutSink()]) as pipeline:
            await pipeline.run()

    Args:
        source: where results come from.
        sinks: where alerts go; a `Subscription` says which ones and how.
        profile: which detectors run; the evidence family under a budget of one false alarm a week by default.
        schedule: when windows end.
        kiln: size, scope and overflow of the rings.
        alerts: when alerts are raised, repeated and resolved.
        routes: which alerts go to which sinks, from the top; without any each sink gets what its own match takes.
        hush: silences and mute times.
        decoder: makes tasks of a source's bytes; any JSON object by default.
        dead_letters: where refused records and alerts are kept; nowhere by default, then they are logged and counted.
        ceiling: how many records may be refused; by default half of the last thousand, where they are kept or could
            be read again, and any number elsewhere.
        state: the file that keeps the spools of the sinks that have one; needed by those only.
        options: name, strictness and time limits.
        clock: the machine's by default.
        on_event: called on the loop with everything that happens; must return at once.

    `silencing` adds and ends silences, from any thread. The constructor stores; entering opens the sinks and the
    source. Cancelling `run` stops at once: nothing more is delivered or committed, and what was not committed is read
    again by the next run of a replayable source.
    """

    def __init__(
        self,
        source: Source,
        sinks: Sequence[Sink | Subscription] = (),
        *,
        profile: ThermalProfile | None = None,
        schedule: CoolingSchedule | None = None,
        kiln: KilnOptions | None = None,
        alerts: AlertPolicy | None = None,
        routes: Sequence[Route] = (),
        hush: HushOptions | None = None,
        decoder: Decoder | None = None,
        dead_letters: DeadLetters | None = None,
        ceiling: Ceiling | None = None,
        state: Store | None = None,
        options: RunOptions | None = None,
        clock: Clock | None = None,
        on_event: Callable[[events.Event], None] | None = None,
    ) -> None:
        self._source = source
        self._schedule = CoolingSchedule() if schedule is None else schedule
        self._profile = profile = ThermalProfile.evidence() if profile is None else profile
        self._options = RunOptions() if options is None else options
        self._clock: Clock = SystemClock() if clock is None else clock
        self._on_event = on_event
        self._tally = Tally()
        self._settled = SettledPositions()
        self._began = 0.0
        self._grace = Grace(self._options.shutdown_grace)
        self._exits = AsyncExitStack()
        kiln = KilnOptions() if kiln is None else kiln
        self._checkpoints = Checkpoints(self._settled, capacity=kiln.capacity)
        decoder = Decoder() if decoder is None else decoder
        self._scope = Scope(
            kiln.resolved(keyed=bool(decoder.options.key)),
            self._schedule,
            self._settled,
            self._checkpoints,
            name=self._options.name,
            monotonic=self._clock.monotonic,
        )
        self._undertaker = Undertaker(dead_letters, now=self._clock.time, emit=self._emit)
        self._deaths = Deaths(state, self._undertaker, self._emit)
        self._cooler = Cooler(
            profile,
            self._checkpoints,
            self._deaths,
            merging=source.live,
            dropping=kiln.overflow == "drop_oldest",
            max_bytes=kiln.max_bytes,
            seed=self._options.seed,
            clock=self._clock,
            emit=self._emit,
        )
        intake = Intake(
            decoder,
            undertaker=self._undertaker,
            ceiling=Ceiling() if ceiling is None and (dead_letters is not None or source.replayable) else ceiling,
            strict=self._options.strict,
            emit=self._emit,
        )
        subscriptions = [sink if isinstance(sink, Subscription) else Subscription(sink) for sink in sinks]
        ways = Routes({each.sink.name: each.match for each in subscriptions}, tuple(routes))
        policy = replace(alerts or AlertPolicy(), routes=ways).with_least(profile.family.min_confidence)
        self.silencing = Silencing(hush, live=source.live, clock=self._clock, store=state, emit=self._emit)
        rng = random.Random(self._options.seed)  # noqa: S311 - jitter, not secrets
        self._state = state
        self._dispatcher = Dispatcher(
            subscriptions,
            emit=self._emit,
            rng=rng,
            routes=ways,
            undertaker=self._undertaker,
            store=state,
            clock=self._clock,
        )
        self._committer = Committer(source, self._checkpoints, state, self._emit)
        self._reader = Reader(source, self._emit, self._lost)
        self._tenure = Tenure(
            self._reader, self._committer, self._checkpoints, self._scope, self._cooler, self._dispatcher, self._emit
        )
        self._desk = Desk(
            policy,
            self._checkpoints,
            self._committer,
            self._dispatcher,
            Gallery(state),
            silencing=self.silencing,
            emit=self._emit,
        )
        bound = Unsettled(self._options.max_unsettled, self._options.max_unsettled_bytes)
        self._headroom = Headroom(bound, self._settled, self._checkpoints, self._dispatcher, self._emit)
        self._feeder = Feeder(
            source,
            self._reader,
            intake,
            self._scope,
            self._cooler,
            self._settled,
            self._checkpoints,
            Pacing(source, profile, self._schedule, self._cooler, self._emit),
            self._headroom,
            self._emit,
        )
        self._quiet = Quiet(
            self._schedule.every_seconds,
            policy.stale_after,
            self._scope,
            self._cooler,
            self._checkpoints,
            self._desk,
            idle=lambda: self._reader.idle and not self._feeder.busy,
            monotonic=self._clock.monotonic,
        )
        self._work = Work(
            source,
            self._reader,
            self._feeder,
            self._scope,
            self._cooler,
            self._desk,
            self._dispatcher,
            self._grace,
            flush_partial=self._options.flush_partial,
        )
        self._stopping: anyio.Event | None = None
        self._running = anyio.Event()

    async def __aenter__(self) -> Self:
        """Open the sinks, then the source.

        Raises:
            SourceUnavailable: the source could not be reached within `start_timeout`.
            CrackleError: a sink or the source can never be opened.
        """
        self._stopping, self._running = anyio.Event(), anyio.Event()
        # in a thread: what the detectors import must be there before the first record, and not stall the loop
        await anyio.to_thread.run_sync(built_in, self._profile)
        async with AsyncExitStack() as stack:
            if self._state is not None:
                await stack.enter_async_context(self._state)
            self._scope.inherit(await self._committer.open())
            await self.silencing.open()
            await self._deaths.begin()
            await stack.enter_async_context(self._undertaker.opened())
            await stack.enter_async_context(self._dispatcher.opened())
            self._source.listen(self._tenure)
            await self._reader.open(self._options.start_timeout)
            stack.push_async_exit(self._close_source)
            await self._tenure.look_back()
            self._exits = stack.pop_all()
        names = self._dispatcher.sinks
        self._emit(events.PipelineStarted(self._source.name, names))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the source, then the sinks, within a bounded time."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(CLOSE_WITHIN_S):
            await self._exits.__aexit__(kind, error, trace)
        self._emit(self._tally.stopped())

    async def run(self) -> None:
        """Work until the source ends or `stop` is called, then cool, deliver and commit what is left.

        Raises:
            NotDrained: alerts or windows were left when `shutdown_grace` was over.
            RecordRefused: a bad record, where the pipeline is strict.
            TooManyRejects: most of what is read cannot be decoded.
            NothingRead: a stream has ended, and nothing of it could be decoded.
            StateUnusable: the state file is torn.
            AlertsRefused: all is done, but required sinks refused alerts and there are no dead letters.
            ReaderGone: whoever read standard output has gone.
            CrackleError: the source failed for good.
        """
        stopping = self._ready()
        self._began = self._clock.monotonic()
        self._running.set()
        with single_error():
            async with anyio.create_task_group() as background:
                background.start_soon(self._quiet.cut)
                background.start_soon(self._quiet.resolve)
                background.start_soon(self._committer.regularly)
                background.start_soon(self.silencing.regularly)
                await self._work.run(stopping)
                committed = await self._committer.finish(self._grace.seconds)
                await self._deaths.end()
                background.cancel_scope.cancel()
        if not committed:
            raise NotDrained(self._dispatcher.unsettled, self._cooler.waiting, self._grace.seconds, committed=False)
        if self._work.failure is not None:
            raise self._work.failure
        lost = self._tally.rejected and not self._tally.tasks and self._undertaker.letters is None
        if lost and not self._source.live:
            raise NothingRead(self._tally.rejected, self._tally.last_problem)
        if self._dispatcher.gone is not None:
            raise self._dispatcher.gone
        if self._dispatcher.unkept:
            raise AlertsRefused(self._dispatcher.unkept)

    def stop(self) -> None:
        """Begin an orderly end: read no more, cool and deliver what is there, then `run` returns. Safe to repeat."""
        reach("stopping")
        if self._stopping is not None:
            self._stopping.set()

    async def cool_now(self) -> tuple[CracklePattern, ...]:
        """End a window in every kiln with new tasks, and wait until they are cooled; waits for `run` to begin.

        Returns:
            What was found in them; empty where nothing was fired since the last cooling.

        Raises:
            CrackleError: the pipeline is not entered, or has ended.
        """
        if self._stopping is None:
            raise CrackleError("cool_now() was called outside `async with Pipeline(...)`: enter the pipeline first")
        await self._running.wait()
        if self._cooler.ended:
            raise CrackleError("cool_now() was called after run() had ended: nothing is cooled any more")
        asked = [await self._cooler.put(kiln, window) for kiln, window in self._scope.flush("asked")]
        for one in asked:
            await one.wait()
        return tuple(pattern for one in asked for pattern in one.patterns)

    def statistics(self) -> Statistics:
        """Counts so far."""
        scope, dispatcher = self._scope, self._dispatcher
        now = Statistics(
            late=scope.late,
            dropped_names=scope.dropped_names,
            backlog=dispatcher.backlog,
            failing=dispatcher.failing,
            paused=self._headroom.lacking,
            kilns=len(scope),
            held=scope.held,
            fresh=scope.fresh,
            oldest_fresh_s=scope.oldest_fresh_s,
            ring_bytes=scope.nbytes,
            uptime_s=self._clock.monotonic() - self._began if self._began else 0.0,
        )
        return self._tally.onto(now)

    @property
    def silent_s(self) -> float:
        """Seconds since the source last answered, with records or without; 0.0 where it is not being read.

        A source answers about once a second, and waiting for a sink is no silence: much more than that means that the
        task which reads hangs.
        """
        return self._reader.silent_s

    def standing(self) -> tuple[Alert, ...]:
        """Alerts that were told and are not resolved, as last seen; also those of a process before this one."""
        return self._checkpoints.standing()

    async def _lost(self) -> None:
        """The source is opened anew: what it gave and is not settled comes again."""
        await self._tenure.lost()

    # -- opening and closing ---------------------------------------------------------------------------------------

    async def _close_source(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._source.__aexit__(kind, error, trace)

    def _ready(self) -> anyio.Event:
        if self._stopping is None:
            raise CrackleError("run() was called outside `async with Pipeline(...)`: enter the pipeline first")
        if self._began:
            raise CrackleError("run() was called twice: a pipeline runs once, build another")
        return self._stopping

    def _emit(self, event: events.Event) -> None:
        self._tally.see(event)
        if isinstance(event, events.WindowCooled | events.AlertMade | events.AlertDelivered | events.AlertRefused):
            self._grace.progressed()
        if self._on_event is not None:
            self._on_event(event)
