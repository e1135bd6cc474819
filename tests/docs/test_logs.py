"""Every event of the log is documented, and every documented one is logged."""

import re
from dataclasses import fields
from pathlib import Path

from crackle_stream.app.eventlog import logged
from crackle_stream.model import AlertStatus
from crackle_stream.stream import events

ROOT = Path(__file__).parents[2]

SAID = re.compile(r'\.(?:_tell|log|debug|info|warning|error|exception)\(\s*(?:logging\.[A-Z]+, )?"([a-z_]+\.[a-z_]+)"')
"""A call that logs an event by its name."""


def documented() -> dict[str, str]:
    """The rows of the page by name."""
    rows = re.findall(r"^\| `([a-z_]+\.[a-z_]+)` \|(.*)$", (ROOT / "docs" / "logs.md").read_text(), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a name has two rows"
    return dict(rows)


def test_every_event_that_is_logged_is_documented_and_nothing_else() -> None:
    of_pipeline = {cls.name for cls in (getattr(events, name) for name in events.__all__) if cls is not events.Event}
    calls = {name for path in (ROOT / "crackle_stream").rglob("*.py") for name in SAID.findall(path.read_text())}
    assert set(documented()) == of_pipeline | calls | {f"pattern.{status}" for status in AlertStatus}


def test_an_event_s_level_is_as_documented_and_those_without_one_are_only_counted() -> None:
    rows = documented()
    for name in events.__all__:
        cls = getattr(events, name)
        if cls is not events.Event:
            level = logged(cls)
            assert rows[cls.name].split("|")[0].strip() == (level or "counted"), cls.name


def test_fields_that_only_some_events_have_are_named_in_their_rows() -> None:
    rows = documented()
    plain = {"sink", "problem", "alert", "window", "report", "reject", "key", "tasks", "partitions", "source"}
    for name in events.__all__:
        cls = getattr(events, name)
        if cls is not events.Event and logged(cls):
            missing = [
                field.name
                for field in fields(cls)
                if field.name not in plain and f"`{field.name}`" not in rows[cls.name]
            ]
            assert missing == [], cls.name
