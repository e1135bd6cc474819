"""Why a process is not ready, one reason after another; and the figures at the top."""

from dataclasses import replace

import pytest
from sample_alerts import an_alert
from serving import SETUP, FakePipeline, StandingClock, a_cooling

from crackle_stream.app.web.board import Board
from crackle_stream.app.web.gathering import Gathering, Moment
from crackle_stream.app.web.setup import Setup
from crackle_stream.app.web.strip import Gauge, strip
from crackle_stream.model import Partition, Position, Reject
from crackle_stream.stream import events
from crackle_stream.stream.events import Event

RUNNING = events.PipelineStarted("kafka:results", ("pager", "record"))

GROUPED = replace(SETUP, grouped=True, reject_share=0.5)


def moment(
    *heard: Event, setup: Setup = SETUP, clock: StandingClock | None = None, later: float = 0.0, **counts: object
) -> Moment:
    clock = StandingClock() if clock is None else clock
    board = Board(clock)
    for event in heard:
        board(event)
    clock.at += later
    gathering = Gathering(board, setup, clock)
    gathering.pipeline = FakePipeline(**counts)
    return gathering.now()


def why(*heard: Event, **more: object) -> dict[str, str]:
    return {reason.code: reason.said for reason in moment(*heard, **more).reasons}  # type: ignore[arg-type]


def gauge(name: str, *heard: Event, **more: object) -> Gauge:
    return next(each for each in strip(moment(*heard, **more)) if each.name == name)  # type: ignore[arg-type]


def test_a_process_is_ready_while_it_runs() -> None:
    assert why() == {"pipeline_starting": "the source and the sinks are being opened"}
    assert why(RUNNING) == {}
    assert why(RUNNING, events.PipelineStopped(0, 0, 0, 0)) == {"pipeline_stopped": "the pipeline has ended"}


def test_a_source_that_failed_is_a_reason_until_it_gives_again() -> None:
    failed = events.SourceFailed("kafka:results", "no broker answers", 1.0)
    assert why(RUNNING, failed) == {"source_failing": "the source failed and is opened again: no broker answers"}
    assert why(RUNNING, failed, events.BatchRead(1, 0)) == {}
    assert why(RUNNING, failed, events.SourceReopened("kafka:results", 1)) == {}


def test_a_member_without_a_partition_is_not_ready() -> None:
    wanted = {"not_assigned": "no partition of the topics is assigned to this member of the group"}
    assigned = events.PartitionsAssigned(("results[0]",))
    assert why(RUNNING, setup=GROUPED) == wanted
    assert why(RUNNING, assigned, setup=GROUPED) == {}
    assert why(RUNNING, assigned, events.PartitionsRevoked(("results[0]",)), setup=GROUPED) == wanted


def test_a_required_sink_that_fails_is_a_reason_and_another_is_none() -> None:
    failing = {"pager": "answers 503", "record": "disk full"}
    assert why(RUNNING, failing=failing) == {"sink_failing": "sink pager: answers 503"}


def test_a_full_spool_is_a_reason_until_there_is_room() -> None:
    full = events.SpoolFull("pager", 100, "block")
    assert why(RUNNING, full, backlog={"pager": 100}) == {"spool_full": "the spool of sink pager has no room"}
    assert why(RUNNING, full, events.AlertDelivered("pager", an_alert(), 1), backlog={"pager": 99}) == {}
    assert why(RUNNING, full, events.AlertSpooled("pager", 1, 99), backlog={"pager": 99}) == {}


def test_reading_that_waits_for_a_sink_is_a_reason() -> None:
    said = "10000 windows wait to be settled"
    assert why(RUNNING, paused=said) == {"unsettled_full": said}


def test_bad_records_near_the_ceiling_are_a_reason_before_the_process_ends() -> None:
    bad = events.RecordRejected(Reject(Position(Partition("results", 0), 1), "no", b""))
    assigned = events.PartitionsAssigned(("results[0]",))
    below = (*[bad] * 390, events.BatchRead(610, 0))
    assert why(RUNNING, assigned, *below, setup=GROUPED) == {}
    near = (*[bad] * 410, events.BatchRead(590, 0))
    assert why(RUNNING, assigned, *near, setup=GROUPED) == {
        "dead_letter_ceiling_near": "41% of the last records cannot be read; more than 50% ends the process"
    }
    assert why(RUNNING, *near) == {}  # where nothing judges them


