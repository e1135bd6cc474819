from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from crackle_stream.detect.evidence.laws import LawDetector
from crackle_stream.history import History
from crackle_stream.model import CracklePattern, Examination, Nature
from crackle_stream.protocols import Detector
from crackle_stream.window import Window

Floats = npt.NDArray[np.float64]


@dataclass
class Cooling:
    """A context; `patience` is how often `stop()` says no."""

    history: History = field(default_factory=History)
    patience: float = float("inf")
    seed: int = 0

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def stop(self) -> bool:
        self.patience -= 1
        return self.patience < 0


def window(columns: Mapping[str, npt.ArrayLike], fresh: int | None = None) -> Window:
    table = np.column_stack([np.asarray(column, dtype=float) for column in columns.values()])
    labels = [f"task-{row}" for row in range(len(table))]
    return Window.from_columns(labels, 1000.0 + np.arange(len(table)), list(columns), table, fresh=fresh)


def examine(
    columns: Mapping[str, npt.ArrayLike], history: History | None = None, fresh: int | None = None
) -> Examination:
    return LawDetector().examine(window(columns, fresh), Cooling(history or History()))


def patterns(examined: Examination) -> list[CracklePattern]:
    return [candidate.pattern for candidate in examined.candidates]


def texts(examined: Examination) -> list[str]:
    return sorted(pattern.description.split(" is broken")[0].split(" exactly")[0] for pattern in patterns(examined))


def after(*windows: Mapping[str, npt.ArrayLike]) -> History:
    """The history after these windows, written down and read again each time, as a state directory does."""
    history = History()
    for columns in windows:
        learned = history.after({"laws": examine(columns, history)}).learned
        stored = msgspec.msgpack.decode(msgspec.msgpack.encode({name: dict(value) for name, value in learned.items()}))
        history = History(history.windows + 1, stored)
    return history


def whole(numbers: npt.ArrayLike) -> Floats:
    """Rounded to whole numbers."""
    return np.asarray(np.rint(numbers), dtype=np.float64)


def flow(seed: int, rows: int = 300, noise: float = 0.0) -> dict[str, Floats]:
    rng = np.random.default_rng(seed)
    taken = whole(np.exp(rng.normal(6, 0.5, rows)))
    dropped: Floats = np.round(taken * rng.beta(2, 18, rows))
    return {
        "in": taken * (1 + noise * rng.standard_normal(rows)),
        "out": taken - dropped,
        "dropped": dropped,
        "latency": rng.exponential(20, rows),
        "seq": whole(np.arange(rows) + 1000),
    }


def test_the_detector_is_one() -> None:
    assert isinstance(LawDetector(), Detector)
    assert LawDetector().name == "laws"


def test_a_law_that_holds_is_a_fact_with_its_terms() -> None:
    (law,) = patterns(examine(flow(1)))
    assert law.description == "in = dropped + out exactly, in all 300 tasks"
    assert (law.kind, law.form, law.nature) == ("conservation law", "linear law", Nature.FACT)
    assert law.metric_names == ("dropped", "in", "out")
    assert law.metrics["coefficient of in"] == 1.0
    assert law.metrics["coefficient of out"] == -1.0
    assert (law.at, law.involved_tasks) == (None, ())
    assert law.confidence > 0.999


def test_a_law_that_some_tasks_break_names_them() -> None:
    columns = flow(2)
    columns["out"][[20, 90, 230]] -= [5, 50, 7]
    (law,) = patterns(examine(columns))
    assert law.description == "in = dropped + out in 297 of 300 tasks"
    assert law.involved_tasks == ("task-90", "task-230", "task-20")


def test_a_noisy_law_says_how_noisy() -> None:
    (law,) = patterns(examine(flow(3, noise=0.01)))
    assert law.description.startswith("in = dropped + out within noise of ")
    assert law.metrics["noise"] == pytest.approx(4.0, rel=0.3)


def test_a_leak_says_since_when_how_much_and_who() -> None:
    columns = flow(4, rows=500, noise=0.001)
    columns["out"][300:] = np.round(columns["out"][300:] * 0.92)
    (law,) = patterns(examine(columns))
    assert (law.form, law.nature, law.direction) == ("broken law", Nature.EVENT, "up")
    assert law.at is not None
    assert (law.at.index, law.at.time) == (300, 1300.0)
    assert law.metrics["share"] == pytest.approx(0.072, abs=0.005)
    assert set(law.involved_tasks) == {f"task-{row}" for row in range(300, 500)}
    assert law.description.startswith("in = dropped + out is broken since task-300: the left side is ")


