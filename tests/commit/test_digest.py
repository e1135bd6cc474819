"""An alert goes on with its life after a restart without state."""

from dataclasses import replace

import pytest
from alerting_windows import shift, window

from crackle_stream.alerting import AlertPolicy, Hush, Lifecycle, RaiseAfter, Said, Sighting, Silence, SilenceBook
from crackle_stream.commit import CommitMetadata, decode, digests, encode, revived
from crackle_stream.commit.digest import unpack
from crackle_stream.commit.packing import Packer, Torn, Unpacker
from crackle_stream.commit.revival import LAST_SECOND
from crackle_stream.model import CracklePattern, Nature, PatternKind

SHIFT = CracklePattern(
    PatternKind.PHASE_TRANSITION, "latency rose", 0.957, metric_names=("latency",), nature=Nature.EVENT, direction="up"
)
POLICY = AlertPolicy(min_confidence=0.9, repeat_interval=100, resolve_after=2)


def raised() -> Lifecycle:
    lifecycle, _ = Lifecycle().after(Sighting("w0", 1_700_000_000.125, (SHIFT,)), POLICY)
    return lifecycle


def restarted(lifecycle: Lifecycle, *, named: bool = True) -> Lifecycle:
    alerts = digests({"": lifecycle})
    if not named:
        alerts = tuple(replace(alert, identity=None) for alert in alerts)
    stored = decode(encode(CommitMetadata(9, 0, alerts=alerts)))
    assert stored is not None
    return revived(stored.alerts)[""]


def test_an_alert_that_lasts_is_not_raised_again_and_is_resolved_under_the_same_id() -> None:
    lives = (raised(), restarted(raised()), restarted(raised(), named=False))
    told: list[list[tuple[str, str, str]]] = [[], [], []]
    for number, lifecycle in enumerate(lives):
        for step, patterns in enumerate(((SHIFT,), (), ())):
            lifecycle, alerts = lifecycle.after(Sighting(f"w{step + 1}", 1_700_000_010.0 + step, patterns), POLICY)
            told[number] += [(str(alert.status), alert.id, alert.fingerprint) for alert in alerts]
    assert told[0] == told[1] == told[2]
    assert [status for status, _, _ in told[0]] == ["resolved"]


def test_a_notification_that_it_is_over_names_what_is_over() -> None:
    lifecycle = restarted(raised())
    for step in (1, 2):
        lifecycle, alerts = lifecycle.after(Sighting(f"w{step}", 1_700_000_010.0 + step), POLICY)
    (over,) = alerts
    assert (over.pattern.kind, over.pattern.metric_names, over.fingerprint) == (
        "phase transition",
        ("latency",),
        SHIFT.fingerprint,
    )
    assert (over.raised_at, over.raised_confidence, str(over.severity)) == (1_700_000_000.125, 0.957, "warning")
    assert "its numbers were not kept" in over.pattern.description


def test_an_alert_without_a_name_is_over_all_the_same() -> None:
    (alert,) = restarted(raised(), named=False).active.values()
    assert (alert.pattern.kind, alert.pattern.fingerprint) == ("forgotten", SHIFT.fingerprint)


def test_counts_and_moments_are_kept() -> None:
    lifecycle = raised()
    lifecycle, _ = lifecycle.after(Sighting("w1", 1_700_000_200.0, (SHIFT,)), POLICY)
    lifecycle, _ = lifecycle.after(Sighting("w2", 1_700_000_210.0), POLICY)
    before, after = lifecycle.active[SHIFT.fingerprint], restarted(lifecycle).active[SHIFT.fingerprint]
    assert replace(after, pattern=before.pattern) == before
    assert (after.repeats, after.missed, after.windows) == (1, 1, 2)


def test_alerts_of_keys_come_back_to_their_keys_and_the_severe_stand_first() -> None:
    broken = replace(SHIFT, kind=PatternKind.CONSERVATION, form="broken law", fingerprint="")
    severe, _ = Lifecycle().after(Sighting("w0", 5.0, (broken,)), POLICY)
    made = digests({"a": raised(), "b": severe})
    assert [alert.key for alert in made] == ["b", "a"]
    assert {key: set(life.active) for key, life in revived(made).items()} == {
        "a": {SHIFT.fingerprint},
        "b": {broken.fingerprint},
    }


def test_a_broken_clock_makes_no_endless_number() -> None:
    lifecycle, _ = Lifecycle().after(Sighting("w0", 1e300, (SHIFT,)), POLICY)
    assert restarted(lifecycle).active[SHIFT.fingerprint].raised_at == LAST_SECOND


