"""Spans of a pipeline's events: what they say, whose traces they go on with, and that none is kept for ever."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from command import crackle, shifting
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from sample_alerts import a_pattern, an_alert
from serving import STARTED, StandingClock, a_cooling

from crackle_stream.app import tracing as module
from crackle_stream.app.tracing import MOST_CONTEXTS, MOST_COOLINGS, MOST_LINKS, MOST_PARTITIONS, Tracing
from crackle_stream.model import Alert, Failure
from crackle_stream.sources.traces import MOST_TRACES, traces_of
from crackle_stream.stream import events
from crackle_stream.stream.events import Event

TRACE = "0af7651916cd43dd8448eb211c80319c"
OTHER = "1bf7651916cd43dd8448eb211c80319c"

START_NS = int(1e9 * (STARTED + 1000))


def parent(trace: str = TRACE, span: str = "b7ad6b7169203331") -> str:
    return f"00-{trace}-{span}-01"


class Traced:
    """Spans of what is heard."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.clock = StandingClock()
        self.tracing = Tracing(provider, self.clock)

    def hear(self, *heard: Event) -> list[ReadableSpan]:
        for event in heard:
            self.tracing(event)
        return self.spans

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())


def seen(*traces: tuple[int, str], partition: str = "results[0]") -> events.TracesSeen:
    return events.TracesSeen(partition, traces)


def alert_of(window: str, number: int = 0) -> Alert:
    return an_alert(id=f"a{number}", pattern=a_pattern(window_id=window))


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def trace_ids(span: ReadableSpan) -> list[str]:
    return [f"{link.context.trace_id:032x}" for link in span.links]


def test_a_cooling_is_a_span_as_long_as_it_took() -> None:
    (span,) = Traced().hear(a_cooling(3, a_pattern(), seconds=0.25))
    assert (span.name, span.kind, span.parent) == ("cooling", SpanKind.CONSUMER, None)
    assert span.end_time == START_NS
    assert span.start_time == START_NS - 250_000_000
    assert attributes(span) == {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": "results",
        "messaging.destination.partition.id": "0",
        "messaging.batch.message_count": 40,
        "crackle.window.id": "w3",
        "crackle.window.fresh": 40,
        "crackle.window.closed_by": "asked",
        "crackle.patterns": 1,
        "crackle.tests": 66,
    }


def test_a_detector_that_failed_makes_its_cooling_an_error() -> None:
    cooling = a_cooling()
    failed = replace(cooling, report=replace(cooling.report, failures=(Failure("mine", "ValueError: no"),)))
    (span,) = Traced().hear(failed)
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "mine: ValueError: no")
    assert [event.name for event in span.events] == ["detector.failed"]


def test_a_cooling_of_one_trace_goes_on_with_it() -> None:
    (span,) = Traced().hear(seen((3, parent()), (9, parent())), a_cooling())
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" == f"{TRACE}-b7ad6b7169203331"
    assert span.context is not None
    assert f"{span.context.trace_id:032x}" == TRACE
    assert trace_ids(span) == [TRACE]


def test_a_cooling_of_several_traces_begins_one_and_links_to_theirs() -> None:
    (span,) = Traced().hear(seen((3, parent()), (9, parent(OTHER))), a_cooling())
    assert span.parent is None
    assert sorted(trace_ids(span)) == [TRACE, OTHER]


def test_records_of_other_windows_and_partitions_are_none_of_a_cooling_s() -> None:
    # window 1 holds offsets 40 to 79
    (span,) = Traced().hear(
        seen((39, parent()), (40, parent(OTHER)), (80, parent("2" * 32))),
        seen((50, parent("3" * 32)), partition="results[1]"),
        a_cooling(1),
    )
    assert trace_ids(span) == [OTHER]


def test_links_are_those_of_the_latest_traces_and_bounded() -> None:
    traced = Traced()
    contexts = [(number, parent(f"{number + 1:032x}")) for number in range(40)]
    (span,) = traced.hear(seen(*contexts), a_cooling())
    assert len(span.links) == MOST_LINKS
    assert f"{40:032x}" in trace_ids(span)
    assert f"{1:032x}" not in trace_ids(span)


def test_contexts_and_coolings_that_are_remembered_are_bounded() -> None:
    traced = Traced()
    for number in range(MOST_PARTITIONS + 5):
        traced.hear(seen(*((each, parent()) for each in range(MOST_CONTEXTS + 5)), partition=f"p[{number}]"))
    assert len(traced.tracing._contexts) == MOST_PARTITIONS
    assert {len(each) for each in traced.tracing._contexts.values()} == {MOST_CONTEXTS}
    for number in range(MOST_COOLINGS + 5):
        traced.hear(a_cooling(number))
    assert len(traced.tracing._coolings) == MOST_COOLINGS


