"""What is stored beside an offset comes back as it was, never outgrows a broker's limit, and says what is wrong."""

import base64
import math
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.commit import (
    AlertDigest,
    CommitMetadata,
    Cuts,
    Handover,
    Identity,
    MetadataUnreadable,
    decode,
    encode,
)
from crackle_stream.commit.metadata import MAX_ALERTS, MAX_METADATA_BYTES, VERSION
from crackle_stream.model import Nature, Severity, digest

CLAIMS = st.text("0123456789abcdef", min_size=16, max_size=16)
TEXTS = st.text(max_size=40)
MOMENTS = st.integers(-(2**62), 2**62)
COUNTS = st.integers(0, 2**40)
NUMBERS = st.floats(allow_nan=False)
LEVELS = st.lists(st.tuples(TEXTS, NUMBERS, NUMBERS), max_size=3).map(tuple)
IDENTITIES = st.builds(
    Identity, TEXTS, TEXTS, st.sampled_from(Nature), TEXTS, st.lists(TEXTS, max_size=4).map(tuple), LEVELS
)
ALERTS = st.builds(
    AlertDigest,
    CLAIMS | TEXTS,
    TEXTS,
    st.sampled_from(Severity),
    MOMENTS,
    MOMENTS,
    MOMENTS,
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
    st.integers(0, 10_000),
    st.booleans(),
    st.none() | MOMENTS,
    st.just("") | st.text("0123456789abcdef", min_size=32, max_size=32),
    st.booleans(),
    st.booleans(),
    st.just("") | CLAIMS,
    st.booleans(),
    st.none() | IDENTITIES,
)


@st.composite
def metadata(draw: st.DrawFn, alerts: int = 12, cuts: int = 12) -> CommitMetadata:
    through = draw(st.integers(-1, 2**63 - 1))
    ends = st.lists(st.integers(through + 1, 2**63), max_size=cuts, unique=True).map(sorted).map(tuple)
    return CommitMetadata(
        through,
        draw(st.integers(0, through + 1)),
        draw(st.floats(allow_nan=False)),
        draw(CLAIMS | st.just("")),
        draw(st.text("0123456789abcdef", min_size=8, max_size=8) | st.just("")),
        Cuts(draw(ends), draw(ends)),
        tuple(draw(st.lists(ALERTS, max_size=alerts))),
        draw(COUNTS),
        tuple(draw(st.lists(st.builds(Handover, CLAIMS, st.integers(-1, 2**63)), max_size=4))),
    )


@settings(max_examples=150, deadline=None)
@given(metadata())
def test_what_was_committed_comes_back(stored: CommitMetadata) -> None:
    assert decode(encode(stored)) == stored.fitted()


@settings(max_examples=25, deadline=None)
@given(metadata(alerts=60, cuts=60))
def test_no_metadata_outgrow_the_broker(stored: CommitMetadata) -> None:
    assert len(encode(stored).encode()) <= MAX_METADATA_BYTES
    kept = stored.fitted()
    assert len(kept.alerts) + kept.left_out == len(stored.alerts) + stored.left_out
    assert kept.fitted() == kept


def usual_alerts(count: int, name: str = "latency", name_digits: int = 4) -> tuple[AlertDigest, ...]:
    """Active alerts as a busy service has them: fingerprints at random, hours apart, some said again."""
    return tuple(
        AlertDigest(
            digest([str(number)]),
            severity=Severity.WARNING,
            raised_ms=1_700_000_000_000 - 977_531 * number,
            said_ms=1_700_000_000_000 - 977_531 * number + 14_400_000 * (number % 3),
            seen_ms=1_700_000_000_000 - number % 5 * 30_000,
            windows=1 + 7 * number,
            missed=number % 3,
            repeats=number % 3,
            confidence=9_900 + number % 100,
            identity=Identity(
                "phase transition", "mean", Nature.EVENT, "up", (f"{name}_{digest([str(number)], name_digits)}",)
            ),
        )
        for number in range(count)
    )


def test_a_hundred_and_fifty_alerts_fit_and_no_more_are_kept() -> None:
    stored = CommitMetadata(10**12, 10**12 - 1000, 1.7e9, "0123456789abcdef", alerts=usual_alerts(151)).fitted()
    assert (len(stored.alerts), stored.left_out) == (MAX_ALERTS, 1)


def test_a_few_alerts_keep_what_names_them() -> None:
    stored = CommitMetadata(10**12, 10**12 - 1000, 1.7e9, alerts=usual_alerts(40))
    assert decode(encode(stored)) == stored


def test_names_go_before_alerts_do_and_the_least_important_first() -> None:
    kept = CommitMetadata(10**12, 10**12, alerts=usual_alerts(150, name_digits=40)).fitted().alerts
    named = [alert.identity is not None for alert in kept]
    assert len(kept) == 150
    assert named == sorted(named, reverse=True)
    assert named[0]
    assert not named[-1]


def test_cuts_are_trimmed_from_the_far_end() -> None:
    cuts = Cuts(tuple(range(10, 20_000, 20)), tuple(range(20, 20_000, 20)))
    kept = CommitMetadata(0, 0, cuts=cuts).fitted().cuts
    assert kept.count == 400
    assert (max(kept.extra), max(kept.merged)) == (3990, 4000)


def test_an_empty_text_says_nothing() -> None:
    assert decode("") is None


def signed(packed: bytes, version: str = VERSION) -> str:
    checked = zlib.crc32(packed).to_bytes(4, "big") + packed
    return f"{version}.{base64.b85encode(zlib.compress(checked)).decode()}"


GOOD = encode(CommitMetadata(99, 0, alerts=usual_alerts(2)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("checkpoint-17", "were not written by crackle_stream"),
        ("flink.abc", "were not written by crackle_stream"),
        (GOOD.replace(VERSION, "crackle2"), "are of version '2'; this process knows 1"),
        (GOOD[:-5], "are torn"),
        (GOOD + "00000", "are torn"),
        (f"{VERSION}.~ä", "are torn"),
        (signed(b""), "are torn: it ends too soon"),
        (signed(b"\xff" * 40), "are torn: a number does not end"),
        (signed(b"\x01\x05" + bytes(15)), "are torn: refill_from must be between"),
        (signed(b"\x00\x00" + bytes(8) + bytes(8)), "are torn: 1 bytes too many"),
        (f"{VERSION}.{base64.b85encode(zlib.compress(b'0000x')).decode()}", "its checksum does not fit"),
        (signed(bytes(2**21)), "are torn: it is not whole"),
    ],
)
def test_a_text_that_cannot_be_read_says_why(text: str, message: str) -> None:
    with pytest.raises(MetadataUnreadable, match=message):
        decode(text)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
def test_no_bytes_do_more_than_be_refused(packed: bytes) -> None:
    try:
        decode(signed(packed))
    except MetadataUnreadable as error:
        assert "torn" in str(error)  # noqa: PT017 - most are refused, a few happen to mean something


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"through": -2}, "through must be between -1"),
        ({"refill_from": 101}, "refill_from must be between 0 and 100"),
        ({"claim": "mine"}, "a claim is 16 hexadecimal digits or empty"),
        ({"topic": "results"}, "a topic's mark is 8 hexadecimal digits"),
        ({"stream_time": math.nan}, "stream_time must be a number"),
    ],
)
def test_metadata_that_cannot_be_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CommitMetadata(**({"through": 99, "refill_from": 0} | change))  # type: ignore[arg-type]


def test_a_handover_names_a_claim() -> None:
    with pytest.raises(ValueError, match="a claim is 16 hexadecimal digits"):
        Handover("mine", 3)
