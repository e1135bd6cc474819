from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from reading import Pipe

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    pipe.hang_up()
    os.close(pipe.reading)
