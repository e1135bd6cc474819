"""The description of the interface (OpenAPI 3.1), with the published schema of alerts in it."""

from __future__ import annotations

from typing import Any

from crackle_stream import __version__
from crackle_stream.alerting.silences import MATCHERS
from crackle_stream.app.schema import alert_schema
from crackle_stream.app.web.interface import MOST_LISTED
from crackle_stream.app.web.pages import PARTS
from crackle_stream.app.web.query import LONGEST, SHOWS
from crackle_stream.app.web.silences import MOST_GLOBS
from crackle_stream.model import Severity

__all__ = ["description"]

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
FLAG: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "array", "items": TEXT}
COUNTS: Schema = {"type": "object", "additionalProperties": COUNT}
BY_NAME: Schema = {"type": "object", "additionalProperties": TEXT}


def description(*, token: bool = False) -> Schema:
    """The description.

    Args:
        token: whether callers need one.
    """
    secured: Schema = {"security": [{"token": []}]} if token else {}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "crackle-stream status server",
            "version": __version__,
            "description": "What a running pipeline does, found and waits for. Requests from pages of other origins "
            "and for unknown host names are refused; a request has at most 8 KiB of headers and 64 KiB of body.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        **secured,
        "paths": {**_pages(), **_health(), **_found(), **_changed()},
        "components": {"schemas": _schemas(), "securitySchemes": _security() if token else {}},
    }


def _pages() -> Schema:
    html = {"200": _answer("A page.", "text/html", TEXT), "400": _problem("A filter that cannot be.")}
    part = _in_path("name", {"enum": list(PARTS)}, "Which part.")
    part_answers = {**html, "404": _problem("No part.")}
    events = _answer("`figures` and `alert` events, until either side ends it.", "text/event-stream", TEXT)
    return {
        "/": {"get": _does("The live page.", html, _filters())},
        "/parts/{name}": {"get": _does("A part of the page.", part_answers, [part, *_filters()])},
        "/events": {"get": _does("What changes.", {"200": events, "503": _problem("Too many pages are open.")})},
        "/login": {
            "get": {**_does("Asks for the token.", {"200": html["200"], "303": {"description": "None is needed."}}),
                    "security": []},
            "post": {**_does("Takes the token, and gives a session.", {
                "303": {"description": "To the page."},
                "401": _answer("Not the token.", "text/html", TEXT),
                "403": _problem("From another origin."),
                "413": _problem("Too long."),
            }), "security": [], "requestBody": {"content": {"application/x-www-form-urlencoded": {
                "schema": {"type": "object", "required": ["token"], "properties": {"token": TEXT}}}}}},
        },
    }  # fmt: skip


def _health() -> Schema:
    live = _object({"live": FLAG, "state": {"enum": ["starting", "running", "stopped"]}})
    ready = _object({"ready": FLAG, "reasons": {"type": "array", "items": _ref("Reason")}})
    return {
        "/livez": {
            "get": {
                **_does("Whether the process lives: its loop answers, and the pipeline has not ended.",
                        {"200": _json("It does.", live), "503": _json("It has ended.", live)}),
                "security": [],
            }
        },
        "/readyz": {
            "get": {
                **_does("Whether it does its work, and why not; without the token only the codes.",
                        {"200": _json("It does.", ready), "503": _json("It does not.", ready)}),
                "security": [],
            }
        },
        "/metrics": {"get": _does("Prometheus metrics (docs/metrics.md).",
                                  {"200": _answer("The metrics.", "text/plain", TEXT)})},
        "/api/openapi.json": {"get": _does("This description.", {"200": _json("It.", {"type": "object"})})},
    }  # fmt: skip


