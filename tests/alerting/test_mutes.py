"""Mute times are hours of a zone's clocks."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from alerting_windows import alarm, window

from crackle_stream.alerting import AlertPolicy, DayTimes, Lifecycle, Match, MuteTime
from crackle_stream.alerting.mutes import weekdays, zone_of

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTS = MuteTime("nights", weekdays(("mon-fri",)), (DayTimes.parse("22:00-06:00"),), BERLIN)


def on(mute: MuteTime, text: str) -> bool:
    return mute.is_on(datetime.fromisoformat(text).timestamp())


@pytest.mark.parametrize(
    ("moment", "muted"),
    [
        ("2026-11-27T21:59:59+01:00", False),  # a Friday
        ("2026-11-27T22:00:00+01:00", True),
        ("2026-11-28T05:59:59+01:00", True),  # Friday's night
        ("2026-11-28T06:00:00+01:00", False),
        ("2026-11-28T23:00:00+01:00", False),  # Saturday has none
        ("2026-11-30T05:00:00+01:00", False),  # nor had Sunday
        ("2026-11-30T22:30:00+01:00", True),
        ("2026-07-03T21:30:00Z", True),  # summer: half past eleven there
        ("2026-01-02T20:30:00Z", False),  # winter: half past nine
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(moment: str, muted: bool) -> None:
    assert on(NIGHTS, moment) is muted


def test_an_hour_that_clocks_show_twice_is_in_twice_and_one_they_skip_in_none() -> None:
    early = MuteTime("early", times=(DayTimes.parse("02:00-03:00"),), zone=BERLIN)
    back = [on(early, f"2026-10-25T{text}Z") for text in ("00:30", "01:30", "02:30")]
    forward = [on(early, f"2026-03-29T{text}Z") for text in ("00:30", "01:30", "02:30")]
    assert (back, forward) == ([True, True, False], [False, False, False])


def test_without_more_it_is_always_and_everything_but_a_broken_clock() -> None:
    assert MuteTime("always").is_on(0)
    assert MuteTime("always").is_on(datetime(2026, 11, 29, tzinfo=UTC).timestamp())
    assert not MuteTime("always").is_on(1e300)


def test_it_is_about_what_its_match_takes() -> None:
    _, (alert,) = Lifecycle().after(window(0, alarm()), AlertPolicy())
    assert MuteTime("all").covers(alert)
    assert MuteTime("all", match=Match(severity=("warning",))).covers(alert)
    assert not MuteTime("all", match=Match(severity=("critical",))).covers(alert)


@pytest.mark.parametrize("text", ["22-06", "24:30-25:00", "24:00-01:00", "06:00-06:00", "6:00-7:00", "", "00:00-24:01"])
def test_a_stretch_that_is_none_says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match='holds stretches of a day such as "22:00-06:00" or "00:00-24:00", not'):
        DayTimes.parse(text)
    assert str(DayTimes.parse("22:00-06:30")) == "22:00-06:30"


def test_days_and_zones_that_are_none_say_what_they_look_like() -> None:
    with pytest.raises(ValueError, match=r'holds mon, tue, wed, .* such as "mon-fri", not .monday.'):
        weekdays(("monday",))
    for name in ("Europe/Berlinn", "../etc/passwd", "", "Europe"):
        with pytest.raises(ValueError, match='is the name of a time zone such as "Europe/Berlin", and none called'):
            zone_of(name)
    assert zone_of("UTC") is UTC
    assert zone_of("Europe/Berlin") is BERLIN
