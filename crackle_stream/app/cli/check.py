"""`crackle-stream check`: what is wrong with a configuration, or what it would run; and whether it is all there."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit

if TYPE_CHECKING:
    from crackle_stream.app.config import Configuration

__all__ = ["check_configuration"]


@reported
def check_configuration(
    config: Annotated[Path, typer.Argument(help="A TOML file.", show_default=False)],
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, such as kiln.capacity=5000."),
    ] = None,
    connect: Annotated[
        bool, typer.Option("--connect", help="Try brokers, sinks, directories and addresses; nothing is sent or made.")
    ] = False,
) -> Exit:
    """Check a configuration, and show what it would run.

    Variables CRACKLE__SECTION__KEY override the file; references ${env:NAME} and ${file:PATH} must lead somewhere.
    Nothing is connected to without --connect, which ends with 1 where something is not there. Keys whose windows one
    core cannot keep up with are a warning.
    """
    # a broken configuration must not cost `--help` its time
    from crackle_stream.app.cli.settings import configured
    from crackle_stream.app.outline import outline
    from crackle_stream.app.workload import overload

    configuration = configured(config, settings=setting)
    typer.echo(f"{configuration.origin}: no problems")
    _show(list(outline(configuration)))
    warning = overload(configuration)
    if warning is not None:
        typer.echo(f"Warning: {configuration.origin}: {warning}", err=True)
    return _connected(configuration) if connect else Exit.DONE


def _connected(configuration: "Configuration") -> Exit:
    """Try what leads out of the process; every problem is told at once."""
    from crackle_stream.app.connecting import try_all

    tried = try_all(configuration)
    typer.echo(f"{configuration.origin}: connections")
    _show([(each.part, "not there" if each.problems else each.said) for each in tried])
    problems = [f"{each.part}: {problem}" for each in tried for problem in each.problems]
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        typer.echo("\n  ".join([f"Error: {configuration.origin}: {count}", *problems]), err=True)
    return Exit.FAILED if problems else Exit.DONE


def _show(lines: list[tuple[str, str]]) -> None:
    width = max(len(title) for title, _ in lines)
    for title, text in lines:
        typer.echo(f"  {title:<{width}}  {text}")
