"""`crackle-stream demo`: an incident, streamed through the real pipeline."""

import sys
from typing import Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit

__all__ = ["play_demo"]


@reported
def play_demo(
    fast: Annotated[bool, typer.Option("--fast", help="As quickly as it goes, not paced for watching.")] = False,
    seed: Annotated[int, typer.Option(help="Another seed tells the same story in other numbers.")] = 7,
) -> Exit:
    """Watch an incident in a checkout service being found, in about half a minute."""
    # the pipeline and numpy are loaded only to be watched
    from crackle_stream.app.demo.show import STEP_S, play

    play(sys.stdout, seed=seed, step_s=0.0 if fast else STEP_S)
    return Exit.DONE
