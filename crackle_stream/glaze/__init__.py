"""Derived metrics: by a function of one task's output, or by an expression over a stream's columns.

Names are loaded when they are first used, so that expressions are checked without loading numpy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.glaze.columns import Glaze
    from crackle_stream.glaze.expression import Expression, check_expressions
    from crackle_stream.glaze.layer import GlazeLayer

__all__ = ["Expression", "Glaze", "GlazeLayer", "check_expressions"]

_HOME_OF = {
    "Expression": "crackle_stream.glaze.expression",
    "Glaze": "crackle_stream.glaze.columns",
    "GlazeLayer": "crackle_stream.glaze.layer",
    "check_expressions": "crackle_stream.glaze.expression",
}


def __getattr__(name: str) -> object:
    """Load a public name on its first use (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value
