"""`crackle-stream top`: what a running process does, in this terminal."""

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from crackle_stream.app.top.asking import Process

__all__ = ["watch_process"]

DEFAULT_URL = "http://127.0.0.1:8080"


@reported
def watch_process(
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Where its status server listens.")] = DEFAULT_URL,
    once: Annotated[
        bool, typer.Option("--once", help="Print one frame and end; so it does where nobody looks.")
    ] = False,
    interval: Annotated[float, typer.Option(metavar="SECONDS", min=0.1, max=3600.0, help="Between two frames.")] = 1.0,
) -> Exit:
    """Show what a running process does: its figures and active alerts, in place until Ctrl-C.

    The process needs a status server, [status] listen = ":8080"; its token, if it has one, is read from
    CRACKLE_STATUS_TOKEN.
    """
    # what only this command needs must not cost `--help` its time
    from rich.console import Console

    from crackle_stream.app.top.asking import TOKEN_VARIABLE, Process
    from crackle_stream.model import Secret

    console = Console(highlight=False)
    token = os.environ.get(TOKEN_VARIABLE)
    with Process(url, Secret(token) if token else None) as process:
        if once or not console.is_terminal:
            console.print(_drawn(process, url, console))
        else:
            _watch(process, url, console, interval)
    return Exit.DONE


def _watch(process: "Process", url: str, console: "Console", interval: float) -> None:
    """Draw again and again; a process that does not answer may do so later."""
    from rich.live import Live
    from rich.text import Text

    from crackle_stream.app.top.asking import NoAnswer

    # Ctrl-C is how this is left
    with suppress(KeyboardInterrupt), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                live.update(_drawn(process, url, console), refresh=True)
            except NoAnswer as silence:
                live.update(Text(f"{silence}\n\ntrying again; Ctrl-C ends this"), refresh=True)
            time.sleep(interval)


def _drawn(process: "Process", url: str, console: "Console") -> "RenderableType":
    from crackle_stream.app.top.frame import frame

    return frame(process.ask(), url=url, width=console.width, height=console.height)
