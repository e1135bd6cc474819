"""The alerts of a window as one notification that lists them."""

import json
from dataclasses import replace

from alerting_windows import alarm, window

from crackle_stream.alerting import AlertPolicy, Lifecycle, grouped
from crackle_stream.model import Alert, AlertStatus, Severity, digest
from crackle_stream.render.sentence import sentence

POLICY = AlertPolicy()


def alerts(*metrics: str) -> list[Alert]:
    return list(Lifecycle().after(window(0, *map(alarm, metrics)), POLICY)[1])


def test_a_groups_id_is_made_of_its_receiver_and_its_members() -> None:
    made = alerts("a", "b", "c")
    (group,) = grouped(made, "chat")
    assert group.id == digest(["chat", *sorted(alert.id for alert in made)], 32)
    assert grouped(reversed(made), "chat")[0].id == group.id
    assert grouped(made, "mail")[0].id != group.id
    assert [member.pattern.metric_names for member in group.members] == [("a",), ("b",), ("c",)]


def test_the_most_severe_speaks_for_all() -> None:
    first, second = alerts("a", "b")
    worst = replace(second, severity=Severity.CRITICAL)
    (group,) = grouped([first, worst], "chat")
    assert (group.severity, group.pattern, group.position) == (Severity.CRITICAL, worst.pattern, worst.position)
    assert sentence(group) == "b is odd; and 1 more: a is odd"


def test_one_alert_is_no_group_and_what_begins_and_what_ends_are_two() -> None:
    first, second, third = alerts("a", "b", "c")
    over = replace(third, status=AlertStatus.RESOLVED)
    group, alone = grouped([first, over, second], "chat")
    assert alone is over
    assert group.members == (first, second)
    assert grouped([], "chat") == ()


def test_a_group_is_stored_with_its_members_and_a_long_one_is_told_short() -> None:
    (group,) = grouped(alerts("a", "b", "c", "d", "e"), "chat")
    stored = json.loads(json.dumps(group.to_dict()))
    assert Alert.from_dict(stored) == group
    assert sentence(group) == "a is odd; and 4 more: b is odd; c is odd; d is odd; …"


def test_an_alert_of_a_spool_from_before_there_were_groups_is_read() -> None:
    (alert,) = alerts("a")
    stored = {key: value for key, value in alert.to_dict().items() if key not in ("members", "explains")}
    assert Alert.from_dict(stored) == alert
