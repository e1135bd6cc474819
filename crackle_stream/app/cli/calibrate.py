"""`crackle-stream calibrate`: false alarms, measured on surrogates of the user's own data."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit

__all__ = ["calibrate_file"]

WINDOWS = 200
"""Of each of the two methods: enough to see whether tests at 5 % come twice as often as they should."""


class Shown(StrEnum):
    """How the report is printed."""

    TEXT = "text"
    JSON = "json"


@reported
def calibrate_file(
    file: Annotated[Path, typer.Argument(help="JSON lines of the stream, also .gz.", show_default=False)],
    config: Annotated[
        Path | None, typer.Argument(help="A TOML file; what it says of source and sinks is left alone.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(metavar="N/UNIT", help="False alerts wanted, such as 1/week [profile.budget].")
    ] = None,
    windows: Annotated[int, typer.Option(metavar="N", min=1, help="Windows to cool of each method.")] = WINDOWS,
    seed: Annotated[int, typer.Option(metavar="N", min=0, help="One seed, one result.")] = 0,
    output: Annotated[Shown, typer.Option("--format", help="Print a table, or JSON.")] = Shown.TEXT,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, such as kiln.capacity=5000."),
    ] = None,
) -> Exit:
    """Measure false alerts on streams made of a file, in which nothing happens.

    Each metric is resampled by itself, in two ways: it keeps its values and its autocorrelation, and nothing depends
    on anything. Whatever is raised on such a stream is a false alert. Shows how many a week there are, by detector,
    and which setting meets the budget.
    """
    # what only this command needs must not cost `--help` its time
    import json
    import sys

    from crackle_stream.app.calibrate.command import calibrate
    from crackle_stream.app.calibrate.report import as_text
    from crackle_stream.app.cli.settings import configured
    from crackle_stream.budget import Budget

    if budget is not None:
        try:
            Budget.parse(budget)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--budget") from error
    configuration = configured(config, settings=setting)

    def progress(method: str, done: int, wanted: int) -> None:
        if sys.stderr.isatty():
            end = "\n" if done == wanted else ""
            typer.echo(f"\r{method}: {done} of {wanted} windows{end}", nl=False, err=True)

    made = calibrate(file, configuration, budget, windows, seed, progress)
    if output is Shown.JSON:
        typer.echo(json.dumps(made.to_dict()))
    else:
        for line in as_text(made):
            typer.echo(line)
    return Exit.DONE
