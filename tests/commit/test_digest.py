"""An alert goes on with its life after a restart without state."""

from dataclasses import replace

from crackle_stream.alerting import AlertPolicy, Lifecycle, Sighting
from crackle_stream.commit import CommitMetadata, decode, digests, encode, revived
from crackle_stream.commit.digest import LAST_SECOND
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
