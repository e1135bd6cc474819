"""The command line: `crackle-stream COMMAND`, one file a command.

A command imports what it needs when it runs, so that `--help` answers at once and a pipe loads no broker's client.
"""

import os
import sys
import threading
from typing import Annotated

import typer

from crackle_stream import __version__
from crackle_stream.app.cli.calibrate import calibrate_file
from crackle_stream.app.cli.check import check_configuration
from crackle_stream.app.cli.demo import play_demo
from crackle_stream.app.cli.explain import explain_alert
from crackle_stream.app.cli.init import begin_configuration
from crackle_stream.app.cli.kinds import detectors, sinks, sources
from crackle_stream.app.cli.replay import replay_stream
from crackle_stream.app.cli.run import run_stream
from crackle_stream.app.cli.schema import print_schema
from crackle_stream.app.cli.spool import spool
from crackle_stream.app.cli.top import watch_process
from crackle_stream.app.exits import Exit

__all__ = ["app", "main"]

SWITCH_INTERVAL_S = 0.0005
"""Python's own is 5 ms, by which a detector written in plain Python would make the event loop late again and again."""

BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""One thread for linear algebra: the other cores belong to the event loop and to other coolings."""

WORKER_ENDS_S = 0.5
"""A worker thread that does nothing any more ends within this, on a loaded machine as well."""

EXITS = "\n".join(f"  {code.value}  {code.meaning}" for code in Exit)

HELP = """Find patterns nobody designed in a stream of task results.

\b
crackle-stream demo                watch an incident being found
crackle-stream run < tasks.jsonl   JSON lines in, alerts as JSON lines out
crackle-stream run crackle.toml    whatever the configuration says
crackle-stream replay tasks.jsonl  what would have been raised, and when
"""

app = typer.Typer(
    name="crackle-stream",
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=f"\b\nExit codes:\n{EXITS}\n  128+n  a second signal n: ended at once",
)
app.command("run")(run_stream)
app.command("replay")(replay_stream)
app.command("check")(check_configuration)
app.command("init")(begin_configuration)
app.command("calibrate")(calibrate_file)
app.command("demo")(play_demo)
app.command("explain")(explain_alert)
app.command("top")(watch_process)
app.add_typer(detectors)
app.add_typer(sources)
app.add_typer(sinks)
app.add_typer(spool)
app.command("schema")(print_schema)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"crackle-stream {__version__}")
        raise typer.Exit


@app.callback(help=HELP)
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """What stands before a command."""


def main() -> None:
    """The process: settings that are no library's business, then the command."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    for variable in BLAS_THREADS:
        os.environ.setdefault(variable, "1")
    try:
        app()
    except SystemExit as end:
        if isinstance(end.code, int) and _thread_hangs():
            # a detector that never returned: an orderly exit would wait for its thread
            sys.stdout.flush()
            os._exit(end.code)
        raise


def _thread_hangs() -> bool:
    """Whether a thread is left that the interpreter would wait for; idle workers are on their way out."""
    left = [each for each in threading.enumerate() if each is not threading.main_thread() and not each.daemon]
    for thread in left:
        thread.join(WORKER_ENDS_S)
    return any(thread.is_alive() for thread in left)
