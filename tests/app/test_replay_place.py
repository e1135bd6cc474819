"""What `crackle-stream replay` is given: files, and stretches of topics."""

import shlex
from pathlib import Path

import pytest

from crackle_stream.app.replay.command import shown_command
from crackle_stream.app.replay.place import LogPlace, place_of
from crackle_stream.model import Partition, Span
from crackle_stream.render.replay import replay_command
from crackle_stream.sources.stretch import Stretch


def test_everything_that_is_no_address_is_a_file() -> None:
    assert place_of("tasks.jsonl") == Path("tasks.jsonl")
    assert place_of("./-odd.jsonl") == Path("-odd.jsonl")


def test_a_topic_has_brokers_and_may_have_a_partition_and_two_ends() -> None:
    assert place_of("kafka://[::1]:9092,b:9092/a.b-c?partition=3&from=100&to=599") == LogPlace(
        ("[::1]:9092", "b:9092"), Stretch("a.b-c", 3, 100, 599)
    )
    assert place_of("kafka://a:9092/results") == LogPlace(("a:9092",), Stretch("results"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-05", 1767571200.0),
        ("2026-01-05T14:00:00Z", 1767621600.0),
        ("2026-01-05T14:00", 1767621600.0),
        ("2026-01-05T15:00:00+01:00", 1767621600.0),
        ("2026-01-05T15:00:00%2B01:00", 1767621600.0),
    ],
)
def test_an_end_may_be_a_time_which_is_in_utc_where_it_does_not_say(text: str, seconds: float) -> None:
    place = place_of(f"kafka://a:9092/results?from={text}")
    assert isinstance(place, LogPlace)
    assert place.stretch.first == seconds
    assert isinstance(place.stretch.first, float), "an offset would be read otherwise"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kafka://a:9092/", "names no topic but '': write kafka://localhost:9092/task-results?partition=0"),
        ("kafka://a:9092/no%20topic", "names no topic but 'no topic'"),
        ("kafka://me:secret@a:9092/t", "holds a name or a password: they belong into [source] of a file"),
        ("kafka://a:9092/t?form=1", 'has "form", which means nothing here: did you mean "from"?'),
        ("kafka://a:9092/t?to=1&to=2", 'has "to" twice: keep one'),
        ("kafka://a:9092/t?partition=-1", "has partition=-1: write its number, such as partition=0"),
        ("kafka://a:9092/t?from=-1", "has from=-1: write an offset, such as 1000, or a time"),
        ("kafka://a:9092/t?to=yesterday", "has to=yesterday: write an offset"),
        ("kafka://a:9092/t?to=1960-01-01", "has to=1960-01-01: write an offset"),
    ],
)
def test_what_cannot_be_read_says_why_and_what_to_write(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:
        place_of(text)
    assert problem in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("topic", ["results", "a.b_c-d"])
def test_what_a_card_prints_is_read_as_the_stretch_it_means(topic: str) -> None:
    program, command, argument = shlex.split(replay_command([Span(Partition(topic, 3), 100, 599)]))
    assert (program, command) == ("crackle-stream", "replay")
    assert place_of(argument) == LogPlace((), Stretch(topic, 3, 100, 599))


def test_a_card_of_a_file_names_it_so_that_no_name_is_an_option() -> None:
    assert replay_command([Span(Partition("a b.jsonl"), 0, 9)]) == "crackle-stream replay 'a b.jsonl'"
    assert replay_command([Span(Partition("-x.jsonl"), 0, 9)]) == "crackle-stream replay ./-x.jsonl"


def test_a_command_is_shown_without_what_sinks_and_sources_keep_secret() -> None:
    typed = ["replay", "t.jsonl", "--set", "sinks.pager.secret=hush", "--set=source.sasl_password=hush", "-c", "a.toml"]
    typed += ["--set", "kiln.capacity=500"]
    assert shown_command(typed) == (
        "crackle-stream replay t.jsonl --set 'sinks.pager.secret=***' --set 'source.sasl_password=***' -c a.toml "
        "--set kiln.capacity=500"
    )
