"""Spans of a pipeline's events, for OpenTelemetry: one for each cooling, and below it one for each delivery.

The only file that knows OpenTelemetry; needs the extra `otel`. A cooling is about records of many producers: where all
that are traced belong to one trace the cooling goes on with it, else it begins one and links to theirs, as the
semantic conventions for batches of messages have it (https://opentelemetry.io/docs/specs/semconv/messaging/).
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Self

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from crackle_stream import __version__
from crackle_stream.app.config import Configuration
from crackle_stream.model import Alert
from crackle_stream.protocols import Clock, SystemClock
from crackle_stream.stream import events
from crackle_stream.stream.events import Event
from crackle_stream.window import Window

__all__ = ["Tracing"]

MOST_LINKS = 32
"""Traces that a cooling links to, the latest ones."""

MOST_CONTEXTS = 1024
"""Contexts remembered of a partition: those of its last windows."""

MOST_PARTITIONS = 64
MOST_COOLINGS = 64
"""Coolings whose deliveries may still begin: alerts are made at once, or after a group has waited."""

MOST_DELIVERIES = 2000
"""Deliveries under way that are watched; of more, the oldest spans end as unfinished."""

END_WITHIN_S = 5.0
"""What sending the last spans may take."""

PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """Listens to a pipeline's events, and makes spans of them.

    Args:
        provider: where spans go.
        clock: the machine's by default.
    """

    def __init__(self, provider: TracerProvider, clock: Clock | None = None) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("crackle_stream", __version__)
        self._clock: Clock = SystemClock() if clock is None else clock
        self._contexts: OrderedDict[str, deque[tuple[int, str]]] = OrderedDict()
        self._coolings: OrderedDict[str, SpanContext] = OrderedDict()
        self._deliveries: OrderedDict[tuple[str, str], Span] = OrderedDict()
        self._faults = 0

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        """Spans to a collector, by OTLP; the standard variables say where."""
        named = {} if os.environ.get("OTEL_SERVICE_NAME") else {SERVICE_NAME: configuration.run.name}
        provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def __call__(self, event: Event) -> None:
        """Make what spans an event makes; returns at once, for they are sent by a thread."""
        try:
            self._see(event)
        except Exception as error:  # noqa: BLE001 - a trace that lacks must not end the stream
            self._faults += 1
            if self._faults == 1:
                problem = f"{type(error).__name__}: {error}"
                structlog.get_logger().error("tracing.failed", problem=problem, more="further ones are not logged")

    def _see(self, event: Event) -> None:
        match event:
            case events.TracesSeen():
                self._remember(event)
            case events.WindowCooled():
                self._cooling(event)
            case events.AlertMade():
                self._begin(event)
            case events.AlertDelivered(sink=sink, alert=alert, attempts=attempts):
                self._end(sink, alert, {"crackle.attempts": attempts})
            case events.AlertRefused(sink=sink, alert=alert, problem=problem):
                self._end(sink, alert, {"crackle.outcome": "refused"}, problem)
            case events.AlertDropped(sink=sink, alert=alert, problem=problem):
                self._end(sink, alert, {"crackle.outcome": "lost"}, problem)
            case events.SinkUnavailableSeen():
                self._again(event)

    def close(self) -> None:
        """End what is under way, and send what is left, within a bounded time."""
        for key in list(self._deliveries):
            self._unfinished(key)
        sending = threading.Thread(target=self._provider.shutdown, daemon=True, name="tracing")
        sending.start()
        sending.join(END_WITHIN_S)

    # -- coolings ------------------------------------------------------------------------------------------------------

    def _remember(self, event: events.TracesSeen) -> None:
        """Contexts of records, until the window that holds them has been cooled."""
        known = self._contexts.setdefault(event.partition, deque(maxlen=MOST_CONTEXTS))
        known.extend(event.traces)
        self._contexts.move_to_end(event.partition)
        while len(self._contexts) > MOST_PARTITIONS:
            self._contexts.popitem(last=False)

    def _cooling(self, event: events.WindowCooled) -> None:
        window, report = event.window, event.report
        ended = self._now()
        contexts = self._contexts_of(window)
        parent = trace.set_span_in_context(trace.NonRecordingSpan(contexts[0])) if len(contexts) == 1 else Context()
        span = self._tracer.start_span(
            "cooling",
            parent,
            SpanKind.CONSUMER,
            {
                **_place(window),
                "crackle.window.id": window.id,
                "crackle.window.fresh": window.fresh,
                "crackle.window.closed_by": window.closed_by,
                "crackle.patterns": len(report.patterns),
                "crackle.tests": sum(made.tests for made in report.examined.values()),
                "messaging.batch.message_count": len(window),
            },
            [Link(context) for context in contexts],
            start_time=ended - int(1e9 * report.duration),
        )
        for failure in report.failures:
            problem = {"crackle.detector": failure.detector, "crackle.problem": failure.problem}
            span.add_event("detector.failed", problem, timestamp=ended)
            span.set_status(StatusCode.ERROR, f"{failure.detector}: {failure.problem}")
        span.end(ended)
        self._coolings[window.id] = span.get_span_context()
        while len(self._coolings) > MOST_COOLINGS:
            self._coolings.popitem(last=False)

    def _contexts_of(self, window: Window) -> list[SpanContext]:
        """Contexts of the window's traced records, one for each trace, the latest ones."""
        texts: dict[str, str] = {}
        for span in window.span:
            for offset, text in reversed(self._contexts.get(str(span.partition), ())):
                if offset < span.first or len(texts) >= MOST_LINKS:
                    break
                if offset <= span.last:
                    texts.setdefault(text[3:35], text)
        return [context for context in map(_context, texts.values()) if context.is_valid]

    # -- deliveries ----------------------------------------------------------------------------------------------------

    def _begin(self, event: events.AlertMade) -> None:
        alert = event.alert
        cooling = self._coolings.get(alert.pattern.window_id)
        parent = Context() if cooling is None else trace.set_span_in_context(trace.NonRecordingSpan(cooling))
        for sink in event.sinks:
            self._deliveries[sink, alert.id] = self._tracer.start_span(
                f"deliver {sink}",
                parent,
                SpanKind.PRODUCER,
                {
                    "crackle.sink": sink,
                    "crackle.alert.id": alert.id,
                    "crackle.alert.status": str(alert.status),
                    "crackle.alert.severity": str(alert.severity),
                    "crackle.fingerprint": alert.fingerprint,
                    "crackle.kind": str(alert.pattern.kind),
                },
                start_time=self._now(),
            )
        while len(self._deliveries) > MOST_DELIVERIES:
            self._unfinished(next(iter(self._deliveries)))

    def _end(self, sink: str, alert: Alert, said: Mapping[str, str | int], problem: str = "") -> None:
        """A delivery is over; one that began in another process has no span here."""
        span = self._deliveries.pop((sink, alert.id), None)
        if span is None:
            return
        span.set_attributes(said)
        if problem:
            span.set_status(StatusCode.ERROR, problem)
        span.end(self._now())

    def _again(self, event: events.SinkUnavailableSeen) -> None:
        """The sink's oldest delivery could not be made; the others wait behind it."""
        oldest = next((span for (sink, _), span in self._deliveries.items() if sink == event.sink), None)
        if oldest is not None:
            oldest.add_event("sink.unavailable", {"crackle.problem": event.problem}, timestamp=self._now())

    def _unfinished(self, key: tuple[str, str]) -> None:
        span = self._deliveries.pop(key)
        span.set_attribute("crackle.outcome", "unfinished")
        span.end(self._now())

    def _now(self) -> int:
        return int(1e9 * self._clock.time())


def _context(traceparent: str) -> SpanContext:
    return trace.get_current_span(PROPAGATOR.extract({"traceparent": traceparent}, Context())).get_span_context()


def _place(window: Window) -> dict[str, str]:
    """Where the records stand, in the words of the conventions."""
    if len(window.span) != 1:
        return {}
    partition = window.span[0].partition
    if partition.number is None:
        return {"crackle.source": partition.topic}
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": partition.topic,
        "messaging.destination.partition.id": str(partition.number),
    }