def test_one_task_breaks_a_law_that_earlier_windows_kept() -> None:
    history = after(flow(5), flow(6))
    columns = flow(7)
    columns["out"][11] -= 3
    (law,) = patterns(examine(columns, history))
    assert law.description == (
        "in = dropped + out is broken since task-11: the left side is 3 "
        f"({3 / (columns['in'][11] - 1.5):.2%}) more than the right in 1 of 300 tasks, after 600 tasks that kept it"
    )
    assert law.involved_tasks == ("task-11",)
    assert law.at is not None
    assert law.at.index == 11


def test_a_law_that_is_broken_through_a_whole_window_is_still_known() -> None:
    history = after(flow(8))
    columns = flow(9)
    columns["out"] *= np.random.default_rng(9).uniform(0.5, 0.9, 300)
    (law,) = patterns(examine(columns, history))
    assert (law.form, law.at is not None and law.at.index) == ("broken law", 0)


def test_a_law_is_forgotten_after_ten_windows_that_broke_it() -> None:
    broken = flow(10)
    broken["out"] *= np.random.default_rng(10).uniform(0.5, 0.9, 300)
    assert len(patterns(examine(broken, after(flow(8), *[broken] * 9)))) == 1
    assert patterns(examine(broken, after(flow(8), *[broken] * 10))) == []


def test_what_a_law_is_known_by_grows_with_the_fresh_tasks_only() -> None:
    history = History()
    for seed in range(3):
        history = history.after({"laws": examine(flow(seed), history, fresh=100)})
    laws = history.of("laws")["laws"]
    assert isinstance(laws, Sequence)
    assert [(law["rows"], law["windows"]) for law in laws] == [(300 + 100 + 100, 3)]


def test_a_metric_that_is_constant_for_a_while_is_still_a_member() -> None:
    quiet = flow(12)
    quiet["in"], quiet["dropped"] = quiet["out"].copy(), np.zeros(300)
    assert texts(examine(quiet)) == ["in = out"]
    assert texts(examine(quiet, after(flow(11)))) == ["in = dropped + out"]


def test_the_first_drop_turns_an_alias_into_a_balance_and_breaks_nothing() -> None:
    def queue(seed: int, dropped: int) -> dict[str, Floats]:
        rng = np.random.default_rng(seed)
        produced = whole(np.exp(rng.normal(5, 0.5, 300)))
        lost = np.zeros(300)
        lost[100 : 100 + dropped] = rng.integers(1, 20, dropped)
        grown: Floats = np.round(rng.normal(0, 20, 300))
        return {
            "produced": produced,
            "enqueued": produced - lost,
            "taken": produced - lost - grown,
            "grown": grown,
            "lost": lost,
        }

    first = queue(13, 0)
    assert texts(examine(first)) == ["enqueued = produced", "produced = grown + taken"]
    assert texts(examine(queue(14, 90), after(first))) == ["enqueued = grown + taken", "produced = enqueued + lost"]


def test_running_totals_balance_by_their_steps() -> None:
    steps = flow(15)
    columns = {name: np.cumsum(steps[name]) + 1e6 for name in ("in", "out", "dropped")}
    (law,) = patterns(examine(columns))
    assert law.description == "change of in = change of dropped + change of out exactly, in all 299 tasks"
    assert law.metric_names == ("dropped", "in", "out")


def test_a_level_balances_against_what_flows_in_and_out() -> None:
    rng = np.random.default_rng(16)
    taken, given = rng.poisson(50, 400).astype(float), rng.poisson(50, 400).astype(float)
    depth = 500 + np.cumsum(taken - given)
    assert texts(examine({"taken": taken, "given": given, "depth": depth})) == ["taken = given + change of depth"]


def test_totals_balance_against_the_level_between_them() -> None:
    rng = np.random.default_rng(17)
    taken = np.cumsum(rng.poisson(50, 400)).astype(float)
    depth: Floats = np.round(rng.uniform(0, 300, 400))
    columns = {"taken_total": taken + 1e6, "given_total": np.maximum.accumulate(taken + 1e6 - depth)}
    columns["depth"] = columns["taken_total"] - columns["given_total"]
    assert "taken_total = depth + given_total" in texts(examine(columns))


def test_identifiers_and_constants_are_no_members_and_the_report_says_so() -> None:
    columns = {**flow(18), "cores": np.full(300, 8.0), "started_at": 1.79e9 + np.arange(300) * 0.5}
    examined = examine(columns)
    assert texts(examined) == ["in = dropped + out"]
    assert {skip.what: skip.why.split(":")[0] for skip in examined.skipped} == {
        "seq": "id",
        "cores": "constant",
        "started_at": "timestamp",
    }


def test_absent_values_leave_the_other_tasks_to_be_looked_at() -> None:
    columns = flow(19, rows=600)
    rng = np.random.default_rng(19)
    for name in ("in", "out", "dropped", "latency"):
        columns[name][rng.random(600) < 0.05] = np.nan
    (law,) = patterns(examine(columns))
    assert law.metric_names == ("dropped", "in", "out")
    assert law.metrics["tasks"] == pytest.approx(600 * 0.95**3, abs=20)


