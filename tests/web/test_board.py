"""What is kept of a pipeline's events, and that it is bounded."""

from dataclasses import replace

import numpy as np
import pytest
from sample_alerts import a_pattern, an_alert
from sample_figures import an_exhibit
from serving import StandingClock, a_cooling, a_window, an_alert_of

from crackle_stream.app.web.board import MOST_KINDS, MOST_REJECTS, MOST_UNCHARTED, Board
from crackle_stream.app.web.heat import MOST_METRICS, MOST_STRIPS, MOST_WINDOWS, HeatStrip, HeatStrips, kiln_of
from crackle_stream.app.web.rates import RecentShare, TaskRate
from crackle_stream.app.web.shown import MOST_ACTIVE, MOST_FACTS, MOST_KILNS, MOST_PICTURES, MOST_RESOLVED
from crackle_stream.model import AlertStatus, Failure, Nature, Partition, Position, Reject
from crackle_stream.stream import events

LAW = a_pattern(nature=Nature.FACT, description="a + b is 100", metric_names=("a", "b"))


def board() -> Board:
    return Board(StandingClock())


def told(board: Board, *alerts: tuple[int, AlertStatus]) -> None:
    for number, status in alerts:
        board(events.AlertMade(an_alert_of(number, status), ("pager",)))


def fingerprints(shown: tuple) -> list[str]:  # type: ignore[type-arg]
    return [each.alert.pattern.key for each in shown]


def test_alerts_are_active_until_they_are_resolved_the_latest_first() -> None:
    heard = board()
    told(heard, (1, AlertStatus.RAISED), (2, AlertStatus.RAISED), (1, AlertStatus.REPEATED))
    assert fingerprints(heard.shelf.active) == ["service-1", "service-2"]
    told(heard, (2, AlertStatus.RESOLVED))
    assert fingerprints(heard.shelf.active) == ["service-1"]
    assert fingerprints(heard.shelf.resolved) == ["service-2"]
    assert [status for status, _ in heard.shelf.resolved[0].history] == ["raised", "resolved"]


def test_of_too_many_active_alerts_the_oldest_are_only_counted() -> None:
    heard = board()
    told(heard, *((number, AlertStatus.RAISED) for number in range(MOST_ACTIVE + 3)))
    assert (len(heard.shelf.active), heard.shelf.not_held) == (MOST_ACTIVE, 3)
    assert heard.shelf.active[-1].alert.pattern.key == "service-3"


def test_of_resolved_alerts_the_latest_are_kept() -> None:
    heard = board()
    told(heard, *((number, AlertStatus.RESOLVED) for number in range(MOST_RESOLVED + 1)))
    assert fingerprints(heard.shelf.resolved)[::99] == [f"service-{MOST_RESOLVED}", "service-1"]


def test_the_history_of_an_alert_that_is_said_for_ever_is_bounded() -> None:
    heard = board()
    told(heard, (1, AlertStatus.RAISED), *[(1, AlertStatus.REPEATED)] * 50)
    assert len(heard.shelf.active[0].history) == 20


def test_pictures_are_held_of_the_latest_alerts() -> None:
    heard = board()
    for number in range(MOST_PICTURES + 5):
        heard(events.AlertMade(an_alert_of(number, exhibit=an_exhibit()), ()))
    drawn = [shown.alert.exhibit is not None for shown in heard.shelf.active]
    assert drawn == [True] * MOST_PICTURES + [False] * 5


def test_a_notification_without_a_picture_keeps_that_of_the_one_before() -> None:
    heard = board()
    heard(events.AlertMade(an_alert_of(1, exhibit=an_exhibit()), ()))
    told(heard, (1, AlertStatus.RESOLVED))
    assert heard.shelf.resolved[0].alert.exhibit == an_exhibit()


def test_two_partitions_may_raise_the_same_finding() -> None:
    heard = board()
    for number in (0, 1):
        position = Position(Partition("results", number), 10)
        heard(events.AlertMade(an_alert(position=position), ()))
    assert len({shown.place for shown in heard.shelf.active}) == 2
    heard(events.PartitionsRevoked(("results[1]",)))
    assert [str(shown.alert.position) for shown in heard.shelf.active] == ["results[0]:10"]


def test_an_alert_about_a_fact_is_no_active_one_for_nothing_will_resolve_it() -> None:
    heard = board()
    heard(events.AlertMade(an_alert(pattern=LAW), ("pager",)))
    assert heard.shelf.active == ()


def test_facts_hold_until_a_conclusive_cooling_does_not_find_them() -> None:
    heard = board()
    heard(a_cooling(0, LAW))
    heard(a_cooling(1, LAW))
    (fact,) = heard.shelf.facts
    assert (fact.windows, fact.last_seen - fact.first_seen) == (2, 30.0)
    failed = a_cooling(2)
    heard(replace(failed, report=replace(failed.report, failures=(Failure("shift", "raised"),))))
    assert len(heard.shelf.facts) == 1
    heard(a_cooling(3))
    assert not heard.shelf.facts


def test_facts_are_bounded_by_kiln_and_by_kilns() -> None:
    heard = board()
    laws = [a_pattern(nature=Nature.FACT, metric_names=(f"m{number}",)) for number in range(MOST_FACTS + 5)]
    heard(a_cooling(0, *laws))
    assert len(heard.shelf.facts) == MOST_FACTS
    for number in range(MOST_KILNS + 5):
        heard(a_cooling(number, LAW, key=f"k{number}"))
    assert len(heard.shelf.facts) == MOST_KILNS


