"""What the bytes of a large record prove before it is parsed, held to what the parser makes of it."""

from __future__ import annotations

import json

import pytest
from decode_outcomes import one_by_one
from hypothesis import given, settings
from hypothesis import strategies as st

from crackle_stream.decode import DecodeOptions
from crackle_stream.decode import crowded as room
from crackle_stream.decode.crowded import LOOKED_AT_FROM, crowded

NAMES = st.text(st.sampled_from('ab:,{}" .5-'), max_size=4).map(lambda text: text.replace('"', ""))
VALUES = st.one_of(
    st.sampled_from(["1", "-2.5", "3e2", "0", "true", "false", "null", '""', '":5"', '",":1,"', '"a"', '"{"']),
    st.integers(-9, 10**6).map(str),
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=14)
GLUE = st.sampled_from([":", ": "])


def flat(fields: list[tuple[str, str]], glue: str) -> str:
    return "{" + ",".join(f'"{name}"{glue}{value}' for name, value in fields) + "}"


@st.composite
def records(draw: st.DrawFn) -> bytes:
    glue = draw(GLUE)
    text = flat(draw(FIELDS), glue)
    if draw(st.booleans()):
        head = draw(FIELDS)
        name = draw(st.sampled_from(["metrics", "a", "a.b", ""]))
        inner = [*(f'"{field}"{glue}{value}' for field, value in head), f'"{name}"{glue}{text}']
        text = "{" + ",".join(inner) + "}"
    return (text + draw(st.sampled_from(["", " ", "x", "}"]))).encode()


@given(records(), st.integers(1, 6))
@settings(max_examples=600, deadline=None)
def test_what_is_said_to_be_crowded_the_parser_refuses(payload: bytes, limit: int) -> None:
    options = DecodeOptions(max_metrics=limit)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "LOOKED_AT_FROM", 0)
        said = crowded(payload, options)
        patch.setattr(room, "LOOKED_AT_FROM", 2**40)
        outcome = one_by_one(options, [payload])[0]
    assert not said or isinstance(outcome, str), payload


MANY = {f"m{number}": number for number in range(5000)}
LIMITS = DecodeOptions()


@pytest.mark.parametrize(
    "record",
    [MANY, {"label": "t", "metrics": MANY}, {"label": "t", "text": "a:b", "numbers": MANY}],
    ids=["flat", "metrics last", "another object last"],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["dense", "with blanks"])
def test_a_record_of_thousands_of_metrics_is_known_by_its_bytes(
    record: dict[str, object], separators: tuple[str, str]
) -> None:
    payload = json.dumps(record, separators=separators).encode()
    assert crowded(payload, LIMITS)
    assert one_by_one(LIMITS, [payload]) == {0: "more than 256 metrics, the limit (max_metrics)"}


@pytest.mark.parametrize(
    "payload",
    [
        b"{" + b",".join([b'"x":1'] * 20_000) + b"}",
        json.dumps({**MANY, **{f"t{number}": "x" for number in range(5000)}}).encode(),
        json.dumps({"metrics": MANY, "label": "t"}).encode(),
        json.dumps({"rows": [MANY, MANY]}).encode(),
        json.dumps({'quo"te': 1, **MANY}).encode(),
        json.dumps(MANY, indent=1).encode(),
        json.dumps({f"m{number}": number for number in range(250)}).encode().ljust(LOOKED_AT_FROM),
    ],
    ids=["one name", "as many texts", "another field last", "arrays", "escapes", "lines", "within the limit"],
)
def test_of_others_nothing_is_said(payload: bytes) -> None:
    assert len(payload) >= LOOKED_AT_FROM
    assert not crowded(payload, LIMITS)


def test_nothing_is_said_of_small_records_nor_where_metrics_are_chosen() -> None:
    payload = json.dumps(MANY).encode()
    assert not crowded(payload[: LOOKED_AT_FROM - 1], LIMITS)
    assert not crowded(payload, DecodeOptions(include=("m1",)))
    assert not crowded(payload, DecodeOptions(exclude=("m*",)))