@pytest.mark.parametrize("lost", [events.WindowMerged("", 500), events.TasksDropped("", 500)])
def test_coolings_that_cannot_keep_up_are_a_reason_for_a_minute(lost: Event) -> None:
    said = "coolings cannot keep up: windows were left out or dropped in the last minute"
    assert why(RUNNING, lost, later=59.0) == {"coolings_behind": said}
    assert why(RUNNING, lost, later=60.0) == {}


# -- the figures at the top --------------------------------------------------------------------------------------------


def test_the_state_names_the_first_reason_and_counts_the_others() -> None:
    assert gauge("state") == Gauge("state", "state", "starting", "", "warn")
    assert gauge("state", RUNNING) == Gauge("state", "state", "ok", "kafka:results", "good")
    failed = events.SourceFailed("kafka:results", "no broker answers", 1.0)
    shown = gauge("state", RUNNING, failed, failing={"pager": "answers 503"})
    assert (shown.text, shown.tone) == ("source failing", "bad")
    assert shown.note == "the source failed and is opened again: no broker answers (+ 1 more)"


def test_the_window_says_how_full_it_is_and_when_it_ends() -> None:
    clock = StandingClock()
    shown = gauge("ring", RUNNING, a_cooling(), clock=clock, later=19.0, fresh=312)
    assert (shown.text, shown.note, shown.share) == ("312/500", "about 11 s to the next cooling", 0.624)
    assert gauge("ring", RUNNING, a_cooling(), later=40.0).note == "a cooling is due"
    assert gauge("ring", RUNNING, a_cooling(), fresh=0).note == "nothing new"


def test_a_window_that_fills_quickly_ends_by_its_tasks() -> None:
    # 80 a second, 188 missing: 2.35 s, long before the 30 s are over
    shown = gauge("ring", RUNNING, a_cooling(), events.BatchRead(80, 0), fresh=312)
    assert shown.note == "about 2 s to the next cooling"


def test_many_kilns_are_counted_together() -> None:
    shown = gauge("ring", RUNNING, kilns=40, fresh=10_000)
    assert (shown.text, shown.note) == ("10,000/20,000", "40 kilns")


def test_the_cooling_time_is_held_against_its_limit() -> None:
    texts = [gauge("cooling", RUNNING, windows=3, cooling_p95_s=seconds) for seconds in (0.0042, 0.8, 4.1, 5.5)]
    assert [(each.text, each.tone) for each in texts] == [
        ("4.2 ms", ""),
        ("800 ms", ""),
        ("4.1 s", "warn"),
        ("5.5 s", "bad"),
    ]
    assert texts[0].note == "of 5.0 s; 3 windows"
    assert gauge("cooling", RUNNING).text == "none yet"


def test_losses_are_loud_only_where_there_are_any() -> None:
    assert [gauge(name, RUNNING).tone for name in ("dropped", "late", "rejected")] == ["", "", ""]
    lossy = {"dropped": 5, "late": 6, "rejected": 1_234}
    shown = [gauge(name, RUNNING, **lossy) for name in ("dropped", "late", "rejected")]
    assert [(each.text, each.tone) for each in shown] == [("5", "bad"), ("6", "warn"), ("1,234", "bad")]


def test_sinks_say_what_is_wrong_with_them_what_waits_and_what_is_lost() -> None:
    assert gauge("sinks", RUNNING) == Gauge("sinks", "sinks", "2/2", "pager, record")
    shown = gauge("sinks", RUNNING, failing={"pager": "answers 503"}, backlog={"pager": 12}, lost={"record": 3})
    assert (shown.text, shown.note, shown.tone) == ("1/2", "pager: answers 503; 12 alerts wait; 3 lost", "bad")


def test_lag_is_unknown_where_the_source_does_not_know() -> None:
    assert gauge("lag", RUNNING, lag=None).text == "unknown"
    assert gauge("lag", RUNNING, lag=12_345).text == "12,345"
