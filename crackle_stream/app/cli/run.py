"""`crackle-stream run`: the stream, until it ends or a signal comes."""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackle_stream import __version__
from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit, FailOn
from crackle_stream.model import PatternKind, Severity, did_you_mean

if TYPE_CHECKING:
    from crackle_stream.app.config import Configuration

__all__ = ["fail_on_words", "run_stream"]


class Format(StrEnum):
    """How alerts are printed."""

    JSON = "json"
    CARD = "card"


class Rate(StrEnum):
    """Sensitivities of the threshold detectors."""

    FAST = "fast"
    NORMAL = "normal"
    SLOW = "slow"


RECORDS = {".jsonl", ".ndjson", ".json", ".gz"}
"""Endings of files that are no configuration."""

AT_HAND = frozenset({"stdin", "file", "memory"})
"""Sources that nobody has to wait for."""

DEFAULT_BROKER = "localhost:9092"

NOTHING_TO_READ = """there is nothing to read. Give it one of these:
  crackle-stream run < tasks.jsonl            records on standard input, one JSON object a line
  crackle-stream run --input tasks.jsonl.gz   a file of them
  crackle-stream run --topic task-results     a Kafka topic
  crackle-stream run crackle.toml             whatever the configuration says
or see what it does: crackle-stream demo"""


@reported
def run_stream(
    config: Annotated[
        Path | None, typer.Argument(help="A TOML file; without one, records come from standard input.")
    ] = None,
    input_: Annotated[
        Path | None, typer.Option("--input", "-i", metavar="PATH", help="Read JSON lines from a file, also .gz.")
    ] = None,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", "-t", metavar="NAME", help="Read a Kafka topic; may be repeated.")
    ] = None,
    brokers: Annotated[
        str | None, typer.Option("--brokers", "-b", metavar="HOST:PORT,...", help="Kafka brokers [localhost:9092].")
    ] = None,
    group: Annotated[
        str | None, typer.Option("--group", "-g", metavar="NAME", help="Kafka consumer group [crackle-stream].")
    ] = None,
    every_tasks: Annotated[str | None, typer.Option(metavar="N", help="End a window every N tasks [500].")] = None,
    every_seconds: Annotated[
        str | None, typer.Option(metavar="DURATION", help="End a window every so often, such as 5m [30s].")
    ] = None,
    rate: Annotated[Rate | None, typer.Option(help="Sensitivity of the threshold family [normal].")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first record that cannot be read.")] = False,
    output: Annotated[
        Format | None,
        typer.Option("--format", help="Print alerts as JSON lines, or as cards to read [cards on a terminal]."),
    ] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on", metavar="any|KIND|SEVERITY", help="Exit with 3 if such a pattern is found; may be repeated."
        ),
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override any setting, such as kiln.capacity=5000."),
    ] = None,
    verbose: Annotated[
        int, typer.Option("--verbose", "-v", count=True, show_default=False, help="Log every window and delivery.")
    ] = 0,
    uvloop: Annotated[
        bool, typer.Option("--uvloop/--no-uvloop", show_default=False, help="Run on uvloop, which must be installed.")
    ] = False,
) -> Exit:
    """Read task results, find patterns, send alerts.

    Alerts go to standard output, one JSON object a line, unless the configuration names other sinks. Logs go to
    standard error. Variables CRACKLE__SECTION__KEY override the file, options override both.
    """
    if config is not None and config.suffix in RECORDS:
        problem = f"{config} holds records: crackle-stream run --input {config}"
        raise typer.BadParameter(problem, param_hint="config")
    # what is imported here would cost `--help` its time
    from crackle_stream.app.cli.settings import configured, overriding

    options = {
        **_reading(config, input_, topic, brokers, group),
        "--every-tasks": ("kiln.every_tasks", every_tasks),
        "--every-seconds": ("kiln.every_seconds", every_seconds),
        "--rate": ("profile.rate", rate),
        "--strict": ("decode.strict", strict or None),
    }
    configuration = configured(config, settings=setting, options=overriding(options))
    if config is None and configuration.source.plugin.name == "stdin" and sys.stdin is not None and sys.stdin.isatty():
        typer.echo(f"Error: {NOTHING_TO_READ}", err=True)
        return Exit.USAGE
    if output is not None:
        configuration = _printing(configuration, output)
    return _started(configuration, fail_on_words(fail_on or [], configuration), verbosity=verbose, uvloop=uvloop)


def _reading(
    config: Path | None, path: Path | None, topics: list[str] | None, brokers: str | None, group: str | None
) -> Mapping[str, tuple[str, object]]:
    """What the options say about the source."""
    kafka = topics or brokers or group
    if path is not None and kafka:
        raise typer.BadParameter("records come from a file or from Kafka, not from both", param_hint="--input")
    if path is not None:
        return {"--input": ("source.kind", "file"), "--input PATH": ("source.path", path)}
    if not kafka:
        return {}
    if brokers is None and config is None and "CRACKLE__SOURCE__BROKERS" not in os.environ:
        brokers = DEFAULT_BROKER
    return {
        "--topic/--brokers/--group": ("source.kind", "kafka"),
        "--topic": ("source.topics", topics or None),
        "--brokers": ("source.brokers", brokers),
        "--group": ("source.group", group),
    }


def _printing(configuration: "Configuration", output: Format) -> "Configuration":
    """The configuration with standard output in a format."""
    printed = [sink for sink in configuration.sinks if sink.component.plugin.name == "stdout"]
    if not printed:
        raise typer.BadParameter("no sink of kind stdout is configured", param_hint="--format")
    sinks = [sink.formatted(output) if sink in printed else sink for sink in configuration.sinks]
    return replace(configuration, sinks=tuple(sinks))


def fail_on_words(words: list[str], configuration: "Configuration") -> FailOn:
    """What `--fail-on` names, where it can mean anything: a third party's detector has kinds of its own.

    Raises:
        typer.BadParameter: a word is no kind and no severity.
    """
    known = ("any", *Severity, *PatternKind)
    for word in words:
        if word not in known and not configuration.detectors:
            raise typer.BadParameter(
                f'"{word}" is no kind and no severity: {did_you_mean(word, known)}', param_hint="--fail-on"
            )
    return FailOn(tuple(words))


def _started(configuration: "Configuration", fail_on: FailOn, *, verbosity: int, uvloop: bool) -> Exit:
    if uvloop and find_spec("uvloop") is None:
        raise typer.BadParameter("it is not installed: pip install uvloop", param_hint="--uvloop")
    # everything a stream needs is loaded here, before its first record and on no event loop
    from crackle_stream.app.logs import configure

    configure(sys.stderr, verbosity=verbosity)
    _say_begun(configuration)
    from crackle_stream.app.running import run_pipeline

    return run_pipeline(configuration, fail_on=fail_on, uvloop=uvloop)


def _say_begun(configuration: "Configuration") -> None:
    """A sign of life before a second of imports, where a source may have to be waited for; a pipe is there at once."""
    from structlog import get_logger

    source = configuration.source.plugin.name
    if source not in AT_HAND:
        get_logger().info("process.started", version=__version__, source=source, pid=os.getpid())
