"""Where things are in a record, and how large it may be; free of third-party imports."""

from __future__ import annotations

from dataclasses import dataclass

from crackle_stream.model.options import optional, positive_octets, read_fields, read_text, whole_number

__all__ = ["LABEL_FIELDS", "MAX_MAGNITUDE", "METRICS_FIELD", "TIME_FIELDS", "DecodeOptions"]

LABEL_FIELDS = ("label", "task", "name", "id")
"""Where a label is looked for when no field is named; the first that holds text or a whole number serves."""

TIME_FIELDS = ("ts", "time", "timestamp", "at")
"""Where a time is looked for when no field is named; the first that can be read as one serves."""

METRICS_FIELD = "metrics"
"""Numbers in an object of this name at the top of a record go by their names within it."""

MAX_MAGNITUDE = 1e300
"""Largest magnitude of a metric: a sum of squares of scaled values must not overflow at once."""

DEEPEST = 100
"""Most that `max_depth` may be: deeper records would strain Python's own stack."""


@dataclass(frozen=True, slots=True)
class DecodeOptions:
    """Where things are in a record, and how large it may be.

    A field is named by its path, `meta.service` for `{"meta": {"service": ...}}` (or for a top-level key with that
    dot in it). The fields that serve as label, time or key are no metrics.

    Attributes:
        label: the field that holds the label, text or a whole number; a record without it goes by its position
            ("stdin:17"). By default the first of label, task, name and id that holds one.
        time: the field that holds the time the task fired, as epoch seconds, milli-, micro- or nanoseconds, told
            apart by magnitude, or as RFC 3339 or ISO 8601 text (UTC where no zone is given); a record without it
            fired when it arrived. By default the first of ts, time, timestamp and at that can be read as a time of
            1973 or later; a smaller number there, such as a duration, is a metric.
        key: fields whose values together are the key; a missing one counts as empty.
        include: globs of metrics to keep, all by default; a glob is matched with a metric's name and with its path.
        exclude: globs of metrics to leave out, whatever `include` says.
        max_record_bytes: most bytes of a record; a number, or text such as "1MiB".
        max_metrics: most metrics of a record.
        max_name_length: most characters of a metric's name.
        max_label_length: most characters of a label or a key.
        max_depth: most levels of objects and arrays in each other, the record itself being the first.
    """

    label: str | None = None
    time: str | None = None
    key: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_record_bytes: int = 2**20
    max_metrics: int = 256
    max_name_length: int = 128
    max_label_length: int = 256
    max_depth: int = 32

    def __post_init__(self) -> None:
        read_fields(
            self,
            label=optional(read_text),
            time=optional(read_text),
            key=_texts,
            include=_texts,
            exclude=_texts,
            max_record_bytes=positive_octets,
            max_metrics=whole_number(1),
            max_name_length=whole_number(1),
            max_label_length=whole_number(1),
            max_depth=_depth,
        )


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (read_text(value),)
    if not isinstance(value, list | tuple):
        raise ValueError(f"is a list of texts, not {value!r}")
    return tuple(read_text(each) for each in value)


def _depth(value: object) -> int:
    depth = whole_number(1)(value)
    if depth > DEEPEST:
        raise ValueError(f"is at most {DEEPEST}, not {value!r}")
    return depth
