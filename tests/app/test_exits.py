from pathlib import Path

import pytest
from sample_alerts import a_pattern, an_alert

from crackle_stream.app.exits import Exit, FailOn, exit_of
from crackle_stream.errors import (
    AlertsRefused,
    ConfigError,
    CrackleError,
    NotDrained,
    PluginError,
    ReaderGone,
    RecordRefused,
    SourceError,
    SourceUnavailable,
    StateUnavailable,
    StateUnusable,
    TooManyRejects,
)
from crackle_stream.model import Severity


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError(["x"]), 2),
        (PluginError("x"), 2),
        (NotDrained({"pager": 3}, 0, 25.0), 4),
        (SourceUnavailable("kafka", "refused"), 7),
        (SourceError("kafka", "no such topic"), 1),
        (RecordRefused("stdin:1", "not JSON"), 1),
        (ReaderGone("stdout"), 0),
        (AlertsRefused({"pager": 2}), 1),
        (StateUnavailable("state/crackle-stream.sqlite", "no room"), 1),
        (StateUnusable("state/crackle-stream.sqlite", "is torn"), 2),
        (TooManyRejects(501, 1000, 0.5, "results[0]:17: not JSON"), 6),
        (CrackleError("anything else"), 1),
    ],
)
def test_every_error_has_its_exit_code(error: CrackleError, code: int) -> None:
    assert exit_of(error) == code


def test_the_page_gives_every_code_the_meaning_that_help_gives_it() -> None:
    page = (Path(__file__).parents[2] / "docs" / "exit-codes.md").read_text().replace("`", "")
    for code in Exit:
        assert f"\n| {code.value} | {code.meaning} |" in page


@pytest.mark.parametrize(
    ("word", "severity", "kind", "named"),
    [
        ("any", Severity.INFO, "correlation", True),
        ("warning", Severity.INFO, "correlation", False),
        ("warning", Severity.WARNING, "correlation", True),
        ("warning", Severity.CRITICAL, "correlation", True),
        ("critical", Severity.WARNING, "correlation", False),
        ("correlation", Severity.INFO, "correlation", True),
        ("clustering", Severity.CRITICAL, "correlation", False),
        ("round times", Severity.INFO, "round times", True),
    ],
)
def test_fail_on_names_alerts_by_severity_and_above_or_by_kind(
    word: str, severity: Severity, kind: str, named: bool
) -> None:
    alert = an_alert(severity=severity, pattern=a_pattern(kind=kind))
    assert FailOn((word,)).names(alert) is named


def test_fail_on_without_words_names_nothing_and_one_word_of_many_is_enough() -> None:
    assert not FailOn().names(an_alert())
    assert FailOn(("clustering", "any")).names(an_alert())
