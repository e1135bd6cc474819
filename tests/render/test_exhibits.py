from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sample_alerts import a_pattern

from crackle_stream.cooling import CoolingReport
from crackle_stream.model import (
    CracklePattern,
    Examination,
    Exhibit,
    Failure,
    Nature,
    Onset,
    Partition,
    PatternKind,
    Skip,
    Span,
)
from crackle_stream.render.exhibits import MOST_EXHIBITS, exhibits_of
from crackle_stream.window import Window

P = Partition("results", 0)
ROWS = 40


def window(*spans: Span, names: tuple[str, ...] = ("a", "b", "c", "d")) -> Window:
    values = np.random.default_rng(0).normal(size=(ROWS, len(names)))
    labels = [f"t{row}" for row in range(ROWS)]
    return Window.from_columns(labels, 1000.0 + np.arange(ROWS), names, values, span=spans)


def change(name: str, row: int, **fields: Any) -> CracklePattern:
    return a_pattern(
        **{"metric_names": (name,), "at": Onset(row, 1000.0 + row), "fingerprint": f"{name}{row}", **fields}
    )


def fact(kind: str, form: str, *names: str, **fields: Any) -> CracklePattern:
    filled: dict[str, Any] = {"metrics": {}, "at": None, "nature": Nature.FACT, "fingerprint": form, **fields}
    return a_pattern(kind=kind, form=form, metric_names=names, **filled)


def shown(pattern: CracklePattern, *others: CracklePattern, seen: Window | None = None, **report: Any) -> Exhibit:
    made = CoolingReport(patterns=(pattern, *others), **report)
    return exhibits_of(made, seen or window())[pattern.fingerprint]


TESTED = {"shift": Examination(tests=9, skipped=(Skip("d", "constant: always 1"),)), "laws": Examination(tests=2)}


def test_a_change_says_what_did_not_change_and_which_laws_hold() -> None:
    law = fact(PatternKind.CONSERVATION, "linear law", "a", "c")
    assert shown(change("a", 9), law, examined=TESTED).ruled_out == (
        "the other 2 metrics did not change",
        "no law broke (1 law holds)",
        "no drift of its own: what its past explains was taken off",
    )


def test_metrics_that_changed_elsewhere_are_not_said_to_be_still() -> None:
    assert shown(change("a", 9), change("b", 20), examined=TESTED).ruled_out[0] == "the one other metric did not change"
    assert shown(change("a", 9), change("b", 20), change("c", 3), examined=TESTED).ruled_out[0] == "no law broke"


def test_what_was_not_finished_rules_nothing_out() -> None:
    cut = {"shift": Examination(tests=9, complete=False), "laws": Examination(tests=2, complete=False)}
    failures = (Failure("shift", "stopped", overran=True), Failure("shift", "stopped", overran=True))
    assert shown(change("a", 9), examined=cut, failures=failures).ruled_out == (
        "no drift of its own: what its past explains was taken off",
        "not all was looked at: shift failed",
    )


def test_where_a_law_broke_none_is_said_to_hold() -> None:
    broken = change("b", 9, kind=PatternKind.CONSERVATION, form="broken law")
    assert shown(change("a", 9), broken, examined=TESTED).ruled_out == (
        "the other 2 metrics did not change",
        "no drift of its own: what its past explains was taken off",
    )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (fact(PatternKind.CORRELATION, "nonlinear", "a", "b"), "no straight line"),
        (fact(PatternKind.CORRELATION, "lagged", "a", "b"), "less at the same task"),
        (fact(PatternKind.CORRELATION, "linear", "a", "b"), "no cause shown: a third metric may drive both"),
        (fact(PatternKind.CONSERVATION, "linear law", "a", "b"), "no two names of one metric: copies were left out"),
        (fact(PatternKind.CLUSTERING, "groups", "a", "b"), "no shift: the groups lie side by side in time"),
        (
            fact(PatternKind.CONSERVATION, "broken law", "a", metrics={"implied_shifts": 1.0}),
            "no shifts of their own: the metrics' changes are no larger than what is missing",
        ),
    ],
)
def test_each_kind_says_what_its_test_excludes(pattern: CracklePattern, expected: str) -> None:
    assert expected in shown(pattern).ruled_out


def test_a_broken_law_says_how_many_others_hold() -> None:
    broken = change("b", 9, kind=PatternKind.CONSERVATION, form="broken law")
    laws = [fact(PatternKind.CONSERVATION, "linear law", "a", fingerprint=str(n)) for n in range(2)]
    assert shown(broken, laws[0]).ruled_out == ("another law still holds",)
    assert shown(broken, *laws).ruled_out == ("2 other laws still hold",)


def test_a_rule_of_thumb_rules_nothing_out() -> None:
    assert shown(change("a", 9, evidence=None), examined=TESTED).ruled_out == ()


def lag(seconds: float = 6.0) -> CracklePattern:
    return fact(PatternKind.CORRELATION, "lagged", "a", "b", metrics={"lag": 6.0, "lag_seconds": seconds})


def test_a_change_that_follows_another_by_their_lag_says_so() -> None:
    assert shown(change("b", 18), change("a", 12), lag()).after == "6 s after a"


@pytest.mark.parametrize(
    "others",
    [
        (change("a", 12),),  # no lag is known
        (change("a", 20), lag()),  # the leader changed later
        (change("a", 0), lag()),  # nobody knows when
        (change("a", 2), lag(2.0)),  # too long before
        (lag(),),
    ],
)
def test_without_a_leader_that_changed_before_nothing_came_before(others: tuple[CracklePattern, ...]) -> None:
    assert shown(change("b", 18), *others).after == ""
    assert shown(lag(), change("b", 18), change("a", 12)).after == ""


def test_what_is_to_be_read_again_is_all_the_window_held() -> None:
    # 40 rows, of which the last 10 were new:  offsets 61 .. 90 | 91 .. 100
    assert shown(change("a", 9), seen=window(Span(P, 91, 100))).span == (Span(P, 61, 100),)
    assert shown(change("a", 9), seen=window(Span(P, 5, 14))).span == (Span(P, 0, 14),)
    assert shown(change("a", 9), seen=window(Span(P, 0, 100))).span == (Span(P, 0, 100),)


def test_of_a_window_over_many_partitions_eight_are_named() -> None:
    spans = [Span(Partition("results", number), 3, 9) for number in range(20)]
    assert shown(change("a", 9), seen=window(*spans)).span == tuple(spans[:8])


def test_no_more_than_so_many_findings_are_shown() -> None:
    patterns = tuple(change("a", 9, fingerprint=f"{number:016x}") for number in range(50))
    made = exhibits_of(CoolingReport(patterns=patterns), window())
    assert list(made) == [f"{number:016x}" for number in range(MOST_EXHIBITS)]


def test_only_what_is_wanted_is_drawn() -> None:
    report = CoolingReport(patterns=(change("a", 9), change("b", 9)))
    assert list(exhibits_of(report, window(), {"b9", "gone"})) == ["b9"]


def test_a_pattern_that_cannot_be_drawn_has_an_exhibit_without_a_figure() -> None:
    odd = change("a", 9, metrics={"before": "one", "after": "two"})
    exhibit = shown(odd)
    assert exhibit.figure is None
    assert shown(change("a", 9)).figure is not None


def test_of_findings_with_one_fingerprint_the_surest_is_shown() -> None:
    made = exhibits_of(CoolingReport(patterns=(change("a", 9), change("b", 9, fingerprint="a9"))), window())
    assert [exhibit.figure.y.label for exhibit in made.values() if exhibit.figure] == ["a"]
