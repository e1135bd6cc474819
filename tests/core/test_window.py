"""A window is nobody else's to change."""

import numpy as np
import pytest

from crackle_stream import Window


def test_a_window_copies_what_it_is_made_of_unless_that_was_given_away() -> None:
    times, values = np.arange(2.0), np.ones((2, 1))
    copied = Window.from_columns(["t0", "t1"], times, ["a"], values)
    values[:] = 7
    given = Window.from_columns(["t0", "t1"], times, ["a"], values, owned=True)
    assert copied.values.tolist() == [[1], [1]]
    assert given.values is values
    assert given.times is times


@pytest.mark.parametrize("owned", [False, True])
def test_nobody_writes_to_a_window(owned: bool) -> None:
    window = Window.from_columns(["t0"], np.zeros(1), ["a"], np.ones((1, 1)), owned=owned)
    with pytest.raises(ValueError, match="read-only"):
        window.values[0, 0] = 2
    with pytest.raises(ValueError, match="read-only"):
        window.times[0] = 2
