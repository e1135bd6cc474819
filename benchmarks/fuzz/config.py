"""Random text as a configuration file and as a variable, steered by coverage: `make fuzz`. Only ConfigError comes."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["crackle_stream.app.config", "crackle_stream.model", "tomllib"]):
    from crackle_stream.app.config import load
    from crackle_stream.app.outline import outline
    from crackle_stream.errors import ConfigError

PLACE = Path(tempfile.mkdtemp(prefix="crackle-fuzz-")) / "crackle.toml"


def configure(data: bytes) -> None:
    """The bytes as a file; their first line as a variable, its value behind the first equals sign."""
    PLACE.write_bytes(data)
    name, _, value = data.partition(b"\n")[0].decode("utf-8", "replace").partition("=")
    with contextlib.suppress(ConfigError):
        list(outline(load(PLACE)))
    with contextlib.suppress(ConfigError):
        list(outline(load(variables={f"CRACKLE__{name}": value})))


if __name__ == "__main__":
    atheris.Setup(sys.argv, configure)
    atheris.Fuzz()