def _found() -> Schema:
    listed = _object(
        {
            "alerts": {"type": "array", "items": _ref("ShownAlert")},
            "total": COUNT,
            "next": _or_null(COUNT),
            "not_held": COUNT,
        }
    )
    pages = [
        _in_query("limit", {"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": 100}, "Most entries."),
        _in_query("offset", {**COUNT, "maximum": 1_000_000, "default": 0}, "Entries before the first; see `next`."),
    ]
    facts = _object({"facts": {"type": "array", "items": _ref("Fact")}, "total": COUNT})
    both = _object(
        {
            "fingerprint": TEXT,
            "alerts": {"type": "array", "items": _ref("ShownAlert")},
            "facts": {"type": "array", "items": _ref("Fact")},
        }
    )
    wrong = {"400": _problem("A filter that cannot be.")}
    return {
        "/api/statistics": {"get": _does("Counts and figures.", {"200": _json("They.", _ref("Statistics"))})},
        "/api/alerts": {"get": _does("Alerts.", {"200": _json("One page of them.", listed), **wrong},
                                     [*_filters("show", "kind", "severity", "q"), *pages])},
        "/api/facts": {"get": _does("What holds.", {"200": _json("The facts.", facts)})},
        "/api/patterns/{fingerprint}": {
            "get": _does("Alerts and facts of a fingerprint.",
                         {"200": _json("They.", both), "404": _problem("None is held.")},
                         [_in_path("fingerprint", TEXT, "Stable identity of a finding.")])
        },
    }  # fmt: skip


def _changed() -> Schema:
    alert = alert_schema()
    cooled = _object({"done": FLAG, "patterns": {"type": "array", "items": alert["properties"]["pattern"]}})
    answers = {
        "200": _json("It was cooled.", cooled),
        "202": _json("It goes on; what it finds is told as ever.", cooled),
        "303": {"description": "To the page, for a form."},
        "403": _problem("From another origin."),
        "413": _problem("Too long."),
        "503": _problem("The pipeline does not run."),
    }
    return {
        "/api/cool": {"post": _does("End a window in every kiln with new tasks, and cool it.", answers)},
        **_silences(),
    }


def _silences() -> Schema:
    refused = {"403": _problem("From another origin."), "413": _problem("Too long.")}
    held = _object({"silences": {"type": "array", "items": _ref("Silence")}})
    asked = {
        "201": _json("It holds.", _ref("Silence")),
        "400": _problem("No JSON."),
        "409": _problem("There are too many."),
        "415": _problem("Not sent as JSON."),
        "422": _problem("It cannot be; says why."),
        **refused,
    }
    wanted = {"requestBody": {"required": True, "content": {"application/json": {"schema": _ref("NewSilence")}}}}
    ended = {"204": {"description": "It is over."}, "404": _problem("None of this id was asked for."), **refused}
    return {
        "/api/silences": {
            "get": _does("Silences that are not over, of the file first.", {"200": _json("They.", held)}),
            "post": {**_does("Silence something until a moment.", asked), **wanted},
        },
        "/api/silences/{id}": {
            "delete": _does("End a silence that was asked for.", ended, [_in_path("id", TEXT, "Its id.")])
        },
    }


def _schemas() -> Schema:
    alert = alert_schema()
    shown = {
        "said": TEXT,
        "sinks": TEXTS,
        "history": {"type": "array", "items": _object({"status": TEXT, "at": NUMBER})},
    }
    pattern = alert["properties"]["pattern"]
    return {
        "Problem": _object({"title": TEXT, "status": {"type": "integer"}, "detail": TEXT}),
        **_silence_schemas(),
        "Reason": {**_object({"code": TEXT, "said": TEXT}), "required": ["code"]},
        "ShownAlert": {
            **_object({**alert["properties"], **shown}),
            "required": [*alert["required"], *shown],  # an exhibit only where one alert is asked for
        },
        "Fact": _object(
            {"pattern": pattern, "said": TEXT, "first_seen": NUMBER, "last_seen": NUMBER, "windows": COUNT}
        ),
        "Gauge": _object(
            {"name": TEXT, "title": TEXT, "text": TEXT, "note": TEXT, "tone": TEXT, "share": _or_null(NUMBER)}
        ),
        "Statistics": _statistics(),
        "Setup": _setup(),
        "Counts": _counts(),
    }


