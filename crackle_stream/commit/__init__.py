"""What may be committed, what is stored beside it, and where a partition's next owner begins."""

from __future__ import annotations

from crackle_stream.commit.bounds import Pins, Unsettled
from crackle_stream.commit.cuts import CutPlan, Cuts
from crackle_stream.commit.digest import AlertDigest, Identity
from crackle_stream.commit.ledger import AsOf, Ledger
from crackle_stream.commit.metadata import CommitMetadata, Handover, MetadataUnreadable, decode, encode
from crackle_stream.commit.revival import digests, revived
from crackle_stream.commit.settled import SettledPositions
from crackle_stream.commit.start import Committed, Fate, Kept, LogRange, Origin, Start, begin, fate, left_at

__all__ = [
    "AlertDigest",
    "AsOf",
    "CommitMetadata",
    "Committed",
    "CutPlan",
    "Cuts",
    "Fate",
    "Handover",
    "Identity",
    "Kept",
    "Ledger",
    "LogRange",
    "MetadataUnreadable",
    "Origin",
    "Pins",
    "SettledPositions",
    "Start",
    "Unsettled",
    "begin",
    "decode",
    "digests",
    "encode",
    "fate",
    "left_at",
    "revived",
]
