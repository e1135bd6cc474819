"""Silences are values with an end, bounded in number, from a file that says what is wrong with it."""

from dataclasses import replace

import pytest
from alerting_windows import alarm, window

from crackle_stream.alerting import AlertPolicy, Lifecycle, Silence, SilenceBook, TooManySilences
from crackle_stream.alerting.silence_file import read_silences
from crackle_stream.alerting.silences import MOST_SILENCES
from crackle_stream.errors import ConfigError

DEPTH = Silence(100, 200, "kim", "load test", metric=("depth",))


def test_a_silence_is_known_by_what_it_says() -> None:
    assert DEPTH.id == Silence(100, 200, "kim", "load test", metric=("depth",)).id
    others = [replace(DEPTH, ends=201), replace(DEPTH, comment="x"), replace(DEPTH, metric=(), key=("depth",))]
    assert len({DEPTH.id, *(silence.id for silence in others)}) == 4
    assert Silence.from_dict(DEPTH.to_dict()) == DEPTH


@pytest.mark.parametrize(("now", "on"), [(99, False), (100, True), (199, True), (200, False)])
def test_it_is_on_from_its_start_until_its_end(now: float, on: bool) -> None:
    assert DEPTH.is_on(now) is on


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ends": 100}, "ends must be later than starts"),
        ({"ends": float("inf")}, "starts and ends must be moments"),
        ({"metric": ()}, "one of kind, form, metric, key, fingerprint is needed: without any it would silence every"),
        ({"author": " "}, "author is text of 1 to 1000 characters"),
        ({"comment": "x" * 1001}, "comment is text of 1 to 1000 characters"),
    ],
)
def test_a_silence_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(DEPTH, **change)  # type: ignore[arg-type]


def test_what_is_no_stored_silence_is_refused() -> None:
    with pytest.raises(ValueError, match="this is no stored silence: KeyError: 'starts'"):
        Silence.from_dict({})


def test_a_book_adds_ends_and_forgets_what_is_over() -> None:
    other = replace(DEPTH, ends=300)
    book = SilenceBook().add(DEPTH, 0).add(other, 0).add(DEPTH, 0)
    assert list(book) == [DEPTH, other]
    assert list(book.add(replace(DEPTH, ends=400), 250)) == [other, replace(DEPTH, ends=400)]
    assert list(book.expire(DEPTH.id, 0)) == [other]
    with pytest.raises(KeyError):
        book.expire("nobody", 0)


def test_a_book_names_the_silence_that_lasts_longest() -> None:
    longer = replace(DEPTH, ends=300)
    book = SilenceBook((DEPTH, longer, replace(DEPTH, ends=900, metric=("latency",))))
    _, (alert,) = Lifecycle().after(window(0, alarm()), AlertPolicy())
    assert book.that_covers(alert, 150) == longer
    assert book.that_covers(alert, 300) is None


def test_a_book_is_bounded_and_what_is_over_makes_room() -> None:
    book = SilenceBook.of(replace(DEPTH, comment=f"{number}") for number in range(MOST_SILENCES))
    with pytest.raises(TooManySilences, match="there may be at most 1000 silences, not 1001"):
        book.add(DEPTH, 0)
    assert len(book.add(replace(DEPTH, ends=500), 250)) == 1


FILE = """
[[silences]]
metric = ["latency*", "errors"]
key = "checkout"
starts = 2026-11-27T18:00:00Z
ends = 2026-11-27T22:00:00+01:00
author = "kim"
comment = "load test"

[[silences]]
fingerprint = ["9f2c0a1b2c3d4e5f"]
starts = 2026-11-27T18:00:00Z
ends = 2026-12-27T18:00:00Z
author = "kim"
comment = "known, see the ticket"
"""


def test_a_file_holds_a_table_each() -> None:
    first, second = read_silences(FILE, "silences.toml")
    assert (first.metric, first.key, first.ends - first.starts) == (("latency*", "errors"), ("checkout",), 3 * 3600)
    assert second.fingerprint == ("9f2c0a1b2c3d4e5f",)
    assert list(read_silences("", "silences.toml")) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[[silences", "is no TOML: "),
        ("silence = 1", '"silence" is unknown: silences stand in tables'),
        ("silences = 1", r"silences is a list of tables: write \[\[silences\]\], in two brackets"),
        ("silences = [1]", "silence 1: is a table, not 1"),
        (FILE.replace("metric", "metrics"), 'silence 1: "metrics" is unknown: did you mean "metric"'),
        (FILE.replace("starts = ", "begins = "), "silence 2: starts is missing: write one, such as 2026-11-27T18"),
        (FILE.replace("22:00:00+01:00", "22:00:00"), "silence 1: ends is no moment with its time zone but '2026-11-27"),
        (FILE.replace('author = "kim"', "author = 3"), "silence 1: author is missing: write who silences, and why"),
        (FILE.replace('"checkout"', "[3]"), r"silence 1: key is a list of texts, not \[3\]"),
        (FILE.replace("2026-12-27", "2026-10-27"), "silence 2: ends must be later than starts"),
        ("\n".join([FILE.replace("kim", str(n)) for n in range(501)]), "at most 1000 silences, not 1002"),
    ],
)
def test_a_file_that_is_none_says_where_and_why(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"silences.toml(.|\n)*{message}"):
        read_silences(text, "silences.toml")