def test_metrics_of_one_sort_of_task_are_looked_at_among_themselves() -> None:
    columns = flow(20, rows=600)
    for name in ("in", "out", "dropped"):
        columns[name][::2] = np.nan
    (law,) = patterns(examine(columns))
    assert law.description == "in = dropped + out exactly, in all 300 tasks"


def test_a_known_law_whose_members_are_gone_is_reported_as_unchecked() -> None:
    history = after(flow(21))
    columns = flow(22)
    del columns["dropped"]
    examined = examine(columns, history)
    assert ("in = dropped + out", "a member is absent from this window") in [
        (skip.what, skip.why) for skip in examined.skipped
    ]
    assert len(history.after({"laws": examined}).of("laws")["laws"]) == 1  # type: ignore[arg-type]


def test_a_search_that_ran_out_of_time_still_holds_known_laws_against_the_window() -> None:
    columns = flow(24)
    columns["out"][200] -= 9
    examined = LawDetector().examine(window(columns), Cooling(after(flow(23)), patience=0))
    assert not examined.complete
    assert [pattern.form for pattern in patterns(examined)] == ["broken law"]


def test_how_near_the_best_other_relation_came_is_told() -> None:
    rng = np.random.default_rng(25)
    base = rng.standard_normal((300, 2))
    near = base @ [0.37, 0.83] + 0.1 * rng.standard_normal(300)
    nearest = examine({"a": base[:, 0], "b": base[:, 1], "c": near}).nearest
    assert nearest is not None
    assert nearest.what == "a, b, c"
    assert 0.1 < nearest.value < nearest.bar


@pytest.mark.parametrize("rows", [0, 1, 5, 39])
def test_a_short_window_gives_nothing(rows: int) -> None:
    columns = {name: column[:rows] for name, column in flow(26).items()}
    assert patterns(examine(columns)) == []


def test_the_same_window_and_seed_give_the_same_findings() -> None:
    columns = flow(27, rows=4000, noise=0.01)
    assert patterns(examine(columns)) == patterns(examine(columns))


def test_with_many_metrics_the_steps_of_levels_are_left_out_and_the_report_says_so() -> None:
    rng = np.random.default_rng(28)
    taken, given = rng.poisson(50, 400).astype(float), rng.poisson(50, 400).astype(float)
    queue = {"taken": taken, "given": given, "depth": 500 + np.cumsum(taken - given)}
    few = {f"m{place}": rng.standard_normal(400) for place in range(29)}
    assert texts(examine({**queue, **few})) == ["taken = given + change of depth"]
    examined = examine({**queue, **few, "m30": rng.standard_normal(400)})
    assert texts(examined) == []
    assert ("levels against what flows into them", "more than 32 metrics vary") in [
        (skip.what, skip.why) for skip in examined.skipped
    ]


def test_laws_are_found_among_more_metrics_than_are_looked_at_together() -> None:
    """Sixty metrics that all but determine each other, and no simple coefficients but those of one balance."""
    rng = np.random.default_rng(29)
    base = rng.standard_normal((800, 10))
    near = {f"m{place}": base @ rng.uniform(0.3, 2, 10) + 0.2 * rng.standard_normal(800) for place in range(57)}
    assert texts(examine({**near, **{name: flow(30, rows=800)[name] for name in ("in", "out", "dropped")}})) == [
        "in = dropped + out"
    ]


def nearly_always_empty(rng: np.random.Generator, tasks: int, jam: int) -> Mapping[str, Floats]:
    """A queue in which one result waits now and then; in the last `jam` tasks it fills up."""
    depth = (rng.random(tasks) < 0.1).astype(float)
    if jam:
        depth[-jam:] = np.arange(1, jam + 1) * 3.0
    delta = np.diff(depth, prepend=0.0)
    produced = rng.poisson(40, tasks).astype(float) + np.maximum(delta, 0)
    return {"produced": produced, "dequeued": produced - delta, "depth": depth, "depth_delta": delta}


@pytest.mark.parametrize("jam", [0, 40])
@pytest.mark.parametrize("seed", range(4))
def test_what_holds_only_while_a_queue_is_empty_is_no_law(seed: int, jam: int) -> None:
    """depth = depth_delta while both are 0, and so produced = dequeued + depth: neither is told, and neither breaks."""
    columns = nearly_always_empty(np.random.default_rng(seed), 300, jam)
    found = texts(examine(columns))
    assert "produced = depth_delta + dequeued" in found
    assert not any("depth " in f"{text} " and "change of depth" not in text for text in found), found
