"""`crackle-stream init`: a first configuration, from a look at the stream."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit

if TYPE_CHECKING:
    from crackle_stream.app.starting.sampling import Sample

__all__ = ["begin_configuration"]

NOTHING_TO_LOOK_AT = """there is nothing to look at. Give it one of these:
  crackle-stream init tasks.jsonl                       a file of JSON lines
  head -1000 tasks.jsonl | crackle-stream init -        the same on a pipe
  crackle-stream init --kafka localhost:9092/results    a Kafka topic"""


@reported
def begin_configuration(
    file: Annotated[
        Path | None, typer.Argument(help="JSON lines of the stream, also .gz; - for standard input.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="PATH", help="Where it is written.")] = Path(
        "crackle.toml"
    ),
    kafka: Annotated[
        str | None, typer.Option(metavar="HOST:PORT,.../TOPIC", help="Look at the last records of a topic.")
    ] = None,
    records: Annotated[int, typer.Option(metavar="N", min=1, help="Most records to look at.")] = 2000,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> Exit:
    """Look at some records of a stream, and write a configuration that says why each key is as it is.

    Finds what names a task, when it ended, what ran it, and what sort of number each metric is. A topic is read
    without a group, and nothing is committed. On a terminal, and with nothing named, it asks.
    """
    # what only this command needs must not cost `--help` its time
    from crackle_stream.app.config import load
    from crackle_stream.app.starting.looking import look_at
    from crackle_stream.app.starting.writing import as_toml

    if file is not None and kafka is not None:
        raise typer.BadParameter("records are looked at in a file or in a topic, not in both", param_hint="--kafka")
    if output.exists() and not force:
        raise typer.BadParameter(f"{output} is there: name another file, or --force", param_hint="--output")
    sample = _sample(file, kafka, records)
    if sample is None:
        typer.echo(f"Error: {NOTHING_TO_LOOK_AT}", err=True)
        return Exit.USAGE
    look = look_at(sample)
    try:
        output.write_text(as_toml(look), encoding="utf-8")
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error
    load(output)
    for chosen, role in ((look.label, "label"), (look.time, "time")):
        typer.echo(f"{role}: {'none found' if chosen is None else f'{chosen.path} ({chosen.why})'}")
    typer.echo(f"metrics: {len(look.metrics)}, of {look.records:,} records")
    typer.echo(f"written: {output}; next: crackle-stream check {output}")
    return Exit.DONE


def _sample(file: Path | None, kafka: str | None, records: int) -> "Sample | None":
    """What is named; what a person on a terminal names; or what a pipe brings."""
    import sys

    from crackle_stream.app.starting.sampling import of_file, of_stdin

    if kafka is not None:
        return _topic(kafka, records)
    if file is not None and str(file) != "-":
        return of_file(file, records)
    if sys.stdin is None or not sys.stdin.isatty():
        return of_stdin(records)
    return None if file is not None else _asked(records)


def _topic(text: str, records: int) -> "Sample":
    from crackle_stream.app.starting.sampling import of_topic

    brokers, slash, topic = text.rpartition("/")
    if not slash or not brokers or not topic:
        problem = f'write brokers and topic, such as "localhost:9092/task-results", not {text!r}'
        raise typer.BadParameter(problem, param_hint="--kafka")
    return of_topic(brokers, topic, records)


def _asked(records: int) -> "Sample | None":
    """Ask for a file or a topic; None where neither is named."""
    from crackle_stream.app.starting.sampling import of_file

    named = typer.prompt("A file of JSON lines, or HOST:PORT/TOPIC of Kafka", default="", show_default=False).strip()
    if not named:
        return None
    brokers, _, topic = named.rpartition("/")
    is_topic = ":" in brokers and bool(topic) and not Path(named).exists()
    return _topic(named, records) if is_topic else of_file(Path(named), records)
