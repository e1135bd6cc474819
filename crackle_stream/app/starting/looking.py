"""Which fields of an unknown stream serve as label, time and key, and what sort of number each metric is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from crackle_stream.app.starting.fields import Field, fields_of
from crackle_stream.app.starting.sampling import Sample
from crackle_stream.decode import DecodeOptions, Decoder
from crackle_stream.decode.options import LABEL_FIELDS, TIME_FIELDS
from crackle_stream.detect.evidence.metric_types import MetricType, TypedMetric, infer_all
from crackle_stream.errors import ConfigError
from crackle_stream.model import Partition, Positions, RecordBatch

__all__ = ["Chosen", "Look", "look_at"]

NEARLY_ALL = 0.95
"""Share of the records that must have a field, for it to serve as label, time or key."""

MOST_KEYS = 50
"""More values than this are names of tasks rather than of what ran them."""

LEAST_OF_A_KEY = 12
"""Records a value must have on average: fewer give no window of its own."""

TIME_WORDS = ("time", "ts", "date", "at", "when", "start", "end", "created", "finished", "stamp")
LABEL_WORDS = ("name", "id", "task", "job", "title", "step", "request", "trace", "build", "run", "test", "path", "url")


@dataclass(frozen=True, slots=True)
class Chosen:
    """A field that serves as something.

    Attributes:
        path: the field.
        why: what speaks for it.
        default: whether it is where it is looked for anyway.
    """

    path: str
    why: str
    default: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of a stream.

    Attributes:
        sample: what was looked at.
        records: how many could be read.
        problem: what is wrong with the first that could not; "" where all could.
        label: the field that names a task, or None.
        time: the field that says when it ended, or None.
        keys: fields that say what ran it.
        metrics: its metrics with their types.
        not_numbers: fields that hold numbers written as text.
        per_second: records a second, 0 where nothing says.
    """

    sample: Sample
    records: int
    problem: str
    label: Chosen | None
    time: Chosen | None
    keys: tuple[Chosen, ...]
    metrics: tuple[TypedMetric, ...]
    not_numbers: tuple[str, ...]
    per_second: float


def look_at(sample: Sample) -> Look:
    """Look at some records.

    Raises:
        ConfigError: none of them holds a number.
    """
    fields = fields_of(sample.payloads)
    time = _time(fields)
    label = _label(fields, time)
    options = DecodeOptions(label=_named(label), time=_named(time))
    count = len(sample.payloads)
    positions = Positions(Partition(sample.origin), np.arange(count, dtype=np.int64))
    batch, rejects = Decoder(options).decode(RecordBatch(sample.payloads, positions, np.zeros(count)))
    problem = f"{rejects[0].position}: {rejects[0].problem}" if rejects else ""
    texts = tuple(each.path for each in fields.values() if each.digits and each.digits == each.count)
    if not len(batch):
        cure = f"; {', '.join(texts)} hold numbers written as text: write them without quotes" if texts else ""
        raise ConfigError([f"no record can be read: {problem}{cure}"], origin=sample.origin)
    span = float(np.ptp(batch.times))
    return Look(
        sample,
        len(batch),
        problem,
        label,
        time,
        _keys(fields, {each.path for each in (label, time) if each is not None}),
        infer_all(batch.names, batch.values),
        tuple(path for path in texts if path not in (_path(label), _path(time))),
        (len(batch) - 1) / span if span > 0 else 0.0,
    )


def _time(fields: Mapping[str, Field]) -> Chosen | None:
    total = _total(fields.values())
    for path in TIME_FIELDS:
        if path in fields and len(fields[path].times) >= NEARLY_ALL * total:
            return Chosen(path, "looked for there anyway", default=True)
    able = [each for each in fields.values() if len(each.times) >= NEARLY_ALL * total and _moves(each)]
    best = max(able, key=_likeness_to_time, default=None)
    return None if best is None else Chosen(best.path, f"every record has a time there, {_in_order(best):.0%} in order")


def _moves(each: Field) -> bool:
    """Whether a number may be a time: its name or its order says so; text that can be read as one is."""
    return each.numbers == 0 or _has_word(each.name, TIME_WORDS) or _in_order(each) >= NEARLY_ALL


def _likeness_to_time(each: Field) -> tuple[object, ...]:
    return (_has_word(each.name, TIME_WORDS), _in_order(each), -each.path.count("."), each.numbers == 0)


def _in_order(each: Field) -> float:
    """Share of the steps that do not go back."""
    return float(np.mean(np.diff(each.times) >= 0)) if len(each.times) > 1 else 1.0


def _label(fields: Mapping[str, Field], time: Chosen | None) -> Chosen | None:
    total = _total(fields.values())
    for path in LABEL_FIELDS:
        if path in fields and fields[path].texts.total() + fields[path].whole >= NEARLY_ALL * total:
            return Chosen(path, "looked for there anyway", default=True)
    able = [
        each
        for each in fields.values()
        if each.texts.total() >= NEARLY_ALL * total and each.path != _path(time) and not each.times
        if len(each.texts) > MOST_KEYS or (_has_word(each.name, LABEL_WORDS) and len(each.texts) > 1)
    ]
    best = max(able, key=lambda each: (len(each.texts), _has_word(each.name, LABEL_WORDS)), default=None)
    return None if best is None else Chosen(best.path, f"{len(best.texts)} different texts in {total} records")


def _keys(fields: Mapping[str, Field], taken: set[str]) -> tuple[Chosen, ...]:
    total = _total(fields.values())
    found = []
    for each in fields.values():
        values = len(each.texts)
        full = each.texts.total() >= NEARLY_ALL * total and each.digits == 0 and not each.times
        if full and each.path not in taken and 2 <= values <= min(MOST_KEYS, total / LEAST_OF_A_KEY):
            shown = ", ".join(text[:20] for text, _ in each.texts.most_common(3))
            found.append(Chosen(each.path, f"{values} values: {shown}{', ...' if values > 3 else ''}"))
    return tuple(found)


def _total(fields: Iterable[Field]) -> int:
    """Records that were looked at: the most that any field is in."""
    return max((each.count for each in fields), default=0)


def _has_word(name: str, words: Iterable[str]) -> bool:
    parts = set("".join(letter if letter.isalnum() else " " for letter in name).split())
    return any(word in parts or (len(word) > 2 and word in name) for word in words)


def _named(chosen: Chosen | None) -> str | None:
    """What [decode] must say: nothing of a field that is looked for anyway."""
    return None if chosen is None or chosen.default else chosen.path


def _path(chosen: Chosen | None) -> str | None:
    return None if chosen is None else chosen.path


PINNED = (MetricType.COUNTER, MetricType.ID, MetricType.CODE, MetricType.TIMESTAMP)
"""Types that are written down. A constant is not: what never moved in a sample may move later, and that is news."""
