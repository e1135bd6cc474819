"""The crate's own figures on fixed inputs; its transfer entropy, always 0, is not among them."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from crackle_stream import information

GOLDEN = Path(__file__).parents[1] / "detect" / "crate_golden.json"
CASES: list[dict[str, Any]] = json.loads(GOLDEN.read_text())["information"]
ONE_SAMPLE = {"entropy", "permutation_entropy"}


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{k}-{case['fn']}") for k, case in enumerate(CASES)])
def test_every_figure_of_the_crate_comes_out_equal(case: dict[str, Any]) -> None:
    function = getattr(information, case["fn"])
    samples = (case["x"],) if case["fn"] in ONE_SAMPLE else (case["x"], case["y"])

    actual = function(*samples, case["bins"])

    expected = math.inf if case["value"] == "inf" else case["value"]
    assert actual == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_cases_cover_every_function_the_crate_gets_right() -> None:
    counts = Counter(case["fn"] for case in CASES)
    assert set(counts) == {
        "entropy",
        "joint_entropy",
        "mutual_information",
        "kl_divergence",
        "jsd",
        "permutation_entropy",
    }
    assert any(case["value"] == "inf" for case in CASES)