def test_a_delivery_is_a_span_below_its_cooling_from_its_making_to_the_sink_s_answer() -> None:
    traced = Traced()
    alert = alert_of("w0")
    traced.hear(a_cooling(0), events.AlertMade(alert, ("pager", "record")))
    traced.clock.at += 2
    traced.hear(events.SinkUnavailableSeen("pager", "answers 503", 1.0, 1))
    traced.clock.at += 3
    cooling, span = traced.hear(events.AlertDelivered("pager", alert, 2))
    assert (span.name, span.kind) == ("deliver pager", SpanKind.PRODUCER)
    assert span.parent == cooling.context
    assert (span.start_time, span.end_time) == (START_NS, START_NS + 5_000_000_000)
    assert attributes(span) == {
        "crackle.sink": "pager",
        "crackle.alert.id": "a0",
        "crackle.alert.status": "raised",
        "crackle.alert.severity": "critical",
        "crackle.fingerprint": alert.fingerprint,
        "crackle.kind": "phase transition",
        "crackle.attempts": 2,
    }
    (tried,) = span.events
    assert (tried.name, tried.timestamp) == ("sink.unavailable", START_NS + 2_000_000_000)
    assert dict(tried.attributes or {}) == {"crackle.problem": "answers 503"}


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (events.AlertRefused("pager", alert_of("w0"), "answers 400"), "refused"),
        (events.AlertDropped("pager", alert_of("w0"), "answers 400"), "lost"),
    ],
)
def test_an_alert_that_does_not_arrive_makes_its_delivery_an_error(event: Event, outcome: str) -> None:
    *_, span = Traced().hear(a_cooling(0), events.AlertMade(alert_of("w0"), ("pager",)), event)
    assert attributes(span)["crackle.outcome"] == outcome
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "answers 400")


def test_what_is_under_way_at_the_end_is_ended_as_unfinished() -> None:
    traced = Traced()
    traced.hear(events.AlertMade(alert_of("w0"), ("pager",)))
    traced.tracing.close()
    (span,) = traced.spans
    assert attributes(span)["crackle.outcome"] == "unfinished"


def test_deliveries_that_are_watched_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_DELIVERIES", 2)
    traced = Traced()
    for number in range(3):
        traced.hear(events.AlertMade(alert_of("w0", number), ("pager",)))
    (span,) = traced.spans
    assert (attributes(span)["crackle.alert.id"], attributes(span)["crackle.outcome"]) == ("a0", "unfinished")


def test_an_alert_of_a_former_process_has_no_span() -> None:
    assert Traced().hear(events.AlertDelivered("pager", alert_of("w0"), 1)) == []


def test_a_fault_is_logged_once_and_ends_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    traced = Traced()
    for _ in range(2):
        traced.hear(events.WindowCooled(None, None))  # type: ignore[arg-type]
    assert capsys.readouterr().out.count("tracing.failed") == 1


# -- from a record's header to a span ----------------------------------------------------------------------------------


def test_what_is_no_context_is_left_out_and_contexts_of_a_batch_are_bounded() -> None:
    bad: list[bytes | None] = [
        b"",
        None,
        b"00-zz-b7ad6b7169203331-01",
        b"x" * 1000,
        b"00-" + b"0" * 31 + b"-1-01",
        b"\xff",
    ]
    assert traces_of((number, [("traceparent", value)]) for number, value in enumerate(bad)) == ()
    assert traces_of([(1, [("tracestate", parent().encode())])]) == ()
    many = ((number, [("traceparent", parent(f"{number + 1:032x}").encode())]) for number in range(100))
    assert len(traces_of(many)) == MOST_TRACES


# -- as a process ------------------------------------------------------------------------------------------------------


@contextmanager
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """Something that takes spans by OTLP over HTTP."""
    got: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", got
        server.shutdown()
        thread.join()


def test_a_process_sends_its_spans_to_a_collector_before_it_ends() -> None:
    with collector() as (url, got):
        done = crackle(
            "run", stdin=shifting(), env={"CRACKLE__TELEMETRY__TRACES": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": url}
        )
    assert done.returncode == 0, done.stderr
    assert {path for path, _ in got} == {"/v1/traces"}
    sent = b"".join(body for _, body in got)
    for word in (b"cooling", b"deliver stdout", b"crackle.window.id", b"crackle-stream"):
        assert word in sent, word


def test_without_the_extra_the_error_names_it() -> None:
    code = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from crackle_stream.app.cli import main\n"
        "sys.argv = ['crackle-stream', 'run', '--set', 'telemetry.traces=true']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input="", capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 2
    assert done.stderr.endswith(
        "Error: telemetry: 1 problem\n  traces: OpenTelemetry needs opentelemetry, which is not installed: "
        'pip install "crackle-stream[otel]"\n'
    )
