"""`crackle-stream sinks test`: one sample through a configured sink."""

from pathlib import Path
from typing import Annotated

import typer

from crackle_stream.app.cli.reporting import reported
from crackle_stream.app.exits import Exit
from crackle_stream.errors import ConfigError
from crackle_stream.model import did_you_mean

__all__ = ["send_sample"]


@reported
def send_sample(
    name: Annotated[str, typer.Argument(help="The sink, by its name in the configuration.", show_default=False)],
    config: Annotated[
        Path | None, typer.Argument(help="A TOML file; without one, variables CRACKLE__SINKS__... say it all.")
    ] = None,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override a setting, such as sinks.pager.timeout=5s."),
    ] = None,
) -> Exit:
    """Send one sample through a sink, signed as alerts are, and say what came of it and how long it took.

    The sample says that it is a test. It goes to the sink whatever its match; where it would stay open (Alertmanager,
    PagerDuty), it is resolved at once. Ends with 0 where it was taken, else with 1.
    """
    # what only this command needs must not cost `--help` its time
    import sys

    from crackle_stream.app.cli.settings import configured
    from crackle_stream.app.logs import configure
    from crackle_stream.app.trial import try_sink

    configuration = configured(config, settings=setting)
    sinks = {sink.name: sink for sink in configuration.sinks}
    if name not in sinks:
        raise ConfigError([f'there is no sink "{name}": {did_you_mean(name, sinks)}'], configuration.origin)
    configure(sys.stderr)
    outcomes = try_sink(sinks[name])
    for outcome in outcomes:
        spent = f"{1000 * outcome.seconds:.0f} ms"
        if outcome.problem:
            typer.echo(f"{name}: {outcome.status} sample: {outcome.problem} (after {spent})", err=True)
        else:
            typer.echo(f"{name}: {outcome.status} sample taken in {spent}")
    return Exit.FAILED if any(outcome.problem for outcome in outcomes) else Exit.DONE
