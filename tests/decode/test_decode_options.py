from __future__ import annotations

import subprocess
import sys

import pytest

from crackle_stream.decode import DecodeOptions
from crackle_stream.errors import ConfigError


def test_the_defaults_are_those_documented() -> None:
    options = DecodeOptions()
    assert (options.label, options.time, options.key, options.include, options.exclude) == (None, None, (), (), ())
    assert (options.max_record_bytes, options.max_metrics, options.max_name_length) == (2**20, 256, 128)
    assert (options.max_label_length, options.max_depth) == (256, 32)


def test_lists_and_single_texts_become_tuples_and_sizes_become_bytes() -> None:
    options = DecodeOptions(
        key="service",  # type: ignore[arg-type]
        include=["metrics.*", "cpu"],  # type: ignore[arg-type]
        max_record_bytes="64KiB",  # type: ignore[arg-type]
    )
    assert (options.key, options.include, options.max_record_bytes) == (("service",), ("metrics.*", "cpu"), 65_536)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        DecodeOptions(
            label="",
            time=3,  # type: ignore[arg-type]
            key=5,  # type: ignore[arg-type]
            exclude=("",),
            max_record_bytes=0,
            max_metrics=0,
            max_name_length=-1,
            max_label_length=True,
            max_depth=101,
        )
    assert caught.value.problems == (
        "label is text that is not empty, not ''",
        "time is text that is not empty, not 3",
        "key is a list of texts, not 5",
        "exclude is text that is not empty, not ''",
        "max_record_bytes must be at least 1 byte, not 0",
        "max_metrics is a whole number of at least 1, not 0",
        "max_name_length is a whole number of at least 1, not -1",
        "max_label_length is a whole number of at least 1, not True",
        "max_depth is at most 100, not 101",
    )


def test_options_and_expressions_are_checked_without_numpy_and_msgspec() -> None:
    program = (
        "import sys\n"
        "from crackle_stream.decode import DecodeOptions\n"
        "from crackle_stream.glaze import Expression, GlazeLayer, check_expressions\n"
        "DecodeOptions(label='task'); Expression.parse('a / b')\n"
        "print([name for name in ('numpy', 'msgspec', 'aiokafka') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_an_unknown_name_of_the_packages_is_an_attribute_error() -> None:
    import crackle_stream.decode
    import crackle_stream.glaze

    for package in (crackle_stream.decode, crackle_stream.glaze):
        with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
            _ = package.nonsense
