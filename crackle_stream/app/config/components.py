"""Sources, sinks and detectors as a configuration names them: found, judged, and built when they are needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from crackle_stream.alerting import Match
from crackle_stream.app.config.delivery import SubscriptionSection
from crackle_stream.app.config.layers import Address, Table
from crackle_stream.app.config.parameters import build, parameters_of
from crackle_stream.app.config.problems import Problems
from crackle_stream.app.config.routing import read_match
from crackle_stream.app.config.secrets import Vault, masked, object_to_literals
from crackle_stream.app.plugins import SINKS, SOURCES, Catalogue, Plugin
from crackle_stream.errors import PluginError
from crackle_stream.model import Secret

__all__ = ["Component", "ConfiguredSink", "Reader"]

SHARED = tuple(field.name for field in fields(SubscriptionSection))

RESERVED = ("kind", "match", *SHARED)
"""Keys of a sink's table that are not its own."""


NEAR = frozenset({"stdout", "file", "log", "memory"})
"""Sinks that take an alert at once or not at all: a spool before them is one more disk that may fail."""


@dataclass(frozen=True, slots=True)
class Component:
    """A source or a sink that can be built.

    Attributes:
        plugin: what it is.
        made: the options of a built-in one; a third party's source or sink itself.
        named: what a built-in one takes beside its options.
        shown: its settings as they were written, secrets masked.
    """

    plugin: Plugin
    made: Any
    named: Mapping[str, str] = field(default_factory=dict)
    shown: Table = field(default_factory=dict)

    def build(self) -> Any:
        """The source or sink; a built-in one is imported only now.

        Raises:
            PluginError: a library it needs is missing.
        """
        return self.plugin.make(self.made, **self.named) if self.plugin.options else self.made


@dataclass(frozen=True, slots=True)
class ConfiguredSink:
    """A sink with what it gets.

    Attributes:
        name: its name in the configuration.
        component: the sink.
        match: which alerts it gets.
        subscription: how it gets them.
    """

    name: str
    component: Component
    match: Match
    subscription: SubscriptionSection

    def spools(self, *, stateful: bool) -> bool:
        """Whether its alerts are kept on disk.

        Args:
            stateful: whether there is a state directory.
        """
        wanted = self.subscription.spool
        return stateful and self.component.plugin.name not in NEAR if wanted is None else wanted

    @property
    def keeps_identity(self) -> bool:
        """Whether its receiver opens and closes something for each alert, so that a group would leave it open."""
        form = getattr(self.component.made, "format", None)
        return self.component.plugin.name == "alertmanager" or form in ("alertmanager", "pagerduty")

    def formatted(self, output: str) -> ConfiguredSink:
        """A copy of a sink on standard output that prints in another format."""
        component = replace(self.component, made=replace(self.component.made, format=output))
        return replace(self, component=component)


@dataclass(frozen=True, slots=True)
class _Sort:
    """What tells sources and sinks apart: where they are found, and what they must be able to do."""

    catalogue: Catalogue
    methods: tuple[str, ...]


SOURCE = _Sort(SOURCES, ("__aenter__", "__aexit__", "read", "commit", "listen", "pause", "resume", "lag"))
SINK = _Sort(SINKS, ("__aenter__", "__aexit__", "send"))


class Reader:
    """Reads the tables of sources and sinks.

    Args:
        written: the configuration file as it stands, where secrets may not.
        variables: the environment, for references to it.
        problems: told of every objection.
    """

    def __init__(self, written: Table, variables: Mapping[str, str], problems: Problems) -> None:
        self._written = written
        self._vault = Vault(variables, problems)
        self._problems = problems

    def resolved(self, cls: type, table: Table, address: Address) -> Table:
        """The table of a section, with what its references lead to where the section may hold a secret."""
        known = parameters_of(cls) or {}
        if not any(Secret in parameter.types for parameter in known.values()):
            return table
        object_to_literals(self._as_written(address), known, address, self._problems)
        return self._vault.resolved(table, address)

    def source(self, table: Table) -> Component | None:
        """The source of `[source]`; None after an objection."""
        own = {key: value for key, value in table.items() if key != "kind"}
        plugin = self._plugin(SOURCE, table, ("source",))
        if plugin is None:
            return None
        if plugin.name == "memory":
            self._problems.tell(("source", "kind"), "only a program that embeds a Pipeline can fire into memory")
        return self._component(SOURCE, plugin, own, ("source",))

    def sink(self, name: str, table: Table) -> ConfiguredSink | None:
        """The sink of `[sinks.NAME]`; None after an objection."""
        address = ("sinks", name)
        shared = {key: table[key] for key in SHARED if key in table}
        subscription = build(SubscriptionSection, shared, address, self._problems)
        match = read_match(table.get("match", {}), (*address, "match"), self._problems)
        component = None
        plugin = self._plugin(SINK, table, address)
        if plugin is not None:
            own = {key: value for key, value in table.items() if key not in RESERVED}
            # the webhook bounds a try by itself as well: one key sets both
            own |= {key: value for key, value in shared.items() if key in _names_of(plugin)}
            component = self._component(SINK, plugin, own, address, name=name)
        if component is None or subscription is None or match is None:
            return None
        return ConfiguredSink(name, component, match, subscription)

    def _plugin(self, sort: _Sort, table: Table, address: Address) -> Plugin | None:
        """What `kind` names."""
        kind = table.get("kind")
        try:
            if isinstance(kind, str):
                return sort.catalogue.find(kind)
        except PluginError as error:
            self._problems.tell((*address, "kind"), error.problems[0])
            return None
        state = "is missing" if kind is None else f"is no text but {kind!r}"
        wanted = f'{", ".join(sort.catalogue.names)} or "package.module:Class"'
        self._problems.add((*address, "kind"), f"{state}: write {wanted}")
        return None

    def _component(self, sort: _Sort, plugin: Plugin, own: Table, address: Address, **named: str) -> Component | None:
        """A plugin with its options: those of a built-in one are judged without importing it."""
        try:
            constructor = plugin.constructor()
        except PluginError as error:
            self._problems.tell((*address, "kind"), error.problems[0])
            return None
        known = parameters_of(constructor)
        object_to_literals(self._as_written(address), known, address, self._problems)
        made = build(constructor, self._vault.resolved(own, address), address, self._problems)
        if made is None:
            return None
        if not plugin.options:
            self._judge(sort, made, address)
            for attribute, value in named.items():
                setattr(made, attribute, value)
        return Component(plugin, made, named, masked(own, known))

    def _as_written(self, address: Address) -> Table:
        """The table of a source or sink in the file, without the keys that are not its own."""
        table: object = self._written
        for key in address:
            table = table.get(key) if isinstance(table, dict) else None
        return {key: value for key, value in table.items() if key not in RESERVED} if isinstance(table, dict) else {}

    def _judge(self, sort: _Sort, made: object, address: Address) -> None:
        """Object to something that is no source or sink, before anything relies on it."""
        lacking = [method for method in sort.methods if not callable(getattr(made, method, None))]
        if lacking:
            noun = sort.catalogue.noun
            self._problems.add(
                (*address, "kind"),
                f"names {type(made).__name__}, which is no {noun}: it lacks {', '.join(lacking)} "
                f"(subclass crackle_stream.protocols.{noun.capitalize()} to inherit what is optional)",
            )


def _names_of(plugin: Plugin) -> frozenset[str]:
    """The options of a built-in plugin."""
    return frozenset(parameters_of(plugin.constructor()) or ()) if plugin.options else frozenset()
