"""`crackle-stream detectors|sources|sinks list`: what a configuration can name; and `sinks test`."""

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.cli.sample import send_sample
from crackle_stream.app.exits import Exit
from crackle_stream.app.plugins import DETECTORS, SINKS, SOURCES, Catalogue

__all__ = ["detectors", "sinks", "sources"]


def _lister(catalogue: Catalogue) -> typer.Typer:
    noun = catalogue.noun
    tested = ", or test one" if noun == "sink" else ""
    lister = typer.Typer(name=f"{noun}s", help=f"Show the {noun}s there are{tested}.", no_args_is_help=True)

    @lister.command("list", help=f"List the {noun}s a configuration can name, built in or published by packages.")
    @reported
    def list_() -> Exit:
        rows = [(plugin.name, plugin.publisher or "built in", plugin.described()) for plugin in catalogue.all]
        widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
        for name, publisher, summary in rows:
            typer.echo(f"{name:{widths[0]}}  {publisher:{widths[1]}}  {summary}")
        return Exit.DONE

    return lister


detectors = _lister(DETECTORS)
sources = _lister(SOURCES)
sinks = _lister(SINKS)
sinks.command("test")(send_sample)
