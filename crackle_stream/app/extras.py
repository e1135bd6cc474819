"""Optional libraries: where one is missing, the error names the extra to install."""

from __future__ import annotations

from crackle_stream.errors import ConfigError

__all__ = ["missing"]


def missing(error: ModuleNotFoundError, section: str, wanted: str, extra: str) -> ConfigError:
    """What to raise for a library that a section needs and that is not installed.

    Args:
        error: of the import.
        section: of the configuration.
        wanted: what asks for it there, with its key: "listen: a status server".
        extra: what installs it.

    Raises:
        ModuleNotFoundError: what is missing is our own.
    """
    name = (error.name or "").partition(".")[0]
    if name == "crackle_stream":
        raise error
    return ConfigError(
        [f'{wanted} needs {name}, which is not installed: pip install "crackle-stream[{extra}]"'], section
    )
