"""Sources, sinks and detectors by name: the built-in ones, those of installed packages, and `package.module:Class`.

Nothing is imported before it is asked for, so that a configuration is checked, and names are listed, without loading
what only a running stream needs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from crackle_stream.errors import PluginError
from crackle_stream.model import did_you_mean

__all__ = ["DETECTORS", "SINKS", "SOURCES", "Catalogue", "Plugin"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """One source, sink or detector that a configuration can name.

    Attributes:
        name: what a configuration calls it.
        target: "package.module:Class".
        options: "package.module:Options" of its options dataclass where that is known without loading the class.
        summary: one line about it.
        publisher: the distribution it comes from; "" for a built-in one.
    """

    name: str
    target: str
    options: str = ""
    summary: str = ""
    publisher: str = ""

    def constructor(self) -> Callable[..., Any]:
        """What reads its settings: its options dataclass where that is known apart, else the class itself.

        Raises:
            PluginError: its module cannot be imported, lacks it, or has something else by that name.
        """
        target = self.options or self.target
        found = load(target, called=self.name)
        if not callable(found):
            raise PluginError(f'"{self.name}" is no class but {found!r}')
        return found

    def described(self) -> str:
        """One line about it; a third party's is imported for the first line of its docstring."""
        if self.summary:
            return self.summary
        try:
            found = load(self.target, called=self.name)
        except PluginError as error:
            return error.problems[0]
        text = (getattr(found, "__doc__", None) or "").strip()
        return text.splitlines()[0] if text else self.target

    def make(self, options: object, **named: object) -> Any:
        """Build a built-in source or sink of its options and what else it takes by name.

        Raises:
            PluginError: it cannot be imported; a library it needs is missing.
        """
        constructor: Any = load(self.target, called=self.name)
        return constructor(options, **named)


class Catalogue:
    """The plugins of one sort.

    Args:
        noun: "source", "sink" or "detector".
        group: the entry points that publish further ones.
        built_in: those that come with this package.
    """

    def __init__(self, noun: str, group: str, built_in: Iterable[Plugin]) -> None:
        self.noun = noun
        self.group = group
        self.built_in = tuple(built_in)

    @cached_property
    def published(self) -> tuple[Plugin, ...]:
        """Those of installed packages, by name; a built-in name cannot be taken over."""
        taken = {plugin.name for plugin in self.built_in}
        found = sorted(entry_points(group=self.group), key=lambda point: point.name)
        return tuple(_published(point) for point in found if point.name not in taken)

    @property
    def all(self) -> tuple[Plugin, ...]:
        """Every plugin with a name of its own, built-in ones first."""
        return (*self.built_in, *self.published)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name a configuration may use."""
        return tuple(plugin.name for plugin in self.all)

    def find(self, name: str) -> Plugin:
        """The plugin of a name, or of "package.module:Class".

        Raises:
            PluginError: nothing is called so.
        """
        if ":" in name:
            return Plugin(name=name, target=name)
        # the metadata of every installed package is read only where no built-in one serves
        found = _named(name, self.built_in) or _named(name, self.published)
        if found is not None:
            return found
        raise PluginError(
            f'there is no {self.noun} "{name}": {did_you_mean(name, self.names)} '
            f'(looked among the built-in ones and the entry points "{self.group}"; '
            'one of your own is written "package.module:Class")'
        )


def load(target: str, *, called: str) -> object:
    """Import what "package.module:Class" names.

    Args:
        target: where it is.
        called: what the configuration calls it, for messages.

    Raises:
        PluginError: the text has no such form, the module cannot be imported, or has nothing of that name.
    """
    module_name, _, attribute = target.partition(":")
    if not module_name or not attribute:
        raise PluginError(f'"{called}" is no plugin: write "package.module:Class"')
    try:
        return _member(import_module(module_name), attribute, called)
    except PluginError:
        raise
    except ModuleNotFoundError as error:
        raise PluginError(_not_found(called, module_name, error)) from error
    except Exception as error:  # a third party's module runs on import and may raise anything
        raise PluginError(f'"{called}": importing {module_name} failed: {type(error).__name__}: {error}') from error


def _member(module: object, path: str, called: str) -> object:
    """What a module has by a dotted name; packages import some of their members only now."""
    value = module
    for part in path.split("."):
        if not hasattr(value, part):
            public = [name for name in vars(value) if not name.startswith("_")]
            name = getattr(module, "__name__", "it")
            raise PluginError(f'"{called}": {name} has no "{path}": {did_you_mean(part, public)}')
        value = getattr(value, part)
    return value


def _named(name: str, plugins: Iterable[Plugin]) -> Plugin | None:
    return next((plugin for plugin in plugins if plugin.name == name), None)


def _published(point: EntryPoint) -> Plugin:
    publisher = point.dist.name if point.dist is not None else "an unnamed distribution"
    return Plugin(name=point.name, target=point.value, publisher=publisher)


def _not_found(called: str, module_name: str, error: ModuleNotFoundError) -> str:
    """Which module is missing: the plugin's own, or one that it needs."""
    if error.args and "pip install" in str(error.args[0]):
        return f'"{called}": {error.args[0]}'
    if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
        return f'"{called}": no module "{error.name}" on the Python path ({_shown_path()})'
    return f'"{called}": {module_name} needs the module "{error.name}", which is not installed'


