"""Fetched records as aiokafka's parser made them, without the object that its consumer makes of each.

Half of what `getmany` costs is a `ConsumerRecord` for each record: eleven fields, of which we read four that the
parser's own record has as well, under the same names. There is no public way around it, so this reaches into the
fetcher, in this file alone: whatever it keeps for us is told, on its way in, to hand records out as they are. An
aiokafka that is built otherwise is left alone, and only slower: our version is pinned, and a test tells when it is not
the fetcher we know.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

__all__ = ["keep_lean"]


def keep_lean(consumer: Any) -> bool:
    """Let a consumer that was started hand out the parser's records; whether it is one that we know how to tell.

    What it returns then has `offset`, `timestamp`, `value` and `headers`, as `Fetched` asks, and no topic: that is the
    key it is returned under.
    """
    fetcher: Any = getattr(consumer, "_fetcher", None)
    kept = getattr(fetcher, "_records", None)
    if type(kept) is not OrderedDict or kept:
        return False
    fetcher._records = _LeanResults()  # noqa: SLF001
    return True


class _LeanResults(OrderedDict[Any, Any]):
    """The fetcher's results by partition, fetch errors among them."""

    def __setitem__(self, partition: Any, result: Any) -> None:
        records: Any = getattr(result, "_partition_records", None)
        if hasattr(records, "_consumer_record"):
            records._consumer_record = _as_it_is  # noqa: SLF001
        super().__setitem__(partition, result)


def _as_it_is(_: Any, record: Any) -> Any:
    return record
