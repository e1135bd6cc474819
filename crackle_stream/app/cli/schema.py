"""`crackle-stream schema`: JSON schemas for editors and receivers."""

import json
from enum import StrEnum
from typing import Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit

__all__ = ["print_schema"]


class Subject(StrEnum):
    """What there is a schema of."""

    CONFIG = "config"
    ALERT = "alert"


@reported
def print_schema(
    subject: Annotated[Subject, typer.Argument(help="The configuration file, or the alerts that come out.")],
) -> Exit:
    """Print a JSON schema."""
    # read only by this command
    from crackle_stream.app.schema import alert_schema, configuration_schema

    made = configuration_schema() if subject is Subject.CONFIG else alert_schema()
    typer.echo(json.dumps(made, indent=2))
    return Exit.DONE