def _shown_path() -> str:
    """The path entries a user may have meant; the standard library's are of no help."""
    inside = (sys.prefix, sys.base_prefix)
    shown = [entry or "." for entry in sys.path if not entry.startswith(inside)]
    return f"looked in {', '.join(shown)} and the installed packages" if shown else "looked in the installed packages"


SOURCES = Catalogue(
    "source",
    "crackle_stream.sources",
    [
        Plugin(
            "stdin",
            "crackle_stream.sources:StdinSource",
            "crackle_stream.sources.options:StdinOptions",
            "JSON lines from standard input",
        ),
        Plugin(
            "file",
            "crackle_stream.sources:FileSource",
            "crackle_stream.sources.options:FileOptions",
            "JSON lines from a file, also .gz",
        ),
        Plugin(
            "kafka",
            "crackle_stream.sources:KafkaSource",
            "crackle_stream.sources.options:KafkaOptions",
            "JSON records from Kafka topics, as a member of a consumer group",
        ),
        Plugin(
            "memory",
            "crackle_stream.sources:QueueSource",
            "crackle_stream.sources.options:QueueOptions",
            "a queue that an asyncio program fires into (QueueSource)",
        ),
    ],
)

SINKS = Catalogue(
    "sink",
    "crackle_stream.sinks",
    [
        Plugin(
            "stdout",
            "crackle_stream.sinks:StdoutSink",
            "crackle_stream.sinks.options:StdoutOptions",
            "JSON lines on standard output, or cards on a terminal",
        ),
        Plugin(
            "file",
            "crackle_stream.sinks:FileSink",
            "crackle_stream.sinks.options:FileOptions",
            "JSON lines in a file, rotated by size",
        ),
        Plugin(
            "log",
            "crackle_stream.sinks:LogSink",
            "crackle_stream.sinks.options:LogOptions",
            "one log event an alert, on standard error",
        ),
        Plugin(
            "webhook",
            "crackle_stream.sinks:WebhookSink",
            "crackle_stream.sinks.options:WebhookOptions",
            "an HTTP POST an alert: CloudEvents, Alertmanager, Slack, Discord, Teams or PagerDuty",
        ),
        Plugin(
            "alertmanager",
            "crackle_stream.sinks:AlertmanagerSink",
            "crackle_stream.sinks.options:AlertmanagerOptions",
            "alerts that stand in Prometheus Alertmanager until they are resolved",
        ),
        Plugin(
            "apprise",
            "crackle_stream.sinks:AppriseSink",
            "crackle_stream.sinks.options:AppriseOptions",
            "chat services, mail and telephones by Apprise (extra: notify)",
        ),
        Plugin(
            "kafka",
            "crackle_stream.sinks:KafkaSink",
            "crackle_stream.sinks.options:KafkaSinkOptions",
            "JSON records in a Kafka topic",
        ),
        Plugin(
            "memory",
            "crackle_stream.sinks:MemorySink",
            "crackle_stream.sinks.options:MemoryOptions",
            "a list that a program reads (MemorySink)",
        ),
    ],
)

DETECTORS = Catalogue(
    "detector",
    "crackle_stream.detectors",
    [
        Plugin("clustering", "crackle_stream.detect.threshold:Clustering", summary="tasks alike in all their metrics"),
        Plugin(
            "phase_transition",
            "crackle_stream.detect.threshold:PhaseTransition",
            summary="a metric whose mean shifts between the halves of a window",
        ),
        Plugin("conservation", "crackle_stream.detect.threshold:Conservation", summary="a metric that hardly varies"),
        Plugin("correlation", "crackle_stream.detect.threshold:Correlation", summary="two metrics that move together"),
    ],
)
