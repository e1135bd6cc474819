from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from blockbuster import blockbuster_ctx

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def no_blocking() -> Iterator[None]:
    """Any call that blocks the event loop raises BlockingError."""
    with blockbuster_ctx():
        yield
