"""Metrics objects of so many names that no type knows them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from decode_outcomes import one_by_one, outcomes

from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.decode.learner import SAMPLES


@pytest.mark.parametrize(
    "options",
    [
        DecodeOptions(),
        DecodeOptions(label="metrics.job"),
        DecodeOptions(key=("metrics.n",)),
        DecodeOptions(time="metrics.n", exclude=("m1*",)),
    ],
)
@pytest.mark.parametrize("outside", [{}, {"metrics.n": 5}, {"n": 5}, {"job": "a"}])
def test_what_stands_in_an_open_metrics_object_may_serve_or_collide(
    options: DecodeOptions, outside: dict[str, Any]
) -> None:
    def record(i: int) -> dict[str, Any]:
        return {**outside, "metrics": {"n": i, **{f"m{(6 * i + k) % 300}": k for k in range(6)}}}

    swapped = [{"metrics": {"n": 3, "m1": 1}, **outside}, {"metrics": {"job": "b", "n": 3}, **outside}, outside]
    payloads = [json.dumps(each).encode() for each in [*map(record, range(SAMPLES + 10)), *swapped, record(1)]]
    decoder = Decoder(options)
    found = outcomes(decoder, 0, payloads[:SAMPLES]) | outcomes(decoder, SAMPLES, payloads[SAMPLES:])
    assert found == one_by_one(options, payloads)


def test_records_of_an_open_metrics_object_keep_to_the_limits() -> None:
    options = DecodeOptions(max_metrics=8, max_name_length=6)

    def record(i: int) -> dict[str, Any]:
        return {"label": "a", "metrics": {f"m{(6 * i + k) % 300}": k for k in range(6)}, "load": 1}

    odd: list[dict[str, Any]] = [
        {"label": "a", "metrics": {f"n{k}": k for k in range(9)}},
        {"label": "a", "metrics": {f"n{k}": k for k in range(7)}, "load": 1},
        {"label": "a", "metrics": {**{f"n{k}": k for k in range(7)}, "load": 2}, "load": 1},
        {"label": "a", "metrics": {"load": 2}, "load": 1},
        {"label": "a", "metrics": {"n" * 7: 1}},
        {"label": "a", "metrics": {"n": 1e300, "m": -1e300}},
        {"label": "a", "metrics": {"n": 1.1e300}},
        {"label": "a", "metrics": {"n": 1, "m": -1.1e300}},
        {"label": "a", "metrics": {"n": True, "m": 1}},
        {"label": "a", "metrics": {"n": None, "m": 1}},
        {"label": "a", "metrics": {"n": {"m": 1}}},
        {"label": "a", "metrics": {}},
        {"label": "a", "metrics": {}, "load": 1},
        {"label": "a", "load": 1},
        {"label": "a", "metrics": 3},
        {"label": "a"},
    ]
    payloads = [json.dumps(each).encode() for each in [*map(record, range(SAMPLES + 10)), *odd, record(1)]]
    decoder = Decoder(options)
    found = outcomes(decoder, 0, payloads[:SAMPLES]) | outcomes(decoder, SAMPLES, payloads[SAMPLES:])
    assert found == one_by_one(options, payloads)
