import io
import json
import logging
import re
from collections.abc import Iterator

import pytest
import structlog
from sample_alerts import a_pattern, an_alert

from crackle_stream.app.eventlog import EventLog
from crackle_stream.app.logs import configure
from crackle_stream.app.rates import RateLimit
from crackle_stream.cooling import CoolingReport
from crackle_stream.model import Examination, NearMiss, Partition, Position, Reject, Skip
from crackle_stream.stream import events
from crackle_stream.testing import FakeClock
from crackle_stream.window import Window


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def stream() -> io.StringIO:
    stream = io.StringIO()
    configure(stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def rejected(line: int, problem: str = "not JSON") -> events.RecordRejected:
    return events.RecordRejected(Reject(Position(Partition("stdin"), line - 1), problem, b"secret payload"))


def test_a_line_is_json_that_begins_with_when_how_loud_and_what(stream: io.StringIO) -> None:
    structlog.get_logger().info("process.started", answer=42)
    assert re.match(
        r'{"timestamp": "\d{4}-\d\d-\d\dT[\d:.]+Z", "level": "info", "event": "process.started", "answer": 42}\n$',
        stream.getvalue(),
    )


def test_debug_is_shown_only_when_asked_for() -> None:
    for verbosity, shown in ((0, 0), (1, 1), (5, 1)):
        stream = io.StringIO()
        configure(stream, verbosity=verbosity)
        structlog.get_logger().debug("window.cooled")
        assert len(lines(stream)) == shown


def test_a_traceback_is_one_line_of_json(stream: io.StringIO) -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger().exception("process.failed")
    (line,) = lines(stream)
    assert "ValueError: broken" in str(line["exception"])


def test_libraries_are_heard_from_warning_up_and_in_the_same_form(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka").warning("Unable to connect to %s", "a:1")
    logging.getLogger("httpx2").info("HTTP Request: POST https://hooks.example.org/token")
    (line,) = lines(stream)
    assert (line["level"], line["event"], line["logger"]) == ("warning", "Unable to connect to a:1", "aiokafka")


def test_a_library_that_says_the_same_again_and_again_is_bounded(stream: io.StringIO) -> None:
    for number in range(50):
        logging.getLogger("aiokafka").error("Unable to connect, try %d", number)
    assert len(lines(stream)) == 5


def test_at_a_terminal_lines_are_to_be_read_and_never_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    stream = Terminal()
    configure(stream)
    structlog.get_logger().warning("record.rejected", problem="bad \x1b[31m label\nwith a break")
    assert re.match(
        r"\d\d:\d\d:\d\d \[warning *\] record.rejected +problem='?bad \\+x1b\[31m label\\+nwith", stream.getvalue()
    )
    assert "\x1b" not in stream.getvalue()


def test_at_a_terminal_lines_have_colours_unless_no_color_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    for no_color, coloured in (("", True), ("1", False)):
        monkeypatch.setenv("NO_COLOR", no_color)
        stream = Terminal()
        configure(stream)
        structlog.get_logger().info("process.started")
        assert ("\x1b[" in stream.getvalue()) is coloured


def test_a_bad_record_is_told_with_its_place_and_reason_and_without_its_payload(stream: io.StringIO) -> None:
    EventLog(FakeClock())(rejected(17))
    (line,) = lines(stream)
    assert (line["level"], line["event"], line["position"], line["problem"]) == (
        "warning",
        "record.rejected",
        "stdin:17",
        "not JSON",
    )
    assert "secret payload" not in stream.getvalue()


def test_repeated_warnings_come_at_a_bounded_rate_with_the_number_left_out(stream: io.StringIO) -> None:
    clock = FakeClock()
    log = EventLog(clock)
    for line in range(1, 101):
        log(rejected(line))
    assert len(lines(stream)) == 5
    clock.advance(10.0)
    log(rejected(101))
    assert [line.get("left_out") for line in lines(stream)] == [None] * 5 + [95]


def test_what_was_left_out_at_the_end_is_told_before_the_pipeline_stops(stream: io.StringIO) -> None:
    log = EventLog(FakeClock())
    for line in range(1, 9):
        log(rejected(line))
    log(events.PipelineStopped(tasks=0, rejected=0, windows=0, alerts=0))
    last_two = lines(stream)[-2:]
    assert [line["event"] for line in last_two] == ["lines.left_out", "pipeline.stopped"]
    assert (last_two[0]["lines"], last_two[0]["count"]) == ("record.rejected", 3)


def test_each_sink_has_a_bound_of_its_own(stream: io.StringIO) -> None:
    log = EventLog(FakeClock())
    for _ in range(20):
        log(events.SinkUnavailableSeen("a", "503", 1.23456, 3))
        log(events.SinkUnavailableSeen("b", "503", 1.23456, 3))
    assert [line["sink"] for line in lines(stream)] == ["a", "b"] * 5
    assert lines(stream)[0]["retry_in_s"] == 1.235


def test_a_cooled_window_is_told_with_what_was_examined() -> None:
    stream = io.StringIO()
    configure(stream, verbosity=1)
    window = Window.from_columns(["a", "b"], [1.0, 2.0], ["x"], [[1.0], [2.0]], id="w1", closed_by="tasks")
    made = Examination(
        tests=3,
        skipped=tuple(Skip(name, "constant") for name in "pqrst"),
        nearest=NearMiss("x ~ y", 0.61234, 0.7, "r"),
    )
    EventLog(FakeClock())(
        events.WindowCooled(window, CoolingReport((a_pattern(),), {"correlation": made}, duration=0.0123))
    )
    assert [{key: line[key] for key in line if key not in ("timestamp", "level")} for line in lines(stream)] == [
        {
            "event": "window.cooled",
            "window": "w1",
            "key": "",
            "closed_by": "tasks",
            "tasks": 2,
            "fresh": 2,
            "patterns": 1,
            "duration_ms": 12.3,
        },
        {
            "event": "detector.examined",
            "detector": "correlation",
            "tests": 3,
            "candidates": 0,
            "nearest": "x ~ y: r 0.6123, the bar is 0.7",
        },
        {
            "event": "window.skipped",
            "count": 5,
            "what": [f"{name}: constant (correlation)" for name in "pqrst"],
        },
    ]


def test_a_run_is_summed_up_with_the_best_candidate_that_was_not_reported() -> None:
    stream = io.StringIO()
    configure(stream, verbosity=1)
    log, window = EventLog(FakeClock()), Window.from_columns(["a"], [1.0], ["x"], [[1.0]])
    near, nearer = (NearMiss("x ~ y", value, 5.0, "-log10 of q") for value in (2.0, 3.5))
    quiet = {"shift": Examination(tests=12, nearest=near), "dependence": Examination(tests=66, complete=False)}
    log(events.WindowCooled(window, CoolingReport((), quiet)))
    log(events.WindowCooled(window, CoolingReport((), {"shift": Examination(tests=11, nearest=nearer)})))
    stopped = events.PipelineStopped(tasks=2, rejected=0, windows=2, alerts=0)
    log(stopped)
    told = {str(line["event"]): line for line in lines(stream)}
    assert [line["ended_early"] for line in lines(stream) if "ended_early" in line] == [True]
    assert told["detector.examined"]["nearest"] == "x ~ y: q 0.00032, the bar is 1e-05: 1.5 powers of ten short"
    assert (told["stream.summed_up"]["windows"], told["stream.summed_up"]["patterns"]) == (2, 0)
    assert told["stream.summed_up"]["said"] == (
        "2 windows; most tests in one: shift 12, dependence 66; nothing over the bar; the best that stayed under it: "
        "x ~ y: q 0.00032, the bar is 1e-05: 1.5 powers of ten short (shift)"
    )
    log(events.WindowCooled(window, CoolingReport((a_pattern(),))))
    log(stopped)
    assert "1 finding over the bar" in str(lines(stream)[-2]["said"])


def test_what_several_detectors_leave_out_for_the_same_reason_is_told_once() -> None:
    stream = io.StringIO()
    configure(stream, verbosity=1)
    skips = tuple(Skip(f"m{number}", "constant") for number in range(12))
    made = {name: Examination(skipped=skips) for name in ("shift", "laws")}
    window = Window.from_columns(["a"], [1.0], ["x"], [[1.0]])
    EventLog(FakeClock())(events.WindowCooled(window, CoolingReport((), made)))
    (line,) = [line for line in lines(stream) if line["event"] == "window.skipped"]
    assert (line["count"], line["what"]) == (12, [f"m{number}: constant (shift, laws)" for number in range(10)])


def test_an_alert_that_a_sink_lost_is_an_error_that_names_it(stream: io.StringIO) -> None:
    EventLog(FakeClock())(events.AlertDropped("pager", an_alert(), "its queue is full"))
    (line,) = lines(stream)
    assert (line["level"], line["sink"], line["problem"], line["alert"]) == (
        "error",
        "pager",
        "its queue is full",
        "0f3c9a1b2d4e5f60",
    )


COUNTED = (events.BatchRead(5, None), events.TracesSeen("results[0]", ()), events.WindowTold("", "w1"))
"""They come with every batch or window."""


@pytest.mark.parametrize("event", COUNTED)
def test_what_happens_all_the_time_is_only_counted(stream: io.StringIO, event: events.Event) -> None:
    EventLog(FakeClock())(event)
    assert lines(stream) == []


def test_every_other_event_has_a_line() -> None:
    from crackle_stream.app.eventlog import _STYLES

    every = {getattr(events, name) for name in events.__all__} - {events.Event, *map(type, COUNTED)}
    assert set(_STYLES) == every


def test_a_burst_passes_and_the_rest_is_counted_until_the_pause_is_over() -> None:
    clock = FakeClock()
    limit = RateLimit(clock, burst=2, pause_s=10.0)
    assert [limit.admit("a") for _ in range(4)] == [0, 0, None, None]
    assert limit.admit("b") == 0
    assert limit.left_out() == {"a": 2}
    clock.advance(9.9)
    assert limit.admit("a") is None
    clock.advance(0.1)
    assert limit.admit("a") == 3
    assert limit.left_out() == {}
