"""What tests of the stream share."""

from __future__ import annotations

import pytest


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commit so often that processes die with every share of their news committed."""
    monkeypatch.setattr("crackle_stream.stream.committer.COMMIT_EVERY_S", 0.01)
