import numpy as np
import pytest

from crackle_stream.detect.evidence.law import Law


@pytest.mark.parametrize(
    ("coefficients", "constant", "text"),
    [
        ({"in": 1, "out": -1, "dropped": -1}, 0.0, "in = dropped + out"),
        ({"in": -2, "out": 2, "dropped": 2}, 0.0, "in = dropped + out"),
        ({"rx": -1, "tx": 1}, 0.0, "rx = tx"),
        ({"bytes": 0.001, "kb": -1}, 0.0, "bytes = 1000 kb"),
        ({"user": 1, "idle": 1, "system": 1}, 100.0, "idle + system + user = 100"),
        ({"user": -1, "idle": -1, "system": -1}, -100.0, "idle + system + user = 100"),
        ({"total": 1, "a": -0.5, "b": -0.25}, 0.0, "total = 0.5 a + 0.25 b"),
        ({"fahrenheit": 1, "celsius": -1.8}, 32.0, "fahrenheit = 1.8 celsius + 32"),
        ({"third": 3, "whole": -1}, 0.0, "whole = 3 third"),
        ({"x": 3, "y": -1, "z": -1}, 0.0, "3 x = y + z"),
        ({"in": 1, "back": 1, "out": -1, "lost": -1}, 0.0, "back + in = lost + out"),
        ({"price": 1, "units": -3.7}, 2.0, "price = 3.7 units + 2"),
    ],
)
def test_a_law_reads_the_same_however_its_coefficients_were_scaled(
    coefficients: dict[str, float], constant: float, text: str
) -> None:
    assert Law.of(coefficients, constant).text == text


def test_the_residual_is_the_left_side_less_the_right() -> None:
    law = Law.of({"in": 1, "out": -1, "dropped": -1})
    members = np.array([[1.0, 10.0, 8.0], [np.nan, 10.0, 8.0]])  # dropped, in, out
    assert law.names == ("dropped", "in", "out")
    np.testing.assert_array_equal(law.residual(members), [1.0, np.nan])
    assert law.turnover(members)[0] == 9.5


def test_scaling_a_law_scales_its_noise_and_constant() -> None:
    law = Law.of({"a": 0.5, "b": 0.5}, constant=50.0, noise=0.25)
    assert (law.constant, law.noise, law.coefficients.tolist()) == (100.0, 0.5, [1.0, 1.0])


def test_a_law_survives_being_written_down() -> None:
    law = Law.of({"a": 1, "b": -2, "c": 3}, constant=7.5, noise=0.125)
    assert Law.from_plain(law.to_plain()) == law


def test_a_law_implies_every_pair_of_its_members() -> None:
    assert Law.of({"a": 1, "b": -1, "c": -1}).implied_pairs == (("a", "b"), ("a", "c"), ("b", "c"))


def test_an_alias_is_two_metrics_with_one_value() -> None:
    assert Law.of({"rx": 2, "tx": -2}).is_alias
    assert not Law.of({"bytes": 1, "kb": -1000}).is_alias
    assert not Law.of({"rx": 1, "tx": -1}, constant=3.0).is_alias
    assert not Law.of({"rx": 1, "tx": 1}).is_alias


def test_a_member_can_be_called_by_its_alias() -> None:
    law = Law.of({"produced": 1, "taken": -1, "grown": -1})
    alias = Law.of({"produced": 1, "enqueued": -1})
    assert [other.text for other in law.with_aliases([alias])] == ["enqueued = grown + taken"]


def test_members_are_found_among_the_columns_by_name() -> None:
    law = Law.of({"in": 1, "out": -1})
    assert law.columns(("out", "x", "in")) == [2, 0]
    assert law.columns(("out", "x")) is None
