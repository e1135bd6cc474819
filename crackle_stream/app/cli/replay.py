"""`crackle-stream replay`: what would have been raised, and when."""

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.cli.run import fail_on_words
from crackle_stream.app.exits import Exit

if TYPE_CHECKING:
    from crackle_stream.app.config import Configuration
    from crackle_stream.app.replay.comparison import Comparison
    from crackle_stream.app.replay.rehearsal import Rehearsal

__all__ = ["replay_stream"]

SECOND = " (second)"
"""What tells two configurations of one name apart."""


class Output(StrEnum):
    """How what was found is printed."""

    TABLE = "table"
    JSON = "json"


@reported
def replay_stream(
    what: Annotated[
        str,
        typer.Argument(
            metavar="FILE|kafka://HOST:PORT/TOPIC",
            help="JSON lines, also .gz; or a topic, with ?partition=N&from=OFFSET|TIME&to=OFFSET|TIME.",
            show_default=False,
        ),
    ],
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="TOML", help="What to rehearse.", show_default=False)
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting of it, such as kiln.capacity=5000."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="TOML", help="Another one over the same records: what is the difference?"),
    ] = None,
    output: Annotated[
        Output | None, typer.Option("--format", help="A table, or JSON lines [a table on a terminal].")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="HTML", help="Write a page with a timeline and the cards.")
    ] = None,
    expect: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Exit with 3 if it gives something else than this file says.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the file of --expect instead.")] = False,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-on", metavar="any|KIND|SEVERITY", help="Exit with 3 if such a pattern is found; may be repeated."
        ),
    ] = None,
) -> Exit:
    """Rehearse: the live pipeline over records that are there already, at full speed.

    Says what would have been raised, when, and to which sinks it would have gone. Nothing is delivered, kept or
    committed; times are the stream's own.
    """
    if write and expect is None:
        raise typer.BadParameter("says to write the file of --expect: name it", param_hint="--write")
    # what only this command needs must not cost `--help` its time; so below
    from crackle_stream.app.cli.settings import configured

    first = configured(config, settings=setting)
    second = None if against is None else configured(against, settings=None)
    gate = fail_on_words(fail_on or [], first)
    rehearsals = _played(what, [first] if second is None else [first, second])

    from crackle_stream.app.replay.comparison import compared

    names = (_name(first), _name(second, beside=_name(first)))
    comparison = None if second is None else compared(names, *rehearsals)
    _print(rehearsals[0], comparison, output)
    if report is not None:
        _report(report, what, [first] if second is None else [first, second], rehearsals[0], comparison)
    differs = expect is not None and _differs(expect, rehearsals[0], write=write)
    return Exit.FOUND if differs or any(gate.names(life.alert) for life in rehearsals[0].lives) else Exit.DONE


def _name(configuration: "Configuration | None", beside: str = "") -> str:
    name = "" if configuration is None else configuration.origin
    return f"{name}{SECOND}" if name == beside else name


def _played(what: str, configurations: Iterable["Configuration"]) -> "list[Rehearsal]":
    """What comes of each configuration over the same records."""
    from crackle_stream.app.logs import configure
    from crackle_stream.app.replay.place import place_of
    from crackle_stream.app.replay.playing import bar_on, play
    from crackle_stream.app.replay.recording import recording_of

    try:
        place = place_of(what)
    except ValueError as error:
        raise typer.BadParameter(f"{what} {error}") from error
    wanted = list(configurations)
    recording = recording_of(place, wanted[0])
    with bar_on(sys.stderr) as bar:
        configure(sys.stderr, quiet=True)
        return [play(each, recording, bar(each.origin)) for each in wanted]


def _print(rehearsal: "Rehearsal", comparison: "Comparison | None", output: Output | None) -> None:
    if output is None:
        output = Output.TABLE if sys.stdout.isatty() else Output.JSON
    if output is Output.TABLE:
        from crackle_stream.app.replay.table import print_comparison, print_rehearsal

        if comparison is None:
            print_rehearsal(rehearsal, sys.stdout)
        else:
            print_comparison(comparison, sys.stdout)
        return
    from crackle_stream.app.replay.lines import comparison_lines, rehearsal_lines

    for line in rehearsal_lines(rehearsal) if comparison is None else comparison_lines(comparison):
        typer.echo(line)


def _report(
    path: Path,
    what: str,
    configurations: Iterable["Configuration"],
    rehearsal: "Rehearsal",
    comparison: "Comparison | None",
) -> None:
    from crackle_stream.app.outline import outline
    from crackle_stream.app.replay.command import shown_command
    from crackle_stream.app.replay.report import Made, report, write_report

    outlines = tuple([line for line in outline(each) if line[0] != "source"] for each in configurations)
    write_report(path, report(Made(what, shown_command(sys.argv[1:]), outlines), rehearsal, comparison))


def _differs(path: Path, rehearsal: "Rehearsal", *, write: bool) -> bool:
    """Whether the rehearsal gave something else than is expected; says what."""
    from crackle_stream.app.replay.golden import differences, golden, read_golden, write_golden

    found = golden(rehearsal)
    if write:
        write_golden(path, found)
        return False
    told = differences(read_golden(path), found)
    if told:
        typer.echo(f"{path}: this replay gave something else, --write takes it over:", err=True)
        typer.echo("".join(f"  {line}\n" for line in told), err=True, nl=False)
    return bool(told)
