from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from crackle_stream.glaze import GlazeLayer
from crackle_stream.model import TaskOutput
from crackle_stream.protocols import CrackleTask


class Build:
    def __init__(self) -> None:
        self.fired = 0

    def fire(self) -> TaskOutput[object]:
        self.fired += 1
        return TaskOutput("built", {"errors": 3.0, "requests": 120.0})


class Labelled(Build):
    label = "nightly"

    def cool(
        self, output: TaskOutput[object], all_metrics: Sequence[tuple[str, Mapping[str, float]]]
    ) -> Mapping[str, float]:
        return {"seen": float(len(all_metrics)), "ratio_seen": output.metrics["ratio"]}


def test_a_layer_adds_derived_metrics_and_keeps_the_value() -> None:
    layer = GlazeLayer(Build()).with_derived_metric("ratio", lambda o: o.metrics["errors"] / o.metrics["requests"])
    output = layer.fire()
    assert output.value == "built"
    assert dict(output.metrics) == {"errors": 3.0, "requests": 120.0, "ratio": 0.025}


def test_each_derived_metric_is_computed_once_a_firing() -> None:
    calls = []

    def count(output: TaskOutput[object]) -> float:
        calls.append(output)
        return 1.0

    task = Build()
    layer = GlazeLayer(task).with_derived_metric("one", count)
    layer.fire()
    assert layer.cool is None
    assert (len(calls), task.fired) == (1, 1)


def test_a_derived_metric_sees_those_before_it_and_may_replace_a_fired_one() -> None:
    layer = (
        GlazeLayer(Build())
        .with_derived_metric("errors", lambda o: o.metrics["errors"] * 2)
        .with_derived_metric("sum", lambda o: o.metrics["errors"] + o.metrics["requests"])
    )
    assert dict(layer.fire().metrics) == {"errors": 6.0, "requests": 120.0, "sum": 126.0}


def test_building_leaves_the_first_layer_as_it_was() -> None:
    plain = GlazeLayer(Build())
    plain.with_derived_metric("one", lambda o: 1.0).with_label("other")
    assert plain.label == "Build"
    assert "one" not in plain.fire().metrics


@pytest.mark.parametrize(
    ("layer", "label"),
    [
        (GlazeLayer(Build()), "Build"),
        (GlazeLayer(Labelled()), "nightly"),
        (GlazeLayer(Labelled()).with_label("mine"), "mine"),
        (GlazeLayer(GlazeLayer(Labelled())), "nightly"),
    ],
)
def test_the_label_is_the_layers_else_the_tasks_else_its_class_name(layer: GlazeLayer, label: str) -> None:
    assert layer.label == label


def test_the_tasks_own_cool_hook_passes_through_and_sees_the_derived_metrics() -> None:
    layer = GlazeLayer(GlazeLayer(Labelled()).with_derived_metric("ratio", lambda o: 0.5))
    output = layer.fire()
    hook = layer.cool
    assert hook is not None
    assert hook(output, [("a", {}), ("b", {})]) == {"seen": 2.0, "ratio_seen": 0.5}


def test_a_layer_is_a_task_itself() -> None:
    assert isinstance(GlazeLayer(Build()), CrackleTask)


def test_what_a_derived_metric_raises_reaches_the_caller() -> None:
    layer = GlazeLayer(Build()).with_derived_metric("bad", lambda o: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        layer.fire()
