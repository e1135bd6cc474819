"""Reads a whole configuration, and tells all its problems at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from crackle_stream.alerting import MuteTime, Route
from crackle_stream.app.config.components import Component, ConfiguredSink, Reader
from crackle_stream.app.config.delivery import DeadLettersSection, StateSection
from crackle_stream.app.config.layers import Layer, Override, Table, command_line, environment, file_layer, merge
from crackle_stream.app.config.parameters import build
from crackle_stream.app.config.problems import Problems
from crackle_stream.app.config.routing import SilencesSection, read_mutes, read_routes
from crackle_stream.app.config.sections import (
    AlertsSection,
    DecodeSection,
    KilnSection,
    ProfileSection,
    RunSection,
)
from crackle_stream.app.config.status import StatusSection
from crackle_stream.app.config.telemetry import TelemetrySection
from crackle_stream.app.plugins import DETECTORS
from crackle_stream.errors import PluginError
from crackle_stream.glaze import check_expressions
from crackle_stream.model import did_you_mean
from crackle_stream.profile import DETECTORS_OF, EVIDENCE_DETECTORS, THRESHOLD_DETECTORS, Family

__all__ = ["OPEN_SECTIONS", "SECTIONS", "Configuration", "cluster_of", "load"]

SECTIONS: Mapping[str, type] = {
    "decode": DecodeSection,
    "kiln": KilnSection,
    "profile": ProfileSection,
    "alerts": AlertsSection,
    "silences": SilencesSection,
    "dead_letters": DeadLettersSection,
    "state": StateSection,
    "run": RunSection,
    "status": StatusSection,
    "telemetry": TelemetrySection,
}
"""The sections whose keys are known beforehand, and what reads them."""

OPEN_SECTIONS = ("source", "glaze", "sinks", "routes", "mutes")
"""The sections whose keys depend on what they name, or that are there several times."""

EVERYDAY = frozenset({"file"})
"""Keys of a section that somebody may mean who has another one in mind."""

HOMES = {
    field.name: section for section, cls in SECTIONS.items() for field in fields(cls) if field.name not in EVERYDAY
}
"""Where each key belongs, for those that stand in the wrong section."""

FAMILY_OF = {
    "rate": Family.THRESHOLD,
    "budget": Family.EVIDENCE,
    "per_window": Family.EVIDENCE,
    "types": Family.EVIDENCE,
}
"""The settings of [profile] that only one family has."""

DEFAULT_SINKS = {"stdout": {"kind": "stdout", "match": {"nature": ["fact", "event"]}}}
"""Where alerts go if nobody says: whoever looks at a stream for the first time wants to see what holds in it, too."""

NO_FILE = "configuration"
"""What a configuration without a file is called."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration without problems.

    Attributes:
        origin: the file, or "configuration".
        source: where records come from.
        decode: where things are in a record.
        glaze: expressions of derived metrics, by name.
        kiln: size and schedule.
        profile: which detectors run.
        detectors: those of third parties, built.
        alerts: when patterns become alerts.
        silences: where silences are written down.
        sinks: where alerts go, in the order of the file.
        routes: which alerts go to which sinks, from the top.
        mutes: hours of the week in which alerts wait.
        dead_letters: where bad records and refused alerts go.
        state: what outlives the process.
        run: names and limits of the process.
        status: the status server.
        telemetry: traces.
    """

    origin: str
    source: Component
    decode: DecodeSection
    glaze: Mapping[str, str]
    kiln: KilnSection
    profile: ProfileSection
    detectors: tuple[Any, ...]
    alerts: AlertsSection
    silences: SilencesSection
    sinks: tuple[ConfiguredSink, ...]
    routes: tuple[Route, ...]
    mutes: tuple[MuteTime, ...]
    dead_letters: DeadLettersSection
    state: StateSection
    run: RunSection
    status: StatusSection
    telemetry: TelemetrySection


def load(
    path: Path | None = None, *, variables: Mapping[str, str] | None = None, overrides: Iterable[Override] = ()
) -> Configuration:
    """Read a configuration: the file, over it the environment, over that the command line.

    Args:
        path: a TOML file; none is needed.
        variables: the environment; empty by default.
        overrides: the command line's settings.

    Raises:
        ConfigError: everything that is wrong with it.
    """
    variables = {} if variables is None else variables
    file = Layer({}, ".".join) if path is None else file_layer(path)
    layers = [file, environment(variables), command_line(overrides)]
    problems = Problems(NO_FILE if path is None else str(path), layers, HOMES)
    tables = _Tables(merge(layers), problems)
    reader = Reader(file.table, variables, problems)
    source = reader.source(tables.table("source") or {"kind": "stdin"})
    sinks = [reader.sink(name, table) for name, table in tables.sinks()]
    sections = {name: tables.section(name, cls, reader) for name, cls in SECTIONS.items()}
    routes = read_routes(tables.routes(), [name for name, _ in tables.sinks()], problems)
    mutes = read_mutes(tables.table("mutes"), problems)
    sections["silences"].check(problems)
    glaze = tables.expressions()
    detectors = tuple(_detectors(sections["profile"], problems))
    _check_family(sections["profile"], tables.table("profile"), problems)
    if sections["kiln"].scope == "key" and not sections["decode"].key:
        problems.tell(
            ("kiln", "scope"), 'a kiln for every key needs keys: name their fields, [decode] key = ["service"]'
        )
    _check_delivery(sections, source, sinks, problems)
    problems.check()
    assert source is not None, "what has no source has a problem"
    return Configuration(
        origin=problems.origin,
        source=source,
        sinks=tuple(sink for sink in sinks if sink is not None),
        routes=routes,
        mutes=mutes,
        glaze=glaze,
        detectors=detectors,
        **sections,
    )


class _Tables:
    """The sections of the merged configuration.

    Args:
        merged: all layers as one.
        problems: told of sections that are unknown or no tables.
    """

    def __init__(self, merged: Table, problems: Problems) -> None:
        self._merged = merged
        self._problems = problems
        known = {*SECTIONS, *OPEN_SECTIONS}
        for name in merged:
            if name not in known:
                problems.unknown((name,), known)

    def table(self, name: str) -> Table:
        """A section as it stands; empty where it is not given."""
        table = self._merged.get(name, {})
        if isinstance(table, dict):
            return table
        self._problems.add((name,), f"is a section, not {table!r}: write [{name}] and its keys below it")
        return {}

    def section(self, name: str, cls: type[Any], reader: Reader) -> Any:
        """A section whose keys are known, read; the default one after an objection."""
        made = build(cls, reader.resolved(cls, self.table(name), (name,)), (name,), self._problems)
        return cls() if made is None else made

    def sinks(self) -> Iterator[tuple[str, Table]]:
        """The tables of the sinks by name; standard output where there are none."""
        for name, table in (self.table("sinks") or DEFAULT_SINKS).items():
            if isinstance(table, dict):
                yield name, table
            else:
                self._problems.add(
                    ("sinks", name), f"is a table, not {table!r}: write [sinks.NAME] and its keys below it"
                )

    def routes(self) -> object:
        """The routes as they stand."""
        return self._merged.get("routes", [])

    def expressions(self) -> dict[str, str]:
        """The derived metrics that can be read."""
        table = self.table("glaze")
        texts = {name: text for name, text in table.items() if isinstance(text, str)}
        for name in table.keys() - texts.keys():
            example = 'write an expression in quotes, such as "errors / requests"; a name with dots in it is quoted too'
            self._problems.add(("glaze", name), f"is no text: {example}")
        for error in check_expressions(texts):
            name = next((name for name, text in texts.items() if text == error.expression), "")
            self._problems.tell(("glaze", name), str(error))
        return texts


def _detectors(profile: ProfileSection, problems: Problems) -> Iterator[object]:
    """The third parties' detectors; the names to leave out are judged against all."""
    address = ("profile", "detectors")
    names = set(DETECTORS_OF[Family(profile.family)])
    for kind in profile.detectors:
        try:
            detector = _detector(kind)
        except PluginError as error:
            problems.tell(address, error.problems[0])
            continue
        names.add(_name(detector))
        yield detector
    for name in profile.without:
        if name not in names:
            problems.add(("profile", "without"), f'names "{name}", which does not run: {did_you_mean(name, names)}')


