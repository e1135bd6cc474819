"""One record read on its own: any JSON object, with no memory of those before it.

What it returns defines what a record means; the learned schema (`plan.py`) is only a quicker way to the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from crackle_stream.decode.crowded import crowded
from crackle_stream.decode.epoch import EARLIEST, epoch_seconds, seconds_of_text
from crackle_stream.decode.faults import FAULTS, Refusal, explain, kind_of
from crackle_stream.decode.names import MetricNames
from crackle_stream.decode.options import LABEL_FIELDS, MAX_MAGNITUDE, TIME_FIELDS

if TYPE_CHECKING:
    from crackle_stream.decode.options import DecodeOptions

__all__ = ["Json", "Reading", "RecordReader", "key_of"]

Json = dict[str, object]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_EXCERPT = 60


@dataclass(slots=True)
class Reading:
    """What a record says.

    Attributes:
        record: the JSON object.
        metrics: numbers by name; at least one.
        label: the label, or None where the record's position must serve.
        label_path: where it stood.
        time: epoch seconds, or None where the time of arrival must serve.
        time_path: where it stood.
        key: the key, or None where the stream is not keyed.
    """

    record: Json
    metrics: dict[str, float]
    label: str | None
    label_path: str | None
    time: float | None
    time_path: str | None
    key: str | None


class RecordReader:
    """Reads records one by one."""

    def __init__(self, options: DecodeOptions, names: MetricNames) -> None:
        self._options = options
        self._names = names
        self._parse = msgspec.json.Decoder().decode

    def read(self, payload: bytes) -> Reading:
        """Read one record.

        Raises:
            Refusal: it is too large, no JSON object, beyond a limit, or holds no metric.
        """
        record = self._object(payload)
        fields: dict[str, object] = {}
        self._gather(record, "", 1, fields)
        label_path, label = self._label(fields)
        time_path, time = self._time(fields)
        key = self._key(fields)
        metrics = self._metrics(fields, {label_path, time_path, *self._options.key})
        return Reading(record, metrics, label, label_path, time, time_path, key)

    def _object(self, payload: bytes) -> Json:
        limit = self._options.max_record_bytes
        if len(payload) > limit:
            raise Refusal(f"the record has more than {limit:,} bytes, the limit (max_record_bytes)")
        payload = payload.removeprefix(_BYTE_ORDER_MARK)
        if crowded(payload, self._options):
            raise self._too_many()
        try:
            record = self._parse(payload)
        except FAULTS as error:
            raise Refusal(explain(payload, error)) from error
        if not isinstance(record, dict):
            raise Refusal(f"the record is {kind_of(record)}, not a JSON object")
        return record

    def _gather(self, node: Json, prefix: str, depth: int, fields: dict[str, object]) -> None:
        """Every field by its path; of two with the same path the last one counts, as of two equal keys."""
        if depth > self._options.max_depth:
            raise self._too_deep(prefix)
        for name, value in node.items():
            path = prefix + name
            fields[path] = value
            kind = type(value)
            if kind is dict:
                self._gather(cast("Json", value), f"{path}.", depth + 1, fields)
            elif kind is list:
                self._check_depth(cast("list[object]", value), path, depth + 1)

    def _check_depth(self, array: list[object], path: str, depth: int) -> None:
        if depth > self._options.max_depth:
            raise self._too_deep(path)
        for value in array:
            if isinstance(value, list):
                self._check_depth(value, path, depth + 1)
            elif isinstance(value, dict):
                self._check_depth(list(value.values()), path, depth + 1)

    def _too_deep(self, path: str) -> Refusal:
        limit = self._options.max_depth
        return Refusal(
            f"field {_excerpt(path.rstrip('.'))} is nested more than {limit} levels deep, the limit (max_depth)"
        )

    def _label(self, fields: Json) -> tuple[str | None, str | None]:
        """The field that serves as label, and the label."""
        given = self._options.label
        for path in LABEL_FIELDS if given is None else (given,):
            value = fields.get(path)
            if type(value) in (str, int) and value != "":
                label = _text_of(value)
                self._check_length(label, f"label field {path!r}")
                return path, label
            if given is not None and value not in (None, ""):
                raise Refusal(f"label field {path!r} holds {_shown(value)}: a label is text or a whole number")
        return None, None

    def _time(self, fields: Json) -> tuple[str | None, float | None]:
        """The field that serves as time, and the time in epoch seconds."""
        given = self._options.time
        for path in TIME_FIELDS if given is None else (given,):
            value = fields.get(path)
            time = _time_of(value, EARLIEST if given is None else -math.inf)
            if time is not None:
                return path, time
            if given is not None and value is not None:
                raise Refusal(
                    f"time field {path!r} holds {_shown(value)}: a time is epoch seconds, milli-, micro- or "
                    "nanoseconds, or text such as 2023-11-14T22:13:20Z"
                )
        return None, None

    def _key(self, fields: Json) -> str | None:
        if not self._options.key:
            return None
        values = [fields.get(path) for path in self._options.key]
        for path, value in zip(self._options.key, values, strict=True):
            if isinstance(value, dict | list):
                raise Refusal(f"key field {path!r} holds {kind_of(value)}: a part of a key is a single value")
        key = key_of(values)
        self._check_length(key, "the key")
        return key

    def _check_length(self, text: str, what: str) -> None:
        limit = self._options.max_label_length
        if len(text) > limit:
            raise Refusal(f"{what} has {len(text)} characters, more than the limit of {limit} (max_label_length)")

    def _metrics(self, fields: dict[str, object], taken: set[str | None]) -> dict[str, float]:
        names, limit = self._names, self._options.max_metrics
        metrics: dict[str, float] = {}
        left_out = 0
        for path, value in fields.items():
            kind = type(value)
            if (kind is not float and kind is not int) or path in taken:
                continue
            name = names[path]
            if name is None:
                left_out += 1
            # Of two of one name the one in the metrics object counts, wherever it stands.
            elif name != path or name not in metrics:
                metrics[name] = cast("float", value) if kind is float else _float_of(value)
                if len(metrics) > limit:
                    # at once: a record of a hundred thousand would keep the event loop, and fill what names are kept
                    raise self._too_many()
        self._check_metrics(metrics, left_out)
        return metrics

    def _too_many(self) -> Refusal:
        return Refusal(f"more than {self._options.max_metrics} metrics, the limit (max_metrics)")

    def _check_metrics(self, metrics: dict[str, float], left_out: int) -> None:
        if not metrics:
            reason = f": include and exclude leave out all {left_out}" if left_out else ""
            raise Refusal(f"no numeric field to take for a metric{reason}")
        if max(map(len, metrics)) > self._options.max_name_length:
            longest = max(metrics, key=len)
            raise Refusal(
                f"the metric name {_excerpt(longest)} has {len(longest)} characters, more than the limit of "
                f"{self._options.max_name_length} (max_name_length)"
            )
        if max(map(abs, metrics.values())) > MAX_MAGNITUDE:
            largest = max(metrics, key=lambda name: abs(metrics[name]))
            raise Refusal(f"metric {_excerpt(largest)} is beyond {MAX_MAGNITUDE:g} in magnitude, the limit")


def key_of(values: list[object]) -> str:
    r"""The key that single values make together.

    Parts are joined by "|"; one that holds a "|" or a backslash has a backslash put before it, so that no two lists
    run together.

    >>> key_of(["eu", 3, None, True]), key_of(["a|b", "c"]), key_of(["a|b"])
    ('eu|3||true', 'a\\|b|c', 'a|b')
    """
    texts = ["" if value is None else _text_of(value) for value in values]
    if len(texts) == 1:
        return texts[0]
    return "|".join(text.replace("\\", "\\\\").replace("|", "\\|") for text in texts)


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    # The parser takes no whole number of more digits than `str` writes.
    return str(value)


def _time_of(value: object, earliest: float) -> float | None:
    if isinstance(value, str):
        return seconds_of_text(value, earliest)
    if type(value) not in (int, float):
        return None
    number = _float_of(value)
    return epoch_seconds(number) if number >= earliest else None


def _float_of(number: object) -> float:
    """A number of JSON as a float, infinite where it is too large for one."""
    try:
        return float(cast("float", number))
    except OverflowError:
        return math.inf if cast("int", number) > 0 else -math.inf


def _shown(value: object) -> str:
    if isinstance(value, dict | list):
        return kind_of(value)
    return _excerpt(value) if isinstance(value, str) else _cut(_text_of(value))


def _excerpt(text: str) -> str:
    return repr(_cut(text))


def _cut(text: str) -> str:
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 3] + "..."
