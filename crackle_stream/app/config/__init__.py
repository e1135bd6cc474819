"""Configuration: one TOML file, over it the environment, over that the command line.

layers       where settings come from, and what each was called there
problems     everything that is wrong, told at once
parameters   what a constructor takes
secrets      ${env:NAME} and ${file:PATH}
sections     the sections whose keys are known beforehand
components   sources and sinks, whose keys depend on their kind
loading      all of it
"""

from crackle_stream.app.config.components import Component, ConfiguredSink
from crackle_stream.app.config.layers import Override
from crackle_stream.app.config.loading import Configuration, load

__all__ = ["Component", "Configuration", "ConfiguredSink", "Override", "load"]
