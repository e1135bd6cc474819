"""What a stream can show."""

from __future__ import annotations

import os
from typing import TextIO

__all__ = ["columns_of", "wants_colour"]

COLUMNS = 80
"""Where the terminal does not say its own, and where there is none."""

MOST_COLUMNS = 100
"""Lines of text longer than this are hard to read."""


def wants_colour(stream: TextIO) -> bool:
    """Whether to style text: on a terminal, unless NO_COLOR (https://no-color.org) or a dumb terminal forbids it."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns_of(stream: TextIO) -> int:
    """How many columns a line may have."""
    try:
        columns = os.get_terminal_size(stream.fileno()).columns
    except (OSError, AttributeError, ValueError):
        return COLUMNS
    return min(columns or COLUMNS, MOST_COLUMNS)
