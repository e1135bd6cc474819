"""The status server of a configuration, where it wants one; what it needs is loaded only then."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crackle_stream.app.config import Configuration
from crackle_stream.app.extras import missing

if TYPE_CHECKING:
    from crackle_stream.app.web.server import StatusServer

__all__ = ["status_of"]


def status_of(configuration: Configuration) -> StatusServer | None:
    """The server, its port taken; None where none is wanted.

    Raises:
        ConfigError: the port cannot be listened on, or the extra `web` is not installed.
    """
    section = configuration.status
    if section.listen is None:
        return None
    try:
        from crackle_stream.app.web.server import StatusServer
        from crackle_stream.app.web.setup import setup_of
    except ModuleNotFoundError as error:
        raise missing(error, "status", "listen: a status server", "web") from error
    server = StatusServer(section, setup_of(configuration))
    server.bind()
    return server