def through_metadata(lifecycle: Lifecycle) -> Lifecycle:
    stored = decode(encode(CommitMetadata(9, 0, alerts=digests({"": lifecycle}))))
    assert stored is not None
    return revived(stored.alerts)[""]


def test_a_silenced_alert_is_told_after_a_restart_under_the_id_it_would_have_had() -> None:
    silence = Silence(0, 2e9, "kim", "load test", metric=("latency",))
    silent = Hush(SilenceBook((silence,)), now=1.7e9)
    _, (loud,) = Lifecycle().after(Sighting("w0", 1_700_000_000.0, (SHIFT,)), POLICY)
    for again, said in ((False, Said.NO), (True, Said.PERHAPS)):
        before, _ = Lifecycle().after(Sighting("w0", 1_700_000_000.0, (SHIFT,), again=again), POLICY, silent)
        (alert,) = through_metadata(before).active.values()
        assert alert.said is said
        _, (told,) = through_metadata(before).after(Sighting("w1", 1_700_000_010.0, (SHIFT,)), POLICY)
        assert told.id == loud.id
        over = through_metadata(before).closed(Sighting("w1", 1_700_000_010.0), "key closed")[1]
        assert len(over) == again


def test_a_repetition_that_is_held_back_is_said_after_a_restart() -> None:
    silence = Silence(0, 2e9, "kim", "load test", metric=("latency",))
    silent = Hush(SilenceBook((silence,)), now=1.7e9)
    lifecycle, none = raised().after(Sighting("w1", 1_700_000_200.0, (SHIFT,)), POLICY, silent)
    assert none == ()
    told = [
        [(str(alert.status), alert.id) for alert in life.after(Sighting("w2", 1_700_000_210.0, (SHIFT,)), POLICY)[1]]
        for life in (lifecycle, through_metadata(lifecycle))
    ]
    assert told[0] == told[1]
    assert [status for status, _ in told[0]] == ["repeated"]


def test_an_inhibited_alert_waits_for_its_cause_after_a_restart() -> None:
    lag = CracklePattern(
        "correlation", "b follows a", 0.99, metric_names=("a", "b"), form="lagged", metrics={"lag_seconds": 2.0}
    )
    cause, effect = shift(950, metrics=("a",)), shift(952, metrics=("b",))
    policy = replace(POLICY, repeat_interval=1e9)
    lifecycle, _ = Lifecycle().after(window(1000, lag, cause, effect), policy)
    kept = through_metadata(lifecycle)
    assert kept.active[effect.fingerprint].inhibited_by == cause.fingerprint
    told = []
    for time in (1010, 1020):
        kept, alerts = kept.after(window(time, effect), policy)
        told.append([f"{alert.status} {alert.pattern.metric_names[0]}" for alert in alerts])
    assert told == [[], ["resolved a", "raised b"]]


def test_a_held_alert_is_over_after_a_restart_too() -> None:
    policy = replace(POLICY, hold=100)
    lifecycle, _ = Lifecycle().after(window(1000, shift(950)), policy)
    lifecycle, _ = lifecycle.after(window(1020, shift(1000, "down")), policy)
    kept = through_metadata(lifecycle)
    assert [alert.over for alert in kept.active.values()] == ["it was over before a restart"]
    _, (over,) = kept.after(window(1100), policy)
    assert over.id == lifecycle.after(window(1100), policy)[1][0].id


def test_a_pending_event_goes_on_with_its_votes_and_its_onset() -> None:
    policy = replace(POLICY, raise_after=RaiseAfter(2, 4))
    lifecycle = Lifecycle()
    for time, patterns in ((1000, (shift(950),)), (1010, ()), (1020, ())):
        lifecycle, _ = lifecycle.after(window(time, *patterns), policy)
    kept = through_metadata(lifecycle)
    ((name, before),), ((_, after),) = lifecycle.pending.items(), kept.pending.items()
    assert replace(after, pattern=before.pattern) == before
    assert (after.votes, after.onset) == ((True, False, False), 950.0)
    told = [life.after(window(1030, shift(950)), policy)[1][0] for life in (lifecycle, kept)]
    assert [(alert.id, alert.fingerprint, alert.windows) for alert in told] == [(told[0].id, name, 2)] * 2


def test_marks_of_a_later_version_are_refused() -> None:
    into = Packer()
    into.number(1)
    into.number(1 << 11)
    with pytest.raises(Torn, match="an alert has a mark that this version does not know"):
        unpack(Unpacker(bytes(into.packed)))
