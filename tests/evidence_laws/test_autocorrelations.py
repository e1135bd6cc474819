"""What is known of the columns' own memory in a search, beside its definition."""

from __future__ import annotations

import numpy as np
import pytest

from crackle_stream.detect.evidence.autocorrelations import Autocorrelations, quick_length


@pytest.mark.parametrize("rows", [40, 97, 350, 699])
def test_autocorrelations_are_their_definition_at_every_lag_up_to_half_the_rows(rows: int) -> None:
    table = np.cumsum(np.random.default_rng(rows).standard_normal((rows, 4)), axis=0)
    memory = Autocorrelations(table)
    found = np.hstack([memory.of([2]), memory.of([3, 0]), memory.of([2, 3])])
    centred = table - table.mean(axis=0)
    expected = np.array(
        [[centred[lag:, c] @ centred[: rows - lag, c] for c in (2, 3, 0, 2, 3)] for lag in range(rows // 2)]
    )
    np.testing.assert_allclose(found, expected / expected[0], atol=1e-10)


@pytest.mark.parametrize(("least", "length"), [(1, 1), (2, 2), (96, 96), (97, 128), (128, 128), (129, 192)])
def test_a_length_is_a_power_of_two_or_three_quarters_of_one(least: int, length: int) -> None:
    assert quick_length(least) == length
