from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from crackle_stream.sinks.wire import to_json


def test_scalars_of_numpy_are_plain_values() -> None:
    value = {"f": np.float64(1.5), "g": np.float32(0.5), "i": np.int64(3), "b": np.bool_(True), "n": np.float64("nan")}
    assert json.loads(to_json(value)) == {"f": 1.5, "g": 0.5, "i": 3, "b": True, "n": None}


def test_other_numbers_become_floats() -> None:
    assert to_json([Fraction(1, 4)]) == b"[0.25]"


def test_nan_and_infinities_become_null() -> None:
    assert to_json([float("nan"), float("inf"), -float("inf"), 1e308]) == b"[null,null,null,1e308]"


def test_broken_unicode_is_written_out_wherever_it_stands() -> None:
    value = {"k\udc80": ["a\ud800", ("ü",)], "x": 1.0, "y": None}
    assert json.loads(to_json(value)) == {r"k\udc80": [r"a\ud800", ["ü"]], "x": 1.0, "y": None}


def test_what_is_no_json_is_a_type_error_that_names_it() -> None:
    with pytest.raises(TypeError, match="a object cannot be written as JSON"):
        to_json({"x": object()})


def test_a_line_has_no_line_break_inside() -> None:
    assert b"\n" not in to_json({"a": "x\ny\u2028"})
