"""`crackle-stream check`: what is wrong with a configuration, or what it would run."""

from pathlib import Path
from typing import Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit

__all__ = ["check_configuration"]


@reported
def check_configuration(
    config: Annotated[Path, typer.Argument(help="A TOML file.", show_default=False)],
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, such as kiln.capacity=5000."),
    ] = None,
) -> Exit:
    """Check a configuration, and show what it would run.

    Variables CRACKLE__SECTION__KEY override the file; references ${env:NAME} and ${file:PATH} must lead somewhere.
    Nothing is connected to.
    """
    # a broken configuration must not cost `--help` its time
    from crackle_stream.app.cli.settings import configured
    from crackle_stream.app.outline import outline

    configuration = configured(config, settings=setting)
    typer.echo(f"{configuration.origin}: no problems")
    lines = list(outline(configuration))
    width = max(len(title) for title, _ in lines)
    for title, text in lines:
        typer.echo(f"  {title:<{width}}  {text}")
    return Exit.DONE