def _silence_schemas() -> Schema:
    globs = {
        name: {**TEXTS, "maxItems": MOST_GLOBS, "description": "Globs; one is enough, and all matchers must fit."}
        for name in MATCHERS
    }
    moments = {
        "starts": {**NUMBER, "description": "Epoch seconds; now, where it is not given."},
        "ends": {**NUMBER, "description": "Epoch seconds; or `lasts`."},
    }
    said = {"author": {**TEXT, "maxLength": 1000}, "comment": {**TEXT, "maxLength": 1000}}
    lasts = {"type": ["number", "string"], "description": 'Seconds, or text such as "2h"; or `ends`.'}
    new = _object({**moments, "lasts": lasts, **said, **globs})
    return {
        "Silence": _object({"id": TEXT, **moments, **said, **globs}),
        "NewSilence": {**new, "required": ["author", "comment"]},
    }


def _statistics() -> Schema:
    return _object(
        {
            "state": TEXT,
            "source": TEXT,
            "partitions": TEXTS,
            "ready": FLAG,
            "reasons": {"type": "array", "items": _ref("Reason")},
            "tasks_per_second": NUMBER,
            "reject_share": _or_null(NUMBER),
            "next_cooling_s": _or_null(NUMBER),
            "loop_late_s": NUMBER,
            "active_alerts": COUNT,
            "examined": _or_null(TEXT),
            "gauges": {"type": "array", "items": _ref("Gauge")},
            "setup": _ref("Setup"),
            "counts": _ref("Counts"),
        }
    )


def _setup() -> Schema:
    return _object(
        {
            "name": TEXT,
            "capacity": COUNT,
            "every_tasks": _or_null(COUNT),
            "every_seconds": _or_null(NUMBER),
            "cooling_limit_s": NUMBER,
            "reject_share": _or_null(NUMBER),
            "grouped": FLAG,
            "sinks": TEXTS,
            "required": TEXTS,
        }
    )


def _counts() -> Schema:
    counts = ["tasks", "rejected", "dropped", "late", "dropped_names", "windows", "merged", "evicted", "kilns", "held"]
    by_name = ["patterns", "failures", "alerts", "hushed", "delivered", "refused", "lost", "buried", "backlog"]
    seconds = ["oldest_fresh_s", "cooling_p50_s", "cooling_p95_s", "uptime_s"]
    return _object(
        {
            **dict.fromkeys([*counts, "fresh", "ring_bytes"], COUNT),
            **dict.fromkeys(by_name, COUNTS),
            "failing": BY_NAME,
            "paused": TEXT,
            **dict.fromkeys(seconds, NUMBER),
            "lag": _or_null(COUNT),
        }
    )


def _security() -> Schema:
    return {"token": {"type": "http", "scheme": "bearer", "description": "[status] token; a browser gets a session."}}


def _filters(*names: str) -> list[Schema]:
    text = {**TEXT, "maxLength": LONGEST}
    pages = {"type": "integer", "minimum": 1, "maximum": 100_000, "default": 1}
    known = {
        "show": ({"enum": list(SHOWS), "default": "active"}, "Which alerts."),
        "kind": (text, "Kind of pattern."),
        "severity": ({"enum": ["", *Severity]}, "Severity."),
        "q": (text, "Text within description, metrics, key or tasks."),
        "page": (pages, "Page of alerts."),
        "kiln": (text, "Whose heat strip."),
        "metrics": (text, "Text within names of metrics."),
        "rows": (pages, "Page of metrics."),
        "metric": (text, "Whose series."),
    }
    return [_in_query(name, *known[name]) for name in (names or known)]


def _does(summary: str, answers: Schema, parameters: list[Schema] | None = None) -> Schema:
    refused = {"401": _problem("The token is missing."), "421": _problem("For a host name that is not known here.")}
    return {"summary": summary, "parameters": parameters or [], "responses": {**refused, **answers}}


def _in_query(name: str, schema: Schema, said: str) -> Schema:
    return {"name": name, "in": "query", "description": said, "schema": schema}


def _in_path(name: str, schema: Schema, said: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": said, "schema": schema}


def _answer(said: str, media: str, schema: Schema) -> Schema:
    return {"description": said, "content": {media: {"schema": schema}}}


def _json(said: str, schema: Schema) -> Schema:
    return _answer(said, "application/json", schema)


def _problem(said: str) -> Schema:
    return _answer(said, "application/problem+json", _ref("Problem"))


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(properties),
        "properties": properties,
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _or_null(schema: Schema) -> Schema:
    return {"oneOf": [schema, {"type": "null"}]}
