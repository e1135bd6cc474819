"""How a command ends: one message on standard error and the exit code that fits."""

import functools
import os
import signal
import sys
from collections.abc import Callable
from typing import ParamSpec

import typer

from crackle_stream.app.exits import Exit, exit_of
from crackle_stream.errors import CrackleError

__all__ = ["reported"]

P = ParamSpec("P")


def reported(command: Callable[P, Exit]) -> Callable[P, None]:
    """A command whose errors become messages, and whose result becomes the exit code."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        code: int
        try:
            code = command(*args, **kwargs)
            sys.stdout.flush()
        except CrackleError as error:
            typer.echo(f"Error: {error}", err=True)
            code = exit_of(error)
        except BrokenPipeError:
            _let_go_of_stdout()
            code = Exit.DONE
        except KeyboardInterrupt:
            code = 128 + signal.SIGINT
        raise typer.Exit(code)

    return wrapped


def _let_go_of_stdout() -> None:
    """Whoever read it is gone: what Python still holds for it must not fail when the process ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
