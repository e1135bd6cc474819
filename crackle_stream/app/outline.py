"""What a configuration would run, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from crackle_stream.alerting import Match, MuteTime, Route
from crackle_stream.alerting.mutes import WEEKDAYS
from crackle_stream.app.config import Component, Configuration, ConfiguredSink
from crackle_stream.app.config.sections import KilnSection
from crackle_stream.app.config.status import StatusSection
from crackle_stream.profile import DETECTORS_OF, Family

__all__ = ["outline"]


def outline(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Titles and texts, in the order a record goes."""
    yield "source", _component(configuration.source)
    yield "decode", _decode(configuration)
    if configuration.glaze:
        yield "glaze", ", ".join(f"{name} = {text}" for name, text in configuration.glaze.items())
    yield "kiln", _kiln(configuration.kiln)
    yield "profile", _profile(configuration)
    yield "alerts", _alerts(configuration)
    if configuration.silences.file is not None:
        yield "silences", str(configuration.silences.file)
    for mute in configuration.mutes:
        yield f"mute {mute.name}", _mute(mute)
    for number, route in enumerate(configuration.routes, 1):
        yield f"route {number}", _route(route)
    for sink in configuration.sinks:
        yield f"sink {sink.name}", _sink(sink, stateful=configuration.state.directory is not None)
    yield "dead letters", _letters(configuration)
    if configuration.state.directory is not None:
        yield "state", str(configuration.state.directory)
    if configuration.status.listen is not None:
        yield "status", _status(configuration.status)
    if configuration.telemetry.traces:
        yield "telemetry", "a span for each cooling and each delivery"


def _status(section: StatusSection) -> str:
    asked = "whoever sends the token may ask" if section.token else "this machine only"
    return f"http://{section.authority}, {asked}"


def _alerts(configuration: Configuration) -> str:
    alerts, least = configuration.alerts, _least(configuration)
    said = [f"from confidence {least:g}" if least else "whatever the budget lets through"]
    if alerts.exit_confidence is not None:
        said.append(f"seen down to {alerts.exit_confidence:g}")
    if not alerts.policy.raise_after.at_once:
        said.append(f"raised after {alerts.raise_after} coolings")
    said.append(f"said again after {_span(alerts.repeat_interval)}")
    if alerts.hold:
        said.append(f"held for {_span(alerts.hold)}")
    said.append(f"resolved after {alerts.resolve_after} coolings without")
    return ", ".join([*said, *([] if alerts.inhibit else ["told although another explains it"])])


def _mute(mute: MuteTime) -> str:
    days = ", ".join(WEEKDAYS[day] for day in sorted(mute.days))
    return f"{_wanted(mute.match)}; {days} {', '.join(map(str, mute.times))} {mute.zone}"


def _route(route: Route) -> str:
    told = [f"{_wanted(route.match)} to {', '.join(route.sinks) or 'nobody'}"]
    if route.severity is not None:
        told.append(f"as {route.severity}")
    if route.repeat_interval is not None:
        told.append(f"said again after {_span(route.repeat_interval)}")
    return "; ".join([*told, *(["then the routes below"] if route.proceed else [])])


def _wanted(match: Match) -> str:
    given = {field.name: getattr(match, field.name) for field in fields(match)}
    return " and ".join(f"{name} {_value(value)}" for name, value in given.items() if value) or "every event"


def _letters(configuration: Configuration) -> str:
    section = configuration.dead_letters
    if not section.kept:
        return "only counted and logged"
    return f"topic {section.topic}" if section.path is None else str(section.path)


def _component(component: Component) -> str:
    return "  ".join([component.plugin.name, *_settings(component.shown)])


def _sink(sink: ConfiguredSink, *, stateful: bool) -> str:
    parts = [_component(sink.component)]
    parts.append(f"gets {_wanted(sink.match)}")
    if sink.subscription.group:
        parts.append("those of a window in one notification")
    if not sink.subscription.required:
        parts.append("may lose alerts")
    if sink.spools(stateful=stateful):
        how = sink.subscription
        parts.append(f"a spool of {how.spool_rows} alerts, {_size(how.spool_bytes)}, {_span(how.spool_age)} at most")
    return "; ".join(parts)


def _decode(configuration: Configuration) -> str:
    section = configuration.decode
    shown = {field.name: getattr(section, field.name) for field in fields(section)}
    plain = {field.name: field.default for field in fields(section)}
    told = _settings({name: value for name, value in shown.items() if value != plain[name] and name != "strict"})
    return "  ".join([*told, "a bad record stops it" if section.strict else "a bad record is counted and left out"])


def _kiln(kiln: KilnSection) -> str:
    ends = []
    if not isinstance(kiln.every_tasks, str):
        most = kiln.every_tasks > kiln.capacity
        ends.append(f"{kiln.capacity} tasks (the ring holds no more)" if most else f"{kiln.every_tasks} tasks")
    if not isinstance(kiln.every_seconds, str):
        ends.append(_span(kiln.every_seconds))
    cut = f"a window every {' or '.join(ends)}" if ends else "a window when it is full"
    return (
        f"{kiln.capacity} tasks, {cut}, scope {kiln.scope}, overflow {kiln.overflow}, {_size(kiln.max_bytes)} at most"
    )


def _least(configuration: Configuration) -> float:
    given = configuration.alerts.min_confidence
    return Family(configuration.profile.family).min_confidence if given is None else given


def _profile(configuration: Configuration) -> str:
    section = configuration.profile
    family = Family(section.family)
    running = [name for name in (*DETECTORS_OF[family], *section.detectors) if name not in section.without]
    if family is Family.THRESHOLD:
        how = f"rate {section.rate}"
    elif section.per_window is None:
        how = f"budget {section.budget}"
    else:
        how = f"{section.per_window:g} a window"
    return f"{section.family}, {how}: {', '.join(running) or 'no detector'}"


def _settings(table: Mapping[str, object]) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in table.items()]


def _value(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return f"{{ {', '.join(_settings(value))} }}"
    if isinstance(value, Sequence):
        return ", ".join(_value(each) for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _span(seconds: float) -> str:
    """A duration in the largest unit that leaves a whole number."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _size(octets: int) -> str:
    """A size in the largest unit that leaves a whole number."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if octets >= size and octets % size == 0:
            return f"{octets // size} {unit}"
    return f"{octets} bytes"
