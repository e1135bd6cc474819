"""The JSON schema of an alert, as sinks write it and webhooks carry it."""

from __future__ import annotations

from typing import Any

from crackle_stream.app.schema.configuration import DIALECT
from crackle_stream.model import SHOWN_TASKS, AlertStatus, Nature, PatternKind, Severity, Shape, Tone

__all__ = ["alert_schema"]

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
TEXTS: Schema = {"type": "array", "items": TEXT}
SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
TIME: Schema = {"type": "number", "description": "Epoch seconds."}
FINGERPRINT: Schema = {
    "type": "string",
    "pattern": "^[0-9a-f]{16}$",
    "description": "Stable identity of the finding: the same for raised, repeated and resolved.",
}


def alert_schema() -> Schema:
    """The schema of one alert."""
    return {
        "$schema": DIALECT,
        "title": "Alert of crackle-stream",
        **_object(
            "One notification about a pattern.",
            {
                "id": _said(
                    "The same for every attempt to deliver this notification: what makes delivery safe to repeat.", TEXT
                ),
                "status": {"enum": list(AlertStatus)},
                "severity": {"enum": list(Severity)},
                "fingerprint": FINGERPRINT,
                "raised_at": _said("Epoch seconds, end of the window that raised it.", NUMBER),
                "last_seen": _said("Epoch seconds, end of the last window that showed it.", NUMBER),
                "windows": _said("Number of windows that showed it so far.", {"type": "integer", "minimum": 1}),
                "reason": _said('Why it was resolved, "" otherwise.', TEXT),
                "raised_confidence": _said(
                    "The confidence it was raised with, by which it is routed for life; null for one made by hand.",
                    {"type": ["number", "null"], "minimum": 0, "maximum": 1},
                ),
                "position": _or_null(_position()),
                "explains": _said("Sentences of the alerts that are held back because this one explains them.", TEXTS),
                "members": _said(
                    "The alerts of a group, the most severe first; empty for a single one.",
                    {"type": "array", "items": {"$ref": "#"}},
                ),
                "pattern": _pattern(),
            },
            {"exhibit": _exhibit()},
        ),
    }


def _exhibit() -> Schema:
    return _object(
        "What the window shows of the finding, on standard output and in files; takes part in no identity.",
        {
            "figure": _or_null(_figure()),
            "after": _said('What came shortly before, "" where nothing did.', TEXT),
            "ruled_out": _said("What the finding is not, a phrase each.", TEXTS),
            "span": _said("What the window covers of each partition.", {"type": "array", "items": _span()}),
        },
    )


def _span() -> Schema:
    return _object(
        "Part of a log, both ends included.",
        {"topic": TEXT, "partition": {"type": ["integer", "null"]}, "first": COUNT, "last": COUNT},
    )


def _figure() -> Schema:
    numbers = {"type": "array", "items": NUMBER}
    layer = _object(
        "Points that are drawn alike: y is empty for rules, low (the lower ends) for all but bands.",
        {"shape": {"enum": list(Shape)}, "tone": {"enum": list(Tone)}, "label": TEXT}
        | {"x": numbers, "y": numbers, "low": numbers},
    )
    return _object(
        "A small plot.",
        {
            "title": TEXT,
            "text": _said("What there is to see, for whoever does not see it.", TEXT),
            "x": _axis("Across."),
            "y": _axis("Up."),
            "mark": _said("Where along x the finding begins.", {"type": ["number", "null"]}),
            "layers": {"type": "array", "items": layer},
        },
    )


def _axis(where: str) -> Schema:
    ends = {"low": NUMBER, "high": NUMBER, "low_text": TEXT, "high_text": TEXT}
    return _object(f"{where} Texts stand in the place of the numbers at its ends.", {"label": TEXT, **ends})


def _pattern() -> Schema:
    return _object(
        "The finding as last seen.",
        {
            "kind": _said(
                "A kind of the built-in detectors, or a third party's own word.",
                {**TEXT, "examples": list(PatternKind)},
            ),
            "form": _said("A kind's variety, such as mean or linear.", TEXT),
            "nature": _said("Whether it holds or happened.", {"enum": list(Nature)}),
            "direction": _said('"up", "down", "positive", "negative" or "".', TEXT),
            "description": _said("A sentence for the person on call.", TEXT),
            "confidence": SHARE,
            "involved_tasks": _said("Labels, most responsible first.", {**TEXTS, "maxItems": SHOWN_TASKS}),
            "involved_count": _said("How many tasks are involved, shown or not.", COUNT),
            "metric_names": TEXTS,
            "metrics": _said("Numbers by name.", {"type": "object", "additionalProperties": NUMBER}),
            "evidence": _or_null(_evidence()),
            "at": _or_null(_object("Where in the window it begins.", {"index": COUNT, "time": TIME})),
            "key": _said('The kiln\'s key, "" where the stream is not keyed.', TEXT),
            "window_id": TEXT,
            "fingerprint": FINGERPRINT,
        },
    )


def _evidence() -> Schema:
    return _object(
        "What the confidence rests on; null for threshold detectors.",
        {
            "p": _said("The p value.", SHARE),
            "q": _said("The p value after multiplicity.", SHARE),
            "effect": _said("Size of the effect in the form's own unit.", NUMBER),
            "effective_n": _said("Independent observations the data are worth.", NUMBER),
            "calibrated": _said("Whether the metric's memory was long enough for p to hold.", {"type": "boolean"}),
        },
    )


def _position() -> Schema:
    return _object(
        "The last record of the window. Of two alerts with one fingerprint the greater offset is the later.",
        {"topic": TEXT, "partition": {"type": ["integer", "null"]}, "offset": COUNT},
    )


def _object(description: str, properties: Schema, optional: Schema | None = None) -> Schema:
    """A table with exactly these keys, and perhaps optional ones."""
    return {
        "description": description,
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": {**properties, **(optional or {})},
    }


def _said(description: str, schema: Schema) -> Schema:
    return {"description": description, **schema}


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}
