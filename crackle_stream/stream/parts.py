"""What a pipeline keeps in its state directory."""

from __future__ import annotations

from crackle_stream.stream.deaths import DEATHS
from crackle_stream.stream.gallery import GALLERY
from crackle_stream.stream.keeping import CHECKPOINTS
from crackle_stream.stream.silencing import SILENCES
from crackle_stream.stream.spool import OUTBOX

__all__ = ["PARTS"]

PARTS = (OUTBOX, CHECKPOINTS, DEATHS, SILENCES, GALLERY)
"""For `Store(directory, PARTS)`."""