def cluster_of(section: DeadLettersSection, source: Component | None, sinks: Iterable[ConfiguredSink]) -> Any | None:
    """How to reach the cluster that has the topic of the dead letters; None where nothing says so."""
    named = [sink.component for sink in sinks if sink.name == section.sink]
    components = named if section.sink is not None else [source]
    return next((each.made for each in components if each is not None and each.plugin.name == "kafka"), None)


def _check_delivery(
    sections: Mapping[str, Any], source: Component | None, sinks: Iterable[ConfiguredSink | None], problems: Problems
) -> None:
    """Object to groups where each alert stands alone, spools without a directory, and a topic without a cluster."""
    known = [sink for sink in sinks if sink is not None]
    for sink in known:
        if sink.subscription.group and sink.keeps_identity:
            cure = "its receiver knows each alert by its own fingerprint: take group out"
            problems.tell(("sinks", sink.name, "group"), cure)
        if sink.subscription.spool and sections["state"].directory is None:
            cure = 'a spool needs a place: set [state] directory = "state", or take spool out'
            problems.tell(("sinks", sink.name, "spool"), cure)
    letters = sections["dead_letters"]
    if letters.kind == "kafka" and cluster_of(letters, source, known) is None:
        told = (
            f'names "{letters.sink}", which is no sink of kind kafka here'
            if letters.sink
            else "is missing: the source is no Kafka topic, so name a sink of kind kafka whose cluster has the topic"
        )
        problems.add(("dead_letters", "sink"), told)


def _check_family(profile: ProfileSection, given: Table, problems: Problems) -> None:
    """Object to settings that would do nothing, or contradict each other."""
    runs = given.get("family", profile.family)  # as it stands: a section with a problem has been read as the default
    for key in given:
        owner = FAMILY_OF.get(key, runs)
        if owner != runs and runs in tuple(Family):
            cure = f'set profile.family = "{owner}", or leave it out'
            problems.tell(("profile", key), f"only the {owner} family has it, and {runs} runs: {cure}")
    if profile.per_window is not None and "budget" in given:
        problems.tell(("profile", "per_window"), "stands beside profile.budget: keep one of them")


def _detector(kind: str) -> object:
    """Build a third party's detector: a class without arguments, or a function or object as it is.

    Raises:
        PluginError: there is none of that name, it cannot be built, or it is no detector.
    """
    if kind in (*THRESHOLD_DETECTORS, *EVIDENCE_DETECTORS):
        raise PluginError(f'"{kind}" is built in and runs anyway: take it out')
    found = DETECTORS.find(kind).constructor()
    try:
        detector: object = found() if isinstance(found, type) else found
    except Exception as error:  # a third party's constructor may raise anything
        raise PluginError(f'"{kind}" cannot be built: {type(error).__name__}: {error}') from error
    if not callable(getattr(detector, "examine", detector)):
        raise PluginError(f'"{kind}" is no detector: it needs examine(window, context), or to be called with a window')
    return detector


def _name(detector: object) -> str:
    """What failures and memories call it, as a cooling does."""
    named = getattr(detector, "name", None) or getattr(detector, "__name__", None)
    return named if isinstance(named, str) else type(detector).__name__