def test_rejects_and_windows_to_chart_are_bounded() -> None:
    heard = board()
    for number in range(MOST_REJECTS + 5):
        heard(events.RecordRejected(Reject(Position(Partition("stdin"), number), "no", b"")))
    assert (len(heard.rejects), heard.rejects[0].position) == (MOST_REJECTS, "stdin:6")
    for number in range(MOST_UNCHARTED + 5):
        heard(a_cooling(number))
    assert (len(heard.uncharted), heard.uncharted[0].window.id) == (MOST_UNCHARTED, "w5")


def test_kinds_that_a_detector_makes_of_its_data_are_bounded() -> None:
    heard = board()
    kinds = {heard.kind(f"kind {number}") for number in range(100)}
    assert len(kinds) == MOST_KINDS + 1
    assert "other" in kinds
    assert heard.kind("kind 3") == "kind 3"


def test_coolings_are_counted_by_the_time_they_took() -> None:
    heard = board()
    for seconds in (0.0005, 0.001, 0.3, 99.0):
        heard(a_cooling(0, seconds=seconds))
    assert (heard.coolings[0], heard.coolings[8], heard.coolings[-1]) == (2, 1, 1)
    assert heard.cooling_s == pytest.approx(99.3015)


def test_the_rate_is_of_the_last_ten_seconds() -> None:
    rate = TaskRate()
    assert rate.per_second(0.0) == 0.0
    for second in range(100):
        rate.add(float(second), 50)
    assert rate.per_second(99.0) == 50.0
    assert rate.per_second(104.0) == 25.0  # five of ten seconds brought nothing
    assert rate.per_second(200.0) == 0.0


def test_a_rate_counts_from_the_first_second_on() -> None:
    rate = TaskRate()
    rate.add(10.0, 100)
    assert rate.per_second(12.0) == 50.0


def test_the_share_of_bad_records_is_of_the_last_thousand() -> None:
    share = RecentShare()
    share.read(999)
    assert share.share is None
    share.reject()
    share.read(0)
    assert share.share == 0.001
    for _ in range(500):
        share.reject()
        share.read(1)
    assert share.share == pytest.approx(0.5, abs=0.01)


# -- the heat strip ----------------------------------------------------------------------------------------------------


def strip_of(*levels: float) -> HeatStrip:
    strip = HeatStrip()
    for number, level in enumerate(levels):
        strip = strip.after(a_window(number, level=level))
    return strip


def test_a_mean_is_held_against_those_before_it_in_the_standard_deviations_of_tasks() -> None:
    # forty points of sin: mean 0.0168, standard deviation 0.7035
    spread = float(np.std(np.sin(np.arange(40.0))))
    scores = [score for _, _, score in strip_of(100.0, 101.0).row("latency_ms")]
    assert np.isnan(scores[0])
    assert scores[1] == pytest.approx(1.0 / spread, rel=1e-5)


def test_a_level_that_stays_fades_as_it_becomes_the_one_before() -> None:
    scores = [abs(score) for _, _, score in strip_of(100.0, 102.0, 102.0, 102.0).row("latency_ms")][1:]
    assert scores == sorted(scores, reverse=True)


def test_a_score_is_at_most_six_and_of_constants_zero_or_six() -> None:
    strip = HeatStrip()
    for number, value in enumerate((5.0, 5.0, 6.0)):
        strip = strip.after(a_window(number, values=np.full((40, 1), value)))
    assert [score for _, _, score in strip.row("latency_ms")][1:] == [0.0, 6.0]


def test_a_metric_that_a_window_lacks_has_no_cell_and_keeps_its_level() -> None:
    both = HeatStrip().after(a_window(0, metrics=("a", "b")))
    absent = both.after(a_window(1, metrics=("b",)))
    again = absent.after(a_window(2, metrics=("a",), level=101.0, values=np.full((40, 1), np.nan)))
    assert [np.isnan(mean) for _, mean, _ in again.row("a")] == [False, True, True]
    assert again.level["a"] == both.level["a"]


def test_a_strip_has_sixty_windows_and_a_thousand_metrics_at_most() -> None:
    strip = HeatStrip()
    names = [f"m{number}" for number in range(MOST_METRICS + 10)]
    for number in range(MOST_WINDOWS + 3):
        strip = strip.after(a_window(number, metrics=names))
    assert (len(strip.columns), len(strip.names)) == (MOST_WINDOWS, MOST_METRICS)


def test_names_that_never_come_again_do_not_pile_up() -> None:
    strip = HeatStrip()
    for number in range(30):
        strip = strip.after(a_window(number, metrics=[f"m{number}-{each}" for each in range(300)]))
    assert len(strip.level) <= 2 * MOST_METRICS + 300


def test_metrics_that_moved_most_come_first() -> None:
    strip = HeatStrip()
    for number in range(3):
        values = np.column_stack([np.sin(np.arange(40.0)), np.sin(np.arange(40.0)) + 5 * number])
        strip = strip.after(a_window(number, metrics=("still", "moving"), values=values))
    assert strip.names == ("moving", "still")


def test_the_strips_of_the_latest_kilns_are_kept() -> None:
    strips = HeatStrips()
    for number in range(MOST_STRIPS + 2):
        strips.put(f"k{number}", HeatStrip())
    assert (len(strips.kilns), strips.kilns[0]) == (MOST_STRIPS, f"k{MOST_STRIPS + 1}")


def test_a_kiln_is_called_by_its_partition_and_its_key() -> None:
    assert kiln_of(a_window(key="checkout")) == "results[0] checkout"
    assert kiln_of(a_window(span=())) == ""
