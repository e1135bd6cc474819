"""From a source's bytes to columns: any JSON object is a task result, no schema is asked for.

Names are loaded when they are first used, so that options are checked without loading numpy or msgspec.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from crackle_stream.decode.decoder import Decoder
    from crackle_stream.decode.options import DecodeOptions

__all__ = ["DecodeOptions", "Decoder"]

_HOME_OF = {
    "DecodeOptions": "crackle_stream.decode.options",
    "Decoder": "crackle_stream.decode.decoder",
}


def __getattr__(name: str) -> object:
    """Load a public name on its first use (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value
