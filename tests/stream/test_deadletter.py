"""What cannot be used is kept with its place and its reason, and too much of it stops the stream."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from sample_alerts import an_alert

from crackle_stream.errors import ConfigError, DeadLettersUnavailable, SinkUnavailable, TooManyRejects
from crackle_stream.model import Partition, Position, Reject
from crackle_stream.sinks.producer import Message, ProducerLike
from crackle_stream.stream.deadletter import (
    EXCERPT_BYTES,
    Ceiling,
    DeadLetterFile,
    DeadLetterTopic,
    Undertaker,
    alert_letter,
    record_letter,
)
from crackle_stream.stream.events import AlertBuried, DeadLetterFailed, Event


def reject(offset: int, payload: bytes = b"not json") -> Reject:
    return Reject(Position(Partition("results", 3), offset), "is no JSON", payload)


class Brokers(ProducerLike):
    """A producer that fails as often as it is told to."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sent: list[tuple[str, Message]] = []
        self.log: list[str] = []

    async def start(self) -> None:
        self.log.append("start")

    async def send(self, topic: str, messages: Sequence[Message]) -> None:
        if self.failures:
            self.failures -= 1
            raise SinkUnavailable("kafka", "no answer")
        self.sent += [(topic, message) for message in messages]

    async def stop(self) -> None:
        self.log.append("stop")


def test_a_records_letter_says_where_it_stands_what_is_wrong_and_shows_its_beginning() -> None:
    letter = record_letter(reject(17, b"x" * 5000), at=12.5)
    assert {key: letter[key] for key in ("what", "topic", "partition", "offset", "problem", "bytes", "at")} == {
        "what": "record", "topic": "results", "partition": 3, "offset": 17, "problem": "is no JSON", "bytes": 5000,
        "at": 12.5,
    }  # fmt: skip
    assert letter["position"] == "results[3]:17"
    assert len(str(letter["excerpt_base64"])) == -(-EXCERPT_BYTES // 3) * 4


def test_an_alerts_letter_holds_the_whole_alert_and_the_sink_that_refused_it() -> None:
    alert = an_alert()
    letter = alert_letter(alert, "pager", "401", at=0.0)
    assert letter["alert"] == alert.to_dict()
    assert (letter["what"], letter["sink"], letter["problem"]) == ("alert", "pager", "401")
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("task-results", 3, 18234)


async def test_letters_to_a_topic_are_json_keyed_by_place_and_say_so() -> None:
    brokers = Brokers()
    topic = DeadLetterTopic(brokers, "dead")
    await topic.open()
    await topic.write([record_letter(reject(1), 0.0), record_letter(reject(2), 0.0)])
    await topic.close()
    assert [(name, message.key) for name, message in brokers.sent] == [
        ("dead", b"results[3]:1"),
        ("dead", b"results[3]:2"),
    ]
    assert json.loads(brokers.sent[0][1].value)["offset"] == 1
    assert brokers.sent[0][1].headers == (("content-type", b"application/json"),)
    assert brokers.log == ["start", "stop"]


async def test_a_letter_is_written_until_it_is_safe_and_each_failure_is_told() -> None:
    seen, waits = list[Event](), list[float]()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    brokers = Brokers(failures=2)
    letters = DeadLetterTopic(brokers, "dead")
    undertaker = Undertaker(letters, now=lambda: 0.0, emit=seen.append, sleep=sleep)
    assert await undertaker.bury_alerts("pager", "410 Gone", [an_alert()])
    failures = [event for event in seen if isinstance(event, DeadLetterFailed)]
    assert [event.problem for event in failures] == [
        "dead letters cannot be kept in topic dead: sink kafka: no answer"
    ] * 2
    assert [event.sink for event in seen if isinstance(event, AlertBuried)] == ["pager"]
    assert (waits, len(brokers.sent)) == ([5.0, 5.0], 1)


async def test_without_dead_letters_nothing_is_kept_and_that_is_said() -> None:
    undertaker = Undertaker(None, now=lambda: 0.0, emit=lambda event: None)
    assert not await undertaker.bury_alerts("pager", "410", [an_alert()])
    await undertaker.bury_records([reject(1)])


async def test_a_file_that_cannot_be_written_is_a_problem_of_the_configuration_first_and_may_pass_later(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    letters = DeadLetterFile(tmp_path / "file" / "letters")
    with pytest.raises(ConfigError, match=r"dead_letters: 1 problem\n  path .*letters cannot be written"):
        await letters.open()
    with pytest.raises(DeadLettersUnavailable, match=r"dead letters cannot be kept in .*letters"):
        await letters.write([record_letter(reject(1), 0.0)])


def test_more_than_half_of_the_last_thousand_records_is_too_many() -> None:
    ceiling = Ceiling()
    for batch in range(10):
        ceiling.see(100, [reject(batch * 100 + row) for row in range(50)])
    cure = (
        r"501 of the last 1000 records could not be read, more than the 50% that dead_letters.max_share allows; "
        r"the last one: results\[3\]:1050: is no JSON. Is this the right topic"
    )
    with pytest.raises(TooManyRejects, match=cure):
        ceiling.see(100, [reject(1000 + row) for row in range(51)])


def test_nothing_is_judged_before_a_thousand_records_were_read() -> None:
    ceiling = Ceiling()
    for _ in range(9):
        ceiling.see(111, [reject(row) for row in range(111)])
    with pytest.raises(TooManyRejects, match="1000 of the last 1000"):
        ceiling.see(1, [reject(9)])


def test_only_the_last_records_count() -> None:
    ceiling = Ceiling(0.5, 100)
    for _ in range(1000):
        ceiling.see(50, [])
    ceiling.see(50, [reject(row) for row in range(50)])
    with pytest.raises(TooManyRejects):
        ceiling.see(50, [reject(1)])


def test_a_ceiling_of_all_records_never_objects() -> None:
    ceiling = Ceiling(1.0, 10)
    for _ in range(100):
        ceiling.see(10, [reject(row) for row in range(10)])
