"""The configuration of a command: its file, the environment, and the command's own options over both."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import typer

from crackle_stream.app.config import Configuration, Override, load

__all__ = ["configured", "overriding"]


def configured(
    config: Path | None, *, settings: Sequence[str] | None, options: Iterable[Override] = ()
) -> Configuration:
    """Read the configuration of a command.

    Modules beside the file can be named in it: its directory comes last on the Python path, where it hides nothing.

    Args:
        config: the file, or None.
        settings: texts of `--set KEY=VALUE`.
        options: what other options set; they are over the settings.

    Raises:
        ConfigError: everything that is wrong with it.
        typer.BadParameter: a setting is no KEY=VALUE.
    """
    directory = str((config.parent if config is not None else Path()).resolve())
    if directory not in sys.path:
        sys.path.append(directory)
    return load(config, variables=os.environ, overrides=[*_assignments(settings or []), *options])


def overriding(options: Mapping[str, tuple[str, object]]) -> Iterator[Override]:
    """The overrides of the options that were given.

    Args:
        options: by option, the dotted key it sets and its value; None where it was not given.
    """
    for option, (key, value) in options.items():
        if value is not None:
            yield Override(tuple(key.split(".")), value, option)


def _assignments(settings: Sequence[str]) -> Iterator[Override]:
    for text in settings:
        key, equals, value = text.partition("=")
        address = tuple(part.strip() for part in key.split("."))
        if not equals or len(address) < 2 or not all(address):
            problem = f"{text!r} is no setting: write SECTION.KEY=VALUE, such as kiln.capacity=5000"
            raise typer.BadParameter(problem, param_hint="--set")
        yield Override(address, value.strip(), f"--set {key.strip()}")
