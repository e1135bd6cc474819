from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import crackle_stream.sinks as package
from crackle_stream.sinks.options import (
    AlertmanagerOptions,
    AppriseOptions,
    FileOptions,
    KafkaSinkOptions,
    LogOptions,
    MemoryOptions,
    StdoutOptions,
    WebhookOptions,
)


def test_the_public_names_are_sorted_complete_and_importable() -> None:
    assert package.__all__ == sorted(package.__all__)
    assert set(package.__all__) == set(package.MODULES)
    for name in package.__all__:
        assert getattr(package, name).__name__ == name
    assert set(package.__all__) <= set(dir(package))


def test_a_name_that_is_not_there_says_so() -> None:
    with pytest.raises(AttributeError, match=r"module 'crackle_stream\.sinks' has no attribute 'PigeonSink'"):
        _ = package.PigeonSink


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import crackle_stream.sinks", ["httpx2", "httpcore2", "structlog", "msgspec", "standardwebhooks", "numpy"]),
        (
            "from crackle_stream.sinks import StdoutSink, FileSink",
            ["httpx2", "httpcore2", "standardwebhooks", "structlog"],
        ),
        ("from crackle_stream.sinks import WebhookSink", ["aiokafka", "structlog", "rich"]),
    ],
)
def test_a_sink_is_loaded_when_it_is_named(statement: str, absent: list[str]) -> None:
    script = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(absent).isdisjoint(done.stdout.split())


@pytest.mark.parametrize(
    ("sink", "options"),
    [
        (package.AlertmanagerSink, AlertmanagerOptions),
        (package.AppriseSink, AppriseOptions),
        (package.FileSink, FileOptions),
        (package.KafkaSink, KafkaSinkOptions),
        (package.LogSink, LogOptions),
        (package.MemorySink, MemoryOptions),
        (package.StdoutSink, StdoutOptions),
        (package.WebhookSink, WebhookOptions),
    ],
)
def test_every_sink_takes_options_a_name_and_fields(sink: type[object], options: type[object]) -> None:
    parameters = list(inspect.signature(sink).parameters.values())
    assert parameters[0].kind is inspect.Parameter.POSITIONAL_ONLY
    assert parameters[-1].kind is inspect.Parameter.VAR_KEYWORD
    assert options.__name__ in str(parameters[0].annotation)
    assert inspect.signature(sink).parameters["name"].default == sink.__name__.removesuffix("Sink").lower()
